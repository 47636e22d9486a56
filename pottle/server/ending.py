"""How connections end with their worker: between two requests, never in the middle of one.

uvicorn's own way out closes every connection that has no request to answer at that moment: also one whose request is
only half there, or was sent and not yet read.
"""

from typing import cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from pottle.server.http import HttpProtocol
from pottle.server.websocket import WebSocketProtocol

LAST_REQUEST_SECONDS = 0.5  # for a request that may be on its way, on a connection that has none
HANDSHAKE_SECONDS = 0.01  # between two looks whether a websocket is open


class EndingHttpProtocol(HttpProtocol):
    """Ends a connection only when it is idle: as nginx does with `keepalive_min_timeout`, and for the same reason.

    A client cannot know that the server is about to close, and what it then sends is lost. One race remains, as HTTP
    has it (RFC 9112, 9.3.1): a request that sets out more than LAST_REQUEST_SECONDS later, and meets the close.
    """

    ending = False
    half_there = False  # a request whose head has begun and not ended

    def on_message_begin(self) -> None:
        self.half_there = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        before = self.cycle
        super().on_headers_complete()
        self.half_there = False
        if self.ending and self.cycle is not before:
            self.cycle.keep_alive = False
            if self.pipeline and not before.response_started:
                before.keep_alive = True  # it is not the last one any more

    def _answered_at_once(self, cycle: RequestResponseCycle) -> bool:
        return not self.ending and super()._answered_at_once(cycle)  # the last answers say that they are

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.ending:
            self._end_soon()

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        if self.ending:
            cast(WebSocketProtocol, self.transport.get_protocol()).shutdown()

    def shutdown(self) -> None:
        """Closes after the requests that have begun, and those that come within a moment."""
        self.ending = True
        if self._under_way():
            self.cycle.keep_alive = False
        else:
            self._end_soon()

    def _end_soon(self) -> None:
        self.loop.call_later(LAST_REQUEST_SECONDS, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self in self.connections and not self.half_there and not self._under_way():
            self.transport.close()


class EndingWebSocketProtocol(WebSocketProtocol):
    """Says 1012 also to whom uvicorn would answer 500: a client that has just asked for a websocket."""

    def shutdown(self) -> None:
        if self.handshake_complete:
            super().shutdown()
        else:
            self.loop.call_later(HANDSHAKE_SECONDS, self.shutdown)
