"""People who write and read all the time, whatever becomes of the server, and what each of them was told."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx

from tests.live.meeting import Meeting
from tests.server import attempts

WRITERS = 4
PAUSE = 0.1  # seconds, of each of them after whatever they did


class Crowd:
    """`kept` are the posts that were acknowledged, by key; `refused` the texts of those that were given up at a 503."""

    def __init__(self, meeting: Meeting, channel: int) -> None:
        self.kept: dict[str, dict[str, Any]] = {}
        self.refused: list[str] = []
        self.asked_again = 0  # after a 503
        self.reads: set[int] = set()  # the statuses of answers
        self.edits = 0  # that were acknowledged
        self.done = False
        self._meeting, self._url = meeting, f"/api/channels/{channel}/posts"

    async def write(self) -> None:
        """One post after the other, each again with its key until it is acknowledged."""
        while not self.done:
            await self.post(secrets.token_hex(8))
            await asyncio.sleep(PAUSE)

    async def post(self, key: str) -> None:
        """Sends a post until it is acknowledged."""
        async for _ in attempts():
            answer = await self._send(key)
            if answer is not None and answer.status_code == 201:
                before = self.kept.setdefault(key, answer.json())
                assert before["id"] == answer.json()["id"]
                return
            if answer is not None:
                assert (answer.status_code, "Retry-After" in answer.headers) == (503, True), answer.text
                self.asked_again += 1
            await asyncio.sleep(PAUSE)

    async def give_up(self) -> None:
        """One post after the other; what is refused is not sent again."""
        while not self.done:
            key = secrets.token_hex(8)
            answer = await self._send(key)
            if answer is not None and answer.status_code == 503:
                self.refused.append(key)
            elif answer is not None:
                self.kept[key] = answer.json()
            else:  # nobody knows
                await self.post(key)
            await asyncio.sleep(PAUSE)

    async def edit(self) -> None:
        """Writes into one post of another channel how often it was edited."""
        post = (await self._meeting.post(await self._meeting.channel()))["id"]
        http = await self._meeting.http("alice")
        while not self.done:
            with suppress(httpx.TransportError):
                if (await http.patch(f"/api/posts/{post}", json={"body": f"{self.edits + 1}"})).status_code == 200:
                    self.edits += 1
            await asyncio.sleep(PAUSE)

    async def read(self) -> None:
        """Reads the list all the time."""
        while not self.done:
            http = await self._meeting.http("bob")
            with suppress(httpx.TransportError):
                self.reads.add((await http.get(f"{self._url}?limit=5")).status_code)
            await asyncio.sleep(PAUSE)

    async def more(self) -> None:
        """Waits until a good many posts were acknowledged from now on."""
        enough = len(self.kept) + 5 * WRITERS
        async for _ in attempts():
            if len(self.kept) >= enough:
                return
        raise AssertionError("nothing is acknowledged")

    async def more_refused(self) -> None:
        """Waits until a good many were told 503 from now on."""
        enough = self.asked_again + len(self.refused) + 5 * WRITERS
        async for _ in attempts():
            if self.asked_again + len(self.refused) >= enough:
                return
        raise AssertionError("nothing is refused")

    async def _send(self, key: str) -> httpx.Response | None:
        """The answer; None where there was none."""
        http = await self._meeting.http("alice")
        try:
            return await http.post(self._url, json={"body": key}, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            return None


@asynccontextmanager
async def crowded(meeting: Meeting, channel: int) -> AsyncIterator[Crowd]:
    """They are there meanwhile, and finish what they are at. What one of them fails at is raised at once."""
    crowd = Crowd(meeting, channel)
    async with asyncio.TaskGroup() as tasks:
        for each in [*[crowd.write] * WRITERS, crowd.give_up, crowd.edit, crowd.read]:
            tasks.create_task(each())
        try:
            yield crowd
        finally:
            crowd.done = True
