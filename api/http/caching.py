"""The response cache: ready-made bytes in front of the framework, never stale (L6).

Before an answer is served, one question to SQLite (`PRAGMA data_version`, 3 us) says whether anything was committed
anywhere since; if so the follower catches up first and drops what the changes' tags name. An answer is kept only if
none of its tags was dropped since before its handler ran: a slow handler must not keep what a write just made stale.
"""

import logging
import sqlite3
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qsl

from quart import request

from api.http.asgi import App, Headers, Message, Receive, Scope, Send
from api.http.routing import escaped
from api.http.shelf import LARGEST_BYTES, Fill, Kept, Shelf
from model.store import db

log = logging.getLogger("pottle")

METHODS = ("GET", "HEAD")
KEY = "pottle.key"  # where in the ASGI scope it is found, if the shelf was asked for this request already
FILL = "pottle.fill"  # where in the ASGI scope a handler finds the fill of its own answer

SHARED = "no-cache"  # anybody may keep it, and asks whether it is still good
PRIVATE = "private, no-cache"


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
    """The Cache-Control of this answer: what is kept here may be kept elsewhere too."""
    fill = _fill_of_request()
    return SHARED if fill is not None and fill.tags and not fill.signed_out_only else PRIVATE


def _fill_of_request() -> Fill | None:
    scope: Scope = request.scope  # type: ignore[assignment]  # a dict like any, to ASGI middleware
    return scope.get(FILL)


class ResponseCache:
    """ASGI middleware: answers from the shelf, else passes on and keeps what may be kept."""

    def __init__(self, app: App) -> None:
        self._app = app

    def at_once(self, scope: Scope) -> Kept | None:
        """The answer to a request, if it is on the shelf: for a server that can send it before there is a task."""
        if scope["method"] not in METHODS:
            return None
        try:
            db.catch_up()
        except sqlite3.Error:  # __call__ meets it too
            return None
        scope[KEY] = key = _key(scope)
        kept = shelf.get(key, scope["headers"])
        if kept is not None:
            shelf.hits += 1
        return kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope["method"] not in METHODS:
            await self._app(scope, receive, send)
            return
        if (key := scope.get(KEY)) is None:  # nobody has looked since this request came
            try:
                db.catch_up()
            except sqlite3.Error:  # the application will say so, with a page or a problem
                log.exception("The database does not answer")
                await self._app(scope, receive, send)
                return
            key = _key(scope)
        if (kept := shelf.get(key, scope["headers"])) is not None:
            shelf.hits += 1
            await _send(kept, scope, send)
        else:
            shelf.misses += 1
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
        self.headers: Headers = []
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
    status = kept.status_for(scope["headers"])
    await send({"type": "http.response.start", "status": status, "headers": kept.headers_for(status)})
    await send({"type": "http.response.body", "body": kept.body if status == 200 and scope["method"] == "GET" else b""})


def _key(scope: Scope) -> tuple[object, ...]:
    query = escaped(scope["query_string"]).decode()
    # As request.args reads it; sorted by name alone: of a name that is given twice, the order may count.
    given = parse_qsl(query, keep_blank_values=True, errors="werkzeug.url_quote") if query else ()
    pairs = tuple(sorted(given, key=itemgetter(0)))
    return scope["path"], pairs, scope.get("root_path", "")
