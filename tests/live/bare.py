"""An ASGI application with nothing in it but what test_server.py asks of a server."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

flooded: Message = {}  # the scope of the WebSocket that was flooded last


async def app(scope: Message, receive: Receive, send: Send) -> None:
    talk = {"lifespan": lifespan, "http": answer, "websocket": converse}[scope["type"]]
    await talk(scope, receive, send)


async def lifespan(_: Message, receive: Receive, send: Send) -> None:
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})
    Path(os.environ["ENDED"]).touch()


async def answer(scope: Message, receive: Receive, send: Send) -> None:
    if scope["path"] == "/slow":
        Path(os.environ["BEGUN"]).touch()
    while (await receive()).get("more_body"):
        pass
    if scope["path"] == "/cut":
        flooded["extensions"]["pottle.abort"]()
    unsent = flooded["extensions"]["pottle.unsent"]() if flooded else 0
    about = {"unsent": unsent, "client": scope["client"][0], "scheme": scope["scheme"]}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(about).encode()})


async def converse(scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/push":
        await push(scope["extensions"])
    elif scope["path"] != "/echo":
        await flood(scope, send)
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def flood(scope: Message, send: Send) -> None:
    """Sends without an end to /flood, and to /trickle until something stays unsent."""
    flooded.update(scope)
    unsent = scope["extensions"]["pottle.unsent"]
    while scope["path"] == "/flood" or not unsent():
        await send({"type": "websocket.send", "text": "x" * 16_000})


async def push(extensions: Message) -> None:
    """Writes frames until there is no room, waits until there is, and writes one more."""
    later = asyncio.Event()
    while extensions["pottle.room"](later.set):
        extensions["pottle.write"](b"\x81\x7e\x10\x00" + b"x" * 0x1000)
    Path(os.environ["BEGUN"]).touch()
    await later.wait()
    extensions["pottle.write"](b"\x81\x04room")
    Path(os.environ["ROOM"]).touch()
