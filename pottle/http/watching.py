"""Request ids, request metrics and the access log, as ASGI middleware; and the security log.

The security log says who signed in and who was refused, for operators and for programs that block addresses. It names
the client's address and a keyed digest of the user name, never the name itself: one can see that the same account is
tried again and again, but not whose it is. It is bounded, so that an attack does not fill a disk
(pottle/server/logs.py).
"""

import hmac
import logging
import random
import re
import time
from functools import cache
from typing import Any
from urllib.parse import quote

from prometheus_client import Counter, Histogram
from quart import g, has_request_context, request
from structlog.contextvars import bind_contextvars, reset_contextvars

from pottle.access import SAFE, access
from pottle.errors import Refusal
from pottle.http import measures
from pottle.http.asgi import Message, Middleware, Receive, Scope, Send, header
from pottle.http.asking import address
from pottle.store import db

log = logging.getLogger("pottle.access")
notices = logging.getLogger("pottle.notices")  # the security log

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


class Watched(Middleware):
    """Stands around the application, inside the response cache: what that answers costs nothing here."""

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        outside = bind_contextvars(request_id=request_id(scope))
        asked = began = time.perf_counter()
        status, id_ = 0, (b"x-request-id", request_id(scope).encode())

        async def answered(message: Message) -> None:
            nonlocal began, status
            if message["type"] == "http.response.start":
                began, status = time.perf_counter(), message["status"]
                message = {**message, "headers": [*message["headers"], id_]}
            await send(message)

        try:
            await self.app(scope, receive, answered)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            count, seconds = _metrics_of(method, scope.get(ROUTE, "none"), status or "none")
            count.inc()
            seconds.observe(began - asked)
            reset_contextvars(**outside)

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one websocket."""
        outside = bind_contextvars(request_id=request_id(scope))

        async def heard() -> Message:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                scope.setdefault(CLOSED, message.get("code", 1005))
            return message

        try:
            await self.app(scope, heard, send)  # not around `send`: that is the fan-out
        finally:
            code = scope.get(CLOSED, 1006)
            measures.live_closed.labels(code if code in CODES else "other").inc()
            reset_contextvars(**outside)


@cache  # as many as there are series
def _metrics_of(method: str, route: str, status: object) -> tuple[Counter, Histogram]:
    return measures.requests.labels(method, route, status), measures.request_seconds.labels(route)


class AccessLog(Middleware):
    """Writes a line for each request, cache hits included, and for websockets."""

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        begun, status, sent = time.perf_counter(), 0, 0

        async def counted(message: Message) -> None:
            nonlocal status, sent
            status = message.get("status", status)
            sent += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, counted)
        finally:
            ms = round((time.perf_counter() - begun) * 1000, 1)
            about = _about(scope)
            fields = {"method": scope["method"], "path": about["path"], "status": status, "ms": ms, "bytes": sent}
            log.info("request", extra={**fields, **about})

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one websocket."""
        begun = time.monotonic()
        log.info("websocket opened", extra=_about(scope))
        try:
            await self.app(scope, receive, send)
        finally:
            fields = {"code": scope.get(CLOSED, 1006), "seconds": round(time.monotonic() - begun)}
            log.info("websocket closed", extra={**_about(scope), **fields})


def _about(scope: Scope) -> dict[str, str]:
    """Whom and what a line is about. Not the query: there may be secrets in it."""
    client = scope["client"][0] if scope.get("client") else ""
    return {"path": quote(scope["path"]), "client": client, "request_id": request_id(scope)}


def refused(refusal: Refusal) -> None:
    """Notes a refusal in the security log, but for those that any reader meets who is not signed in."""
    status = refusal.status
    if status not in (401, 403, 429) or not has_request_context() or g.get("noticed"):
        return
    if status != 401 or request.method not in SAFE or g.get("bad_credentials"):
        who = access().asker() if "asker" in g else None
        notice("A request was refused", who.uid if who else "", status=status, kind=type(refusal).__name__)


def notice(event: str, uid: str, **fields: Any) -> None:
    """Notes in the security log who asks for what in this request; `refused` adds no second line."""
    g.noticed = True
    known = {}
    if uid:  # alike for the same user name, on this server only
        known["account"] = hmac.new(db.instance.secret.encode(), uid.lower().encode(), "sha256").hexdigest()[:12]
    rule = request.url_rule.rule if request.url_rule else "none"
    notices.info(event, extra={"client": address(), "method": request.method, "route": rule, **known, **fields})
