"""What exports hold, in all shapes in which they write it: entries, times, truth values and names."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from model.arriving.opened import Opened, decoded
from model.arriving.plan import Comment, Person, Report, Unreadable

FIRST, LAST = (
    631_152_000,
    4_102_444_800,
)  # seconds since 1970: years from 1990 to 2100; others are a mistake, or nothing
BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"-?\d{1,19}(?:\.\d{1,9})?", re.ASCII)


def entries(file: Opened) -> Iterator[dict[str, Any]]:
    """JSON objects: of an array, of the array in `results`, or one in each line (lines that begin with # aside)."""
    if file.head.removeprefix(BOM).lstrip()[:1] == b"[":
        yield from objects(file.json(list[Any]), "Entry")
        return
    lines = ((number, line) for number, line in file.lines() if not line.startswith(b"#"))
    for number, line in lines:
        found = decoded(line, where=f"Line {number}") if line.endswith(b"}") else None
        if not isinstance(found, dict):
            break
        yield found
    else:
        return
    if number != 1:
        raise Unreadable(f"Line {number} is no JSON object.")
    whole = file.json(dict[str, Any])
    yield from objects(whole["results"], "Entry") if isinstance(whole.get("results"), list) else [whole]


def objects(some: Any, called: str) -> Iterator[dict[str, Any]]:
    """The objects of a list. Raises Unreadable for anything else in it, with its number."""
    if not isinstance(some, list):
        raise Unreadable(f"{called}: a list should be here.")
    for number, one in enumerate(some, start=1):
        if not isinstance(one, dict):
            raise Unreadable(f"{called} {number} is no JSON object.")
        yield one


def said(value: Any) -> str:
    """A text, or a number as text; "" for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip() if isinstance(value, str) else str(value)


def is_so(value: Any) -> bool:
    """true, 1, "1", "true", "yes"."""
    return value is True or said(value).lower() in ("1", "true", "yes")


def moment(value: Any) -> datetime | None:
    """A time: RFC 3339 and its like, seconds or milliseconds since 1970, or LeanCloud's `{"iso": …}`.

    None for nothing, for what is no time, and for years before 1990 or after 2100.
    """
    if isinstance(value, dict):
        value = value.get("iso") or value.get("$date")
    text = said(value)
    try:
        if _NUMBER.fullmatch(text):
            seconds = float(text)
            found = datetime.fromtimestamp(seconds / 1000 if abs(seconds) > LAST else seconds, UTC)
        else:
            found = datetime.fromisoformat(text)
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return found if FIRST <= found.timestamp() <= LAST else None
    except (ValueError, OverflowError, OSError):
        return None


def person(comment: str, name: str, email: str = "", website: str = "", user: str = "") -> Person | None:
    """Who wrote a comment: a user there, else known by address and name; of a name alone, each comment is another's."""
    key = f"user {user}" if user else f"email {email.lower()} {name}" if email else f"comment {comment}"
    return Person(key, name, email or None, website or None) if name or email else None


def comment(report: Report, id_: str, created: datetime | None, **fields: Any) -> Iterator[Comment]:
    """A comment, if it has an id and a time; else that is reported."""
    if not id_ or created is None:
        report.left_out("comment", id_ or "?", "has no time" if id_ else "has no id")
    else:
        yield Comment(id=id_, created=created, **fields)
