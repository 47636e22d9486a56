"""A chat server as Quart's documentation teaches it ("Tutorial: Building a basic chat server").

Written anew after the tutorial's steps 3 to 6, without its page: everybody is in one room; a broker in the process's
memory puts each message into a queue for each connection. There are no accounts, no list and no message ids. The
tutorial's summary says itself that messages reach only those who are connected to the same server instance.
"""

import asyncio
from collections.abc import AsyncGenerator

from quart import Quart, websocket

app = Quart(__name__)


class Broker:
    """Who is connected to this process."""

    def __init__(self) -> None:
        self.connections: set[asyncio.Queue[str]] = set()

    async def publish(self, message: str) -> None:
        """Hands `message` to everybody."""
        for connection in self.connections:
            await connection.put(message)

    async def subscribe(self) -> AsyncGenerator[str, None]:
        """Every message from now on."""
        connection: asyncio.Queue[str] = asyncio.Queue()
        self.connections.add(connection)
        try:
            while True:
                yield await connection.get()
        finally:
            self.connections.remove(connection)


broker = Broker()


async def _receive() -> None:
    while True:
        message = await websocket.receive()
        await broker.publish(str(message))


@app.websocket("/ws")
async def ws() -> None:
    """The room."""
    task = asyncio.ensure_future(_receive())
    try:
        async for message in broker.subscribe():
            await websocket.send(message)
    finally:
        task.cancel()
        await task
