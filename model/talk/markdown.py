"""Markdown in, sanitised HTML out.

Raw HTML is shown as text, and what markdown-it makes is cleaned again by nh3, so that a fault in one of them is not
yet a hole. Images are only those that were sent to us: a page of ours loads nothing from another host.
"""

import re
from collections.abc import Sequence
from html import escape
from itertools import islice
from typing import Any

import nh3
from linkify_it import LinkifyIt  # type: ignore[import-untyped]
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from model.talk import highlighting
from model.talk.highlighting import highlighted
from model.talk.notation import IMAGE, NAMED, NOTHING, Known, extend, notes_below

TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
    *("bdi", "sup", "b", "i", "span"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "code": {"class"}}
CLASSES = {"bdi": {"mention"}, "ol": {"footnotes"}, "li": {"task"}, "span": highlighting.CLASSES}

HTML_BYTES = 64 * 1024  # of one post; 10,000 characters can be made to become 154,000 bytes
FILLED_CELLS = 1_000  # of a table; 10,000 characters could become 65,536 cells, which are a second of work
LONGEST_LINK = 2_000  # characters that are looked at once more for each address in them

# What most posts are: a line of words, in which nothing is markup (so no _) and nothing a link. Written as runs of
# characters it takes 0.4 us, as a choice for each of them 2.9.
_PLAIN = re.compile(r"[^\W\d_][\w ,;?!'()%-]*(?:\.(?= |\Z)[\w ,;?!'()%-]*)*")

_SHOWN_IMAGE = re.compile(r'<img src="/api/images/([\w-]{22})"', re.ASCII)
_UNDER_HEADINGS = re.compile(r"[-|: \t]+")
_MARKED = re.compile(r'<bdi class="mention">@([\w.-]+)</bdi>', re.ASCII)
_SCHEME = re.compile(r"(?:^|[^a-z0-9.+-])(https?)(?=\Z)", re.IGNORECASE)


class _Links(LinkifyIt):  # type: ignore[misc]  # it has no types
    """What becomes a link by itself: http://, https://, mailto:, www. and mail addresses; not `main.py`."""

    WWW_HOST = r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_]{2,63}(?![\w-])"

    def __init__(self) -> None:
        super().__init__({"ftp:": None, "//": None}, {"fuzzy_link": False})
        rest = f"{self.WWW_HOST}{self.re['src_port']}{self.re['src_path']}"
        self.add("www.", {"validate": f"^{rest}", "normalize": self._with_scheme})

    def _with_scheme(self, match: Any) -> None:
        match.url = f"http://{match.url}"


_links = _Links()


def _bounded_table(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """markdown-it's rule for tables, except those with too many cells left out, which it fills in."""
    return not _is_hollow(state, first, last) and table(state, first, last, silent)


def _is_hollow(state: StateBlock, first: int, last: int) -> bool:
    """Whether the table that may begin at line `first` leaves out more than FILLED_CELLS cells."""
    if first + 1 >= last:
        return False
    below = state.src[state.bMarks[first + 1] : state.eMarks[first + 1]]
    if not _UNDER_HEADINGS.fullmatch(below):
        return False
    begin, columns = state.bMarks[first], below.count("|") + 1
    end = state.src.find("\n\n", begin) % (len(state.src) + 1)  # -1 where it is the rest of the text
    return columns * (state.src.count("\n", begin, end) + 1) > FILLED_CELLS + state.src.count("|", begin, end)


def _link(state: StateInline, silent: bool) -> bool:
    """markdown-it's rule for addresses with a scheme, without its search through the whole text at each `://`.

    A longer one is found later, as those without a scheme are.
    """
    at_colon = state.src.startswith("://", state.pos) and state.linkLevel == 0
    scheme = _SCHEME.search(state.src, max(0, state.pos - 6), state.pos) if at_colon else None
    if scheme is None or not state.pending.endswith(scheme[1]):
        return False
    begin = scheme.start(1)
    found = _links.match_at_start(state.src[begin : begin + LONGEST_LINK])
    url = found.url.rstrip("*") if found else ""  # a * is the end of an emphasis
    href = state.md.normalizeLink(url)
    if not 0 < len(url) < LONGEST_LINK or not state.md.validateLink(href):
        return False
    if not silent:
        state.pending = state.pending.removesuffix(scheme[1])
        state.push("link_open", "a", 1).attrs = {"href": href}
        state.push("text", "", 0).content = state.md.normalizeLinkText(url)
        state.push("link_close", "a", -1)
    state.pos = begin + len(url)
    return True


def _code(parser: Any, tokens: Sequence[Token], at: int, _options: Any, env: Any) -> str:
    """A block of code, in colours where it says which language it is."""
    token = tokens[at]
    called = token.info.split(maxsplit=1)[0] if token.info.strip() else ""
    if not called:
        return f"<pre><code>{escape(token.content, quote=False)}</code></pre>\n"
    shown = highlighted(token.content, called) if env.get("colours") else None
    shown = escape(token.content, quote=False) if shown is None else shown
    return f'<pre><code class="language-{escape(called)}">{shown}</code></pre>\n'


def _of_ours(tag: str, name: str, value: str) -> str | None:
    """What an attribute may be: of an image, only addresses of ours."""
    return value if tag != "img" or name != "src" or _SHOWN_IMAGE.match(f'<img src="{value}"') else None


# What is typed is seen: `[Reminder]: homework` would define a link, and not be shown.
_parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": True})
_parser.enable(["table", "strikethrough", "linkify"]).disable("reference")
_parser.linkify = _links
_parser.block.ruler.at("table", _bounded_table, {"alt": ["paragraph"]})
_parser.inline.ruler.at("linkify", _link)
_parser.add_render_rule("fence", _code)
extend(_parser)
_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    allowed_classes=CLASSES,
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow ugc noopener noreferrer",
)

# Beside all others' tags: an image of ours.
_cleaner_of_images = nh3.Cleaner(
    tags=TAGS | {"img"},
    attributes={**ATTRIBUTES, "img": {"src", "alt", "width", "height", "loading"}},
    allowed_classes=CLASSES,
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow ugc noopener noreferrer",
    attribute_filter=_of_ours,
)


def is_plain(text: str) -> bool:
    """Whether a text has no markup and no link, as most have."""
    return "_" not in text and _PLAIN.fullmatch(text) is not None


def names_in(text: str, most: int) -> list[str]:
    """What may be user names in a text, each once: the first ones, as they stand behind an @."""
    return list(dict.fromkeys(found[1] for found in islice(NAMED.finditer(text), most)))


def mentioned(html: str) -> set[str]:
    """The user names that the HTML of a post marks."""
    return set(_MARKED.findall(html)) if "<bdi" in html else set()


def images_in(text: str, most: int) -> list[str]:
    """The keys of the images that a text shows, each once: the first ones."""
    return list(dict.fromkeys(found[2] for found in islice(IMAGE.finditer(text), most)))


def shown_images(html: str) -> set[str]:
    """The keys of the images that the HTML of a post shows."""
    return set(_SHOWN_IMAGE.findall(html)) if "<img" in html else set()


def rendered(text: str, known: Known = NOTHING) -> str:
    """The HTML of a post's Markdown: harmless in anybody's page, and of at most HTML_BYTES.

    A text whose HTML would be longer is shown as it was typed: at most five bytes for a character.
    """
    if is_plain(text):  # a quarter of the work of making a post
        return f"<p>{text.rstrip()}</p>"
    html = _clean(text, known)
    if len(html.encode()) > HTML_BYTES and '<code class="' in html:
        html = _clean(text, known, colours=False)
    return html if len(html.encode()) <= HTML_BYTES else _as_typed(text)


def _clean(text: str, known: Known = NOTHING, colours: bool = True) -> str:
    env = {"known": known, "colours": colours}
    html = _parser.render(text, env)
    html += notes_below(_parser, env)
    return (_cleaner_of_images if "<img" in html else _cleaner).clean(html).strip()


def _as_typed(text: str) -> str:
    lines = escape(text, quote=False).splitlines()
    return f"<p>{'<br>'.join(lines)}</p>"
