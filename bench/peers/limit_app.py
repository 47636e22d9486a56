"""The least that an ASGI application can do: it says what it was told to say, and knows nothing.

BYTES is a file with a JSON object: `{kind: {status, headers: [[name, value]], body}}`, kinds being list, post, create
and home.
"""

import json
import os
from pathlib import Path
from typing import Any

Message = dict[str, Any]


def _answer(told: Any) -> tuple[Message, Message]:
    headers = [(name.encode("latin1"), value.encode("latin1")) for name, value in told["headers"]]
    start = {"type": "http.response.start", "status": told["status"], "headers": headers}
    return start, {"type": "http.response.body", "body": told["body"].encode()}


ANSWERS = {kind: _answer(told) for kind, told in json.loads(Path(os.environ["BYTES"]).read_text()).items()}


async def app(scope: Message, receive: Any, send: Any) -> None:
    """Answers by the first letters of the path."""
    if scope["type"] != "http":
        await _talk(scope, receive, send)
        return
    if scope["method"] == "POST":
        while (await receive()).get("more_body"):
            pass
        start, body = ANSWERS["create"]
    elif scope["path"] == "/":
        start, body = ANSWERS["home"]
    else:
        start, body = ANSWERS["post" if scope["path"].startswith("/api/posts/") else "list"]
    await send(start)
    await send(body)


async def _talk(scope: Message, receive: Any, send: Any) -> None:
    """Accepts a websocket and waits for its end; starts and stops at once."""
    websocket = scope["type"] == "websocket"
    if websocket:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": '{"type":"hello"}'})
    while (message := await receive())["type"] != "websocket.disconnect":
        if websocket:
            await send({"type": "websocket.send", "text": '{"type":"subscribed"}'})
        else:
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
