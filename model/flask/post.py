"""A Flask back end's post (`title`, `comment`, free-form `content`) as the one Markdown body of a post here, and back.

    **The title**

    The comment, as it was written.

    ```json
    {"rating": 5}
    ```

Whatever the texts are, `split` gives back what `joined` was given: of a title, what Markdown would take for markup is
escaped, and where a comment alone would look like a title or a content, an empty one before or after it says that it is
none.
"""

import json
import re
from typing import Any

TITLE = re.compile(r"\*\*((?:[^*\\\r\n]|\\[^\r\n])+)\*\*(?:\n\n|\Z)")
CONTENT = re.compile(r"(?:\A|\n\n)```json\n([^\r\n]+)\n```\Z")
MARKUP = re.compile(r"[\\*_`\[\]<&~]")
# What Markdown would drop or break at. Without the look behind, spaces in the middle would take time by their square.
UNPRINTED = re.compile(r"\A\s+|(?<!\s)\s+\Z|[\r\n]+")
ESCAPED = re.compile(r"\\([\\*_`\[\]<&~])|&#([0-9]{1,7});")


def joined(title: str, comment: str, content: Any = None) -> str:
    """The body of a post; "" of three that are empty. `content` is anything JSON has; None and {} leave none behind.

    Raises ValueError or TypeError for a content that is not JSON.
    """
    if title:
        body = "\n\n".join(filter(None, (f"**{_escaped(title)}**", comment)))
    else:
        body = f"\n{comment}" if comment.startswith("\n") or TITLE.match(comment) else comment
    if content not in (None, {}):
        block = f"```json\n{_as_json(content)}\n```"
    elif _content_in(body):
        block = "```json\n{}\n```"
    else:
        return body
    return f"{body}\n\n{block}" if body else block


def split(body: str) -> tuple[str, str, Any]:
    """The title ("" without one), comment and content ({} without one) of any post's body."""
    content: Any = {}
    if found := _content_in(body):
        body, content = body[: found[0]], found[1]
    if body.startswith("\n"):
        return "", body[1:], content
    if title := TITLE.match(body):
        return _plain(title[1]), body[title.end() :], content
    return "", body, content


def text_of(body: str) -> tuple[str, dict[str, Any]]:
    """A post's whole text, with a title as it stands there; and the object at its end, {} without one.

    For pages whose posts have no title.
    """
    found = _content_in(body)
    text, beside = (body[: found[0]], found[1]) if found else (body, {})
    return text.removeprefix("\n"), beside if isinstance(beside, dict) else {}


def _as_json(content: Any) -> str:
    readable = json.dumps(content, ensure_ascii=False, allow_nan=False)
    lone = any("\ud800" <= character <= "\udfff" for character in readable)  # surrogates, which UTF-8 does not have
    return json.dumps(content) if lone else readable


def _content_in(body: str) -> tuple[int, Any] | None:
    """Where the content at the end begins, and what it is."""
    found = CONTENT.search(body)
    try:
        return (found.start(), json.loads(found[1])) if found else None
    except (ValueError, RecursionError):
        return None


def _escaped(title: str) -> str:
    marked = MARKUP.sub(lambda found: "\\" + found[0], title)
    return UNPRINTED.sub(lambda found: "".join(f"&#{ord(character)};" for character in found[0]), marked)


def _plain(title: str) -> str:
    return ESCAPED.sub(lambda found: found[1] or _character(found[2]), title)


def _character(number: str) -> str:
    code = int(number)
    return f"&#{number};" if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF else chr(code)  # surrogates are no characters
