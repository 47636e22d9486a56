"""The websocket, `WS /api/live`.

Quart answers the handshake: the route, the cookie, what else is registered for websockets. What comes after it is
served here, in the task that the server has started: Quart would keep 15 KB for as long as somebody listens.
"""

import asyncio
import logging
import os
from typing import Any, cast

import msgspec
from quart import Blueprint, Quart, Response, request, websocket
from quart.asgi import ASGIWebsocketConnection
from quart_schema import hide

from pottle.access import access
from pottle.http import asgi
from pottle.http.asking import address, anyone
from pottle.http.problems import problem
from pottle.http.watching import CLOSED
from pottle.live.connection import Connection
from pottle.live.sending import FAILED, GONE, Awaited, Direct, Receive, Scope, Send, client_gone
from pottle.live.watches import Asker
from pottle.store import db

log = logging.getLogger("pottle")

blueprint = Blueprint("live", __name__)

PATH = "/api/live"
WAITING_FRAMES = 16  # of other websockets
ASKER = "pottle.asker"  # where in the ASGI scope the route leaves who is asking, and from which address


@blueprint.websocket(PATH)
async def live() -> None:
    """Subscriptions: docs/live.md describes the frames."""
    cast(Scope, websocket.scope)[ASKER] = access().found(), address()


@blueprint.get(PATH)
@hide
@anyone
async def no_websocket() -> Response:
    """426 (RFC 9110, 15.5.22) for whatever asks here without the handshake of a websocket."""
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    if request.http_version[:1] != "1":
        del upgrade["Connection"]  # which HTTP/2 has not
    return problem(426, "This is a websocket: connect with ws:// or wss://, version 13.", upgrade)


class Websocket:
    """Serves `live` after its handshake; any other websocket by Quart, keeping a few frames and not all."""

    def __init__(self, app: Quart, scope: Any) -> None:
        self._scope: Scope = scope
        self._quart: Any = ASGIWebsocketConnection(app, scope)

    async def __call__(self, receive: Any, send: Any) -> None:
        """Serves the websocket."""
        if self._scope["path"] != self._scope.get("root_path", "") + PATH:
            self._quart.queue = asyncio.Queue(maxsize=WAITING_FRAMES)
            await self._quart(_with_empty_frames(receive), send)
            return
        await self._quart(asyncio.Future, send)  # of what it would receive, the handshake needs nothing
        del self._quart
        if ASKER in self._scope:
            await _serve(self._scope, receive, send)


def _with_empty_frames(receive: Receive) -> Receive:
    """Quart 0.22 fails at a binary frame with nothing in it."""

    async def received() -> dict[str, Any]:
        event = await receive()
        return {**event, "text": b""} if event.get("bytes") == b"" else event

    return received


async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
    """Accepts the connection, and closes it when it is not the client who goes."""
    hello = {"type": "hello", "epoch": db.instance.epoch, "worker": os.getpid()}
    try:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": None, "text": msgspec.json.encode(hello).decode()})
        if (code := await _talk(scope, receive, send)) != GONE:
            await _close(code, scope, send)
    except Exception as error:
        if not client_gone(error):
            raise


async def _talk(scope: Scope, receive: Receive, send: Send) -> int:
    """Hears what the client asks until it goes, or until it is to be closed; returns the code."""
    code = GONE

    def end(chosen: int) -> None:
        nonlocal code
        code = chosen
        listening.reschedule(0)

    extensions = scope.get("extensions") or {}
    try:
        async with asyncio.timeout(None) as listening:
            identity, address_ = scope.pop(ASKER)
            asker = Asker.of(scope, known=identity is not None)
            connection = Connection(identity, end, address_, asker, asgi.header(scope, b"origin"))
            direct = "pottle.write" in extensions
            sending = Direct(connection, extensions) if direct else Awaited(connection, send)
            try:
                while (event := await receive())["type"] != "websocket.disconnect":
                    if event["type"] == "websocket.receive":
                        data = event.get("bytes")
                        await connection.hear(event["text"] if data is None else data)
            finally:
                connection.leave()
                await sending.stop()
    except TimeoutError:
        return code
    except Exception as error:
        if client_gone(error):
            return GONE
        log.exception("A websocket failed")
        return FAILED
    return GONE


async def _close(code: int, scope: Scope, send: Send) -> None:
    """Closes with `code` if the client can be told so within a second, else by reset."""
    scope[CLOSED] = code
    try:
        async with asyncio.timeout(1):
            await send({"type": "websocket.close", "code": code, "reason": ""})
    except TimeoutError:
        if abort := (scope.get("extensions") or {}).get("pottle.abort"):
            abort()
