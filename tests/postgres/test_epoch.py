"""A database that is not the one that was seen has a new epoch (L3): positions of the old one are worth nothing."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.conftest import World
from tests.faults.reaching import on_each_worker
from tests.live.meeting import Frame, Meeting
from tests.postgres.cluster import NAME, Cluster
from tests.server import PATIENCE, Server, attempts

pytestmark = pytest.mark.slow

POSTS = "SELECT count(*) FROM posts WHERE channel_id = %s"
TRY_AGAIN = 1013
LOST = 5  # posts that the other database lacks


async def seen_by(meeting: Meeting, channel: int) -> Frame:
    """The list of a channel, as each worker has it now, and keeps."""
    pages = [await listed(client, channel) for client in (await on_each_worker(meeting, "")).values()]
    assert pages[0] == pages[1] == pages[2]
    return pages[0]


async def assert_new_history(meeting: Meeting, channel: int, lost: Frame) -> None:
    """Each worker has another epoch, answers with what is there now, and lets nobody resume from before.

    The first write passes the old position at once: it exists again, with another meaning.
    """
    made = [{"body": f"instead {n}"} for n in range(LOST + 2)]
    alice, key = await meeting.http("alice"), {"Idempotency-Key": "instead"}
    async for _ in attempts():
        if (await alice.post(f"/api/channels/{channel}/posts/bulk", json={"posts": made}, headers=key)).is_success:
            break
    pages = [await listed(client, channel) for client in (await on_each_worker(meeting, "")).values()]
    for page in pages:
        assert [post["body"] for post in reversed(page["posts"])] == ["kept", *(post["body"] for post in made)]
        assert page["seq"] >= lost["seq"]
    epochs = {page["epoch"] for page in pages}
    for (socket,) in (await meeting.sockets(each=1)).values():
        answer = await socket.ask(type="subscribe", channel=channel, epoch=lost["epoch"], after=lost["seq"])
        assert not answer["recovered"]
        epochs.add(answer["epoch"])
    assert len(epochs - {lost["epoch"]}) == len(epochs) == 1


async def listed(client: httpx.AsyncClient, channel: int) -> Frame:
    got = await client.get(f"/api/channels/{channel}/posts")
    assert got.status_code == 200, got.text
    page: Frame = got.json()
    return page


async def test_a_dump_that_was_restored(meeting: Meeting, cluster: Cluster) -> None:
    """Into the same database, while the server was stopped. Fails without `history`, when nobody noted a position."""
    channel = await meeting.channel()
    await meeting.post(channel, "kept")
    at = ["-U", "postgres", "-h", str(cluster.folder), "-d", NAME]
    dump = str(cluster.folder / "dump")
    cluster.run("pg_dump", *at, "--format=custom", "--file", dump)
    for n in range(LOST):
        await meeting.post(channel, f"lost {n}")
    lost = await seen_by(meeting, channel)
    meeting.server.stop()
    (meeting.server.instance / "postgres-seen").unlink()  # it may be another machine that serves next
    cluster.run("pg_restore", *at, "--clean", dump)
    meeting.server.start()
    await assert_new_history(meeting, channel, lost)


async def test_a_copy_of_the_whole_cluster_that_was_put_back(meeting: Meeting, cluster: Cluster) -> None:
    """As a virtual machine's disk may be: its history is the same. Fails without the position that was noted."""
    channel = await meeting.channel()
    await meeting.post(channel, "kept")
    meeting.server.stop()
    cluster.end()
    copy = cluster.folder / "copy"
    cluster.copy_to(copy)
    cluster.start()
    cluster.wait()
    meeting.server.start()
    for n in range(LOST):
        await meeting.post(channel, f"lost {n}")
    lost = await seen_by(meeting, channel)
    meeting.server.stop()
    cluster.end()
    shutil.rmtree(cluster.data)
    copy.rename(cluster.data)
    cluster.start()
    cluster.wait()
    meeting.server.start()
    await assert_new_history(meeting, channel, lost)


async def falls_behind(meeting: Meeting, channel: int, standby: Cluster) -> Frame:
    """The standby follows no more; what is written now it lacks. The list, as it was last."""
    await until(lambda: standby.ask(POSTS, channel) == [(1,)])
    standby.ask("ALTER SYSTEM SET primary_conninfo = ''")
    standby.ask("SELECT pg_reload_conf()")
    await until(lambda: not standby.ask("SELECT 1 FROM pg_stat_wal_receiver"))
    for n in range(LOST):
        await meeting.post(channel, f"lost {n}")
    return await seen_by(meeting, channel)


@pytest.fixture
async def either(
    cluster: Cluster, standby: Cluster, instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World
) -> AsyncIterator[Meeting]:
    """People at a server on whichever of both is the primary."""
    url = f"postgresql://postgres@/{NAME}?host={cluster.folder},{standby.folder}&target_session_attrs=read-write"
    with Server(instance, tmp_path, POTTLE_DATABASE_URL=url) as server:
        yield Meeting(server, stack, world.tokens)


async def test_a_recovery_to_a_point_in_time(
    cluster: Cluster, instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World
) -> None:
    """As docs/scaling.md says it. Fails without the timeline in `history`, when nobody noted a position."""
    archive, base = cluster.folder / "archive", cluster.folder / "base"
    cluster.end()
    cluster.start(
        "--archive_mode=on", f"--archive_command=mkdir -p {archive} && test ! -f {archive}/%f && cp %p {archive}/%f"
    )
    cluster.wait()
    cluster.run("pg_basebackup", "-h", str(cluster.folder), "-U", "postgres", "-D", str(base), "-c", "fast")
    server = Server(instance, tmp_path, POTTLE_DATABASE_URL=cluster.url)
    with server:
        meeting = Meeting(server, stack, world.tokens)
        channel = await meeting.channel()
        await meeting.post(channel, "kept")
        ((before,),) = cluster.ask("SELECT clock_timestamp()::text")
        for n in range(LOST):
            await meeting.post(channel, f"lost {n}")
        lost = await seen_by(meeting, channel)
    ((written,),) = cluster.ask("SELECT pg_walfile_name(pg_switch_wal())")
    await until((archive / written).exists)
    cluster.end()
    shutil.rmtree(cluster.data)
    base.rename(cluster.data)
    (cluster.data / "recovery.signal").touch()
    (server.instance / "postgres-seen").unlink()
    to = (f"--restore_command=cp {archive}/%f %p", f"--recovery_target_time={before}")
    cluster.start(*to, "--recovery_target_action=promote")
    cluster.wait()
    await until(lambda: cluster.ask("SELECT pg_is_in_recovery()") == [(False,)])
    with server:
        await assert_new_history(Meeting(server, stack, world.tokens), channel, lost)


async def test_a_standby_that_was_behind_when_it_was_promoted(
    either: Meeting, cluster: Cluster, standby: Cluster
) -> None:
    """Under a server that runs on, which has kept answers: the list, and what a subscriber would resume from."""
    channel = await either.channel()
    await either.post(channel, "kept")
    lost = await falls_behind(either, channel, standby)
    listening = await either.sockets(each=1)
    for (socket,) in listening.values():
        await socket.ask(type="subscribe", channel=channel)
    cluster.end(signal.SIGQUIT)
    standby.ask("SELECT pg_promote()")
    assert standby.ask(POSTS, channel) == [(1,)]
    await assert_new_history(either, channel, lost)
    for (socket,) in listening.values():
        assert await socket.rest() == ([], TRY_AGAIN)


async def test_a_standby_whose_promotion_nobody_saw(either: Meeting, cluster: Cluster, standby: Cluster) -> None:
    """A server on another machine is the first to ask it. Fails when `history` leaves the timeline out."""
    channel = await either.channel()
    await either.post(channel, "kept")
    lost = await falls_behind(either, channel, standby)
    either.server.stop()
    (either.server.instance / "postgres-seen").unlink()
    cluster.end(signal.SIGQUIT)
    standby.ask("SELECT pg_promote()")
    either.server.start()
    await assert_new_history(either, channel, lost)


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not happened():
            await asyncio.sleep(0.02)
