"""Somebody who follows a channel through whatever happens to the server, and resumes where they were."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

from websockets import ConnectionClosed, InvalidHandshake

from tests.live.meeting import Meeting
from tests.server import PATIENCE, connected


class Follower:
    """The ids of the posts that it was told of, in order; none may be missing between two changes."""

    def __init__(self, meeting: Meeting, channel: int, epoch: str, seq: int) -> None:
        self.told: list[int] = []
        self.resumed = 0
        self._meeting, self._channel = meeting, channel
        self._epoch, self._seq = epoch, seq

    async def follow(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                async with AsyncExitStack() as stack:
                    await self._follow(stack)
            except (ConnectionClosed, InvalidHandshake, OSError):
                self.resumed += 1
                await asyncio.sleep(0.05)

    async def _follow(self, stack: AsyncExitStack) -> None:
        socket, _ = await connected(stack, self._meeting.server)
        at = {"epoch": self._epoch, "after": self._seq}
        answer = await socket.ask(type="subscribe", channel=self._channel, **at)
        assert (answer["type"], answer["epoch"], answer["recovered"]) == ("subscribed", self._epoch, True), answer
        while True:
            self._note(await socket.receive())

    def _note(self, change: dict[str, Any]) -> None:
        assert (change["type"], change["prev"]) == ("change", self._seq), f"a gap after {self._seq}: {change}"
        self._seq = change["seq"]
        self.told.append(change["post"]["id"])

    async def has(self, posts: list[int]) -> None:
        """Waits until it was told of these, each once."""
        async with asyncio.timeout(PATIENCE):
            while len(self.told) < len(posts):
                await asyncio.sleep(0.02)
        assert sorted(self.told) == sorted(posts)


@asynccontextmanager
async def following(meeting: Meeting, channel: int, count: int) -> AsyncIterator[list[Follower]]:
    """So many of them meanwhile. What one of them fails at is raised at the end."""
    page = await meeting.listed(channel)
    followers = [Follower(meeting, channel, page["epoch"], page["seq"]) for _ in range(count)]
    tasks = [asyncio.create_task(follower.follow()) for follower in followers]
    try:
        yield followers
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
