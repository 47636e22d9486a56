"""What exports hold, in all shapes in which they write it: entries, times, truth values, counts, texts and names."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from model.arriving.opened import LONGEST_LINE, Opened, decoded
from model.arriving.plan import Comment, Person, Report, Unreadable
from model.arriving.texts import with_breaks

FIRST, LAST = 631_152_000, 4_102_444_800  # seconds since 1970: of 1990 and 2100; others are a mistake, or nothing
AFTER = 64 * 1024  # bytes behind the first line that are looked at
BOM = b"\xef\xbb\xbf"
MOST_VOTES = 10**9
_NUMBER = re.compile(r"-?\d{1,19}(?:\.\d{1,9})?", re.ASCII)
_ZONE = re.compile(r" ([+-]\d\d:?\d\d)(?: .*)?$| (?:UTC|GMT)$")  # as Go writes it: 2022-04-09 17:28:47 +0800 CST
_BOXED = ("$oid", "$numberLong", "$numberInt", "$numberDouble")  # MongoDB's extended JSON
_BLOCK = re.compile(r"<(?:p|br|div)\b", re.IGNORECASE)
_TAG = re.compile(
    r"</(?:p|div|a|b|i|em|strong|code|pre|blockquote|ul|ol|li|span|h[1-6])>|<(?:br|img)\b[^<>]*>", re.IGNORECASE
)


def entries(file: Opened) -> Iterator[dict[str, Any]]:
    """JSON objects: of an array, also in `results` or `data`, or one in each line (lines that begin with # aside)."""
    if not _in_lines(file):
        whole: Any = file.json()
        if isinstance(whole, dict):
            whole = next((whole[name] for name in ("results", "data") if isinstance(whole.get(name), list)), [whole])
        yield from objects(whole, "Entry")
        return
    for number, line in file.lines():
        if not line.startswith(b"#"):
            yield decoded(line, dict[str, Any], where=f"Line {number}")


def _in_lines(file: Opened) -> bool:
    """Whether the first line is an object, and is not all."""
    with file.stream() as stream:
        line = b"#"
        while line.startswith((b"#", b"\n", b"\r")):
            line = stream.readline(LONGEST_LINE)
        ends = line.removeprefix(BOM).strip()[:1] + line.rstrip()[-1:]
        return ends == b"{}" and bool(stream.read(AFTER).strip())


def objects(some: Any, called: str) -> Iterator[dict[str, Any]]:
    """The objects of a list. Raises Unreadable for anything else in it, with its number."""
    if not isinstance(some, list):
        raise Unreadable(f"{called}: a list should be here.")
    for number, one in enumerate(some, start=1):
        if not isinstance(one, dict):
            raise Unreadable(f"{called} {number} is no JSON object.")
        yield one


def said(value: Any) -> str:
    """A text, or a number as text, or MongoDB's `{"$oid": …}`; "" for anything else."""
    if isinstance(value, dict):
        value = next((value[name] for name in _BOXED if name in value), None)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip() if isinstance(value, str) else str(value)


def is_so(value: Any) -> bool:
    """true, 1, "1", "true", "yes"."""
    return value is True or said(value).lower() in ("1", "true", "yes")


def number(value: Any) -> int:
    """A count, also as text; 0 for anything else."""
    text = said(value)
    return int(float(text)) if _NUMBER.fullmatch(text) and abs(float(text)) < MOST_VOTES else 0


def votes(score: Any) -> dict[str, int]:
    """Of a score, which may be below zero, what is known of its votes."""
    total = number(score)
    return {"up": max(total, 0), "down": max(-total, 0)}


def written(text: str) -> dict[str, Any]:
    """A comment's `text` and `form` where both occur: systems that keep Markdown get HTML by their own imports."""
    if not _TAG.search(text) or ("`" in text and not text.startswith("<")):
        return {"text": text, "form": "markdown"}
    return {"text": text if _BLOCK.search(text) else with_breaks(text), "form": "html"}


def moment(value: Any) -> datetime | None:
    """A time: RFC 3339 and its like, with a zone's name, seconds or milliseconds since 1970, `{"iso": …}` of LeanCloud.

    None for nothing, for what is no time, and for years before 1990 or after 2100.
    """
    if isinstance(value, dict):
        value = value.get("iso") or value.get("$date") or value
    text = _ZONE.sub(lambda found: found[1] or "", said(value))
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
