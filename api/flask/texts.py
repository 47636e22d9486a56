"""What pages of Flask back ends send and get: types of fields, and texts that are safe in `innerHTML`."""

from html import escape, unescape
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pottle.values import as_it_is, line

DEEPEST = 30  # levels of lists and objects in a post's content
# Quotes end an attribute, but pages that use `textContent` would show `&quot;`: typographic ones do neither.
QUOTES = str.maketrans("'\"", "\u2019\u201d")
PLAIN_QUOTES = str.maketrans("\u2019\u201d", "'\"")

# An id. Some pages send the value of an <option>, which is a text.
Number = (
    Annotated[int, Meta(ge=1, le=10**18 - 1)]
    | Annotated[str, line(18, pattern=r"^[1-9][0-9]{0,17}$(?!\n)", says="must be the number of what is meant")]
)
Sent = Annotated[str, as_it_is("it may be what was sent to the page; the handler looks at what is new")]
PartOfText = Annotated[str, as_it_is("it becomes part of a post's Markdown")]
Wanted = Annotated[str, as_it_is("a name to look for, maybe as it was sent to the page")]


class FlaskRefusal(msgspec.Struct):
    """What went wrong; 401 and 403 also have `data` (null) and `error`."""

    message: str
    data: UnsetType | None = UNSET
    error: str | UnsetType = UNSET


class FlaskMessage(msgspec.Struct):
    """What was done."""

    message: str


class FlaskSaid(msgspec.Struct):
    """What was done. One page looks for `success`."""

    success: bool
    message: str


def safe(text: str) -> str:
    """A text that shows as it is in an element or a quoted attribute, and can be sent."""
    plain = escape(text, quote=False).translate(QUOTES)
    return plain.encode(errors="replace").decode()  # half a character: JSON can spell it, UTF-8 cannot


def safe_content(value: Any) -> Any:
    """A JSON value in which every text is safe, keys too."""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, list):
        return [safe_content(part) for part in value]
    if isinstance(value, dict):
        return {safe(name): safe_content(part) for name, part in value.items()}
    return value


def is_too_deep(value: Any, levels: int = DEEPEST) -> bool:
    """Whether a value has more than so many levels of lists and objects."""
    if not isinstance(value, list | dict):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(is_too_deep(part, levels - 1) for part in inside)


def meant(text: str) -> str:
    """What a page means by a text that it may have got from here."""
    return unescape(text).translate(PLAIN_QUOTES)


def sent_back(text: str, kept: str) -> str:
    """The text to keep: the one that is kept already, if the page sends back what it got."""
    return kept if text == safe(kept) else text
