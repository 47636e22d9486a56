"""The ASGI types that our middleware uses (asgi.readthedocs.io), and the interface of cached responses."""

import re
from asyncio import Future
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

# Where in the scope the language of an answer is found (pottle/http/languages.py), if it depends on it:
SPOKEN = "pottle.spoken"  # on what the client's headers ask for
CHOSEN = "pottle.chosen"  # on what the person chose who is signed in


class Middleware:
    """Around an ASGI application. A subclass has a method `http`, or `websocket`; what it has none for passes by."""

    def __init__(self, app: App) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serves one request or websocket, or the server's start and end."""
        serve: App = getattr(self, scope["type"], self.app)
        return serve(scope, receive, send)


def header(scope: Scope, wanted: bytes) -> str | None:
    """A request's first header of the name `wanted`, which is in small letters; None without one."""
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value, "latin-1")
    return None


def escaped(query: bytes) -> bytes:
    """A query with its bytes beyond ASCII as browsers would send them: whoever reads it reads the same."""
    return query if query.isascii() else re.sub(rb"[\x80-\xff]", lambda found: b"%%%02X" % found[0][0], query)


class Ready(Protocol):
    """An answer that can be sent as it is."""

    def status_for(self, headers: Headers) -> int:
        """The status, 200, 304 or 412, for a request with these headers."""

    def head(self, status: int) -> bytes:
        """Its headers as HTTP/1.1 has them, with the empty line."""

    def body_for(self, status: int, method: str) -> bytes:
        """What follows them."""


R = TypeVar("R")


class Soon(NamedTuple, Generic[R]):
    """An answer that may have become stale: `ask` for it once somebody has `looked`, if that did not fail."""

    looked: Future[None]
    ask: Callable[[], R | None]


AtOnce = Callable[[Scope], Ready | Soon[Ready] | None]


def at_once(app: Any) -> AtOnce | None:
    """What a server may ask `app` before there is a task for a request (pottle/server/shortcuts.py), or None.

    Middleware that passes such questions on has a method `at_once`. Around any other, nothing is answered at once: it
    sees every request.
    """
    found: AtOnce | None = getattr(app, "at_once", None)
    return found
