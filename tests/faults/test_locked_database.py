"""Somebody else holds a lock that Pottle needs: writes wait, or are told when to come again; reads go on."""

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pottle.store import writer
from pottle.store.sqlite import turn_file
from tests.faults.reaching import on_each_worker
from tests.faults.writing import PROBLEM, Writing
from tests.lasting import SECONDS, lasting
from tests.live.meeting import Meeting

pytestmark = [pytest.mark.slow, pytest.mark.sqlite("its lock")]


@contextmanager
def database_locked(instance: Path) -> Iterator[None]:
    """As by a program that opened the file and forgot to commit."""
    with closing(sqlite3.connect(instance / "app.db", isolation_level=None)) as other:
        other.execute("PRAGMA busy_timeout = 30000")
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def turn_held(instance: Path) -> Iterator[None]:
    """As by a worker that is stuck just when it writes."""
    with turn_file(instance / "app.db").open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


async def assert_reads(meeting: Meeting, channel: int) -> None:
    for client in (await on_each_worker(meeting, "charlie")).values():
        for path in ("/", f"/channels/{channel}", f"/api/channels/{channel}/posts", "/api/me"):
            assert (await client.get(path)).status_code == 200, path
    socket = await meeting.socket("charlie")
    assert (await socket.ask(type="subscribe", channel=channel))["type"] == "subscribed"
    await socket.raw.close()


async def test_whoever_locks_it_delays_writes_or_has_them_refused(meeting: Meeting) -> None:
    """First for a moment, then for longer than the patience with it: 503 and when to try again, never done later.

    Meanwhile every worker answers every kind of read, and afterwards all is as before. With the turn held, fails when
    writers wait for it without end.
    """
    channel, instance = await meeting.channel(), meeting.server.instance
    writing = Writing(meeting, channel)
    async with writing.going_on():
        await writing.more(201)
        for _ in lasting(1):
            for lock in (database_locked, turn_held):
                with lock(instance):
                    await assert_reads(meeting, channel)
                await writing.more(201)
        # With the turn that takes 15 s: in a soak. The short form is in tests/store/test_writer.py.
        for lock in (database_locked, turn_held) if SECONDS >= writer.PATIENCE else (database_locked,):
            with lock(instance):
                await writing.more(503, 6)
                await assert_reads(meeting, channel)
            await writing.more(201)
    assert writing.statuses.keys() == {201, 503}
    for refusal in writing.refusals:
        assert refusal.headers["Content-Type"] == PROBLEM
        assert int(refusal.headers["Retry-After"]) > 0
    writing.assert_accounted_for()
    assert "Traceback" not in meeting.server.output()
    print(dict(writing.statuses))
