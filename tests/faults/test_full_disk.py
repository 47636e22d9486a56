"""A disk that is full: nothing acknowledged is lost, nothing is half done, and all is well once there is room."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from model.settings import Settings
from pottle.store.database import Database
from pottle.store.engines import LOG_BYTES
from pottle.store.files import WrongDatabase
from tests.conftest import PASSWORD, World, cannot_run, needs
from tests.faults.reaching import all_serve, on_each_worker
from tests.faults.writing import PROBLEM, Writing
from tests.lasting import lasting
from tests.live.meeting import Frame, Meeting, names, unbroken
from tests.server import PATIENCE, Server, Socket, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.sqlite("its log on a full disk; PostgreSQL has a disk of its own")]

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
    """Leaves not a byte. A server that finds it full may give up its reserve a moment later."""
    with (disk / "ballast").open("ab", buffering=0) as ballast:
        for piece in (1_000_000, 4_096, 1):
            with suppress(OSError):
                while True:
                    ballast.write(bytes(piece))


def free(disk: Path) -> None:
    (disk / "ballast").unlink()


async def assert_reads(meeting: Meeting, writing: Writing) -> None:
    """Every worker shows the newest post that was acknowledged, cached or not, and pages."""
    newest = max(writing.acknowledged.values())
    for client in (await on_each_worker(meeting, "charlie")).values():
        for path in ("/", f"/channels/{writing.channel}", f"/api/posts/{newest}", "/api/me"):
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


def started(server: Server) -> None:
    """Starts it where it cannot get ready, for there is no room to write."""
    server.ready = lambda: answers(server)  # type: ignore[method-assign]
    server.start()
    wait_until(all_serve(server), "all workers", server.output)


def answers(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_a_server_starts_on_a_full_disk_and_reading_works(meeting: Meeting, disk: Path, how: str) -> None:
    """L7: it starts without room for a byte, has all that was acknowledged, and takes more once there is room.

    Stopped in order, it has neither log nor shared memory, and they need room: fails without a reserve.
    """
    channel = await meeting.channel()
    writing = Writing(meeting, channel)
    async with writing.going_on():
        await writing.more(201)
    if how == "killed":
        fill(disk)
        meeting.server.kill()
    else:
        meeting.server.stop()
    fill(disk)
    await asyncio.to_thread(started, meeting.server)
    async with writing.going_on():
        await asyncio.to_thread(wait_until, lambda: not Server.ready(meeting.server), "a full disk")
        await writing.more(507)
        await assert_reads(meeting, writing)
        await signing_in(meeting, 507)
        free(disk)
        await writing.more(201)
    await asyncio.to_thread(wait_until, partial(Server.ready, meeting.server), "readiness")
    assert writing.statuses.keys() == {201, 507}
    writing.assert_accounted_for()


async def signing_in(meeting: Meeting, status: int) -> None:
    credentials = {"uid": "bob", "password": PASSWORD}
    assert (await (await meeting.http()).post("/api/session", json=credentials)).status_code == status


READING = """
import sqlite3, sys
raw = sqlite3.connect(sys.argv[1], isolation_level=None)
raw.execute("BEGIN")
raw.execute("SELECT * FROM users").fetchall()
print("reading", flush=True)
sys.stdin.read()
"""


def reading(database: Path) -> subprocess.Popen[bytes]:
    """A program that reads one state of the database until its input ends."""
    command = [sys.executable, "-c", READING, database]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert program.stdout
    assert program.stdout.readline() == b"reading\n"
    return program


async def test_a_reader_that_stays_fills_the_disk_and_when_it_goes_all_is_well(meeting: Meeting, disk: Path) -> None:
    """While a stranger reads an old state, the log grows to the last byte: reading goes on, and it is said who it is.

    When it goes, writes are accepted again, without a restart and with nobody's help; and the log is small again. Fails
    without a reserve, and where a write that found no room has nobody write the log back.
    """
    channel = await meeting.channel()
    writing = Writing(meeting, channel, body_bytes=5_000)
    database = meeting.server.instance / "app.db"
    reader = reading(database)
    async with writing.going_on():
        await writing.more(507)
    await assert_reads(meeting, writing)
    await signing_in(meeting, 507)
    for client in (await on_each_worker(meeting, "charlie")).values():
        told = await client.get("/readyz")
        assert told.status_code == 503
        assert f"process {reader.pid} (python" in told.text
        assert "pottle_read_only 1.0" in (await (await meeting.http("root")).get("/metrics")).text
    assert f"process {reader.pid}" in meeting.server.output()
    reader.communicate(timeout=PATIENCE)
    assert reader.returncode == 0
    await asyncio.to_thread(wait_until, meeting.server.ready, "readiness, with nobody writing")
    await signing_in(meeting, 201)
    async with writing.going_on():
        await writing.more(201)
    assert database.with_name("app.db-wal").stat().st_size <= LOG_BYTES
    writing.assert_accounted_for()


async def opened(instance: Path) -> None:
    """Opens it as a worker does."""
    database = Database()
    await database.open(Settings(instance=instance))
    await database.close()


async def test_a_first_start_on_a_full_disk_says_what_is_wrong_and_changes_nothing(disk: Path) -> None:
    """Fails when SQLite's error is not explained."""
    instance = disk / "new"
    fill(disk)
    before = contents(instance)
    with pytest.raises(WrongDatabase, match=r"app.db cannot be opened: .*disk.* full|cannot be written"):
        await opened(instance)
    assert contents(instance).items() >= before.items()
    free(disk)
    await opened(instance)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*") if path.name != "app.db-shm"}
