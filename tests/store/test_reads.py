"""Reads: on one snapshot and read-only; ordinary ones beside the event loop, hot ones in it, and short."""

import asyncio
import gc
import sqlite3
import threading
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import delete, text
from sqlalchemy.exc import DBAPIError

from model.accounts.user import User
from model.settings import Settings
from pottle.errors import Overloaded
from pottle.store import changes, engines, postgres
from pottle.store.database import Database
from pottle.store.statements import Snapshot
from pottle.store.unit import Tx
from tests import databases
from tests.server import PATIENCE

SESSIONS = postgres.SESSIONS if databases.POSTGRES else engines.SESSIONS
COUNT_TO = "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < :to)"
COUNT_TO += " SELECT count(*) FROM n"
ENDED = """
    SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
    AND query LIKE 'WITH RECURSIVE%'
"""


def told(tx: Tx) -> int:
    """Unit: a change."""
    return tx.changed("test")


async def test_it_works(database: Database) -> None:
    async with database.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM users")) == 4


async def test_a_long_read_stalls_nobody(database: Database) -> None:
    """A question without an end, as a scan of a large table is: the event loop and hot reads go on meanwhile.

    Fails (the loop does not go round once) where the session works in the event loop's thread.
    """
    async with database.session() as session:
        asking = asyncio.create_task(session.scalar(text(COUNT_TO), {"to": 10**12}))
        for _ in range(100):
            await asyncio.sleep(0)
            await database.read(changes.head)
        assert not asking.done()
        async with database.session() as another:
            assert await another.scalar(text("SELECT count(*) FROM users")) == 4
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_whoever_is_cancelled_in_a_long_read_holds_nothing_back(database: Database, instance: Path) -> None:
    """The statement ends, and with it the snapshot, which would let the write-ahead log grow.

    Fails (waits in vain) where the statement is not interrupted.
    """
    begun = asyncio.Event()

    async def endless() -> None:
        async with database.session() as session:
            begun.set()
            await session.scalar(text(COUNT_TO), {"to": 10**12})

    task = asyncio.create_task(endless())
    await begun.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await database.write(told)
    async with asyncio.timeout(PATIENCE):
        while not (ended(instance) if databases.POSTGRES else emptied(instance / "app.db")):
            await asyncio.sleep(0.01)


def ended(instance: Path) -> bool:
    """Whether PostgreSQL works at no such question any more."""
    with databases.opened(instance) as raw:
        return bool(raw.execute(ENDED).fetchone()[0])


def emptied(path: Path) -> bool:
    """Whether the whole log could be written back, which nobody who reads keeps it from."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as raw:
        return bool(raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)


async def test_who_finds_no_session_for_long_is_told_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = database._store._reading
    monkeypatch.setattr((reading if databases.POSTGRES else reading.engine).pool, "_timeout", 0.01)
    async with AsyncExitStack() as stack:
        for _ in range(SESSIONS):
            await stack.enter_async_context(database.session())
        with pytest.raises(Overloaded):
            await stack.enter_async_context(database.session())
    async with database.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM users")) == 4


async def test_what_is_read_for_long_ends_with_the_worker(instance: Path) -> None:
    """Nobody waits for it at a stop."""
    database = Database()
    await database.open(Settings(instance=instance))

    async def endless() -> None:
        async with database.session() as session:
            await session.scalar(text(COUNT_TO), {"to": 10**12})

    reading = asyncio.create_task(endless())
    while not database.usage["sessions"].busy:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    async with asyncio.timeout(engines.LONGEST / 2):
        await database.close()
        with pytest.raises(Overloaded):
            await reading


async def test_a_read_without_an_end_is_ended(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "SET_UP_SESSION", "SET statement_timeout = '100ms'")
    monkeypatch.setattr(engines, "LONGEST", 0.01)
    with pytest.raises(Overloaded, match="too long"):
        async with database.session() as session:
            await session.scalar(text(COUNT_TO), {"to": 10**12})
    monkeypatch.undo()
    async with database.session() as session:
        assert await session.scalar(text(COUNT_TO), {"to": 1_000}) == 1_000, "the next one has its own time"


@pytest.mark.sqlite("a hot read in the event loop; on PostgreSQL all are awaited")
async def test_a_hot_read_that_would_stall_everybody_raises(database: Database) -> None:
    with database.snapshot() as read, pytest.raises(Exception, match="interrupted"):
        read.raw.execute(COUNT_TO, {"to": 10_000_000}).fetchall()


@pytest.mark.sqlite("a hot read in the event loop; on PostgreSQL all are awaited")
async def test_many_short_reads_are_no_long_one(database: Database) -> None:
    """The bound is on each statement, not on their sum."""
    with database.snapshot() as read:
        for _ in range(60):
            assert read.raw.execute(COUNT_TO, {"to": 10_000}).fetchone() == (10_000,)


@pytest.mark.sqlite("a hot read in the event loop; on PostgreSQL all are awaited")
async def test_without_the_bound_it_takes_what_it_takes(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in production, where a slow answer is better than none."""
    monkeypatch.setattr(engines, "MOST_INSTRUCTIONS", None)
    database = Database()
    await database.open(Settings(instance=instance))
    with database.snapshot() as read:
        assert read.raw.execute(COUNT_TO, {"to": 400_000}).fetchone() == (400_000,)
    await database.close()


async def test_a_session_reads_one_snapshot(database: Database) -> None:
    head = text("SELECT max(seq) FROM changes")
    async with database.session() as session:
        before = await session.scalar(head)
        seq = await database.write(told)
        assert await session.scalar(head) == before
    async with database.session() as session:
        assert await session.scalar(head) == seq


async def test_it_cannot_write(database: Database) -> None:
    """Neither way; and who tries is not told to try again later."""
    with pytest.raises(DBAPIError, match=r"read-?only"):
        async with database.session() as session:
            await session.execute(text("DELETE FROM users"))
    with pytest.raises(Exception, match=r"read-?only"):
        await database.read(Snapshot.run, delete(User))


async def test_more_at_once_than_there_are_threads_wait_for_one_another(database: Database) -> None:
    before = threading.active_count()

    async def read() -> object:
        async with database.session() as session:
            assert threading.active_count() <= before + SESSIONS
            return await session.scalar(text("SELECT count(*) FROM users"))

    assert await asyncio.gather(*[read() for _ in range(50)]) == [4] * 50


@pytest.mark.filterwarnings("ignore:Exception ignored in. <sqlite3.Connection:pytest.PytestUnraisableExceptionWarning")
async def test_whoever_is_cancelled_leaves_nothing_locked(database: Database) -> None:
    """Quart cancels the handler of a client that hangs up, anywhere; reads and writes go on.

    A connection that was just being opened (SQLAlchemy 2.1.9, aiosqlite 0.22.1) is then closed by Python itself.
    """

    async def endless() -> None:
        async with database.session() as session:
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
    async with database.session() as session:
        assert await session.scalar(text("SELECT max(seq) FROM changes")) == seq
    gc.collect()


async def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    """Nor the other way round: WAL. The unit here goes on only after a read that was begun while it wrote."""
    wrote, read = threading.Event(), threading.Event()

    def slow(tx: Tx) -> bool:
        tx.changed("test")
        wrote.set()
        return read.wait(30)

    writing = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(wrote.wait)
    async with database.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM users")) == 4
    assert await database.read(changes.head) >= 0
    read.set()
    assert await writing
