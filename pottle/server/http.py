"""How uvicorn speaks HTTP for us: bounded in what a client can make it keep."""

from __future__ import annotations

import asyncio
import re
from typing import Any, cast

import httptools
import msgspec
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from pottle.server.descriptors import door
from pottle.server.transports import BoundedTransport, WatchedTransport

PIECE_BYTES = 4 * 1024  # of what a client sends, parsed at a time
HEAD_BYTES = 64 * 1024  # of a request line and headers
HEAD_SECONDS = 10.0  # for a head to arrive, from its first byte or, of the first one, from the connection's beginning
HALF_CLOSED_SECONDS = 10.0  # for answers to a client that sends nothing more: it may as well have gone
WEBSOCKET_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")


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
        self.said_all = False
        self.since = self.loop.time()  # when the newest request's head was there; before it, the connection
        self.head_timer: asyncio.TimerHandle | None = self.loop.call_later(HEAD_SECONDS, self._head_is_late)
        # As pottle/http/asgi.py has it; None where middleware is around that has to see every request.
        self.at_once = getattr(getattr(self.config.loaded_app, "asgi_app", None), "at_once", None)
        if not door.lets_in(self.connections, self):
            BoundedTransport(self.watch.transport, self.loop).abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.unparsed = b""
        self._head_is_here()
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

    def keeps_us_waiting(self) -> tuple[bool, float] | None:
        """Since when we wait for it: (False, …) for its first request, (True, …) for the rest of one or for the next.
        None while it waits for us."""
        if self._answers_soon():
            return None
        return self.cycle is not None, self.since

    def _answers_soon(self) -> bool:
        """Whether a request that has arrived whole is being answered."""
        running = self.running
        return running is not None and not running.response_complete and not running.more_body

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's says None, and with it "close"
        """Lets a client that only ends its own side hear its answers (RFC 9112, 9.6)."""
        self.said_all = True
        if self.scheme == "https" or not (self.unparsed or self._answers_soon()):  # TLS has no half
            return False
        self.loop.call_later(HALF_CLOSED_SECONDS, self.transport.close)
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
        if "method" not in cast(dict[str, Any], self.scope):  # the next one, half there
            self._expect_head()
        if self.said_all and not self.unparsed and not self._answers_soon():
            self.transport.close()

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
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(piece[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")
            self.refuse(400, "This is not HTTP.")
        self.parsing = False
        scope: dict[str, Any] | None = cast(Any, self.scope)
        if scope is not None and "method" not in scope:  # a head without its end
            self._bound_head(scope, len(piece))
        if self.timeout_keep_alive_task is None and not self._under_way():
            self._expect_head()

    def _under_way(self) -> bool:
        return bool(self.cycle) and not self.cycle.response_complete

    def _expect_head(self) -> None:
        """Gives the next request's head its time."""
        if self.head_timer is None and self in self.connections:  # and not a websocket by now
            self.head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_is_here(self) -> None:
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None

    def _head_is_late(self) -> None:
        if cast(Any, self.scope):
            self.refuse(408, "The request's headers took too long.")
        else:  # it has said nothing at all
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._head_is_here()
        if self.parser.should_upgrade() and not self._should_upgrade():
            return  # and httptools raises HttpParserUpgrade
        self.since = self.loop.time()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        """Whether this is a WebSocket handshake (RFC 6455, 4.2.1), the only upgrade that there is here."""
        given = dict(self.headers)
        return (
            self.parser.get_method() == b"GET"
            and super()._should_upgrade()
            and given.get(b"sec-websocket-version") == b"13"
            and WEBSOCKET_KEY.fullmatch(given.get(b"sec-websocket-key", b"")) is not None
        )

    def _upgrade(self, rest: bytes) -> None:
        if self._should_upgrade():
            self.handle_websocket_upgrade()
        elif self.parser.get_method() == b"CONNECT":
            self.refuse(400, "This is not a proxy.")
        else:
            self._without_upgrade(rest)

    def _without_upgrade(self, rest: bytes) -> None:
        """Reads a request once more as if it asked for no upgrade: httptools takes what follows for another protocol,
        and uvicorn would wait for a body that has come."""
        first = b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        lines = [b"%b: %b" % pair for pair in self.headers if pair[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._parse_piece(b"\r\n".join((first, *lines, b"", rest)))

    def refuse(self, status: int, detail: str) -> None:
        """Answers what is no request, and closes."""
        if self.transport.is_closing():
            return
        from pottle.http.problems import PROBLEM, body_of  # not above: gunicorn's master reads this file

        body = msgspec.json.encode(body_of(status, detail))
        headers = [*self.server_state.default_headers, (b"content-type", PROBLEM.encode())]
        headers += [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(b"".join((STATUS_LINE[status], *lines, b"\r\n", body)))
        self.transport.close()

    def _bound_head(self, scope: dict[str, Any], more: int) -> None:
        """uvicorn would keep all of a head that never ends."""
        self.head_bytes = self.head_bytes + more if scope is self.head else more
        self.head = scope
        if self.head_bytes > HEAD_BYTES:
            self.refuse(400, "The headers are too large.")

    def handle_websocket_upgrade(self) -> None:
        """Requests before it that are not answered yet never will be: what follows is not HTTP any more."""
        self.unparsed = b""  # what comes before the upgrade was answered is neither HTTP nor WebSocket
        self._drop_unanswered()
        self.watch.head = b""
        self.transport = self.watch.transport
        super().handle_websocket_upgrade()
        upgraded = cast(WebSocketsSansIOProtocol, self.transport.get_protocol())
        if upgraded.conn.handshake_exc is not None and not self.transport.is_closing():
            self.refuse(400, "This is no WebSocket handshake.")  # uvicorn would never answer it

    def pause_writing(self) -> None:
        super().pause_writing()
        self.watch.watched(True)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.watch.watched(self.transport.is_closing())
