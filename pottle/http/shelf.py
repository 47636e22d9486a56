"""The shelf: ready-made answers, each with the tags that say what it shows (pottle/http/caching.py)."""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pottle.http import conditions, packing
from pottle.http.asgi import Headers
from pottle.store import Snapshot, tables
from pottle.store.changes import Change
from pottle.translation import negotiated

MOST_BYTES = 32 * 1024 * 1024
LARGEST_BYTES = 1024 * 1024
SECONDS = 5.0  # so that what somebody edits in a SQLite editor shows too
RENEWALS = 5  # for one reading: to make an answer takes seven times as long
RENEWED_BYTES = 256 * 1024  # after one run of changes: a few milliseconds, in which nothing else is served
MOST_CHANGES = 50  # in such a run; after more of them all is made anew
NOT_KEPT = (b"x-request-id", b"transfer-encoding")  # of the request, and of its connection


class Renewed(NamedTuple):
    """What an answer has become: its body, the headers that are others now, and what it shows beside what it did."""

    body: bytes
    headers: Mapping[str, str]
    tags: set[str]


# Makes of an answer's body what it is after those changes, in their snapshot; None where that would be as much work as
# to answer anew.
Renew = Callable[[Snapshot, bytes, list[Change]], Renewed | None]


class Fill:
    """An answer on its way: what it shows, how to renew it, and what was dropped meanwhile."""

    def __init__(self) -> None:
        self.tags: set[str] = set()  # as the handler says
        self.tables: set[str] = set()  # what it read, as far as that was noted
        self.shared = False  # whether it answers everybody alike
        self.renew: Renew | None = None
        self.dropped: set[str] = set()
        self.spoilt = False  # nobody knows what was dropped
        self.signed_out_only = False
        self.asked: frozenset[str] = frozenset()  # fields of the query
        self.language: str | None = None  # if the answer depends on the one that the client asks for


class Whole:
    """An answer ready to be sent: with status 200, 304 to who has it, or 412 to who wants another version."""

    __slots__ = ("_heads", "body", "etag", "headers", "tags")

    def __init__(self, headers: Headers, body: bytes, tags: frozenset[str]) -> None:
        self.headers, self.body, self.tags = headers, body, tags
        self.etag = header_of(b"etag", headers)
        self._heads: dict[int, bytes] = {}

    def status_for(self, headers: Headers) -> int:
        """With which to answer the client that sent `headers`."""
        return conditions.status_for(self.etag, headers)

    def headers_for(self, status: int) -> Headers:
        """Its headers under that status."""
        return conditions.headers_for(status, self.headers)

    def body_for(self, status: int, method: str) -> bytes:
        """What follows the headers."""
        return conditions.content_for(status, method, self.body)

    def head(self, status: int) -> bytes:
        """Its headers as HTTP/1.1 has them, up to and with the empty line."""
        found = self._heads.get(status)
        if found is None:
            lines = (b"%b: %b\r\n" % pair for pair in self.headers_for(status))
            found = self._heads[status] = b"".join(lines) + b"\r\n"
        return found


class Kept(Whole):
    """An answer that is kept. `packed` is its body compressed, where that was made already."""

    __slots__ = ("_packed", "credit", "language", "renew", "signed_out_only", "size", "until")

    def __init__(self, headers: Headers, body: bytes, fill: Fill, packed: bytes | None = None) -> None:
        headers = _without(headers, NOT_KEPT)
        if not any(name == b"content-length" for name, _ in headers):  # it was a stream; now it is whole
            headers.append((b"content-length", b"%d" % len(body)))
        is_text = packing.is_text(headers)
        may_be_packed = is_text and len(body) >= packing.LEAST_BYTES
        # A task that its handler began may still note what it reads.
        super().__init__(packing.varied(headers) if is_text else headers, body, frozenset(fill.tags))
        self.renew = fill.renew
        self.credit = RENEWALS  # that it is worth, until somebody asks for it again
        self.signed_out_only = fill.signed_out_only
        self.language = fill.language
        self.size = len(body) + (len(body) // 3 if may_be_packed else 0) + 2_000
        self.until = time.monotonic() + SECONDS
        self._packed: Whole | None = None if may_be_packed else self
        if packed is not None:
            self._pack(packed)

    def for_client(self, headers: Headers) -> Whole:
        """Its form for the client that sent `headers`. It is compressed once, unless that would take too long here."""
        if self._packed is self or not packing.wanted(headers):
            return self
        if self._packed is None and len(self.body) <= packing.LARGE_BYTES:
            self._pack(packing.packed(self.body))
        return self._packed or self

    def _pack(self, body: bytes) -> None:
        self._packed = Whole(packing.of_packed(self.headers, len(body)), body, self.tags)

    def after(self, read: Snapshot, rows: list[Change]) -> "Kept | None":
        """What this answer is after changes to what it shows; None where it is left to its handler, if anybody asks."""
        if self.renew is None or self.credit == 0:
            return None
        about = [row for row in rows if not self.tags.isdisjoint(row.tags.split())]
        if (renewed := self.renew(read, self.body, about)) is None:
            return None
        fill = Fill()
        fill.tags, fill.renew, fill.signed_out_only = {*self.tags, *renewed.tags}, self.renew, self.signed_out_only
        fill.language = self.language
        headers = [(name.lower().encode(), value.encode()) for name, value in renewed.headers.items()]
        others = _without(self.headers, (b"content-length", *(name for name, _ in headers)))
        kept = Kept([*others, *headers], renewed.body, fill)
        kept.until = self.until  # the rest of it is as old as it was
        kept.credit = self.credit - 1
        return kept


def header_of(wanted: bytes, headers: Headers) -> bytes:
    """The value of a header; empty without one."""
    return next((value for name, value in headers if name == wanted), b"")


def _without(headers: Headers, names: tuple[bytes, ...]) -> Headers:
    return [pair for pair in headers if pair[0] not in names]


class Stale(NamedTuple):
    """What changes make stale: all with these tags; and of which answers it is known what they have become."""

    tags: set[str]
    renewed: list[tuple[tuple[object, ...], Kept, Kept]]  # what was asked, what was kept, and what it is now


class Shelf:
    """The answers that are kept, by what was asked and by what they show."""

    def __init__(self) -> None:
        self.hits = self.misses = self.renewals = 0
        self._filling: set[Fill] = set()
        self.clear()

    def clear(self) -> None:
        """Listener: forgets everything, and what answers on their way show is not kept."""
        self._kept: OrderedDict[tuple[object, ...], Kept] = OrderedDict()
        self._by_tag: dict[str, set[tuple[object, ...]]] = {}
        self.bytes = 0  # that are kept
        for fill in self._filling:
            fill.spoilt = True

    def get(self, key: tuple[object, ...], headers: Headers) -> Kept | None:
        """The answer to serve, if there is one that is good for whoever sent `headers`."""
        kept = self._kept.get(key)
        if kept is not None and kept.language and (wanted := _language(headers)) != kept.language:
            kept = self._kept.get(key := (*key, wanted))
        if kept is None or (kept.signed_out_only and signed_in(headers)):
            return None
        if kept.until < time.monotonic():
            self._remove(key)
            return None
        self.hits += 1
        kept.credit = RENEWALS
        return kept

    def has(self, key: tuple[object, ...]) -> bool:
        """Whether there is any answer, good or not."""
        return key in self._kept

    def begin(self) -> Fill:
        """Takes note that a handler begins to make an answer."""
        self.misses += 1
        self._filling.add(fill := Fill())
        return fill

    def end(self, fill: Fill, key: tuple[object, ...], kept: Kept | None) -> None:
        """Keeps the answer that was made, unless something that it shows has changed meanwhile."""
        self._filling.discard(fill)
        if kept is None or not fill.tags or fill.spoilt or fill.tags & fill.dropped or len(kept.body) > LARGEST_BYTES:
            return
        first = self._kept.get(key)
        if first is not None and first.language and kept.language != first.language:
            key = (*key, kept.language)
        self._remove(key)
        self._put(key, kept)

    def prepare(self, read: Snapshot, rows: list[Change]) -> Stale:
        """Listener: finds what the changes make stale.

        Of what somebody asked for not long ago, some can be renewed at once, for whoever asks next.
        """
        found = Stale(tables.tags_of(row.tags for row in rows), [])
        left = RENEWED_BYTES if len(rows) <= MOST_CHANGES else 0
        for key in self._of(found.tags) if left else ():
            kept = self._kept.get(key)
            if kept and kept.size <= left and (renewed := kept.after(read, rows)) is not None:
                left -= kept.size
                found.renewed.append((key, kept, renewed))
        return found

    def _of(self, tags: set[str]) -> dict[tuple[object, ...], None]:
        """What was asked of the answers with any of these tags."""
        return dict.fromkeys(key for tag in tags & self._by_tag.keys() for key in [*self._by_tag.get(tag, ())])

    def apply(self, stale: Stale) -> None:
        """Listener: drops what is stale, also from answers on their way."""
        for fill in self._filling:
            fill.dropped |= stale.tags
        renewed = [(key, now) for key, before, now in stale.renewed if self._kept.get(key) is before]
        for key in self._of(stale.tags):
            self._remove(key)
        for key, now in renewed:
            self.renewals += 1
            self._put(key, now)

    def _put(self, key: tuple[object, ...], kept: Kept) -> None:
        self._kept[key] = kept
        self.bytes += kept.size
        for tag in kept.tags:
            self._by_tag.setdefault(tag, set()).add(key)
        while self.bytes > MOST_BYTES:
            self._remove(next(iter(self._kept)))

    def _remove(self, key: tuple[object, ...]) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self.bytes -= kept.size
        for tag in kept.tags:
            self._by_tag[tag].discard(key)
            if not self._by_tag[tag]:
                del self._by_tag[tag]


def _language(headers: Headers) -> str:
    """The language that a client asks for."""
    return negotiated(header_of(b"accept-language", headers).decode("latin-1"))


def signed_in(headers: Headers) -> bool:
    """Whether a request brings credentials, good or bad."""
    return any(name in (b"authorization", b"cookie") for name, _ in headers)
