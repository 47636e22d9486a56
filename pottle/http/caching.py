"""The response cache: ready-made bytes in front of the framework, never stale (L6).

Before an answer is served, one question to SQLite (`PRAGMA data_version`, 3 us) says whether anything was committed
anywhere since; if so the follower catches up first and drops what the changes' tags name. An answer is kept only if
none of its tags was dropped since before its handler ran: a slow handler must not keep what a write just made stale.

A GET that is marked `@shared` is kept under the tags of the tables that it read (pottle/store/tables.py); one that
calls `shown`, under the tags that it names there, which are finer. Who wants to know what an answer is made of, be it
kept or private, collects what is read and puts a set into the ASGI scope under TAGS: where that has tags after the
answer, they are the finer ones and count alone.
"""

import logging
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache, partial, wraps
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl

from quart import g, request

from pottle.http import conditions
from pottle.http.asgi import CHOSEN, SPOKEN, Headers, Message, Middleware, Receive, Scope, Send, Soon, escaped
from pottle.http.packing import Packing
from pottle.http.shelf import LARGEST_BYTES, Fill, Kept, Renew, Shelf, Whole, header_of, signed_in
from pottle.store import db, tables
from pottle.store.follower import Listener

log = logging.getLogger("pottle")

METHODS = ("GET", "HEAD")
_fill: ContextVar[Fill | None] = ContextVar("fill", default=None)  # of the answer that is being made

# Where in the ASGI scope this is found:
TAGS = "pottle.tags"  # for who wants to know what an answer shows: a set that takes the tags that its handler said
AUDIENCE = "pottle.audience"  # whom an answer is for, if not for everybody alike: those with the same text here

STRICT = False  # whether a shared handler that asks who is asking fails, outside of development too; tests set it

SHARED = "no-cache"  # anybody may keep it, and asks whether it is still good
PRIVATE = "private, no-cache"
PERSONAL = "no-store"  # of what somebody sees because of who they are, no copy stays on a disk

LONG_QUERY = 200  # bytes
Pairs = tuple[tuple[str, str], ...]
Key = tuple[str, Pairs, str, str | None]  # path, query, prefix, audience

shelf = Shelf()
listener = Listener(shelf.prepare, shelf.apply, shelf.clear)


def shared(handler: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Marks a GET that answers everybody alike: its answer is kept, and dropped when a table that it read changes.

    It must not ask who is asking. That is an error in development; in production such an answer is not kept.
    """

    @wraps(handler)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        if (fill := _fill.get()) is None:
            return await handler(*args, **kwargs)
        fill.shared = True
        g.asks_anyway = lambda: _refuse(handler, fill)
        try:
            return await handler(*args, **kwargs)
        finally:
            del g.asks_anyway

    vars(wrapper).update(stance="anyone", stance_says="Nobody has to sign in: everybody gets the same answer.")
    return wrapper


def _refuse(handler: Callable[..., Any], fill: Fill) -> None:
    fill.spoilt = True
    said = f"{handler.__module__}.{handler.__name__} is @shared, and asks who is asking."
    if STRICT or db.settings.development:
        raise RuntimeError(said)
    log.error("%s The answer was not kept.", said)


def shown(*tags: str, signed_out_only: bool = False) -> None:
    """A handler's word that its answer may be kept, and that it shows what `tags` name.

    Only for what everybody gets alike; with `signed_out_only` for what those get alike who are not signed in.
    """
    fill = _fill.get()
    if fill is not None:
        fill.tags.update(tags)
        fill.signed_out_only = fill.signed_out_only or signed_out_only


def made_of(*tags: str) -> None:
    """A handler's word, finer than the tables that it read, on what its answer is made of: for who watches it.

    For one that is nobody else's, and so is not kept. A commit that changes the answer must have one of the `tags`.
    """
    if (said := request.scope.get(TAGS)) is not None:
        said.update(tags)  # type: ignore[attr-defined]  # a dict like any, to ASGI middleware


def shown_too(*tags: str) -> None:
    """Names more of what an answer shows, if its handler has said that it may be kept."""
    fill = _fill.get()
    if fill is not None and fill.tags:
        fill.tags.update(tags)


def asked_for(names: frozenset[str]) -> None:
    """A handler's word on which fields of the query its answer depends. One to a query with others is not kept."""
    fill = _fill.get()
    if fill is not None:
        fill.asked |= names


def renewed_by(renew: Renew) -> None:
    """A handler's word that of its answer, where it is kept, `renew` makes what it is after a change."""
    fill = _fill.get()
    if fill is not None:
        fill.renew = renew


def rule() -> str:
    """The Cache-Control of this answer: what is kept here for everybody may be kept elsewhere too.

    What is kept here for all who belong to the same groups (`/flask`) stays in the browser, for its pages ask every
    few seconds whether it is still good; anything else for somebody who is signed in does not.
    """
    fill = _fill.get()
    if fill is not None and (fill.tags or fill.shared) and not fill.signed_out_only:
        return SHARED if AUDIENCE not in request.scope else PRIVATE
    return PERSONAL if g.get("asker") else PRIVATE


def audience() -> str | None:
    """Whom this answer may be kept for: None for everybody alike."""
    found: str | None = request.scope.get(AUDIENCE)  # type: ignore[assignment]  # a dict like any, to ASGI middleware
    return found


class ResponseCache(Middleware):
    """Answers from the shelf, else passes on and keeps what may be kept."""

    def at_once(self, scope: Scope) -> Whole | Soon[Whole] | None:
        """The answer to a request, if it is on the shelf: for a server that can send it before there is a task."""
        if scope["method"] not in METHODS:
            return None
        try:
            if db.caught_up_at_once():
                return self._kept(scope)
            if shelf.has(_key(scope)):
                return Soon(db.catching_up(), partial(self._kept, scope))
        except Exception:  # the application meets it too, and will say so, with a page or a problem
            return None
        return None

    async def _ready(self, scope: Scope) -> Whole | None:
        """As `at_once`, for a request that may wait."""
        if scope["method"] not in METHODS:
            return None
        with suppress(Exception):  # likewise
            # Else its handler reads what is there now, which is kept unless it is newer than what was followed.
            if not db.caught_up_at_once() and (db.looking or shelf.has(_key(scope))):
                await db.caught_up()
            return self._kept(scope)
        return None

    def _kept(self, scope: Scope) -> Whole | None:
        kept = shelf.get(_key(scope), scope["headers"])
        return kept if kept is None or TAGS in scope else kept.for_client(scope["headers"])

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        before = _fill.set(None)  # a request right behind another, or inside it, begins in the other's context
        try:
            if kept := await self._ready(scope):
                if TAGS in scope:
                    _tell(scope, kept.tags)
                status = kept.status_for(scope["headers"])
                await send({"type": "http.response.start", "status": status, "headers": kept.headers_for(status)})
                await send({"type": "http.response.body", "body": kept.body_for(status, scope["method"])})
            elif scope["method"] in METHODS:
                await self._fill(_key(scope), scope, receive, send)
            else:
                await self.app(scope, receive, send)
        finally:
            _fill.reset(before)

    async def _fill(self, key: Key, scope: Scope, receive: Receive, send: Send) -> None:
        fill = shelf.begin()
        packing = Packing(send, scope)
        recorder = _Recorder(send if TAGS in scope else packing, scope, fill)
        _fill.set(fill)
        before = tables.collected.set(fill.tables)
        try:
            await self.app(scope, receive, recorder)
        finally:
            tables.collected.reset(before)
            if fill.shared and not fill.tags:
                fill.tags = fill.tables
            known = all(name in fill.asked for name, _ in key[1])  # else every `?x=1` would be one more answer to keep
            keep = fill.tags and known and recorder.whole and scope["method"] == "GET"
            keep = keep and CHOSEN not in scope and _for_many(recorder, fill, scope)
            fill.language = scope.get(SPOKEN)
            shelf.end(fill, key, Kept(recorder.headers, bytes(recorder.body), fill, packing.body) if keep else None)
            if TAGS in scope:
                tables.note(*fill.tables)
                _tell(scope, set() if fill.signed_out_only and signed_in(scope["headers"]) else fill.tags)


def _tell(scope: Scope, tags: AbstractSet[str]) -> None:
    """Tells who wants to know. Those tags are not all where who belongs to an audience was read around the cache."""
    tables.note(*tags)
    if AUDIENCE not in scope:
        scope[TAGS] |= tags


class _Recorder:
    """Passes an answer on and remembers it, also where this client gets a 304 or 412 instead: for the next one."""

    def __init__(self, send: Send, scope: Scope, fill: Fill) -> None:
        self._send, self._scope, self._fill = send, scope, fill
        self._status = 0
        self._instead: bytes | None = None  # of the answer's content
        self.headers: Headers = []
        self.body = bytearray()
        self.whole = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self.headers = list(message["headers"])
            if self._status in (200, 206):
                etag, modified = (header_of(name, self.headers) for name in (b"etag", b"last-modified"))
                status = conditions.status_for(etag, self._scope["headers"], modified)
                if status != 200:
                    self._instead = conditions.content_for(status, self._scope["method"], b"")
                    message = {**message, "status": status, "headers": conditions.headers_for(status, self.headers)}
        elif message["type"] == "http.response.body" and len(self.body) <= LARGEST_BYTES:
            if self._fill.tags or self._fill.shared:  # else nobody keeps it: it may be without an end
                self.body += message.get("body", b"")
            self.whole = self._status == 200 and not message.get("more_body", False)
        if self._instead is not None and message["type"] == "http.response.body":
            message, self._instead = {**message, "body": self._instead}, b""
        await self._send(message)


def _for_many(recorder: _Recorder, fill: Fill, scope: Scope) -> bool:
    """Whether an answer may be for more than one reader: what sets or shows a cookie is not, whatever the handler says.

    `Vary: Cookie` is there where a view used Quart's `session` (pottle/http/application.py: SignedSessions).
    """
    if any(name == b"set-cookie" for name, _ in recorder.headers):
        return False
    if fill.signed_out_only:
        return not signed_in(scope["headers"])
    return not any(name == b"vary" and b"cookie" in value.lower() for name, value in recorder.headers)


def _key(scope: Scope) -> Key:
    query: bytes = scope["query_string"]  # a long one is hardly asked again, and 1,000 of them would be 8 MB
    pairs = (_pairs if len(query) <= LONG_QUERY else _pairs.__wrapped__)(query)
    return scope["path"], pairs, scope.get("root_path", ""), scope.get(AUDIENCE)


@lru_cache(maxsize=1_000)
def _pairs(query: bytes) -> Pairs:
    """As request.args reads it; sorted by name alone: of a name that is given twice, the order may count."""
    given = parse_qsl(escaped(query).decode(), keep_blank_values=True, errors="werkzeug.url_quote")
    return tuple(sorted(given, key=itemgetter(0)))
