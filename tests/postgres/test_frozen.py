"""A worker stands still with the turn, and a connection is lost between the COMMIT and its answer."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from model.settings import Settings
from pottle.store import Tx, postgres
from pottle.store.database import Database
from pottle.store.instance import fact, put
from pottle.store.postgres import HELD_SECONDS, TURN
from tests.cases import in_turn
from tests.conftest import World
from tests.faults.reaching import on_each_worker
from tests.live.meeting import Meeting
from tests.postgres.cluster import NAME, Cluster
from tests.postgres.cutting import Connection, Cut, Proxy, after_it, before_it, while_it_is_on_its_way
from tests.server import Server, attempts

pytestmark = pytest.mark.slow

MANY = 300  # posts of one transaction, which takes long enough to be met in its middle
BODIES = "SELECT body FROM posts WHERE channel_id = %s ORDER BY id"


async def test_a_worker_that_stands_still_with_the_turn(meeting: Meeting, cluster: Cluster) -> None:
    """Others write again after HELD_SECONDS. What it was about to write is there as a whole, or not at all and answered
    with 503."""
    channel = await meeting.channel()
    path = f"/api/channels/{channel}/posts"
    (frozen, client), (_, other), _ = (await on_each_worker(meeting, "alice")).items()
    many = {"posts": [{"body": f"many {n}"} for n in range(MANY)]}
    asked = asyncio.create_task(client.post(f"{path}/bulk", json=many))
    while not await asyncio.to_thread(cluster.holders, TURN):
        assert not asked.done(), asked.result().text
    os.kill(frozen, signal.SIGSTOP)
    assert await asyncio.to_thread(cluster.holders, TURN), "it was too late"
    begun = time.monotonic()
    answer = await other.post(path, json={"body": "meanwhile"})
    waited = time.monotonic() - begun
    os.kill(frozen, signal.SIGCONT)
    assert answer.status_code == 201, answer.text
    assert HELD_SECONDS / 2 < waited < HELD_SECONDS + 3
    answer = await asked
    bodies = [body for (body,) in cluster.ask(BODIES, channel)]
    if answer.is_success:
        assert bodies == ["meanwhile", *(post["body"] for post in many["posts"])]
    else:
        assert answer.status_code == 503, answer.text
        assert bodies == ["meanwhile"]
    assert (await client.post(path, json={"body": "afterwards"})).status_code == 201
    print(f"Others waited for {waited:.1f} s; then it was answered {answer.status_code}")


async def test_a_batch_that_was_broken_off_runs_again(
    cluster: Cluster, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the writer goes on after it had lost the turn, nothing of the first time is left."""
    monkeypatch.setattr(postgres, "HELD_SECONDS", 1)
    runs: list[str | None] = []

    def unit(tx: Tx) -> str | None:
        runs.append(fact(tx, "tried"))
        put(tx, "tried", "once")
        if len(runs) == 1:
            time.sleep(1.5)
        return fact(tx, "tried")

    database = Database()
    await database.open(Settings(instance=instance, database_url=cluster.url))
    assert await database.write(unit) == "once"
    assert runs == [None, None]
    await database.close()


@pytest.fixture
async def proxy(cluster: Cluster) -> AsyncIterator[Proxy]:
    """Between the server and PostgreSQL."""
    async with Proxy(cluster.folder / ".s.PGSQL.5432") as running:
        yield running


@pytest.fixture
async def far(
    proxy: Proxy, instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World
) -> AsyncIterator[Meeting]:
    """People at a server whose PostgreSQL is behind the proxy."""
    url = f"postgresql://postgres@127.0.0.1:{proxy.port}/{NAME}?sslmode=disable&gssencmode=disable"
    server = Server(instance, tmp_path, POTTLE_DATABASE_URL=url)
    await asyncio.to_thread(server.start)
    yield Meeting(server, stack, world.tokens)
    await asyncio.to_thread(server.stop)


@in_turn(("cut", "status"), [(after_it, 201), (before_it, 503), (while_it_is_on_its_way, 201)])
async def test_a_commit_whose_answer_is_lost(
    far: Meeting, proxy: Proxy, cluster: Cluster, cut: Cut, status: int
) -> None:
    """The writer asks what became of it, and says so; nothing runs twice."""
    channel = await far.channel()
    body = f"The connection is lost {cut.__name__}"
    proxy.lose(body, cut)
    answer = await (await far.http("alice")).post(f"/api/channels/{channel}/posts", json={"body": body})
    assert answer.status_code == status, answer.text
    assert proxy.cuts
    assert cluster.ask(BODIES, channel) == ([(body,)] if status == 201 else [])
    assert (await far.post(channel, "afterwards"))["body"] == "afterwards"


async def test_a_commit_that_a_crash_undid(far: Meeting, proxy: Proxy, cluster: Cluster) -> None:
    """What is committed next has the same number of a transaction, and must not be taken for it. Fails (201) when the
    writer asks for that number alone."""
    channel = await far.channel()
    cluster.ask("ALTER SYSTEM SET wal_writer_delay = '10s'")  # or it may have the number on the disk already
    cluster.ask("SELECT pg_reload_conf()")
    one, other, _ = (await on_each_worker(far, "alice")).values()

    async def crash(_connection: Connection, _asked: bytes) -> None:
        cluster.crash()
        await acknowledged(other, channel, "the next one")

    proxy.lose("undone", crash)
    answer = await one.post(f"/api/channels/{channel}/posts", json={"body": "undone"})
    assert answer.status_code == 503, answer.text
    assert cluster.ask(BODIES, channel) == [("the next one",)]


async def acknowledged(client: httpx.AsyncClient, channel: int, body: str) -> None:
    """Posts until it is answered with success."""
    async for _ in attempts():
        post = {"json": {"body": body}, "headers": {"Idempotency-Key": body}}
        if (await client.post(f"/api/channels/{channel}/posts", **post)).is_success:
            return
