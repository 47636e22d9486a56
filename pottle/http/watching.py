"""Request ids, request metrics and the access log, as ASGI middleware."""

import logging
import random
import re
import time
from functools import cache
from urllib.parse import quote

from prometheus_client import Counter, Histogram
from structlog.contextvars import bind_contextvars, reset_contextvars

from pottle.http import measures
from pottle.http.asgi import App, Message, Receive, Scope, Send, header

log = logging.getLogger("pottle.access")

# Where in the ASGI scope this is found:
TRUSTED = "pottle.trusted"  # that a trusted proxy sent it
CLOSED = "pottle.closed"  # the code that a websocket was closed with
ROUTE = "pottle.route"  # the rule that matched, "none" where none did
_ID = "pottle.request_id"

ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
CODES = {1000, 1001, 1005, 1006, 1008, 1009, 1011, 1012, 1013, 4401}


def request_id(scope: Scope) -> str:
    """The request's id: a trusted proxy's if it looks like one, else our own."""
    known: str | None = scope.get(_ID)
    if known is None:
        given = header(scope, b"x-request-id") if scope.get(TRUSTED) else None
        known = scope[_ID] = given if given and ID.fullmatch(given) else f"{random.getrandbits(64):016x}"
    return known


class Watched:
    """ASGI middleware around the application, inside the response cache: what that answers costs nothing here."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or websocket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        outside = bind_contextvars(request_id=request_id(scope))
        try:
            if scope["type"] == "http":
                await self._request(scope, receive, send)
            else:
                await self._websocket(scope, receive, send)
        finally:
            reset_contextvars(**outside)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(send, request_id(scope))
        try:
            await self._app(scope, receive, answer)
        finally:
            route = scope.get(ROUTE, "none")
            method = scope["method"] if scope["method"] in METHODS else "other"
            counted, seconds = _metrics_of(method, route, answer.status or "none")
            counted.inc()
            seconds.observe(answer.began - answer.asked)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def heard() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                scope.setdefault(CLOSED, message.get("code", 1005))
            return message

        try:
            await self._app(scope, heard, send)  # not around `send`: that is the fan-out
        finally:
            code = scope.get(CLOSED, 1006)
            measures.live_closed.labels(code if code in CODES else "other").inc()


@cache  # as many as there are series
def _metrics_of(method: str, route: str, status: object) -> tuple[Counter, Histogram]:
    return measures.requests.labels(method, route, status), measures.request_seconds.labels(route)


class _Answer:
    """Passes an answer on, with its request's id."""

    def __init__(self, send: Send, id_: str) -> None:
        self._send = send
        self._id = id_.encode()
        self.asked = self.began = time.perf_counter()
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.began = time.perf_counter()
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], (b"x-request-id", self._id)]}
        await self._send(message)


class AccessLog:
    """ASGI middleware: a line for each request, cache hits included, and for websockets."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or websocket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:
            await self._websocket(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun, status, sent = time.perf_counter(), 0, 0

        async def counted(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            ms = round((time.perf_counter() - begun) * 1000, 1)
            about = _about(scope)
            fields = {"method": scope["method"], "path": about["path"], "status": status, "ms": ms, "bytes": sent}
            log.info("request", extra={**fields, **about})

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.monotonic()
        log.info("websocket opened", extra=_about(scope))
        try:
            await self._app(scope, receive, send)
        finally:
            fields = {"code": scope.get(CLOSED, 1006), "seconds": round(time.monotonic() - begun)}
            log.info("websocket closed", extra={**_about(scope), **fields})


def _about(scope: Scope) -> dict[str, str]:
    """Whom and what a line is about. Not the query: there may be secrets in it."""
    client = scope["client"][0] if scope.get("client") else ""
    return {"path": quote(scope["path"]), "client": client, "request_id": request_id(scope)}
