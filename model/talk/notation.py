"""What Markdown has here beside CommonMark's: mentions, images of ours, footnotes, and tasks.

What a text may refer to comes in the environment that it is rendered with (model/talk/markdown.py). There are no ids
and no links within a post: many posts stand on a page, and pages of other sites are not ours to scroll.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

MOST_NOTES = 100  # of one text; more are shown as they were typed
NAMED = re.compile(r"(?<![\w@.+-])@([A-Za-z0-9](?:[\w.-]{0,38}\w))(?![\w@])", re.ASCII)
IMAGE = re.compile(r"!\[([^\[\]\n]{1,500})\]\(/api/images/([\w-]{22})\)", re.ASCII)
NAMELESS = re.compile(r"!\[\s*\]\(/api/images/", re.ASCII)
_NOTE = re.compile(r"\[\^([\w-]{1,30})\]")
_NOTE_BELOW = re.compile(r"\[\^([\w-]{1,30})\]:[ \t]*(?=\S)")
_TASK = re.compile(r"\[([ xX])\][ \t]+")


class Known(NamedTuple):
    """What a text may refer to.

    `people` are user names in small letters, with them as they are written; `images` keys, with width and height.
    """

    people: Mapping[str, str] = MappingProxyType({})
    images: Mapping[str, tuple[int, int]] = MappingProxyType({})


NOTHING = Known()


def extend(parser: MarkdownIt) -> None:
    """Has a parser know all of it."""
    parser.inline.ruler.push("mention", _mention)
    parser.inline.ruler.before("link", "note", _note)
    parser.inline.ruler.at("image", _image)
    parser.block.ruler.before("paragraph", "notes", _note_below, {"alt": ["paragraph"]})
    parser.core.ruler.push("tasks", _tasks)
    parser.add_render_rule("mention", _shown_mention)
    parser.add_render_rule("image", _shown_image)
    parser.add_render_rule("note", _shown_note)
    parser.add_render_rule("box", _shown_box)


# mentions


def _mention(state: StateInline, silent: bool) -> bool:
    """`@ada`, where Ada is known."""
    found = NAMED.match(state.src, state.pos) if state.src.startswith("@", state.pos) else None
    uid = state.env["known"].people.get(found[1].lower()) if found else None
    if found is None or uid is None or state.linkLevel:
        return False
    if not silent:
        state.push("mention", "bdi", 0).content = uid
    state.pos = found.end()
    return True


def _shown_mention(_self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return f'<bdi class="mention">@{escape(tokens[at].content)}</bdi>'


# images: `![what it shows](/api/images/key)`


def _image(state: StateInline, silent: bool) -> bool:
    """An image that is known; any other is shown as it was typed."""
    found = IMAGE.match(state.src, state.pos) if state.src.startswith("![", state.pos) else None
    if found is None or not found[1].strip() or found[2] not in state.env["known"].images:
        return False
    if not silent:
        token = state.push("image", "img", 0)
        token.content, token.meta = found[1].strip(), {"key": found[2]}
    state.pos = found.end()
    return True


def _shown_image(_self: Any, tokens: Sequence[Token], at: int, _options: Any, env: Any) -> str:
    alt, key = tokens[at].content, tokens[at].meta["key"]
    width, height = env["known"].images[key]
    size = f'width="{width}" height="{height}"'
    return f'<img src="/api/images/{key}" alt="{escape(alt)}" {size} loading="lazy">'


# footnotes: `[^1]` in a text, and a paragraph `[^1]: what it says`


def _note_below(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """What a footnote says: taken out of the text, and shown at its end whether something refers to it or not."""
    begin = state.bMarks[first] + state.tShift[first]
    possible = state.level == 0 and state.sCount[first] < 4 and state.src.startswith("[^", begin)
    found = _NOTE_BELOW.match(state.src, begin, state.eMarks[first]) if possible else None
    notes = state.env.setdefault("notes", {})
    if not found or found[1] in notes or len(notes) >= MOST_NOTES:
        return False
    if silent:
        return True
    line = first + 1
    while line < last and not state.isEmpty(line) and not state.src.startswith("[^", state.bMarks[line]):
        line += 1
    notes[found[1]] = state.src[found.end() : state.eMarks[line - 1]].strip()
    state.line = line
    return True


def _note(state: StateInline, silent: bool) -> bool:
    """`[^1]`, where there is such a footnote. They are numbered in the order in which the text refers to them."""
    found = _NOTE.match(state.src, state.pos) if state.src.startswith("[^", state.pos) else None
    if found is None or found[1] not in state.env.get("notes", {}):
        return False
    if not silent:
        state.push("note", "sup", 0).content = str(_number(state.env, found[1]))
    state.pos = found.end()
    return True


def _number(env: Any, label: str) -> int:
    numbers: dict[str, int] = env.setdefault("numbers", {})
    return numbers.setdefault(label, len(numbers) + 1)


def _shown_note(_self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return f"<sup>{tokens[at].content}</sup>"


def notes_below(parser: MarkdownIt, env: dict[str, Any]) -> str:
    """The footnotes of a text that was rendered. They may refer to each other: each is rendered once."""
    notes: dict[str, str] = env.get("notes", {})
    said: dict[str, str] = {}
    while missing := [label for label in (*env.get("numbers", {}), *notes) if label not in said]:
        _number(env, missing[0])
        said[missing[0]] = f"<li>{parser.renderInline(notes[missing[0]], env)}</li>"
    shown = "".join(said[label] for label in env.get("numbers", {}))
    return f'<ol class="footnotes">{shown}</ol>' if shown else ""


# tasks: `- [x] done`


def _tasks(state: StateCore) -> None:
    """Lines of a list that begin with a box."""
    tokens = state.tokens
    for at in range(2, len(tokens)):
        kinds = tokens[at - 2].type, tokens[at - 1].type, tokens[at].type
        if kinds != ("list_item_open", "paragraph_open", "inline") or not (children := tokens[at].children):
            continue
        found = _TASK.match(children[0].content) if children[0].type == "text" else None
        if found is None:
            continue
        children[0].content = children[0].content[found.end() :]
        done = found[1] != " "
        children.insert(0, Token("box", "", 0, content="\u2611" if done else "\u2610"))
        tokens[at - 2].attrSet("class", "task")


def _shown_box(_self: Any, tokens: Sequence[Token], at: int, *_: Any) -> str:
    return f"{tokens[at].content} "
