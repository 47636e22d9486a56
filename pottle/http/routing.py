"""How a request finds its route: by its path alone, whatever host it names."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from quart.routing import QuartMap
from quart.wrappers.base import BaseRequestWebsocket
from werkzeug.exceptions import BadHost
from werkzeug.routing import MapAdapter, Rule, RuleFactory

MOST_KNOWN = 10_000  # paths whose routes are known
LONGEST_KNOWN = 100  # characters; so 6 MB at most


def escaped(query: bytes) -> bytes:
    """A query with its bytes beyond ASCII as browsers would send them: whoever reads it reads the same."""
    return query if query.isascii() else re.sub(rb"[\x80-\xff]", lambda found: b"%%%02X" % found[0][0], query)


class Routes(QuartMap):
    """Quart's map without three faults (Quart 0.22, werkzeug 3.1).

    It raises, where no error handler hears it, for a host such as `a..b` and for a query that is not UTF-8; and it
    redirects from `//` to `/` on whatever host was named.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.known: dict[tuple[object, ...], tuple[Rule, Mapping[str, Any]]] = {}
        super().__init__(*args, **kwargs)
        self.merge_slashes = False

    def add(self, rulefactory: RuleFactory) -> None:
        """Adds routes."""
        self.known.clear()
        super().add(rulefactory)

    def bind_to_request(
        self, request: BaseRequestWebsocket, subdomain: str | None, server_name: str | None
    ) -> MapAdapter:
        """The map for one request or websocket; there are no subdomains here."""
        return Bound(self, request)


class Bound(MapAdapter):
    """The map for one request or websocket, which looks once for the route of a method and path.

    What has none is looked for each time: the answer may be a redirect, which depends on more.
    """

    map: Routes

    def __init__(self, routes: Routes, request: BaseRequestWebsocket) -> None:
        self.map = routes
        self.request = request
        self.script_name = request.root_path.removesuffix("/") + "/"
        self.subdomain = ""
        self.url_scheme = request.scheme
        self.path_info = request.path
        self.default_method = request.method
        self.websocket = request.scheme in ("ws", "wss")

    @cached_property
    def server_name(self) -> str:  # type: ignore[override]  # only redirects and whole URLs need it
        """The host that was asked."""
        try:
            return self.map.bind(self.request.host.lower()).server_name
        except BadHost:
            return ""

    @cached_property
    def query_args(self) -> str:  # type: ignore[override]
        """What a redirect leads to besides the path."""
        return escaped(self.request.query_string).decode()

    def match(self, *args: Any, **options: Any) -> Any:
        """The route and its values, as werkzeug's."""
        if args or options != {"return_rule": True}:
            return super().match(*args, **options)
        key = self.websocket, self.default_method, self.path_info
        known = self.map.known
        if (found := known.get(key)) is None:
            found = super().match(return_rule=True)
            if len(known) >= MOST_KNOWN:
                known.clear()
            if len(self.path_info) <= LONGEST_KNOWN:
                known[key] = found
        rule, values = found
        return rule, dict(values)
