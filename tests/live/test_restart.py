"""L3 and L7 over the end of a server: what was acknowledged is there, and a client goes on where it was."""

import asyncio
import os
import shutil
import signal
import sqlite3
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import databases
from tests.conftest import World
from tests.live.meeting import Frame, Meeting, changes
from tests.server import Server, calling, connected, wait_until


def stopped(server: Server) -> None:
    server.stop()


def killed(server: Server) -> None:
    server.kill()


@pytest.mark.slow
@pytest.mark.parametrize("end", [stopped, killed])
async def test_posts_sessions_and_positions_survive(own_meeting: Meeting, end: Any) -> None:
    """Everything that was there is there again, after TERM and after kill -9 of everything."""
    meeting, server = own_meeting, own_meeting.server
    channel = await meeting.channel()
    made = [await meeting.post(channel, f"{n}") for n in range(5)]
    listed = await meeting.listed(channel)
    profile = (await (await meeting.http("bob")).get("/api/me")).json()
    socket = await meeting.socket()
    subscribed = await socket.ask(type="subscribe", channel=channel, epoch=listed["epoch"], after=0)
    heard = await changes(socket, 5)
    end(server)
    server.start()

    assert await meeting.listed(channel) == listed
    assert (await (await meeting.http("bob")).get("/api/me")).json() == profile
    missed = await meeting.post(channel, "missed")
    again, hello = await connected(meeting.stack, server)
    assert hello["epoch"] == subscribed["epoch"]
    position = {"epoch": subscribed["epoch"], "after": heard[2]["seq"]}
    assert (await again.ask(type="subscribe", channel=channel, **position))["recovered"]
    assert [change["post"] for change in await changes(again, 3)] == [*made[3:], missed]


@pytest.mark.slow
async def test_what_was_acknowledged_survives_the_death_of_everything(own_meeting: Meeting) -> None:
    """L7. Three people post as fast as they can until all processes are killed under them.

    kill -9 keeps what the kernel already has, so this shows that nothing is answered before it is committed (it
    fails when the writer's thread answers before it commits); the loss of power is not tested here.
    """
    meeting, server = own_meeting, own_meeting.server
    channel = await meeting.channel()
    acknowledged: list[Frame] = []
    enough = asyncio.Event()

    async def write(by: str) -> None:
        client = await calling(meeting.stack, server, meeting.token(by))
        while True:
            try:
                answer = await client.post(f"/api/channels/{channel}/posts", json={"body": by})
            except httpx.TransportError:
                return
            acknowledged.append(answer.json())
            if len(acknowledged) > 60:
                enough.set()

    writing = [asyncio.create_task(write(by)) for by in ("alice", "bob", "charlie") * 2]
    await enough.wait()
    server.kill()
    await asyncio.gather(*writing)
    server.start()
    with databases.opened(server.instance) as raw:
        kept = {id_ for (id_,) in raw.execute("SELECT id FROM posts WHERE channel_id = ?", (channel,))}
        told = {id_ for (id_,) in raw.execute("SELECT subject FROM changes WHERE stream = ?", (f"channel:{channel}",))}
        raw.assert_sound()
    assert {post["id"] for post in acknowledged} <= kept
    assert told == kept, "L1: in the log if and only if it was written"


@pytest.mark.slow
async def test_sockets_are_told_of_a_stop_with_1012(own_meeting: Meeting) -> None:
    found = await own_meeting.sockets(each=1)
    own_meeting.server.stop()
    for (socket,) in found.values():
        assert await socket.rest() == ([], 1012)


@pytest.mark.slow
async def test_sockets_are_told_of_a_reload_with_1012_and_go_on_at_the_new_workers(own_meeting: Meeting) -> None:
    """HUP: the master stays, its workers are replaced, and nobody misses anything."""
    meeting, server = own_meeting, own_meeting.server
    channel = await meeting.channel()
    made = await meeting.post(channel)
    found = await meeting.sockets(each=1)
    before = {}
    for worker, (socket,) in found.items():
        before[worker] = await socket.ask(type="subscribe", channel=channel)
    server.process.send_signal(signal.SIGHUP)
    for (socket,) in found.values():
        assert await socket.rest() == ([], 1012)
    wait_until(lambda: len(server.processes()) == 4 and not before.keys() & set(server.processes()), "new workers")
    missed = await meeting.post(channel, "missed")
    for (socket,) in (await meeting.sockets(each=1)).values():
        position = {"epoch": before.popitem()[1]["epoch"], "after": 0}
        assert (await socket.ask(type="subscribe", channel=channel, **position))["recovered"]
        assert [change["post"] for change in await changes(socket, 2)] == [made, missed]


@pytest.mark.slow
async def test_a_worker_that_dies_is_replaced_and_the_others_serve_on(own_meeting: Meeting) -> None:
    meeting, server = own_meeting, own_meeting.server
    channel = await meeting.channel()
    found = await meeting.sockets(each=1)
    (victim, (lost,)), *others = found.items()
    for _, (socket,) in others:
        await socket.ask(type="subscribe", channel=channel)
    os.kill(victim, signal.SIGKILL)
    assert await lost.rest() == ([], 1006)
    async with httpx.AsyncClient(
        base_url=server.url, headers={"Authorization": f"Bearer {meeting.token('bob')}"}
    ) as bob:
        made = (await bob.post(f"/api/channels/{channel}/posts", json={"body": "still here"})).json()
    for _, (socket,) in others:
        assert (await changes(socket, 1))[0]["post"] == made
    wait_until(lambda: len(server.processes()) == 4 and victim not in server.processes(), "a new worker")


async def epoch_of(server: Server) -> str:
    """The epoch that all workers say."""
    async with AsyncExitStack() as stack:
        found = await Meeting(server, stack, {}).sockets(each=1)
        epochs = {(await sockets[0].ask(type="subscribe", channel=1))["epoch"] for sockets in found.values()}
    (epoch,) = epochs
    return str(epoch)


def copied(database: Path, to: Path) -> None:
    """A copy of all that is committed, in one file, as a backup should be made."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(to)) as backup:
        source.backup(backup)


def put_in_place(server: Server, backup: Path) -> None:
    """Restores a backup as an operator would: the server stopped, the old database out of the way."""
    for name in ("app.db", "app.db-wal", "app.db-shm"):
        (server.instance / name).unlink(missing_ok=True)
    shutil.copy(backup, server.instance / "app.db")


@pytest.mark.sqlite("a copy of its file; tests/postgres/test_epoch.py has PostgreSQL's")
@pytest.mark.slow
async def test_a_restored_older_copy_is_a_new_epoch(own_meeting: Meeting, tmp_path: Path) -> None:
    """What comes after a backup is lost with it, and seqs are given again: a position from before means nothing.

    Fails when `instance.identify` does not look at what the turn file noted.
    """
    meeting, server = own_meeting, own_meeting.server
    channel = await meeting.channel()
    await meeting.post(channel, "kept")
    copied(server.instance / "app.db", tmp_path / "backup.db")
    for n in range(3):
        await meeting.post(channel, f"lost {n}")
    lost = await meeting.listed(channel)
    server.stop()
    put_in_place(server, tmp_path / "backup.db")
    server.start()

    for n in range(5):
        await meeting.post(channel, f"instead {n}")
    assert (await meeting.listed(channel))["seq"] > lost["seq"], "the old position exists again, with another meaning"
    socket, hello = await connected(meeting.stack, server)
    assert hello["epoch"] != lost["epoch"]
    subscribed = await socket.ask(type="subscribe", channel=channel, epoch=lost["epoch"], after=lost["seq"])
    assert not subscribed["recovered"]


@pytest.mark.sqlite("a copy of its file; tests/postgres/test_epoch.py has PostgreSQL's")
@pytest.mark.slow
async def test_a_database_that_came_alone_is_a_new_epoch(own_meeting: Meeting, tmp_path: Path, world: World) -> None:
    """`app.db` moved to another machine without `app.db-turn`: nobody knows whether it is the newest copy."""
    meeting, server = own_meeting, own_meeting.server
    channel = await meeting.channel()
    made = await meeting.post(channel)
    listed = await meeting.listed(channel)
    server.stop()
    alone = tmp_path / "alone"
    alone.mkdir()
    copied(server.instance / "app.db", alone / "app.db")
    with Server(alone, tmp_path) as other:
        async with AsyncExitStack() as stack:
            there = Meeting(other, stack, world.tokens)
            moved = await there.listed(channel)
            assert moved["posts"] == [made]
            assert moved["epoch"] != listed["epoch"]
            assert await epoch_of(other) == moved["epoch"]


@pytest.mark.slow
async def test_it_can_be_stopped_while_people_post_and_none_of_it_is_lost_or_doubled(own_meeting: Meeting) -> None:
    """TERM drains the writer: a request gets its answer or no connection, and an answer means a post."""
    meeting, server = own_meeting, own_meeting.server
    channel = await meeting.channel()
    acknowledged: list[int] = []
    enough = asyncio.Event()

    async def write(by: str) -> None:
        client = await calling(meeting.stack, server, meeting.token(by))
        while True:
            try:
                answer = await client.post(f"/api/channels/{channel}/posts", json={"body": by})
            except httpx.TransportError:
                return
            assert answer.status_code == 201, answer.text
            acknowledged.append(answer.json()["id"])
            if len(acknowledged) > 20:
                enough.set()

    writing = [asyncio.create_task(write(by)) for by in ("alice", "bob", "charlie")]
    await enough.wait()
    await asyncio.to_thread(server.stop)
    await asyncio.gather(*writing)
    with databases.opened(server.instance) as raw:
        kept = [id_ for (id_,) in raw.execute("SELECT id FROM posts WHERE channel_id = ?", (channel,))]
    assert set(acknowledged) <= set(kept)
    assert len(kept) <= len(acknowledged) + 3, "at most one each was written whose answer was lost"
    assert "Traceback" not in server.output()
