"""Transports that end: every wait for a client that takes nothing is over one day, by cutting it."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from contextlib import suppress
from typing import Any

STUCK_SECONDS = 10.0  # without progress, until a client that does not read is cut
LAST_WORDS_SECONDS = 1.0  # how long a closing connection may take to read what it was sent
AT_ONCE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # linger for 0 seconds: reset


class BoundedTransport:
    """A transport whose `close` has an end, and whose `abort` frees the kernel's buffer too."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self.loop = loop

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def close(self) -> None:
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.loop.call_later(LAST_WORDS_SECONDS, self.abort)

    def abort(self) -> None:
        with suppress(OSError, ValueError):  # it has gone already; uvloop 0.23 finds no descriptor then
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.transport.abort()


class WatchedTransport:
    """A transport that is cut when the client takes nothing of what it was sent: while `watched`, and once closed.

    uvicorn writes the head of an answer and then its body. The head waits for the body here, if that comes at once: one
    system call less, and the client is woken once.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self.loop = loop
        self.timer: asyncio.TimerHandle | None = None
        self.head = b""
        self.is_closing = transport.is_closing  # what every request needs, found at once

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)

    def write(self, data: bytes) -> None:
        if self.head:
            head, self.head = self.head, b""
            self.transport.write(head + data)
        elif data.startswith(b"HTTP/1.1 "):
            self.head = data
            self.loop.call_soon(self.flush)
        else:
            self.transport.write(data)

    def flush(self) -> None:
        """Sends a head that waits."""
        if self.head:
            self.write(b"")

    def close(self) -> None:
        self.flush()
        self.transport.close()
        self.watched(True)

    def watched(self, watched: bool) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if watched and (unsent := self.transport.get_write_buffer_size()):
            self.timer = self.loop.call_later(STUCK_SECONDS, self._look, unsent)

    def _look(self, before: int) -> None:
        if self.transport.get_write_buffer_size() < before:
            self.watched(True)
        else:
            BoundedTransport(self.transport, self.loop).abort()
