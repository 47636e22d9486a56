"""How uvicorn speaks HTTP for us: bounded in what a client can make it keep."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from api.server.descriptors import door
from api.server.transports import BoundedTransport, WatchedTransport

PIECE_BYTES = 4 * 1024  # of what a client sends, parsed at a time
HEAD_BYTES = 64 * 1024  # of a request line and headers


class HeldFlow(FlowControl):
    """Flow control that reads nothing more while it is held."""

    held = False

    def hold(self, held: bool) -> None:
        self.held = held
        if held:
            self.pause_reading()

    def resume_reading(self) -> None:
        if not self.held:
            super().resume_reading()


class HttpProtocol(HttpToolsProtocol):
    """Bounds what a client costs that sends many requests at once, or does not read the answers.

    uvicorn parses all that has arrived and keeps some KB for each request that waits for its turn: 60,000 in one go
    would be 140 MB. Here the next ones stay bytes, at most what one read brings, until those before are answered.
    """

    flow: HeldFlow

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.watch = WatchedTransport(cast(asyncio.Transport, transport), self.loop)
        super().connection_made(cast(asyncio.Transport, self.watch))
        self.flow = HeldFlow(self.transport)
        self.unparsed = b""
        self.head: dict[str, Any] | None = None
        self.head_bytes = 0
        self.running: RequestResponseCycle | None = None
        self.parsing = False
        # As api/http/asgi.py has it; None where middleware is around that has to see every request.
        self.at_once = getattr(getattr(self.config.loaded_app, "asgi_app", None), "at_once", None)
        if door.shut(len(self.connections)):
            BoundedTransport(self.watch.transport, self.loop).abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.unparsed = b""
        self._drop_unanswered()  # uvicorn tells the last request to have arrived, which may still be waiting
        super().connection_lost(exc)
        self.watch.watched(False)

    def _drop_unanswered(self) -> None:
        self.pipeline.clear()
        if self.running is not None:
            self.running.disconnected = True
            self.running.message_event.set()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self.running = cycle
        if not self._answered_at_once(cycle):
            super()._start_asgi_task(cycle, app)

    def _answered_at_once(self, cycle: RequestResponseCycle) -> bool:
        """Sends what the response cache has, without a task and in one piece: half the work of the shortest ASGI
        application (docs/decisions/short-ways.md). Whatever is not as usual takes the long way."""
        last = cycle is self.cycle  # else the next one of a long line would be answered in here
        if self.flow.write_paused or cycle.waiting_for_100_continue or not cycle.keep_alive or not last:
            return False
        scope: Any = cycle.scope
        if self.at_once is None or (ready := self.at_once(scope)) is None:
            return False
        status = ready.status_for(scope["headers"])
        body = ready.body_for(status, scope["method"])
        lines = [b"%b: %b\r\n" % header for header in self.server_state.default_headers]  # the date
        self.watch.transport.write(b"".join((STATUS_LINE[status], *lines, ready.head(status), body)))
        cycle.response_started = cycle.response_complete = True
        self.on_response_complete()
        return True

    def data_received(self, data: bytes) -> None:
        if self.unparsed or len(data) > PIECE_BYTES:
            self.unparsed += data
            self._parse()
        else:
            self._parse_piece(data)

    def on_response_complete(self) -> None:
        self.watch.flush()
        super().on_response_complete()
        if self.unparsed and not self.parsing and not self.transport.is_closing():
            self._parse()

    def _parse(self) -> None:
        """Goes on until a request has to wait. Whatever runs then reads on, when it is answered at the latest."""
        while self.unparsed and not self.pipeline:
            piece, self.unparsed = self.unparsed[:PIECE_BYTES], self.unparsed[PIECE_BYTES:]
            self._parse_piece(piece)
            if self.transport.is_closing():
                self.unparsed = b""
        self.flow.hold(bool(self.unparsed))

    def _parse_piece(self, piece: bytes) -> None:
        self.parsing = True  # in which some are answered at once
        super().data_received(piece)
        self.parsing = False
        scope: dict[str, Any] | None = cast(Any, self.scope)
        if scope is not None and "method" not in scope:  # a head without its end
            self._bound_head(scope, len(piece))

    def _bound_head(self, scope: dict[str, Any], more: int) -> None:
        """uvicorn would keep all of a head that never ends."""
        self.head_bytes = self.head_bytes + more if scope is self.head else more
        self.head = scope
        if self.head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The headers are too large.")

    def handle_websocket_upgrade(self) -> None:
        """Requests before it that are not answered yet never will be: what follows is not HTTP any more."""
        self.unparsed = b""  # what comes before the upgrade was answered is neither HTTP nor WebSocket
        self._drop_unanswered()
        self.watch.head = b""
        self.transport = self.watch.transport
        super().handle_websocket_upgrade()
        upgraded = cast(WebSocketsSansIOProtocol, self.transport.get_protocol())
        if upgraded.conn.handshake_exc is not None and not self.transport.is_closing():
            self.send_400_response("This is no WebSocket handshake.")  # uvicorn would never answer it

    def pause_writing(self) -> None:
        super().pause_writing()
        self.watch.watched(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.watch.watched(self.transport.is_closing())
