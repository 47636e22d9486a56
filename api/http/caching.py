"""The response cache: ready-made bytes in front of the framework, never stale (L6).

Before an answer is served, one question to SQLite (`PRAGMA data_version`, 3 us) says whether anything was committed
anywhere since; if so the follower catches up first and drops what the changes' tags name. An answer is kept only if
none of its tags was dropped since before its handler ran: a slow handler must not keep what a write just made stale.
"""

import logging
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl

from quart import request

from api.http.routing import escaped
from model.store import Statements, changes, db
from model.store.changes import Row

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("pottle")

MOST_BYTES = 32 * 1024 * 1024
LARGEST_BYTES = 1024 * 1024
SECONDS = 5.0  # so that what somebody edits in a SQLite editor shows too
# Where in the ASGI scope this is found:
FILL = "pottle.fill"  # the fill of a handler's own answer
AUDIENCE = "pottle.audience"  # whom an answer is for, if not for everybody alike: those with the same text here

SHARED = "no-cache"  # anybody may keep it, and asks whether it is still good
PRIVATE = "private, no-cache"


class Fill:
    """An answer on its way: what it shows, and what was dropped meanwhile."""

    def __init__(self) -> None:
        self.tags: set[str] = set()
        self.dropped: set[str] = set()
        self.spoilt = False  # nobody knows what was dropped
        self.signed_out_only = False


class Kept:
    """An answer ready to be sent."""

    __slots__ = ("body", "etag", "headers", "signed_out_only", "size", "tags", "until")

    def __init__(self, headers: list[tuple[bytes, bytes]], body: bytes, fill: Fill) -> None:
        self.headers = [pair for pair in headers if pair[0] != b"x-request-id"]  # of the request it was made for
        self.body = body
        self.etag = next((value for name, value in headers if name == b"etag"), b"")
        self.tags = fill.tags
        self.signed_out_only = fill.signed_out_only
        self.size = len(body) + 1_000
        self.until = time.monotonic() + SECONDS


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

    def get(self, key: tuple[object, ...], scope: Scope) -> Kept | None:
        """The answer to serve, if there is one that is good for whoever asks."""
        kept = self._kept.get(key)
        if kept is not None and kept.until < time.monotonic():
            self._remove(key)
            kept = None
        if kept is None or (kept.signed_out_only and _signed_in(scope)):
            self.misses += 1
            return None
        self.hits += 1
        return kept

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


shelf = Shelf()
db.on_changes(shelf.drop)


def shown(*tags: str, signed_out_only: bool = False) -> None:
    """A handler's word that its answer may be kept, and that it shows what `tags` name.

    Only for what everybody gets alike; with `signed_out_only` for what those get alike who are not signed in.
    """
    fill = _fill_of_request()
    if fill is not None:
        fill.tags.update(tags)
        fill.signed_out_only = fill.signed_out_only or signed_out_only


def shown_in(place: Any, *tags: str) -> None:
    """As `shown`, for what shows something of a channel; where only members read, nothing is kept."""
    if place.reading == "public":
        shown(f"group:{place.group_id}", f"channel:{place.id}", *tags)


def rule() -> str:
    """The Cache-Control of this answer: what is kept here for everybody may be kept elsewhere too."""
    fill = _fill_of_request()
    for_all = fill is not None and fill.tags and not fill.signed_out_only and AUDIENCE not in _scope()
    return SHARED if for_all else PRIVATE


def audience() -> str | None:
    """Whom this answer may be kept for: None for everybody alike."""
    found: str | None = _scope().get(AUDIENCE)
    return found


def _fill_of_request() -> Fill | None:
    return _scope().get(FILL)


def _scope() -> Scope:
    return request.scope  # type: ignore[return-value]  # a dict like any, to ASGI middleware


class ResponseCache:
    """ASGI middleware: answers from the shelf, else passes on and keeps what may be kept."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        try:
            db.catch_up()
        except sqlite3.Error:  # the application will say so, with a page or a problem
            log.exception("The database does not answer")
            await self._app(scope, receive, send)
            return
        key = _key(scope)
        if (kept := shelf.get(key, scope)) is not None:
            await _send(kept, scope, send)
        else:
            await self._fill(key, scope, receive, send)

    async def _fill(self, key: tuple[object, ...], scope: Scope, receive: Receive, send: Send) -> None:
        fill = shelf.begin()
        scope[FILL] = fill
        recorder = _Recorder(send)
        try:
            await self._app(scope, receive, recorder)
        finally:
            whole = recorder.whole and scope["method"] == "GET"
            shelf.end(fill, key, Kept(recorder.headers, bytes(recorder.body), fill) if whole and fill.tags else None)


class _Recorder:
    """Passes an answer on and remembers it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.whole = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self.headers = list(message["headers"])
        elif message["type"] == "http.response.body" and len(self.body) <= LARGEST_BYTES:
            self.body += message.get("body", b"")
            self.whole = self._status == 200 and not message.get("more_body", False)
        await self._send(message)


async def _send(kept: Kept, scope: Scope, send: Send) -> None:
    known = next((value for name, value in scope["headers"] if name == b"if-none-match"), None)
    if known is not None and kept.etag and kept.etag in [tag.strip().removeprefix(b"W/") for tag in known.split(b",")]:
        headers = [(name, value) for name, value in kept.headers if name not in (b"content-length", b"content-type")]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": kept.headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else kept.body})


def _key(scope: Scope) -> tuple[object, ...]:
    query = escaped(scope["query_string"]).decode()
    # As request.args reads it; sorted by name alone: of a name that is given twice, the order may count.
    given = parse_qsl(query, keep_blank_values=True, errors="werkzeug.url_quote") if query else ()
    pairs = tuple(sorted(given, key=itemgetter(0)))
    return scope["path"], pairs, scope.get("root_path", ""), scope.get(AUDIENCE)


def _signed_in(scope: Scope) -> bool:
    """Whether a request brings credentials, good or bad."""
    return any(name in (b"authorization", b"cookie") for name, _ in scope["headers"])
