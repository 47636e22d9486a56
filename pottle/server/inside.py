"""What uvicorn's own protocols see of a connection of ours: a transport, a server's state, a configuration.

All that is known of uvicorn is here and in connection.py: a protocol is made of `(config, server_state, app_state)`, of
a state it uses `connections`, `tasks`, `default_headers` and `total_requests`, and the application is `loaded_app`.
"""

from copy import copy
from functools import lru_cache
from typing import Any

from pottle.server import shortcuts

KEY = "pottle.connection"  # of the ASGI scope's state
FOREVER_SECONDS = 10 * 365 * 86_400.0

Scope = dict[str, Any]
Message = dict[str, Any]


class Inside:
    """The transport as uvicorn's protocols see it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._transport = connection.transport
        self.close, self.write = connection.close, connection.write

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

    def set_protocol(self, protocol: Any) -> None:
        """The connection becomes a websocket."""
        self._connection.upgrade(protocol)


class Answer:
    """ASGI's `send` for one request."""

    __slots__ = ("_connection", "_send")

    def __init__(self, connection: Any, send: Any) -> None:
        self._connection, self._send = connection, send

    async def __call__(self, message: Message) -> None:
        """Sends a part of the answer."""
        if message["type"] == "http.response.start" and self._connection.is_last():
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._connection.answered()


class Apart:
    """A server's state as uvicorn's protocols see it: the connections that the server ends are ours."""

    def __init__(self, state: Any) -> None:
        self._state = state
        self.tasks = state.tasks
        self.connections: set[Any] = set()

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        """Of every answer."""
        headers: list[tuple[bytes, bytes]] = self._state.default_headers
        return headers

    @property
    def total_requests(self) -> int:
        """How many requests were answered."""
        return int(self._state.total_requests)

    @total_requests.setter
    def total_requests(self, number: int) -> None:
        self._state.total_requests = number


class Seen:
    """An ASGI application whose connections see what it is asked and how it answers."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.at_once = shortcuts.at_once(app)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serves one request or websocket."""
        await scope["state"].pop(KEY).serve(self._app, scope, receive, send)


@lru_cache(maxsize=1)
def inside_of(config: Any) -> Any:
    """uvicorn's configuration for its own protocols: the application as we see it, and our own limit for silence."""
    inside = copy(config)
    inside.loaded_app = Seen(config.loaded_app)
    inside.timeout_keep_alive = FOREVER_SECONDS
    return inside
