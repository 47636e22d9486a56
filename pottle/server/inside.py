"""What uvicorn's own protocols see of a connection of ours: a transport, a server's state, a configuration.

And its WebSocket protocol, mended in one point.

All that is known of uvicorn is here and in connection.py: a protocol is made of `(config, server_state, app_state)`, of
a state it uses `connections`, `tasks`, `default_headers` and `total_requests`, and the application is `loaded_app`.
"""

from copy import copy
from functools import lru_cache
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from pottle.server import shortcuts

KEY = "pottle.connection"  # of the ASGI scope's state
FOREVER_SECONDS = 10 * 365 * 86_400.0


class Inside:
    """The transport as uvicorn's protocols see it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._transport = connection.transport
        self.close, self.write, self.set_protocol = connection.close, connection.write, connection.upgrade

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether nothing more is to be sent."""
        return bool(self._connection.closing or self._transport.is_closing())

    def pause_reading(self) -> None:
        """What was read has to wait."""
        self._connection.pause(True)

    def resume_reading(self) -> None:
        """More may come."""
        self._connection.pause(False)


class Apart:
    """A server's state as uvicorn's protocols see it: the connections that the server ends, and counts, are ours."""

    def __init__(self, state: Any) -> None:
        self._state = state
        self.connections: set[Any] = set()
        self.total_requests = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._state, name)


@lru_cache(maxsize=1)
def inside_of(config: Any) -> Any:
    """uvicorn's configuration for its own protocols: the application as we see it, and our own limit for silence."""
    app = config.loaded_app

    def serve(scope: dict[str, Any], receive: Any, send: Any) -> Any:
        return scope["state"].pop(KEY).serve(app, scope, receive, send)

    inside = copy(config)
    inside.loaded_app = serve
    inside.timeout_keep_alive = FOREVER_SECONDS
    inside.at_once = shortcuts.at_once(app)
    return inside


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Keeps no empty fragments: they count nothing towards the size of a message, and uvicorn keeps every one."""

    def handle_cont(self, event: Frame) -> None:
        """A further fragment of a message."""
        if event.data or event.fin:
            super().handle_cont(event)
