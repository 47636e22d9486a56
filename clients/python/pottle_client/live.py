"""The websocket: one connection for each thing that is followed, read only as fast as the caller reads.

So nothing is queued here: a caller that is slow makes the server wait, which closes the connection when that takes too
long, and then it is resumed from the last change that the caller got.
"""

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import cast

import websockets
from pottle_client.requests import Problem
from pottle_client.shapes import Json, Position

BROKE_A_RULE, TOO_LARGE, RESTARTING, SIGNED_OUT = 1008, 1009, 1012, 4401
MEANINGS = {"not-found": 404, "unauthenticated": 401}


class Missed(Exception):
    """The server can no longer tell what happened since then: read the list again."""


def connections(url: str) -> aclosing[AsyncGenerator[websockets.ClientConnection, None]]:
    """One connection, and another one after each that was lost, ever more slowly while nobody answers.

    `async with connections(url) as sockets: async for socket in sockets: …`
    """
    found = aiter(websockets.connect(url.replace("http", "ws", 1) + "/api/live"))
    return aclosing(cast(AsyncGenerator[websockets.ClientConnection, None], found))


async def begin(socket: websockets.ClientConnection, token: str | None) -> None:
    if token:
        await socket.send(json.dumps({"type": "auth", "token": token}))


async def lost(closed: websockets.ConnectionClosed) -> None:
    """Waits as long as it takes until it makes sense to connect again. Raises Problem where it does not."""
    code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (None, "")
    if code == SIGNED_OUT:
        raise Problem(401, {"title": "Signed out", "detail": "The session or token has ended."}) from closed
    if code in (BROKE_A_RULE, TOO_LARGE):
        raise Problem(400, {"title": "Refused", "detail": reason}) from closed
    await asyncio.sleep(random.uniform(0.05, 2 if code == RESTARTING else 0.5))  # noqa: S311 - not all clients at once


def after(position: Position | None) -> Json:
    """What a subscription says to go on after it."""
    return {"epoch": position["epoch"], "after": position["seq"]} if position else {}


async def frames(socket: websockets.ClientConnection, until: str = "") -> AsyncIterator[Json]:
    """What comes, frame by frame; from the answer `until` on, for what comes before answers the last question.

    Raises Problem for what the server refuses, ConnectionClosed when the connection is lost.
    """
    begun = not until
    while True:
        received = json.loads(await socket.recv())
        for frame in received if isinstance(received, list) else [received]:
            begun = begun or frame["type"] == until
            if frame["type"] == "error":
                raise Problem(MEANINGS.get(frame["code"], 400), {"title": frame["code"], **frame})
            if begun:
                yield frame
