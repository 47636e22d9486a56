"""Another application beside Pottle, below a path of its own: a Flask project that is moved here bit by bit."""

from typing import Any

from pottle.http.asgi import Receive, Scope, Send, escaped


class Beside:
    """ASGI middleware: `other` answers requests for `path` ("/old") and what is below it, `app` everything else.

    `other` is an ASGI application, so `WSGIMiddleware(flask_app)` of a2wsgi. It makes its URLs with `path` in them.
    """

    def __init__(self, app: Any, path: str, other: Any) -> None:
        self._app, self._path, self._other = app, path.rstrip("/"), other

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request or websocket, or the server's start and end, which only `app` hears of."""
        if scope["type"] == "http" and self._below(scope):
            root, query = scope.get("root_path", "") + self._path, escaped(scope["query_string"])
            await self._other({**scope, "root_path": root, "query_string": query}, receive, send)
        else:
            await self._app(scope, receive, send)

    def _below(self, scope: Scope) -> bool:
        root = scope.get("root_path", "") + self._path
        return f"{scope['path']}/".startswith(f"{root}/")
