"""Ordinary async reads: on one snapshot, read-only, in the event loop's own thread, and short."""

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from model.settings import Settings
from model.store import engines
from model.store.database import Database
from model.store.unit import Tx

COUNT_TO = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :to) SELECT count(*) FROM n"


def told(tx: Tx) -> int:
    """Unit: a change."""
    return tx.changed("test")


async def test_it_works(database: Database) -> None:
    async with database.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM users")) == 4


async def test_a_read_that_would_stall_everybody_raises(database: Database) -> None:
    """About 20 ms of SQLite's work; tests/conftest.py sets the bound."""
    assert engines.MOST_INSTRUCTIONS
    async with database.read() as session:
        assert await session.scalar(text(COUNT_TO), {"to": 1_000}) == 1_000
        with pytest.raises(OperationalError, match="interrupted"):
            await session.scalar(text(COUNT_TO), {"to": 10_000_000})
        assert await session.scalar(text("SELECT 1")) == 1, "and the connection is as good as before"


async def test_a_hot_read_that_would_stall_everybody_raises(database: Database) -> None:
    with database.snapshot() as read, pytest.raises(Exception, match="interrupted"):
        read.raw.execute(COUNT_TO, {"to": 10_000_000}).fetchall()


async def test_many_short_reads_are_no_long_one(database: Database) -> None:
    """The bound is on each statement, not on their sum."""
    async with database.read() as session:
        for _ in range(60):
            assert await session.scalar(text(COUNT_TO), {"to": 10_000}) == 10_000


async def test_without_the_bound_it_takes_what_it_takes(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in production, where a slow answer is better than none."""
    monkeypatch.setattr(engines, "MOST_INSTRUCTIONS", None)
    database = Database()
    await database.open(Settings(instance=instance))
    async with database.read() as session:
        assert await session.scalar(text(COUNT_TO), {"to": 400_000}) == 400_000
    await database.close()


async def test_a_session_reads_one_snapshot(database: Database) -> None:
    head = text("SELECT max(seq) FROM changes")
    async with database.read() as session:
        before = await session.scalar(head)
        seq = await database.write(told)
        assert await session.scalar(head) == before
    async with database.read() as session:
        assert await session.scalar(head) == seq


async def test_it_cannot_write(database: Database) -> None:
    async with database.read() as session:
        with pytest.raises(OperationalError, match="readonly"):
            await session.execute(text("DELETE FROM users"))


async def test_it_needs_no_thread_and_no_waiting_for_another(database: Database) -> None:
    """Fifty sessions at once; none waits for a connection, and each is answered in this thread."""
    before = threading.active_count()

    async def read() -> object:
        async with database.read() as session:
            await session.execute(text("SELECT 1"))
            assert threading.active_count() == before
            await barrier.wait()
            return await session.scalar(text("SELECT count(*) FROM users"))

    barrier = asyncio.Barrier(50)
    assert await asyncio.gather(*[read() for _ in range(50)]) == [4] * 50


async def test_whoever_is_cancelled_leaves_nothing_locked(database: Database) -> None:
    """Quart cancels the handler of a client that hangs up, anywhere; reads and writes go on."""

    async def endless() -> None:
        async with database.read() as session:
            while True:
                await session.execute(text("SELECT * FROM users"))
                await asyncio.sleep(0)

    for _ in range(20):
        task = asyncio.create_task(endless())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    seq = await database.write(told)
    async with database.read() as session:
        assert await session.scalar(text("SELECT max(seq) FROM changes")) == seq


async def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    """Nor the other way round: WAL. The unit here goes on only after a read that was begun while it wrote."""
    wrote, read = threading.Event(), threading.Event()

    def slow(tx: Tx) -> bool:
        tx.changed("test")
        wrote.set()
        return read.wait(30)

    writing = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(wrote.wait)
    async with database.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM users")) == 4
    with database.snapshot() as hot:
        assert hot.raw.execute("SELECT count(*) FROM users").fetchone() == (4,)
    read.set()
    assert await writing
