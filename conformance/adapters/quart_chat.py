"""Quart's chat tutorial on gunicorn with three uvicorn workers: one room, no list, no ids, no resumption.

It has no acknowledgement either. What counts as one is what its page shows the author: the own message coming back.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conformance import peers
from conformance.adapters.gunicorn import UnderGunicorn
from conformance.adapters.protocol import Closed, Joined, Position, Told, Unknown
from conformance.adapters.websocket import Websocket

ROOM = "room"
ECHO_SECONDS = 5


class QuartChat(UnderGunicorn):
    """See adapters/protocol.py."""

    name = "quart_chat"
    offers: frozenset[str] = frozenset()

    async def start(self, channels: int) -> list[str]:
        """There is one room, however many channels are asked for."""
        flags = ("--worker-class", "uvicorn_worker.UvicornWorker", "--no-control-socket")
        await self.serve("quart_chat_app:app", Path(peers.__path__[0]), *flags)
        return [ROOM]

    async def writer(self) -> "ChatWriter":
        """A new author."""
        return ChatWriter(f"ws://127.0.0.1:{self.port}/ws")

    async def reader(self, quick: bool = False) -> Any:
        """There are no lists."""
        raise NotImplementedError

    async def connect(self, after: Mapping[str, Position], account: Any = None) -> "ChatConnection":
        """Whoever is connected is subscribed: the handshake is answered by a task that subscribes first."""
        return ChatConnection(await Websocket.open(f"ws://127.0.0.1:{self.port}/ws"))

    async def account(self) -> Any:
        """There are no accounts."""
        raise NotImplementedError

    async def revoke(self, account: Any) -> str:
        """There are no rights."""
        raise NotImplementedError


class ChatWriter:
    """An author, who reads along to see the own messages."""

    keyed = False

    def __init__(self, url: str) -> None:
        self.url = url
        self.raw: Websocket | None = None

    async def write(self, channel: str, marker: str) -> str:
        """Sends, and waits for the message to come back."""
        try:
            if self.raw is None:
                self.raw = await Websocket.open(self.url)
            async with asyncio.timeout(ECHO_SECONDS):
                await self.raw.send(marker)
                while await self.raw.receive() != marker:
                    pass
        except (Closed, TimeoutError) as error:
            await self.close()
            raise Unknown(repr(error)) from error
        return ""

    async def write_badly(self, channel: str, marker: str) -> str:
        """Nothing is refused."""
        raise NotImplementedError

    async def close(self) -> None:
        """Ends its connection."""
        raw, self.raw = self.raw, None
        if raw:
            await raw.drop(politely=True)


class ChatConnection:
    """Somebody in the room."""

    def __init__(self, raw: Websocket) -> None:
        self.raw = raw
        self.drop = raw.drop
        self._joined = False

    async def receive(self) -> Joined | Told:
        """The next message."""
        if not self._joined:
            self._joined = True
            return Joined(ROOM)
        return Told(ROOM, await self.raw.receive())
