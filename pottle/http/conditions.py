"""Conditional requests and ranges (RFC 9110, chapters 13 and 14).

A proxy that compresses an answer marks its ETag: Apache, Caddy and Jetty append the coding (`"7-1f-gzip"`), nginx makes
it weak (`W/"7-1f"`). The version is the same, so clients may send back the tag that they got.
"""

import re
from datetime import datetime

import msgspec
from werkzeug.http import parse_date

from pottle.http.asgi import Headers
from pottle.http.problems import PROBLEM, body_of

IF_MATCH, IF_NONE_MATCH = b"if-match", b"if-none-match"
IF_MODIFIED, IF_UNMODIFIED = b"if-modified-since", b"if-unmodified-since"
CONDITIONS = frozenset((IF_MATCH, IF_NONE_MATCH, IF_MODIFIED, IF_UNMODIFIED))

TAG = re.compile(r'"([^"]*)"')
CODING = re.compile(r"(?:[-;:]{1,2}(?:x-)?(?:gzip|br|zstd|deflate)){1,2}$")
VERSION = re.compile(r"(\d{1,18})-[0-9a-f]+", re.ASCII)
RANGE = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)", re.ASCII | re.IGNORECASE)
MOST_DIGITS = 18  # of a number that are looked at: it is beyond any file

CHANGED = msgspec.json.encode(
    body_of(412, "It is another version than the one that If-Match or If-Unmodified-Since name.")
)


def tags(header: str) -> set[str]:
    """The entity tags in an If-Match, If-None-Match or ETag header: without quotes, `W/` and a content coding."""
    return {CODING.sub("", tag) for tag in TAG.findall(header)}


def alike(etag: str, other: str | None) -> str:
    """`etag` with the content coding of `other`: who has that one, in that coding, finds it the same."""
    found = TAG.search(other or "")
    coding = CODING.search(found[1]) if found else None
    return f'{etag[:-1]}{coding[0]}"' if coding else etag


def versions(header: str) -> set[int] | None:
    """The versions in If-Match; None for `*`. What is no ETag of ours matches nothing."""
    if header.strip() == "*":
        return None
    found = map(VERSION.fullmatch, tags(header))
    return {int(tag[1]) for tag in found if tag}


def status_for(etag: bytes, asked: Headers, modified: bytes = b"") -> int:
    """How to answer a GET or HEAD that could be 200: 304 or 412 if the headers `asked` make conditions.

    `etag` and `modified` are the answer's ETag and Last-Modified, empty where it has none.
    """
    given: dict[bytes, str] = {}
    for name, value in asked:
        if name in CONDITIONS:
            text = value.decode("latin-1")
            given[name] = f"{given[name]},{text}" if name in given else text
    return _decided(etag.decode("latin-1"), modified.decode("latin-1"), given) if given else 200


def _decided(etag: str, modified: str, given: dict[bytes, str]) -> int:
    """In the order of RFC 9110, 13.2.2."""
    if etag and IF_MATCH in given:
        if not _is_named(etag, given[IF_MATCH]):
            return 412
    elif _later(modified, given.get(IF_UNMODIFIED)):
        return 412
    if etag and (known := given.get(IF_NONE_MATCH)) is not None:
        return 304 if known.strip() == "*" or tags(etag) & tags(known) else 200
    return 304 if _later(modified, given.get(IF_MODIFIED)) is False else 200


def _is_named(etag: str, wanted: str) -> bool:
    """Whether If-Match names this answer or its version."""
    numbers = versions(wanted)
    return numbers is None or bool(tags(etag) & tags(wanted)) or bool(numbers & (versions(etag) or set()))


def _later(modified: str, than: str | None) -> bool | None:
    """Whether something was modified after a client's date; None where one of the two is no date."""
    changed, asked = _date(modified), _date(than)
    return changed > asked if changed and asked else None


def _date(text: str | None) -> datetime | None:
    try:
        return parse_date(text)
    except (ValueError, OverflowError, TypeError):
        return None


def headers_for(status: int, headers: Headers) -> Headers:
    """The headers of an answer with these, where it is sent with this status."""
    if status not in (304, 412):
        return headers
    kept = [pair for pair in headers if pair[0] not in (b"content-length", b"content-type", b"content-encoding")]
    if status == 304:
        return kept
    kept = [pair for pair in kept if pair[0] not in (b"cache-control", b"etag", b"content-range")]
    length = b"%d" % len(CHANGED)
    return [*kept, (b"content-type", PROBLEM.encode()), (b"content-length", length), (b"cache-control", b"no-store")]


def content_for(status: int, method: str, body: bytes) -> bytes:
    """What follows the headers."""
    if method == "HEAD" or status == 304:
        return b""
    return CHANGED if status == 412 else body


def part(wanted: str | None, size: int) -> tuple[int, int] | None:
    """The one part, from and up to before, that a Range header asks for of `size` bytes; None for all of it.

    Of a part that there is not, both are the same. Other units, several ranges and what makes no sense count for
    nothing, as RFC 9110 (14.2) allows. (werkzeug has no word for a part that there is not.)
    """
    found = RANGE.fullmatch((wanted or "").strip())
    if found is None or found[1] == found[2] == "":
        return None
    first, last = (int(text[:MOST_DIGITS]) if text else None for text in found.groups())
    if first is None:
        return max(0, size - (last or 0)), size
    if last is not None and last < first:
        return None
    return min(first, size), size if last is None else min(last + 1, size)
