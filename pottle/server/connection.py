"""One connection: an asyncio protocol in front of uvicorn's own, which bounds what a client can make the server keep.

It hands uvicorn one request at a time, head and body, and holds the bytes of the next ones back until that is answered:
uvicorn would parse all that has arrived and keep some KB for each. It closes whoever takes nothing, waits for a head
only so long, and ends between two requests. It knows asyncio and ASGI; of uvicorn it knows how a server makes a
protocol: `(config, server_state, app_state)`.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, cast

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected

from pottle.server import shortcuts
from pottle.server.descriptors import door
from pottle.server.framing import Chunks, NoRequest, begins, framed
from pottle.server.inside import KEY, Apart, Inside, inside_of

Message = dict[str, Any]

HEAD_BYTES = 64 * 1024  # of a request line and headers
HEAD_SECONDS = 10.0  # for a head to arrive, from its first byte or, of the first one, from the connection's beginning
HALF_CLOSED_SECONDS = 10.0  # for answers to a client that sends nothing more: it may as well have gone
STUCK_SECONDS = 10.0  # without progress, until a client that does not read is cut
LAST_WORDS_SECONDS = 1.0  # for a client that still sends to read why it is closed: unread input resets a connection
LAST_REQUEST_SECONDS = 0.5  # when the server ends, for a request that may be on its way
PIECE_BYTES = 4 * 1024  # of a body without a known end, handed on at a time
UNSENT_BYTES = 64 * 1024  # of a websocket: from here on `send` waits; promise L5 allows one message more, of 700 KiB
KERNEL_BYTES = 128 * 1024  # of a websocket's buffer; Linux takes twice as much, and 4 MiB where it is not told
LENGTH = b"\r\ncontent-length: "  # as uvicorn writes it
RESET = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # linger for 0 seconds


class Connection(asyncio.Protocol):
    """Serves one client, as HTTP and then perhaps as a websocket."""

    transport: asyncio.Transport

    def __init__(
        self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self.loop = _loop or asyncio.get_running_loop()
        self._server = server_state
        self._state = {**app_state, KEY: self}
        self._keep_alive = config.timeout_keep_alive
        inside = inside_of(config)
        self._at_once = inside.at_once
        self._inner: Any = HttpToolsProtocol(inside, cast(Any, Apart(server_state)), self._state, self.loop)
        self._waiting = b""  # what uvicorn has not got yet
        self._left = 0  # bytes of a body that are still to come; 1 where its chunks will say
        self._chunks: Chunks | None = None
        self._endless = False  # it is not known how many
        self._running = False  # a request is not answered yet
        self._started = False  # the application has been asked
        self._asked = False  # there was a request
        self._said_all = self._ending = self.closing = self._websocket = False
        self._inner_paused = self._reading_paused = self._writing_paused = False
        self._accepted = self._said_close = False  # of a websocket
        self._head, self._head_comes = b"", False  # of an answer
        self._later: Callable[[], None] | None = None
        self._stuck: asyncio.TimerHandle | None = None  # it takes nothing
        self._head_since: float | None = None

    # What asyncio tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Lets the client in, if there is room."""
        self.transport = cast(asyncio.Transport, transport)
        self.since = self.loop.time()  # when the newest request's head was there; before it, the connection
        self._server.connections.add(self)
        self._inner.connection_made(Inside(self))
        self._ticking = self.loop.call_later(HEAD_SECONDS, self._tick)
        if not door.lets_in(self._server.connections, self):
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self.closing = True
        self._waiting = b""
        self._ticking.cancel()
        self._watch(False)
        self._server.connections.discard(self)
        self._inner.connection_lost(exc)
        self._tell()  # what is gone takes everything
        self._state.clear()

    def data_received(self, data: bytes) -> None:
        """Hands on what uvicorn may have, and keeps the rest."""
        if self.closing:
            return
        if self._websocket:
            self._inner.data_received(data)
            return
        self._waiting = self._waiting + data if self._waiting else data
        self._go_on()

    def eof_received(self) -> bool:
        """Lets a client that only ends its own side hear its answer (RFC 9112, 9.6)."""
        self._said_all = True
        waits = self._running and not self._left and not (self._websocket or self.closing)
        if not waits or self.transport.get_extra_info("sslcontext"):  # TLS has no half
            return False
        self.loop.call_later(HALF_CLOSED_SECONDS, self.close)
        return True

    def pause_writing(self) -> None:
        """The client takes less than it is sent."""
        self._writing_paused = True
        self._inner.pause_writing()
        self._watch(not self._websocket)  # live/sending.py says 1013 to these
        self._hold()

    def resume_writing(self) -> None:
        """It takes more again."""
        self._writing_paused = False
        self._inner.resume_writing()
        self._watch(self.closing and not self._websocket)
        self._hold()
        self._tell()

    # What the server asks.

    def shutdown(self) -> None:
        """Ends between two requests: after those that have begun, and those that come within a moment.

        A client cannot know that the server is about to close, and what it then sends is lost: so nginx waits too
        (`keepalive_min_timeout`). One race remains, as HTTP has it (RFC 9112, 9.3.1). Websockets hear 1012.
        """
        self._ending = True
        if not self._websocket:
            self.loop.call_later(LAST_REQUEST_SECONDS, self._end_if_idle)
        elif self._accepted and not self.closing:
            (self.abort if self._writing_paused else self._inner.shutdown)()

    def keeps_us_waiting(self) -> tuple[bool, float] | None:
        """Since when we wait for it: (False, …) for its first request, (True, …) for the rest of one or for the next.
        None while it waits for us."""
        if self._websocket or self.transport.is_closing() or (self._running and not self._left):
            return None
        return self._asked, self.since

    # Requests, one at a time.

    def _go_on(self) -> None:
        while self._waiting and not (self.closing or self._websocket):
            if self._left:
                if self._inner_paused:
                    break
                if not (piece := self._piece()):
                    break
                self._inner.data_received(piece)
            elif self._running or not self._begin():
                break
        if self._said_all and not self._running and not self.closing:
            self.close()
        self._hold()

    def _piece(self) -> bytes:
        """Takes of what waits what belongs to the body, or some of it."""
        size, ended = self._chunks.passes(self._waiting) if self._chunks else (0, False)
        if ended:
            self._left, self._chunks = 0, None
        elif self._chunks and self._chunks.lost:  # uvicorn's parser says what is wrong
            self._left, self._chunks, self._endless = sys.maxsize, None, True
        if not (ended or self._chunks):
            size = min(PIECE_BYTES if self._endless else self._left, len(self._waiting))
            self._left -= size
        piece, self._waiting = self._waiting[:size], self._waiting[size:]
        return piece

    def _begin(self) -> bool:
        """Hands on the head that waits and, of its body, what is there; False where it is not there whole."""
        waiting = self._waiting.lstrip(b"\r\n") if self._waiting[0] in b"\r\n" else self._waiting
        end = waiting.find(b"\r\n\r\n") + 4
        if (end if end >= 4 else len(waiting)) > HEAD_BYTES:
            return self._refuse(400, "The headers are too large.")
        if end < 4 and waiting and not begins(waiting):
            return self._refuse(400, "This is not HTTP.")
        if end < 4:
            self._waiting = waiting
            self._head_since = self._head_since or self.loop.time()
            return False
        head, self._waiting = waiting[:end], waiting[end:]
        self._asked, self._head_since, self.since = True, None, self.loop.time()
        return self._answered_at_once(head) or self._pass_on(head)

    def _pass_on(self, head: bytes) -> bool:
        try:
            head, self._left, self._endless, chunked = framed(head)
        except NoRequest as error:
            return self._refuse(400, str(error))
        self._running, self._started = True, False
        self._chunks = Chunks() if chunked else None
        if not self._endless and self._left:
            head += self._piece()
        self._inner.data_received(head)
        return True

    def _answered_at_once(self, head: bytes) -> bool:
        if self._at_once is None or self._ending or self._writing_paused or self._said_all:
            return False
        answer = self._at_once(head, self._server.default_headers, self.transport)
        if isinstance(answer, bytes):
            self._answer(answer)
        elif answer is not None:
            self._running = True
            answer.looked.add_done_callback(partial(self._looked, head, answer.ask))
        return answer is not None

    def _answer(self, answer: bytes) -> None:
        self.transport.write(answer)
        self._server.total_requests += 1

    def _looked(self, head: bytes, ask: Callable[[], bytes | None], look: asyncio.Future[None]) -> None:
        """Answers a request that waited until somebody had looked whether its answer is still good."""
        self._running = False
        if self.closing:
            return
        long_way = self._ending or self._writing_paused or self._said_all or look.exception() is not None
        if not long_way and (answer := ask()) is not None:
            self._answer(answer)
        else:
            self._pass_on(head)
        self._go_on()

    def _hold(self) -> None:
        """Reads no more while what was read has to wait."""
        paused = not self.closing and (
            self._inner_paused
            or bool(self._waiting and self._running and not self._left)
            or (self._websocket and self._writing_paused)  # or pongs would pile up
        )
        if paused != self._reading_paused and not self.transport.is_closing():
            self._reading_paused = paused
            (self.transport.pause_reading if paused else self.transport.resume_reading)()

    def pause(self, paused: bool) -> None:
        """uvicorn can take no more, or can again."""
        self._inner_paused = paused
        if self._left and self._waiting and not paused:
            self.loop.call_soon(self._go_on)
        else:
            self._hold()

    def write(self, data: bytes) -> None:
        """uvicorn's answers; but for those that it gives by itself to a request that is none.

        The head of one whose length is known waits for its body: one system call less, and the client is woken once.
        """
        if self.closing:
            return
        if not self._started:
            self._refuse(400, "This is not HTTP.")
        elif self._head_comes and LENGTH in data:
            self._head, self._head_comes = data, False
        else:
            self.transport.write(self._head + data)
            self._head, self._head_comes = b"", False

    def _send_head(self) -> None:
        if self._head:  # the answer has no body
            self.write(b"")

    async def serve(self, app: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Has the application serve the request or the websocket, and sees when it is answered."""
        self._started = True
        if scope["type"] == "websocket":
            await self._serve_websocket(app, scope, receive, send)
            return

        async def received() -> Message:
            message: Message = await receive()
            if not message.get("more_body"):
                self._left = 0
            return message

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._head_comes = True
                if self._endless or (self._ending and not self._waiting):
                    message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._answered()

        await app(scope, received if self._endless else receive, answer)

    def _answered(self) -> None:
        self._send_head()
        self._running = False
        self._server.total_requests += 1
        self.since = self.loop.time()
        if self._waiting or self._said_all:
            self.loop.call_soon(self._go_on)
        if self._ending:
            self.loop.call_later(LAST_REQUEST_SECONDS, self._end_if_idle)

    # Websockets.

    def _look_for_handshake(self) -> None:
        """Where the websocket's library did not understand it, uvicorn would never answer."""
        if self._websocket and not self._started:
            self._refuse(400, "This is no WebSocket handshake.")

    def upgrade(self, protocol: Any) -> None:
        """From now on it is a websocket, which uvicorn serves by `protocol`."""
        self._inner = protocol
        self._websocket = True
        self._waiting = b""  # what came before the upgrade was answered is neither HTTP nor WebSocket
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        self.transport.set_write_buffer_limits(high=UNSENT_BYTES)
        self.loop.call_soon(self._look_for_handshake)  # after the task that asks the application

    async def _serve_websocket(self, app: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Adds to `scope["extensions"]` what an application needs to know and do about a client that is too slow:

        `pottle.unsent()` is the number of bytes that wait to be sent; `pottle.abort()` resets the connection at once.
        And a way to send that needs no task: `pottle.room(later)` says whether the socket takes more now, and if not
        has `later()` called once it does; `pottle.write(frame)` writes a frame (RFC 6455, in bytes, not masked), or
        nothing once the connection is being closed.
        """

        async def told(message: Message) -> None:
            if self.closing or self.transport.is_closing():
                raise ClientDisconnected  # of a handshake that crossed a close, uvicorn would say it is out of order
            await send(message)
            self._said_close = self._said_close or message["type"] == "websocket.close"
            if message["type"] == "websocket.accept":
                self._accepted = True
                if self._ending:
                    self.loop.call_soon(self.shutdown)

        scope["extensions"] |= {"pottle.unsent": self.transport.get_write_buffer_size, "pottle.abort": self.abort}
        if shortcuts.wanted():
            scope["extensions"] |= {"pottle.room": self._room, "pottle.write": self._write}
        await app(scope, receive, told)

    def _room(self, later: Callable[[], None]) -> bool:
        full = self._writing_paused and not self.closing
        self._later = later if full else None
        return not full

    def _write(self, frame: bytes) -> None:
        if not (self.closing or self._said_close):
            self.transport.write(frame)

    def _tell(self) -> None:
        later, self._later = self._later, None
        if later:
            later()

    # The end.

    def close(self) -> None:
        """Closes, once all is sent. A client that may still be sending has a moment to read it."""
        if self.closing:
            return
        self._send_head()
        sending = self._websocket or self._left or self._waiting
        self.closing = True
        self._waiting = b""
        if sending and self.transport.can_write_eof() and not (self._said_all or self.transport.is_closing()):
            self._hold()
            self.transport.write_eof()
        else:
            self.transport.close()
        if sending:
            self.loop.call_later(LAST_WORDS_SECONDS, self._leave)
        self._watch(not self._websocket)

    def _leave(self) -> None:
        if self._websocket and self.transport.get_write_buffer_size():
            self.abort()
        else:
            self.transport.close()

    def abort(self) -> None:
        """Resets the connection, and frees the kernel's buffer too."""
        self.closing = True
        with suppress(OSError, ValueError):  # it has gone already; uvloop 0.23 finds no descriptor then
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.transport.abort()

    def _refuse(self, status: int, detail: str) -> bool:
        """Answers what is no request, and closes. Returns False."""
        if self.closing:
            return False
        from pottle.http.problems import PROBLEM, body_of  # not above: gunicorn's master reads this file

        body = msgspec.json.encode(body_of(status, detail))
        headers = [*self._server.default_headers, (b"content-type", PROBLEM.encode())]
        headers += [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(b"".join((shortcuts.STATUS_LINES[status], *lines, b"\r\n", body)))
        self._left = self._left or 1  # it may go on
        self.close()
        return False

    def _end_if_idle(self) -> None:
        if not (self._running or self._waiting or self._left or self._websocket):
            self.close()

    def _tick(self) -> None:
        """Ends connections that say nothing, or not all, for too long."""
        if self.closing or self._websocket:
            return
        left = HEAD_SECONDS
        if not self._running:
            limit = self._keep_alive if self._asked and not self._waiting else HEAD_SECONDS
            since = (self._asked and self._head_since) or self.since
            left = min(since + limit - self.loop.time(), HEAD_SECONDS)
        if left > 0:
            self._ticking = self.loop.call_later(left, self._tick)
        elif self._waiting:
            self._refuse(408, "The request's headers took too long.")
        else:
            self.close()

    def _watch(self, watched: bool) -> None:
        """Cuts a client that takes nothing of what it was sent."""
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        if watched and (unsent := self.transport.get_write_buffer_size()):
            self._stuck = self.loop.call_later(STUCK_SECONDS, self._look, unsent)

    def _look(self, before: int) -> None:
        if self.transport.get_write_buffer_size() < before:
            self._watch(True)
        else:
            self.abort()
