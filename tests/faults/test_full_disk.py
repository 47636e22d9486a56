"""A disk that is full: nothing acknowledged is lost, nothing is half done, and all is well once there is room."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from model.settings import Settings
from model.store.database import Database
from model.store.first_look import WrongDatabase
from tests.conftest import World, cannot_run, needs
from tests.faults.reaching import all_serve, on_each_worker
from tests.faults.writing import PROBLEM, Writing
from tests.lasting import lasting
from tests.live.meeting import Frame, Meeting, names, unbroken
from tests.server import PATIENCE, Socket, wait_until

pytestmark = pytest.mark.slow

DISK_BYTES = 24_000_000  # SQLite's log takes up to 4 MB or, where it cannot be written back, more


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of this test's own."""
    needs("mount", "umount")
    if os.getuid() != 0:
        cannot_run("needs root, to mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "pottle-test", place], capture_output=True, check=False
    )
    if mounted.returncode:
        cannot_run(f"cannot mount: {mounted.stderr.decode()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def instance(disk: Path, world: World) -> Path:
    """This test's instance folder, on that disk."""
    return Path(shutil.copytree(world.folder, disk / "instance"))


def fill(disk: Path) -> None:
    """Leaves not a byte."""
    with (disk / "ballast").open("ab", buffering=0) as ballast:
        for piece in (1_000_000, 4_096, 1):
            try:
                while True:
                    ballast.write(bytes(piece))
            except OSError:
                continue
    assert shutil.disk_usage(disk).free == 0


def free(disk: Path) -> None:
    (disk / "ballast").unlink()


async def assert_reads(meeting: Meeting, writing: Writing) -> None:
    """Every worker shows the newest post that was acknowledged, cached or not, and pages, and is ready."""
    newest = max(writing.acknowledged.values())
    for client in (await on_each_worker(meeting, "charlie")).values():
        for path in ("/", "/readyz", f"/channels/{writing.channel}", f"/api/posts/{newest}", "/api/me"):
            assert (await client.get(path)).status_code == 200, path
        listed = (await client.get(f"/api/channels/{writing.channel}/posts")).json()
        assert max(post["id"] for post in listed["posts"]) >= newest


@asynccontextmanager
async def listening(socket: Socket, writing: Writing) -> AsyncIterator[None]:
    """Reads what it is told. At the end: every post that was acknowledged, in one unbroken chain."""
    frames: list[Frame] = []

    async def listen() -> None:
        while True:
            frames.append(await socket.receive())

    ears = asyncio.create_task(listen())
    yield
    async with asyncio.timeout(PATIENCE):
        while set(writing.acknowledged.values()) - {frame["post"]["id"] for frame in frames}:
            await asyncio.sleep(0.01)
    ears.cancel()
    assert unbroken(frames)
    assert len(set(names(frames))) == len(frames)


async def subscribed(meeting: Meeting, channel: int) -> Socket:
    socket = await meeting.socket("charlie")
    assert (await socket.ask(type="subscribe", channel=channel))["type"] == "subscribed"
    return socket


async def test_a_disk_that_is_full_refuses_writes_and_all_else_goes_on(meeting: Meeting, disk: Path) -> None:
    """L1, L7. Over and over: filled to the last byte under load, and made free again, without a restart.

    Fails when the writer answers a unit with what it returned in a batch that SQLITE_FULL has rolled back, and when
    SQLITE_FULL is not explained (a 500).
    """
    channel = await meeting.channel()
    writing, socket, times = Writing(meeting, channel), await subscribed(meeting, channel), 0
    async with listening(socket, writing), writing.going_on():
        await writing.more(201)
        for _ in lasting(1):
            fill(disk)
            times += 1
            await writing.more(507)
            await assert_reads(meeting, writing)
            await (await subscribed(meeting, channel)).raw.close()
            free(disk)
            await writing.more(201)
    assert writing.statuses.keys() == {201, 507}
    assert {refusal.headers["Content-Type"] for refusal in writing.refusals} == {PROBLEM}
    writing.assert_accounted_for()
    assert "Traceback" not in meeting.server.output()
    print(f"filled {times} times: {dict(writing.statuses)}")


async def test_killed_and_started_again_on_a_full_disk(meeting: Meeting, disk: Path) -> None:
    """L7: it starts without room for a byte, has all that was acknowledged, and takes more once there is room."""
    channel = await meeting.channel()
    writing = Writing(meeting, channel)
    async with writing.going_on():
        await writing.more(201)
        fill(disk)
        await writing.more(507)
        meeting.server.kill()
        await asyncio.to_thread(meeting.server.start)
        await asyncio.to_thread(wait_until, all_serve(meeting.server), "all workers")
        await writing.more(507)
        await assert_reads(meeting, writing)
        free(disk)
        await writing.more(201)
    assert writing.statuses.keys() == {201, 507}
    writing.assert_accounted_for()


async def opened(instance: Path) -> None:
    """Opens it as a worker does."""
    database = Database()
    await database.open(Settings(instance=instance))
    await database.close()


async def test_a_start_on_a_full_disk_says_what_is_wrong_and_changes_nothing(disk: Path) -> None:
    """The first start, and one after a stop in order, which needs room for the log again.

    Fails when SQLite's error is not explained.
    """
    instance = disk / "new"
    for _ in range(2):
        fill(disk)
        before = contents(instance)
        with pytest.raises(WrongDatabase, match=r"app.db cannot be opened: .*disk.* full"):
            await opened(instance)
        assert contents(instance).items() >= before.items()
        free(disk)
        await opened(instance)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.name != "app.db-shm"}
