"""Reverse proxies: the client's address and scheme from trusted ones only, the path prefix, and the Host header.

Every site on the web can be asked with any header, so X-Forwarded-* counts only from `POTTLE_TRUSTED_PROXIES`. The path
of `POTTLE_URL` is the prefix under which the proxy shows Pottle; whether the proxy takes it off a request's path or
leaves it there makes no difference.
"""

import logging
import re
from functools import lru_cache

import msgspec
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from pottle.http.asgi import App, Headers, Middleware, Ready, Receive, Scope, Send, Soon, at_once, escaped
from pottle.http.problems import PROBLEM, body_of
from pottle.http.watching import TRUSTED

log = logging.getLogger("pottle")

FORWARDED = (b"x-forwarded-for", b"x-forwarded-proto")
# A name or an address, and maybe a port. Names of the kind that DNS, /etc/hosts and Docker have.
HOST = re.compile(rb"(?:(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{0,5}))?")
HOST_BYTES = 262  # 255 of a name, and a port


def names_a_host(scope: Scope) -> bool:
    """Whether a request names the host that it asks, once (RFC 9112, 3.2). HTTP/1.0 need not; HTTP/2 does elsewhere."""
    named = [value for name, value in scope["headers"] if name == b"host"]
    if not named:
        return bool(scope["http_version"] != "1.1")
    return len(named) == 1 and _is_host(named[0])


@lru_cache(maxsize=1_000)
def _is_host(value: bytes) -> bool:
    found = HOST.fullmatch(value) if len(value) <= HOST_BYTES else None
    return found is not None and int(found[1] or 0) < 65_536


class BehindProxies(Middleware):
    """Gives `app` the client's own address and scheme, and `prefix` ("" or "/pottle")."""

    def __init__(self, app: App, trusted: tuple[str, ...], prefix: str) -> None:
        super().__init__(app)
        self._prefix = prefix
        believing = ProxyHeadersMiddleware(app, list(trusted))  # type: ignore[arg-type]  # it names ASGI's dicts
        self._believing: App = believing  # type: ignore[assignment]
        self._trusted = believing.trusted_hosts
        self._told = False
        self._ready = at_once(app)

    def at_once(self, scope: Scope) -> Ready | Soon[Ready] | None:
        """Whoever the client is: what the application has ready is for everybody."""
        return self._ready(self.inside(scope)) if self._ready and names_a_host(scope) else None

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or websocket."""
        if not names_a_host(scope):
            await _refuse(scope, send)
            return
        scope = self.inside(scope)
        peer = scope["client"][0] if scope.get("client") else None
        if peer in self._trusted:
            scope[TRUSTED] = True
            await self._believing(scope, receive, send)
            return
        if not self._told:
            self._tell(scope, peer)
        await self.app(scope, receive, send)

    websocket = http

    def inside(self, scope: Scope) -> Scope:
        """As ASGI has it: the path is the whole one, and `root_path` says how much of it is the prefix.

        And a query in ASCII: Quart 0.22 answers 500 to bytes that are not UTF-8.
        """
        if not (query := scope["query_string"]).isascii():
            scope = {**scope, "query_string": escaped(query)}
        if not self._prefix:
            return scope
        path: str = scope["path"]
        if path == self._prefix:
            path += "/"
        elif not path.startswith(self._prefix + "/"):
            path = self._prefix + path
        return {**scope, "path": path, "root_path": self._prefix}

    def _tell(self, scope: Scope, peer: str | None) -> None:
        """Says once in each worker that somebody's word was ignored, and what to do if it is the proxy."""
        if any(name in FORWARDED for name, _ in scope["headers"]):
            self._told = True
            log.warning(
                "Ignored X-Forwarded-For and X-Forwarded-Proto from %s, which is not trusted. If it is your proxy, "
                "set POTTLE_TRUSTED_PROXIES=%s: until then all its clients look like one.",
                peer,
                peer,
            )


class Beside(Middleware):
    """Has `other` answer requests for `path` ("/old") and what is below it, `app` everything else.

    `other` is an ASGI application, so `WSGIMiddleware(flask_app)` of a2wsgi: a Flask project that is moved here bit by
    bit. It makes its URLs with `path` in them. Of websockets, and of the server's start and end, only `app` hears.
    """

    def __init__(self, app: App, path: str, other: App) -> None:
        super().__init__(app)
        self._path, self._other = path.rstrip("/"), other

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        root = scope.get("root_path", "") + self._path
        if f"{scope['path']}/".startswith(f"{root}/"):
            query = escaped(scope["query_string"])
            await self._other({**scope, "root_path": root, "query_string": query}, receive, send)
        else:
            await self.app(scope, receive, send)


async def _refuse(scope: Scope, send: Send) -> None:
    body = msgspec.json.encode(body_of(400, "The request has to name one host, in one Host header."))
    headers: Headers = [(b"content-type", PROBLEM.encode()), (b"content-length", b"%d" % len(body))]
    kind = "http.response" if scope["type"] == "http" else "websocket.http.response"
    if kind in ("http.response", *(scope.get("extensions") or {})):
        await send({"type": f"{kind}.start", "status": 400, "headers": headers})
        await send({"type": f"{kind}.body", "body": body})
    else:
        await send({"type": "websocket.close"})
