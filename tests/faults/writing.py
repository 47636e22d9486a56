"""People who post as fast as they can, and an account of what became of each post."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests import databases
from tests.faults.reaching import on_each_worker, single
from tests.live.meeting import Meeting

PROBLEM = "application/problem+json"


class Writing:
    """Two writers on each worker, and what each of their posts was answered, by its text."""

    def __init__(self, meeting: Meeting, channel: int, body_bytes: int = 1_000) -> None:
        self.meeting, self.channel = meeting, channel
        self.acknowledged: dict[str, int] = {}  # its id
        self.refused: set[str] = set()
        self.unknown: set[str] = set()
        self.statuses: Counter[int] = Counter()
        self.refusals: list[httpx.Response] = []
        self._filler = "x" * body_bytes

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """While this is entered, they post; when it is left, everything was answered."""
        self._on = True
        clients = [*(await on_each_worker(self.meeting, "alice")).values()]
        clients += (await on_each_worker(self.meeting, "bob")).values()
        writing = [asyncio.create_task(self._write(client)) for client in clients]
        try:
            yield
        finally:
            self._on = False
            await asyncio.gather(*writing)

    async def more(self, status: int, count: int = 20) -> None:
        """Waits until so many more were answered with it."""
        until = self.statuses[status] + count
        async with asyncio.timeout(60):
            while self.statuses[status] < until:
                await asyncio.sleep(0.01)

    async def _write(self, client: httpx.AsyncClient) -> None:
        while self._on:
            body = f"{sum(self.statuses.values())}-{id(client)}-{len(self.unknown)} {self._filler}"
            self.unknown.add(body)
            try:
                answer = await client.post(f"/api/channels/{self.channel}/posts", json={"body": body})
            except httpx.TransportError:
                client = await single(self.meeting, "alice")
                continue
            self.unknown.discard(body)
            self._note(body, answer)

    def _note(self, body: str, answer: httpx.Response) -> None:
        self.statuses[answer.status_code] += 1
        if answer.status_code == 201:
            self.acknowledged[body] = answer.json()["id"]
        else:
            self.refused.add(body)
            self.refusals.append(answer)

    def assert_accounted_for(self) -> None:
        """What was acknowledged is there once, what was refused is not, and every post is whole: L1, L7."""
        stream = (f"channel:{self.channel}",)
        with databases.opened(self.meeting.server.instance) as raw:
            rows = raw.execute("SELECT id, body FROM posts WHERE channel_id = ?", (self.channel,)).fetchall()
            told = raw.execute("SELECT subject FROM changes WHERE stream = ?", stream).fetchall()
            seq = raw.execute("SELECT seq FROM streams WHERE name = ?", stream).fetchone()
            last = raw.execute("SELECT max(seq) FROM changes WHERE stream = ?", stream).fetchone()
            raw.assert_sound()
        kept = {body: id_ for id_, body in rows}
        assert len(kept) == len(rows), "a post is there twice"
        assert self.acknowledged.items() <= kept.items()
        assert not self.refused & kept.keys()
        assert kept.keys() <= self.acknowledged.keys() | self.unknown
        assert sorted(id_ for (id_,) in told) == sorted(kept.values()), "each post has its change"
        assert seq == last
