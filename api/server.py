"""How uvicorn speaks WebSocket for us, in production (api/worker.py) and in development (api/development.py).

uvicorn's `send` waits for a writable socket even to close, so a client that stops reading would hold its handler,
its memory and SIGTERM for as long as it likes. Here every wait for such a client ends by cutting it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from contextlib import suppress
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

FRAME_BYTES = 16 * 1024
UNSENT_BYTES = 64 * 1024  # from here on `send` waits; promise L5 allows one message more, of up to 900 KiB
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
        with suppress(OSError):  # it has gone already
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.transport.abort()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Adds to `scope["extensions"]` what an application needs to know and do about a client that is too slow:

    `pottle.unsent()` is the number of bytes that wait to be sent; `pottle.abort()` resets the connection at once.
    """

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=UNSENT_BYTES)
        self.transport = cast(asyncio.Transport, BoundedTransport(self.transport, self.loop))

    async def run_asgi(self) -> None:
        extensions = cast(dict[str, Any], self.scope["extensions"])
        extensions["pottle.unsent"] = self.transport.get_write_buffer_size
        extensions["pottle.abort"] = self.transport.abort
        await super().run_asgi()

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

    def handle_parser_exception(self) -> None:
        """Refuse what is too large or broken, but read on for a moment: closing a socket with unread input resets
        it, and a reset overtakes the close frame, so that the client would never learn why."""
        if self.close_sent or (close := self.conn.close_sent) is None:
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(LAST_WORDS_SECONDS, self.transport.close)


# Where the development server listens, for links that no request asks for; other servers do not tell.
address = ""

# For uvicorn.Config. Who the client is, and by which scheme it came, the application finds out for itself
# (POTTLE_TRUSTED_PROXIES), alike on every server. Deflate would cost each connection a buffer of its own.
OPTIONS: dict[str, Any] = {
    "ws": WebSocketProtocol,
    "ws_max_size": FRAME_BYTES,
    "ws_per_message_deflate": False,
    "proxy_headers": False,
    "server_header": False,
}
