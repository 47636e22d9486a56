"""A connection inside this process, without a socket: what it would send is taken by hand."""

import asyncio
import json
from typing import Any

import msgspec

from model.accounts import session
from pottle import times
from pottle.live.connection import Connection
from pottle.live.watches import Asker
from pottle.store import db


class Listener:
    """A `Connection` and what the hub has for it. It reads only when told to, so a test can have it lag."""

    def __init__(self, found: session.Identity | None = None, token: str = "") -> None:
        self.closed: int | None = None
        asker = Asker("http", "", ((b"host", b"pottle.test"),))
        self.connection = Connection(found, self._close, asker=asker.signed_in(token) if token else asker)
        self._taken: list[dict[str, Any]] = []

    @classmethod
    async def of(cls, token: str, endless: bool = False) -> "Listener":
        """Somebody's. `endless`: its session does not expire, so that no event loop is needed to end it."""
        found = await session.identify(token)
        assert found is not None
        return cls(msgspec.structs.replace(found, expires=times.FOREVER) if endless else found, token)

    async def send(self, **frame: Any) -> None:
        """Sends one frame."""
        await self.connection.hear(json.dumps(frame))

    async def ask(self, **frame: Any) -> dict[str, Any]:
        """Sends one frame and returns the answer; changes stay for `take`."""
        await self.send(**frame)
        answer, *_ = [json.loads(reply) for reply in self.connection._replies]
        self.connection._replies.clear()
        return dict(answer)

    async def take(self) -> list[dict[str, Any]]:
        """All that is there to be sent by now."""
        await db.caught_up()
        frames: list[dict[str, Any]] = []
        while not self.closed:
            if message := self.connection.next_message():
                got = json.loads(message)
                frames += got if isinstance(got, list) else [got]
            elif pages := [*self.connection._pages.values()]:
                await asyncio.wait(pages)
                await asyncio.sleep(0)  # then it is woken
            else:
                break
        return frames

    def leave(self) -> None:
        """The client hangs up."""
        self.connection.leave()

    def _close(self, code: int) -> None:
        self.closed = code
