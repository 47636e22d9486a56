"""Requests that are served in the server's own task.

Quart 0.22 makes two tasks for each request, and on Python 3.11 one more for each of its two time limits. A request that
has arrived whole needs none of them, and neither does an answer that is there (docs/decisions/short-ways.md).
"""

from typing import Any, cast

from quart import Request, Response
from quart.asgi import ASGIHTTPConnection, _handle_exception
from quart.wrappers.response import DataBody

from api.http.asgi import Message, Receive, Send

WITHOUT_BODY = ("GET", "HEAD")  # a body that comes with them is not read
NO_BODY = {"type": "http.request"}


class InlineConnection(ASGIHTTPConnection):
    """Serves one request. What arrives in pieces, and an answer that is a stream, goes Quart's way.

    There somebody watches whether the client is still there. Here nobody does: a handler runs to its end.
    """

    answer: Any = None

    async def __call__(self, receive: Receive, send: Send) -> None:  # type: ignore[override]  # it names ASGI's dicts
        message: Message = NO_BODY if self.scope["method"] in WITHOUT_BODY else await receive()
        if message["type"] != "http.request" or message.get("more_body"):
            await super().__call__(_again(message, receive), send)  # type: ignore[arg-type]
            return
        request = self._create_request_from_scope(send)  # type: ignore[arg-type]
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


def _again(first: Message, receive: Receive) -> Receive:
    """Brings `first` once more, and then what follows it."""
    waiting = [first]

    async def received() -> Message:
        return waiting.pop() if waiting else await receive()

    return cast(Receive, received)
