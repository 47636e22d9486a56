"""Requests that are served in the server's own task.

Quart 0.22 makes two tasks for each request, and on Python 3.11 one more for each of its two time limits. A request that
has arrived whole needs none of them, and neither does an answer that is there (docs/decisions/short-ways.md).
"""

import asyncio
from functools import partial
from typing import Any, cast

from quart import Request, Response
from quart.asgi import ASGIHTTPConnection, _handle_exception
from quart.wrappers.response import DataBody

from pottle.http.asgi import Message, Receive, Send
from pottle.http.bodies import RequestHeaders

WITHOUT_BODY = ("GET", "HEAD")  # a body that comes with them is not read
NO_BODY = {"type": "http.request"}
BEGIN_SECONDS = 1.0  # for a body to begin; Quart's way has a limit for the whole of it, BODY_TIMEOUT


class InlineConnection(ASGIHTTPConnection):
    """Serves one request. What arrives in pieces, and an answer that is a stream, goes Quart's way.

    There somebody watches whether the client is still there. Here nobody does: a handler runs to its end.
    """

    answer: Any = None

    async def __call__(self, receive: Receive, send: Send) -> None:  # type: ignore[override]  # it names ASGI's dicts
        message: Message | None = NO_BODY if self.scope["method"] in WITHOUT_BODY else await _first(receive)
        if message is None or message["type"] != "http.request" or message.get("more_body"):
            again = _again(message, receive) if message else receive
            await super().__call__(again, send)  # type: ignore[arg-type]
            return
        request = self._create_request_from_scope(send)
        request.body.append(message.get("body", b""))
        request.body.set_complete()
        try:
            self.answer = await self.app.handle_request(request)
        except Exception as error:
            self.answer = await _handle_exception(self.app, error)
        if isinstance(self.answer, Response) and isinstance(self.answer.response, DataBody):
            await self._send_whole(send, self.answer.response)
        else:
            await super().__call__(receive, send)  # type: ignore[arg-type]

    def _create_request_from_scope(self, send: Any) -> Request:
        """As Quart's, where a request is as usual."""
        scope = self.scope
        if scope["http_version"] < "1.1" or not scope["path"].startswith(prefix := scope.get("root_path", "") + "/"):
            return super()._create_request_from_scope(send)  # which knows what to make of it
        client = scope.get("client") or ("<local>", 0)
        sent = [(name.decode("latin-1").title(), value.decode("latin-1")) for name, value in scope["headers"]]
        return self.app.request_class(
            scope["method"],
            scope["scheme"],
            scope["path"][len(prefix) - 1 :],
            scope["query_string"],
            RequestHeaders([("Remote-Addr", client[0]), *sent]),
            scope.get("root_path", ""),
            scope["http_version"],
            body_timeout=self.app.config["BODY_TIMEOUT"],
            send_push_promise=partial(self._send_push_promise, send),
            scope=scope,
        )

    async def handle_request(self, request: Request, send: Any) -> None:
        """Quart's task: only sends, where there is an answer already."""
        if self.answer is None:
            await super().handle_request(request, send)
        else:
            await self._send_response(send, self.answer)

    async def _send_whole(self, send: Send, body: DataBody) -> None:
        headers = [(name.lower().encode(), value.encode()) for name, value in self.answer.headers.items()]
        await send({"type": "http.response.start", "status": self.answer.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": body.data[body.begin : body.end]})


async def _first(receive: Receive) -> Message | None:
    """What a client sends after its request's head; None where that is slow in coming, or never comes."""
    try:
        async with asyncio.timeout(BEGIN_SECONDS):
            return await receive()
    except TimeoutError:
        return None


def _again(first: Message, receive: Receive) -> Receive:
    """Brings `first` once more, and then what follows it."""
    waiting = [first]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return cast(Receive, received)
