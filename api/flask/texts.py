"""Texts for pages that put them into `innerHTML`: without what HTML would take for markup."""

from html import escape, unescape
from typing import Any

DEEPEST = 30  # levels of lists and objects in a post's content


# Quotes end an attribute, but pages that use `textContent` would show `&quot;`: typographic ones do neither.
QUOTES = str.maketrans("'\"", "\u2019\u201d")
PLAIN_QUOTES = str.maketrans("\u2019\u201d", "'\"")


def safe(text: str) -> str:
    """A text that shows as what it is, in an element or in a quoted attribute, and can be sent."""
    plain = escape(text, quote=False).translate(QUOTES)
    return plain.encode(errors="replace").decode()  # half a character: JSON can spell it, UTF-8 cannot


def safe_content(value: Any) -> Any:
    """A value as JSON has it, with every text in it safe, keys too."""
    if isinstance(value, str):
        return safe(value)
    if isinstance(value, list):
        return [safe_content(part) for part in value]
    if isinstance(value, dict):
        return {safe(name): safe_content(part) for name, part in value.items()}
    return value


def is_too_deep(value: Any, levels: int = DEEPEST) -> bool:
    """Whether there are more than so many levels of lists and objects in a value."""
    if not isinstance(value, list | dict):
        return False
    inside = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(is_too_deep(part, levels - 1) for part in inside)


def meant(text: str) -> str:
    """What a page means by a text that it may have got from here."""
    return unescape(text).translate(PLAIN_QUOTES)


def sent_back(text: str, kept: str) -> str:
    """What is to be kept of a text that a page sends: what is kept already, if it sends back what it got."""
    return kept if text == safe(kept) else text
