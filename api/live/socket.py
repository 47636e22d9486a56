"""`WS /api/live`: the websocket."""

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Any, cast

import msgspec
from quart import Blueprint, websocket
from quart.asgi import ASGIWebsocketConnection

from api.http.asking import cookie_name, foreign_origin
from api.http.watching import CLOSED
from api.live.connection import TOO_SLOW, Connection
from model import session
from model.session import Identity
from model.store import db

log = logging.getLogger("pottle")

blueprint = Blueprint("live", __name__)

STUCK_SECONDS = 10
FAILED = 1011
WAITING_FRAMES = 16
SEND = "pottle.send"  # where in the ASGI scope the server's own send is found

Extension = Callable[[], Any]


class BoundedConnection(ASGIWebsocketConnection):
    """Quart's websocket connection, which keeps a few frames from the client instead of all it can send."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.queue = asyncio.Queue(maxsize=WAITING_FRAMES)

    async def __call__(self, receive: Any, send: Any) -> None:
        """Serves the connection."""
        cast(dict[str, Any], self.scope)[SEND] = send
        await super().__call__(receive, send)

    async def handle_messages(self, receive: Any) -> None:
        """Passes on what comes until the client goes. (Quart 0.22 fails at a binary frame with nothing in it.)"""
        while (event := await receive())["type"] != "websocket.disconnect":
            if event["type"] == "websocket.receive":
                data = event.get("bytes")
                await self.queue.put(event["text"] if data is None else data)


@blueprint.websocket("/api/live")
async def live() -> None:
    """Subscriptions: see the README's chapter on live updates for the frames."""
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    hello = {"type": "hello", "epoch": db.instance.epoch, "worker": os.getpid()}
    try:
        await websocket.accept()
        await websocket.send(msgspec.json.encode(hello).decode())
    except Exception as error:
        if _client_gone(error):
            return
        raise
    connection = Connection(_by_cookie(), end)
    tasks = [asyncio.create_task(_listen(connection)), asyncio.create_task(connection.send_all(Sender(end)))]
    waiting: list[asyncio.Future[Any]] = [ended, *tasks]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        connection.leave()
        for task in tasks:
            task.cancel()
        failures = await asyncio.gather(*tasks, return_exceptions=True)
    _log(failures)
    await _close(ended.result() if ended.done() else FAILED)


async def _listen(connection: Connection) -> None:
    while True:
        await connection.hear(await websocket.receive())


class Sender:
    """Sends frames, and ends the connection when the client takes nothing for STUCK_SECONDS (L5).

    It hands them to the server itself: what Quart does for each frame, signals and a look for the current websocket,
    would be half the work of the fan-out.
    """

    def __init__(self, end: Callable[[int], None]) -> None:
        self._end = end
        self._send = _scope()[SEND]
        self._unsent = _extension("pottle.unsent") or (lambda: 0)
        self._loop = asyncio.get_running_loop()

    async def __call__(self, frame: str) -> None:
        """Returns when the socket can take more."""
        self._watch()
        try:
            await self._send({"type": "websocket.send", "bytes": None, "text": frame})
        finally:
            self._timer.cancel()

    def _watch(self) -> None:
        self._timer = self._loop.call_later(STUCK_SECONDS, self._look, self._unsent())

    def _look(self, before: int) -> None:
        if self._unsent() < before:
            self._watch()
        else:
            self._end(TOO_SLOW)


def _by_cookie() -> Identity | None:
    """Whose cookie it is, on our own pages; from another origin it is ignored (cross-site websocket hijacking)."""
    cookie = websocket.cookies.get(cookie_name())
    return session.identify(cookie) if cookie and foreign_origin() is None else None


def _log(failures: list[BaseException | None]) -> None:
    """Logs what went wrong here; that the client went away is nothing wrong."""
    for failure in failures:
        if isinstance(failure, Exception) and not _client_gone(failure):
            log.error("A websocket failed", exc_info=failure)


def _client_gone(error: BaseException) -> bool:
    """Whether it is the server's word for a client that went away; each server has a class of its own."""
    return type(error).__name__.startswith("ClientDisconnect")


async def _close(code: int) -> None:
    """Closes with `code` if the client can be told so within a second, else by reset."""
    _scope()[CLOSED] = code
    try:
        async with asyncio.timeout(1):
            await websocket.close(code)
    except TimeoutError:
        if abort := _extension("pottle.abort"):
            abort()


def _extension(name: str) -> Extension | None:
    """What api/server/websocket.py adds to uvicorn's websockets; other servers do not have it."""
    found: Extension | None = (_scope().get("extensions") or {}).get(name)
    return found


def _scope() -> dict[str, Any]:
    return cast(dict[str, Any], websocket.scope)
