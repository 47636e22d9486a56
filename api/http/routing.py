"""How a request finds its route: by its path alone, whatever host it names."""

import re
from typing import Any

from quart.routing import QuartMap
from quart.wrappers.base import BaseRequestWebsocket
from werkzeug.exceptions import BadHost
from werkzeug.routing import MapAdapter


def escaped(query: bytes) -> bytes:
    """A query with its bytes beyond ASCII as browsers would send them: whoever reads it reads the same."""
    return query if query.isascii() else re.sub(rb"[\x80-\xff]", lambda found: b"%%%02X" % found[0][0], query)


class Routes(QuartMap):
    """Quart's map without three faults (Quart 0.22, werkzeug 3.1).

    It raises, where no error handler hears it, for a host such as `a..b` and for a query that is not UTF-8; and it
    redirects from `//` to `/` on whatever host was named.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.merge_slashes = False

    def bind_to_request(
        self, request: BaseRequestWebsocket, subdomain: str | None, server_name: str | None
    ) -> MapAdapter:
        """The map for one request or websocket; there are no subdomains here."""
        query = escaped(request.query_string).decode()
        rest = (request.root_path, "", request.scheme, request.method, request.path, query)
        try:
            return self.bind(request.host.lower(), *rest)
        except BadHost:
            return self.bind("", *rest)
