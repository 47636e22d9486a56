"""How the database file is opened: for the writer's thread, for ordinary reads, and for hot reads.

Ordinary reads may take long, so each has a thread beside the event loop. Hot reads run in the event loop's own: SQLite
answers them in microseconds from its page cache, and the trip through aiosqlite's thread costs 600 to 800 us
(docs/decisions/inline-reads.md). Reading never waits for a lock in WAL mode.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, StaticPool, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from pottle.errors import Overloaded, Refusal
from pottle.store import tables
from pottle.translation import _

LOG_BYTES = 16 * 1024 * 1024  # that the write-ahead log keeps on the disk
BUSY_MS = 5_000  # how long to wait for a program that is not Pottle
SESSIONS = 8  # ordinary reads at once in one worker, each with a thread
PATIENCE = 15.0  # seconds that one waits for a session
LONGEST = 30.0  # seconds that a statement of one may take
# The cache in KiB; the kernel has the pages too.
READING = ("PRAGMA query_only=ON", "PRAGMA cache_size=-500")
# A hot read that runs more SQLite instructions than this (about 20 ms) stalls all; tests set it and see it raise.
MOST_INSTRUCTIONS: int | None = None


class Usage:
    """Of so many connections: how many are in use, and how long others waited for one. Counted in the event loop."""

    def __init__(self, size: int) -> None:
        self._size, self._asking = size, 0
        self._waited, self._since = 0.0, time.monotonic()

    def __enter__(self) -> None:
        self._change(1)

    def __exit__(self, *_: object) -> None:
        self._change(-1)

    @property
    def busy(self) -> int:
        """How many are in use."""
        return min(self._asking, self._size)

    @property
    def waited(self) -> float:
        """Seconds for which somebody waited, added up over all who did."""
        self._change(0)
        return self._waited

    def _change(self, by: int) -> None:
        now = time.monotonic()
        self._waited += max(0, self._asking - self._size) * (now - self._since)
        self._asking, self._since = self._asking + by, now


def open_writer(path: Path) -> sqlite3.Connection:
    """A connection that writes: every commit is on disk when it returns (synchronous=FULL, L7)."""
    return _opened(
        path,
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",
        f"PRAGMA journal_size_limit={LOG_BYTES}",  # it shrinks by itself, once nobody reads what is in it
        "PRAGMA secure_delete=ON",  # a removed post's text is gone from the file too
        mode="rwc",
    )


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads. It is used in one thread at a time, though not always in the same one."""
    raw = _opened(path, *READING)
    if MOST_INSTRUCTIONS is not None:
        _Budget(raw, MOST_INSTRUCTIONS)
    return raw


def _opened(path: Path, *pragmas: str, mode: str = "rw") -> sqlite3.Connection:
    there = f"{path.absolute().as_uri()}?mode={mode}"
    raw = sqlite3.connect(there, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
    try:
        for pragma in pragmas:
            raw.execute(pragma)
    except sqlite3.Error:  # no database, a damaged one, or one that is locked
        raw.close()
        raise
    return raw


def write_engine(path: Path) -> Engine:
    """The engine of the writer's thread: one connection, whose transactions begin at once.

    It is opened now: where somebody deletes the file under a server, a later one would make an empty file in its place.
    """
    engine = create_engine("sqlite://", creator=lambda: open_writer(path), poolclass=StaticPool, hide_parameters=True)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    tables.watch(engine)
    engine.connect().close()
    return engine


class Reading:
    """The engine of ordinary async reads: each session is one snapshot, and works in a thread of aiosqlite's.

    A statement ends early (SQLITE_INTERRUPT) after LONGEST, or when whoever asked was cancelled: what nobody waits for
    would hold the write-ahead log back.
    """

    def __init__(self, path: Path) -> None:
        self._closing = False
        self.usage = Usage(SESSIONS)
        self.engine = create_async_engine(
            f"sqlite+aiosqlite:///{path.absolute().as_uri()}?mode=rw&uri=true",
            connect_args={"isolation_level": None, "timeout": BUSY_MS / 1000},
            pool_size=SESSIONS,
            max_overflow=0,
            pool_timeout=PATIENCE,
            hide_parameters=True,  # an error goes to the log, and what people wrote does not
        )
        event.listen(self.engine.sync_engine, "connect", self._prepare)
        event.listen(self.engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        event.listen(self.engine.sync_engine, "before_cursor_execute", _note_who_asks)
        tables.watch(self.engine.sync_engine)

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A session, once one of SESSIONS is free. Raises Overloaded where none is, or where a statement takes long."""
        return session_over(self.engine, self.usage, _refusal)

    async def close(self) -> None:
        """Ends what is still being read, and closes all connections."""
        self._closing = True
        until = time.monotonic() + PATIENCE
        pool: Any = self.engine.pool
        while pool.checkedout() and time.monotonic() < until:  # noqa: ASYNC110  # given back by tasks that tell nobody
            await asyncio.sleep(0.001)
        await self.engine.dispose()

    def _prepare(self, connection: Any, record: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        for pragma in READING:
            cursor.execute(pragma)
        cursor.close()
        asking = record.info

        def too_long() -> bool:
            task = asking.get("task")
            return self._closing or time.monotonic() > asking["until"] or (task is not None and task.cancelling() > 0)

        asking["until"] = float("inf")
        connection.run_async(lambda driver: driver.set_progress_handler(too_long, 10_000))


def _note_who_asks(connection: Connection, *_: Any) -> None:
    connection.info.update(task=asyncio.current_task(), until=time.monotonic() + LONGEST)


def _refusal(error: DBAPIError) -> Refusal | None:
    interrupted = getattr(error.orig, "sqlite_errorname", "") == "SQLITE_INTERRUPT"
    return Overloaded(_("A question to the database took too long.")) if interrupted else None


@asynccontextmanager
async def session_over(
    engine: AsyncEngine, usage: Usage, refusal: Callable[[DBAPIError], Refusal | None]
) -> AsyncIterator[AsyncSession]:
    """A session on either database. Raises Overloaded where none is free, and what `refusal` makes of errors."""
    with usage:
        async with AsyncSession(engine, expire_on_commit=False) as session:
            try:
                await session.connection()
                yield session
            except PoolTimeout:
                raise Overloaded(_("Too many long questions to the database are under way.")) from None
            except DBAPIError as error:
                raise (refusal(error) or error) from error


class _Budget:
    """Interrupts a statement that runs more than MOST_INSTRUCTIONS."""

    def __init__(self, raw: sqlite3.Connection, instructions: int) -> None:
        self._ticks = self._left = instructions // 1_000
        raw.set_trace_callback(self._begin)
        raw.set_progress_handler(self._tick, 1_000)

    def _begin(self, _statement: str) -> None:
        self._left = self._ticks

    def _tick(self) -> bool:
        self._left -= 1
        return self._left < 0
