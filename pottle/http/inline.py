"""Requests that are served in the server's own task.

Quart 0.22 makes two tasks for each request, and on Python 3.11 one more for each of its two time limits. A request that
has arrived whole needs none of them (docs/decisions/short-ways.md). POTTLE_SHORTCUTS=off has Quart serve all requests.
"""

import asyncio
from typing import Any, cast

from quart import Quart, Response
from quart.asgi import ASGIHTTPConnection
from quart.debug import traceback_response
from quart.wrappers.response import DataBody
from werkzeug.datastructures import Headers

from pottle.http.asgi import Message, Receive, Scope, Send
from pottle.http.bodies import BoundedRequest

WITHOUT_BODY = ("GET", "HEAD")  # a body that comes with them is not read
NO_BODY = {"type": "http.request"}
BEGIN_SECONDS = 1.0  # for a body to begin; Quart has a limit for the whole of it, BODY_TIMEOUT


class InlineConnection:
    """Serves one request. Quart serves what arrives in pieces.

    While Quart serves, it watches whether the client is still there. Here only a streamed answer is stopped when the
    client goes; a handler runs to its end.
    """

    def __init__(self, app: Quart, scope: Scope) -> None:
        self._app, self._scope = app, scope

    async def __call__(self, receive: Receive, send: Send) -> None:
        """Serves it."""
        message: Message | None = NO_BODY if self._scope["method"] in WITHOUT_BODY else await _first(receive)
        here = message is not None and message["type"] == "http.request" and not message.get("more_body")
        if message is None or not here or self._scope["http_version"] != "1.1":
            quarts: Any = ASGIHTTPConnection(self._app, self._scope)  # type: ignore[arg-type]  # it names ASGI's dicts
            await quarts(_again(message, receive) if message else receive, send)
            return
        answer = await self._answer(message.get("body", b""))
        if not isinstance(answer, Response):  # werkzeug's own, such as a redirect
            await _start(answer, send)
            await send({"type": "http.response.body", "body": answer.get_data()})
        elif isinstance(whole := answer.response, DataBody):
            await _start(answer, send)
            await send({"type": "http.response.body", "body": whole.data[whole.begin : whole.end]})
        else:
            await _while_there(self._stream(answer, send), receive)

    async def _answer(self, body: bytes) -> Any:
        scope = self._scope
        prefix = scope.get("root_path", "")
        sent = [(name.decode("latin-1").title(), value.decode("latin-1")) for name, value in scope["headers"]]
        headers = Headers()
        headers[:] = [("Remote-Addr", (scope.get("client") or ("<local>",))[0]), *sent]  # twice as fast as one by one
        request = cast(type[BoundedRequest], self._app.request_class)(
            scope["method"],
            scope["scheme"],
            scope["path"].removeprefix(prefix) if scope["path"].startswith(prefix + "/") else " ",  # which is 404
            scope["query_string"],
            headers,
            prefix,
            scope["http_version"],
            cast(Any, scope),
            max_content_length=self._app.config["MAX_CONTENT_LENGTH"],
            body_timeout=self._app.config["BODY_TIMEOUT"],
            send_push_promise=_no_push,
            whole=body,
        )
        try:
            return await self._app.handle_request(request)
        except Exception as error:
            if self._app.debug or self._app.testing:
                return await traceback_response(error)
            raise

    async def _stream(self, answer: Response, send: Send) -> None:
        await _start(answer, send)
        async with answer.response as pieces:
            async for piece in pieces:
                body = piece.encode() if isinstance(piece, str) else piece
                await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


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


async def _start(answer: Any, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})


async def _while_there(streaming: Any, receive: Receive) -> None:
    """Runs `streaming` until it ends or the client has gone."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.ensure_future(streaming), asyncio.ensure_future(gone())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(error := results[0], Exception):
        raise error


async def _no_push(path: str, headers: Headers) -> None:
    """HTTP/1.1 has no server push."""
