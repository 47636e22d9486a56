"""The application: Quart, with our routes, our bounds, and two shorter ways."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from flask.sansio.blueprints import Blueprint
from flask.templating import _default_template_ctx_processor as of_flask
from quart import Quart, Request
from quart.typing import ResponseTypes

from api.http.asgi import Headers, Scope
from api.http.bodies import BoundedRequest
from api.http.inline import InlineConnection
from api.http.routing import Routes
from api.http.watching import ROUTE
from model.store.unit import envelope


class Ready(Protocol):
    """An answer that can be sent as it is: a status, headers as HTTP/1.1 has them with the empty line, and a body."""

    body: bytes

    def status_for(self, headers: Headers) -> int:
        """200 or 304."""

    def head(self, status: int) -> bytes:
        """The headers."""


# Asked by a server that can (api/server/http.py) with a request's ASGI scope, before it begins a task for it.
AtOnce = Callable[[Scope], Ready | None]


class Application(Quart):
    """Quart as Pottle needs it."""

    url_map_class = Routes
    request_class = BoundedRequest
    asgi_http_class = InlineConnection  # type: ignore[assignment]  # its types name ASGI's dicts
    at_once: AtOnce | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ensure_async = lru_cache(maxsize=1_000)(super().ensure_async)  # type: ignore[method-assign]

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Quart's, without what every blueprint inherits from Flask: Quart 0.22 runs it in a thread, for each page."""
        inherited = blueprint.template_context_processors[None]
        if of_flask in inherited:
            inherited.remove(of_flask)
        super().register_blueprint(blueprint, **options)

    async def handle_request(self, request: Request) -> ResponseTypes:
        """Serves one request, and takes note of its route.

        What surrounds its write is its own: a request that came right behind another, over one connection, is begun in
        the other's context.
        """
        before = envelope.set(None)
        try:
            return await super().handle_request(request)
        finally:
            envelope.reset(before)
            scope: Scope = request.scope  # type: ignore[assignment]  # a dict like any, to ASGI middleware
            scope[ROUTE] = request.url_rule.rule if request.url_rule else "none"
