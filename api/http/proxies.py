"""Reverse proxies: what a trusted one says of the client is believed, what anybody else says is not; and the prefix.

Every site on the web can be asked with any header, so X-Forwarded-* counts only from `POTTLE_TRUSTED_PROXIES`. The path
of `POTTLE_URL` is the prefix under which the proxy shows Pottle; whether the proxy takes it off a request's path or
leaves it there makes no difference.
"""

import logging

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.http.asgi import App, Ready, Receive, Scope, Send, at_once
from api.http.watching import TRUSTED

log = logging.getLogger("pottle")

FORWARDED = (b"x-forwarded-for", b"x-forwarded-proto")


class BehindProxies:
    """ASGI middleware: gives `app` the client's own address and scheme, and `prefix` ("" or "/pottle")."""

    def __init__(self, app: App, trusted: tuple[str, ...], prefix: str) -> None:
        self._prefix = prefix
        self._app = app
        believing = ProxyHeadersMiddleware(app, list(trusted))  # type: ignore[arg-type]  # it names ASGI's dicts
        self._believing: App = believing  # type: ignore[assignment]
        self._trusted = believing.trusted_hosts
        self._told = False
        self._ready = at_once(app)

    def at_once(self, scope: Scope) -> Ready | None:
        """Whoever the client is: what the application has ready is for everybody."""
        return self._ready(self.inside(scope)) if self._ready else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or websocket."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        scope = self.inside(scope)
        peer = scope["client"][0] if scope.get("client") else None
        if peer in self._trusted:
            scope[TRUSTED] = True
            await self._believing(scope, receive, send)
            return
        if not self._told:
            self._tell(scope, peer)
        await self._app(scope, receive, send)

    def inside(self, scope: Scope) -> Scope:
        """As ASGI has it: the path is the whole one, and `root_path` says how much of it is the prefix."""
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
