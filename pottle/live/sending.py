"""How messages leave: a fair send queue, and what sends one message of a connection when its turn has come.

A change to a busy channel wakes hundreds of connections at once. They are served in order, a few in each turn of the
event loop, so that no request waits for all of them. Our own server (pottle/server/connection.py) takes ready-made
frames; any other gets messages by ASGI's `send`, in a task for each connection (docs/decisions/frames-made-once.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from websockets.frames import Frame, Opcode

if TYPE_CHECKING:
    from pottle.live.connection import Connection

log = logging.getLogger("pottle")

SERVED_AT_ONCE = 100  # connections, before anything else gets a turn: about a millisecond
STUCK_SECONDS = 10
GONE = 1006  # close codes: the client went without a word
FAILED = 1011
TOO_SLOW = 1013

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class SendQueue:
    """Connections of this worker that may have something to send. No connection is served while it is looking."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forgets everybody."""
        self._queue: deque[Connection] = deque()
        self._running = False

    def add(self, connection: Connection) -> None:
        """Queues a connection; once, however often it was added."""
        if connection.queued:
            return
        connection.queued = True
        self._queue.append(connection)
        if not self._running:
            self._running = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        for _ in range(min(SERVED_AT_ONCE, len(self._queue))):
            connection = self._queue.popleft()
            connection.queued = False
            try:
                connection.send()
            except Exception:
                log.exception("A websocket failed")
                connection.end(FAILED)
        self._running = bool(self._queue)
        if self._running:
            asyncio.get_running_loop().call_soon(self._serve)


send_queue = SendQueue()


@lru_cache(maxsize=1)
def frame(message: bytes) -> bytes:
    """The frame of a message (RFC 6455). A server does not mask it, so one is good for all who are sent the same."""
    return Frame(Opcode.TEXT, message).serialize(mask=False)


class Direct:
    """Writes frames to our own server's socket, one in each of the connection's turns.

    Ends the connection if its client takes nothing for STUCK_SECONDS (L5).
    """

    __slots__ = ("_connection", "_room", "_timer", "_unsent", "_write")

    def __init__(self, connection: Connection, extensions: dict[str, Any]) -> None:
        self._connection = connection
        self._room, self._write, self._unsent = (extensions[f"pottle.{name}"] for name in ("room", "write", "unsent"))
        self._timer: asyncio.TimerHandle | None = None
        connection.send = self._send

    def _send(self) -> None:
        if not self._connection.waiting:
            return
        if not self._room(self._go_on):
            if self._timer is None:
                self._wait()
            return
        if message := self._connection.next_message():
            self._write(frame(message))
        if self._connection.waiting:
            send_queue.add(self._connection)

    def _wait(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(STUCK_SECONDS, self._look, self._unsent())

    def _look(self, before: int) -> None:
        self._timer = None
        if self._unsent() < before:
            self._wait()
        else:
            self._connection.end(TOO_SLOW)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _go_on(self) -> None:
        self._stop_waiting()
        send_queue.add(self._connection)

    async def stop(self) -> None:
        """The connection is over."""
        self._stop_waiting()


class Awaited:
    """Sends messages in a task of its own, which waits whenever the server has it wait."""

    def __init__(self, connection: Connection, send: Send) -> None:
        self._connection = connection
        self._send = send
        self._something = asyncio.Event()
        self._task = asyncio.create_task(self._send_all())
        connection.send = self._something.set

    async def _send_all(self) -> None:
        try:
            while True:
                await self._something.wait()
                self._something.clear()
                while message := self._connection.next_message():
                    async with asyncio.timeout(STUCK_SECONDS):
                        await self._send({"type": "websocket.send", "bytes": None, "text": message.decode()})
        except TimeoutError:
            self._connection.end(TOO_SLOW)
        except Exception as error:
            if not client_gone(error):
                log.exception("A websocket failed")
            self._connection.end(GONE if client_gone(error) else FAILED)

    async def stop(self) -> None:
        """The connection is over."""
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


def client_gone(error: BaseException) -> bool:
    """Whether the client went away; each server raises a class of its own for it."""
    return type(error).__name__.startswith("ClientDisconnect")
