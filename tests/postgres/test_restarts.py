"""PostgreSQL crashes and starts again (`pg_ctl restart -m immediate`) under writers, readers and subscribers."""

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.faults.eyes import has, on_every_worker
from tests.faults.reaching import on_each_worker
from tests.lasting import SEED
from tests.live.meeting import Meeting
from tests.postgres.cluster import Cluster
from tests.postgres.following import following
from tests.server import PATIENCE, Server, wait_until

pytestmark = pytest.mark.slow

CRASHES = 3
EACH = 10  # posts of each author between two crashes


class Author:
    """Posts over one connection to one worker, each until it is acknowledged, and looks for it over another."""

    def __init__(self, name: str, writing: httpx.AsyncClient, reading: httpx.AsyncClient, channel: int) -> None:
        self.made: list[int] = []
        self.over = False
        self.answers: Counter[str] = Counter()
        self._name, self._writing, self._reading = name, writing, reading
        self._path = f"/api/channels/{channel}/posts"

    async def write(self) -> None:
        while not self.over:
            body = f"{self._name}-{len(self.made)}"
            self.made.append(await self._acknowledged(body))
            seen = await self._reading.get(f"{self._path}?limit=100")
            self.answers[f"read {seen.status_code}"] += 1
            assert seen.status_code == 503 or f'"{body}"' in seen.text, f"{body} is not in {seen.text}"

    async def _acknowledged(self, body: str) -> int:
        while True:
            answer = await self._writing.post(self._path, json={"body": body}, headers={"Idempotency-Key": body})
            self.answers[f"write {answer.status_code}"] += 1
            if answer.status_code == 201:
                id_: int = answer.json()["id"]
                return id_
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) > 0
            await asyncio.sleep(0.05)


async def test_it_crashes_under_load(meeting: Meeting, cluster: Cluster) -> None:
    """Nothing acknowledged is lost or there twice, nobody who listens misses anything, no answer is stale, and the
    epoch stays, for it is the same database."""
    channel = await meeting.channel()
    before = await meeting.listed(channel)
    reading = [*(await on_each_worker(meeting, "charlie")).values()]
    authors = []
    for by in ("alice", "bob"):
        for n, client in enumerate((await on_each_worker(meeting, by)).values()):
            authors.append(Author(f"{by}-{n}", client, reading[n - 1], channel))
    witnesses = await on_every_worker(meeting.stack, meeting.server, random.Random(SEED))

    async with following(meeting, channel, 6) as followers:
        async with asyncio.TaskGroup() as group:
            for author in authors:
                group.create_task(author.write())
            for _ in range(CRASHES):
                await more(authors)
                cluster.crash()
            await more(authors)
            for author in authors:
                author.over = True
        made = sorted(id_ for author in authors for id_ in author.made)
        for follower in followers:
            await follower.has(made)
    rows = cluster.ask("SELECT id FROM posts WHERE channel_id = %s", channel)
    assert sorted(id_ for (id_,) in rows) == made
    assert (await meeting.listed(channel))["epoch"] == before["epoch"]
    path = f"/api/channels/{channel}/posts"
    for n in range(10):
        await witnesses.see(meeting.post(channel, f"afterwards-{n}"), {path: has(f"afterwards-{n}")})
    print(sum((author.answers for author in authors), Counter()), [follower.resumed for follower in followers])


def test_a_server_that_starts_before_it_waits(cluster: Cluster, instance: Path, tmp_path: Path) -> None:
    """As after the loss of power. Fails where gunicorn ends when a worker cannot start."""
    cluster.end()
    server = Server(instance, tmp_path, POTTLE_DATABASE_URL=cluster.url)
    starting = threading.Thread(target=server.start)
    starting.start()
    wait_until(lambda: server.log.exists() and "Waiting to start" in server.output(), "a worker", server.output)
    cluster.start()
    starting.join()
    assert server.ready()
    server.stop()


async def more(authors: list[Author]) -> None:
    """Waits until each has written more."""
    wanted = {author: len(author.made) + EACH for author in authors}
    await until(lambda: all(len(author.made) >= many for author, many in wanted.items()))


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not happened():
            await asyncio.sleep(0.02)
