"""The application: Quart, with our bounds."""

from typing import Any

from flask.sansio.blueprints import Blueprint
from quart import Quart, Request
from quart.typing import ResponseTypes

from pottle.http import contexts
from pottle.http.asgi import Scope
from pottle.http.bodies import BoundedRequest
from pottle.http.inline import InlineConnection
from pottle.http.watching import ROUTE
from pottle.store.unit import envelope


class Application(Quart):
    """Quart as Pottle needs it."""

    request_class = BoundedRequest
    asgi_http_class = InlineConnection  # type: ignore[assignment]  # its types name ASGI's dicts

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.url_map.merge_slashes = False  # it would redirect from `//` to whatever host was named

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Quart's. Its commands have our context, as in Flask.

        What every blueprint inherits from Flask is left out: Quart 0.22 would run it in a thread, for each page.
        """
        contexts.give(blueprint.cli)
        given = blueprint.template_context_processors[None]
        given[:] = [processor for processor in given if processor.__module__ != "flask.templating"]
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
