"""The shelf: ready-made answers, each with the tags that say what it shows (api/http/caching.py)."""

import time
from collections import OrderedDict

from api.http.asgi import Headers
from model.store import Statements, changes
from model.store.changes import Row

MOST_BYTES = 32 * 1024 * 1024
LARGEST_BYTES = 1024 * 1024
SECONDS = 5.0  # so that what somebody edits in a SQLite editor shows too
OF_THE_CONTENT = (b"content-length", b"content-type")
OF_THE_REQUEST = (b"x-request-id",)


class Fill:
    """An answer on its way: what it shows, and what was dropped meanwhile."""

    def __init__(self) -> None:
        self.tags: set[str] = set()
        self.dropped: set[str] = set()
        self.spoilt = False  # nobody knows what was dropped
        self.signed_out_only = False


class Kept:
    """An answer ready to be sent, with status 200, or 304 to who has these very bytes."""

    __slots__ = ("_heads", "body", "etag", "headers", "signed_out_only", "size", "tags", "until")

    def __init__(self, headers: Headers, body: bytes, fill: Fill) -> None:
        self.headers = _without(headers, OF_THE_REQUEST)
        self.body = body
        self.etag = next((value for name, value in headers if name == b"etag"), b"")
        self.tags = fill.tags
        self.signed_out_only = fill.signed_out_only
        self.size = len(body) + 2_000
        self.until = time.monotonic() + SECONDS
        self._heads: dict[int, bytes] = {}

    def status_for(self, headers: Headers) -> int:
        """With which to answer the client that sent `headers` (If-None-Match)."""
        for name, value in headers:
            if name == b"if-none-match" and self.etag:
                return 304 if self.etag in [tag.strip().removeprefix(b"W/") for tag in value.split(b",")] else 200
        return 200

    def headers_for(self, status: int) -> Headers:
        """Its headers; a 304 has no content to speak of."""
        return _without(self.headers, OF_THE_CONTENT) if status == 304 else self.headers

    def head(self, status: int) -> bytes:
        """Its headers as HTTP/1.1 has them, up to and with the empty line."""
        found = self._heads.get(status)
        if found is None:
            lines = (b"%b: %b\r\n" % pair for pair in self.headers_for(status))
            found = self._heads[status] = b"".join(lines) + b"\r\n"
        return found


def _without(headers: Headers, names: tuple[bytes, ...]) -> Headers:
    return [pair for pair in headers if pair[0] not in names]


class Shelf:
    """The answers that are kept, by what was asked and by what they show."""

    def __init__(self) -> None:
        self.hits = self.misses = 0
        self.clear()

    def clear(self) -> None:
        """Forgets everything."""
        self._kept: OrderedDict[tuple[object, ...], Kept] = OrderedDict()
        self._by_tag: dict[str, set[tuple[object, ...]]] = {}
        self._filling: set[Fill] = set()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """How much is kept."""
        return self._bytes

    def get(self, key: tuple[object, ...], headers: Headers) -> Kept | None:
        """The answer to serve, if there is one that is good for whoever sent `headers`."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until < time.monotonic():
            self._remove(key)
            return None
        return None if kept.signed_out_only and _signed_in(headers) else kept

    def begin(self) -> Fill:
        """Takes note that a handler begins to make an answer."""
        fill = Fill()
        self._filling.add(fill)
        return fill

    def end(self, fill: Fill, key: tuple[object, ...], kept: Kept | None) -> None:
        """Keeps the answer that was made, unless something that it shows has changed meanwhile."""
        self._filling.discard(fill)
        if kept is None or not fill.tags or fill.spoilt or fill.tags & fill.dropped or len(kept.body) > LARGEST_BYTES:
            return
        self._remove(key)
        self._kept[key] = kept
        self._bytes += kept.size
        for tag in kept.tags:
            self._by_tag.setdefault(tag, set()).add(key)
        while self._bytes > MOST_BYTES:
            self._remove(next(iter(self._kept)))

    def drop(self, _read: Statements, rows: list[Row]) -> None:
        """Listener: drops what the changes make stale, also from answers on their way."""
        lost = rows[0].kind == changes.LOST
        tags = {*self._by_tag} if lost else {tag for row in rows for tag in row.tags.split()}
        for fill in self._filling:
            fill.dropped |= tags
            fill.spoilt |= lost
        for tag in tags:
            for key in list(self._by_tag.get(tag, ())):
                self._remove(key)

    def _remove(self, key: tuple[object, ...]) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self._bytes -= kept.size
        for tag in kept.tags:
            keys = self._by_tag[tag]
            keys.discard(key)
            if not keys:
                del self._by_tag[tag]


def _signed_in(headers: Headers) -> bool:
    """Whether a request brings credentials, good or bad."""
    return any(name in (b"authorization", b"cookie") for name, _ in headers)
