"""How the database file is opened: for the writer's thread, for ordinary reads, and for reads at once.

Reads run in the event loop's own thread. SQLite answers them in microseconds from its page cache, and the trip through
aiosqlite's thread costs 600 to 800 us (docs/decisions/inline-reads.md). Reading never waits for a lock in WAL mode.
"""

import sqlite3
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from weakref import WeakSet

import aiosqlite
from sqlalchemy import Engine, StaticPool, create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine

BUSY_MS = 5_000  # how long to wait for a program that is not Pottle
# A read that runs more SQLite instructions than this (about 20 ms) stalls everybody; tests set it and see it raise.
MOST_INSTRUCTIONS: int | None = None


def open_writer(path: Path) -> sqlite3.Connection:
    """A connection that writes: every commit is on disk when it returns (synchronous=FULL, L7)."""
    return _opened(
        path,
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",
        "PRAGMA secure_delete=ON",  # a removed post's text is gone from the file too
    )


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads. It is used in one thread at a time, though not always in the same one."""
    # The cache in KiB; the kernel has the pages too, and there may be 64 of these.
    raw = _opened(path, "PRAGMA query_only=ON", "PRAGMA cache_size=-500")
    if MOST_INSTRUCTIONS is not None:
        _Budget(raw, MOST_INSTRUCTIONS)
    return raw


def _opened(path: Path, *pragmas: str) -> sqlite3.Connection:
    raw = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_MS / 1000)
    try:
        for pragma in pragmas:
            raw.execute(pragma)
    except sqlite3.Error:  # no database, a damaged one, or one that is locked
        raw.close()
        raise
    return raw


def write_engine(path: Path) -> Engine:
    """The engine of the writer's thread: one connection, whose transactions begin at once."""
    engine = create_engine("sqlite://", creator=lambda: open_writer(path), poolclass=StaticPool, hide_parameters=True)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


class Reading:
    """The engine of ordinary async reads: each session is one snapshot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: WeakSet[InlineConnection] = WeakSet()
        self.engine = create_async_engine(
            f"sqlite+aiosqlite:///{path}",
            connect_args={"async_creator_fn": self._open},
            # A session is given back by a task of its own, so that each of many requests at once holds one.
            pool_size=64,
            max_overflow=-1,
            hide_parameters=True,  # an error goes to the log, and what people wrote does not
        )
        event.listen(self.engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))

    async def close(self) -> None:
        """Closes all connections, also those whose session is just being given back."""
        await self.engine.dispose()
        for connection in list(self._opened):
            connection.stop()

    def _open(self, *_: Any, **__: Any) -> "InlineConnection":
        connection = InlineConnection(lambda: open_reader(self._path), 64)
        self._opened.add(connection)
        return connection


class InlineConnection(aiosqlite.Connection):
    """An aiosqlite connection without the thread: what is asked of it is done at once, in the caller's thread."""

    def __await__(self) -> Generator[Any, None, "InlineConnection"]:
        return self._opened().__await__()

    async def _opened(self) -> "InlineConnection":
        self._connection = self._connector()
        return self

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._connection is None:
            raise ValueError("Connection closed")
        return fn(*args, **kwargs)

    def stop(self) -> None:
        """Closes without waiting; SQLAlchemy calls it for a connection whose user was cancelled."""
        raw, self._connection = self._connection, None
        if raw is not None:
            raw.close()

    async def close(self) -> None:
        """Closes."""
        self.stop()


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
