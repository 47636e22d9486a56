"""How uvicorn speaks WebSocket for us.

uvicorn's `send` waits for a writable socket even to close, so a client that stops reading would hold its handler,
its memory and SIGTERM for as long as it likes. Here every wait for such a client ends by cutting it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame
from websockets.protocol import State

from pottle.server.transports import LAST_WORDS_SECONDS, BoundedTransport

UNSENT_BYTES = 64 * 1024  # from here on `send` waits; promise L5 allows one message more, of up to 700 KiB
KERNEL_BYTES = 128 * 1024  # of a socket's buffer; Linux takes twice as much, and 4 MiB where it is not told


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Adds to `scope["extensions"]` what an application needs to know and do about a client that is too slow:

    `pottle.unsent()` is the number of bytes that wait to be sent; `pottle.abort()` resets the connection at once.
    And a way to send that needs no task: `pottle.room(later)` says whether the socket takes more now, and if not has
    `later()` called once it does; `pottle.write(frame)` writes a frame (RFC 6455, in bytes, not masked), or nothing
    once the connection is being closed.
    """

    later: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        self.transport.set_write_buffer_limits(high=UNSENT_BYTES)
        self.raw = self.transport
        self.transport = cast(asyncio.Transport, BoundedTransport(self.transport, self.loop))

    async def run_asgi(self) -> None:
        extensions = cast(dict[str, Any], self.scope["extensions"])
        extensions["pottle.unsent"] = self.transport.get_write_buffer_size
        extensions["pottle.abort"] = self.transport.abort
        extensions["pottle.room"] = self.room
        extensions["pottle.write"] = self.write
        await super().run_asgi()

    def room(self, later: Callable[[], None]) -> bool:
        if self.writable.is_set():
            return True
        self.later = later
        return False

    def write(self, frame: bytes) -> None:
        if self.conn.state is State.OPEN and not self.raw.is_closing():
            self.raw.write(frame)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._tell()  # what is gone takes everything

    def _tell(self) -> None:
        later, self.later = self.later, None
        if later is not None:
            later()

    def shutdown(self) -> None:
        """Say 1012 to those who listen, cut the rest. (uvicorn's raises while the client's own close is unsent.)"""
        if self.transport.is_closing() or not self.writable.is_set():
            self.transport.abort()
        else:
            super().shutdown()

    def handle_ping(self) -> None:
        """A pong does not wait for the socket: without this, pings alone could fill our memory."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def handle_cont(self, event: Frame) -> None:
        """Empty fragments count nothing towards the size of a message, but uvicorn would keep every one."""
        if event.data or event.fin:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        """Text that is no UTF-8 closes with 1007. uvicorn would log a traceback too, as often as a client likes."""
        if self.curr_msg_data_type == "text" and not self.close_sent:
            try:
                b"".join(self.frames).decode()
            except UnicodeDecodeError:
                self.frames = []
                self.conn.send_close(1007)
                self.handle_parser_exception()
                return
        super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """Refuse what is too large or broken, but read on for a moment: closing a socket with unread input resets
        it, and a reset overtakes the close frame, so that the client would never learn why."""
        if self.close_sent or (close := self.conn.close_sent) is None:
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(LAST_WORDS_SECONDS, self.transport.close)
