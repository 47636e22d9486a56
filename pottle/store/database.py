"""The database of this process: how everything else reads and writes."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from pottle import times
from pottle.errors import Refusal
from pottle.settings import Settings
from pottle.store import changes, limits, replays
from pottle.store.engines import Usage
from pottle.store.files import Away
from pottle.store.follower import Listener
from pottle.store.instance import Instance
from pottle.store.room import RETRY_SECONDS
from pottle.store.sqlite import SQLite
from pottle.store.statements import Snapshot
from pottle.store.unit import Envelope, Tx, envelope
from pottle.store.writer import Tally, Writer

log = logging.getLogger("pottle")

P = ParamSpec("P")
T = TypeVar("T")

SWEEP_SECONDS = 60
AWAY_SECONDS = 3  # until a database that does not answer is tried again, at a start
STUCK_SECONDS = 10  # a commit takes milliseconds, and seconds on a disk that is overrun


class Database:
    """`db`: opened once in each worker, after the fork, and closed when the worker ends.

    What lies beneath is SQLite's one file, or PostgreSQL's (`POTTLE_DATABASE_URL`).
    """

    settings: Settings

    def __init__(self) -> None:
        self.tally = Tally()
        self._closing = False
        self.listeners: Sequence[Listener] = ()  # who keeps what changes make untrue, in the order in which they apply
        self._blind = False  # whether the last look at the change log failed
        self._looking: asyncio.Task[None] | None = None
        self._sweeps: list[Callable[[Tx], object]] = [limits.forget_old, replays.forget_old, self._prune]

    async def open(self, settings: Settings, serving: bool = False) -> None:
        """Creates or migrates the database and starts the writer, the follower and what tells of commits.

        A server's processes say that they are `serving`: they wait for a database that does not answer.
        `first_of_start` tells the first of them. Raises files.WrongDatabase, having changed nothing, for a database
        that this code cannot serve.
        """
        self.settings, self._closing = settings, False
        self._store = await self._opened(serving)
        self._writer = Writer(self._store, self._look, settings.waiting_writes, self.tally)
        self._sweeper = asyncio.create_task(self._sweep_now_and_then())

    async def _opened(self, serving: bool) -> Any:
        while True:
            try:
                return _beneath(self.settings)(self.settings, tuple(self.listeners), serving, self._look)
            except Away as away:
                if not serving:
                    raise
                log.warning("Waiting to start. %s", away)
            await asyncio.sleep(AWAY_SECONDS)

    async def close(self) -> None:
        """Commits what waits to be written and closes everything."""
        self._sweeper.cancel()
        await self._writer.stop()
        self._closing = True
        if self._looking:
            self._looking.cancel()
        await self._store.close()

    @property
    def instance(self) -> Instance:
        """Which database this is, and which history of it."""
        found: Instance = self._store.instance
        return found

    async def write(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `unit(tx, *args, **kwargs)` in the writer and returns its value once it is on disk (L1, L7).

        Raises what the unit raised, then nothing was changed; Overloaded and StorageFull likewise. A caller that is
        cancelled stops waiting; its unit is still run.
        """
        around = envelope.get()
        answer: T = await self._writer.run(unit, *args, **kwargs)
        if around is not None:
            around.committed = True
        return answer

    async def write_ahead(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `write`, for what a request writes before its own write: what surrounds that is still there for it."""
        around = envelope.get()
        envelope.set(around and Envelope(confirm=around.confirm))
        try:
            return await self.write(unit, *args, **kwargs)
        finally:
            envelope.set(around)

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """An ordinary async session on one snapshot, beside the event loop, however long it takes.

        Leave it before you wait for anything else. Raises Overloaded where too many others take long.
        """
        found: AbstractAsyncContextManager[AsyncSession] = self._store.session()
        return found

    async def read(self, function: Callable[Concatenate[Snapshot, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Returns `function(read, *args, **kwargs)`, with one snapshot for all that it reads: for hot reads."""
        answer: T = await self._store.read(function, *args, **kwargs)
        return answer

    async def read_settled(
        self, function: Callable[Concatenate[Snapshot, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read`, and again where this worker followed changes meanwhile: for what is kept until a change says no.

        What it returns is not older than anything that listeners were told, nor are they being told anything.
        """
        while True:
            head = self.head
            found = await self.read(function, *args, **kwargs)
            if self.head == head and not self._store.following:
                return found
            await self.caught_up()

    def snapshot(self) -> Snapshot:
        """`with db.snapshot() as read:` one snapshot for hot reads, which are answered at once. Never await inside."""
        found: Snapshot = self._store.snapshot()
        return found

    async def caught_up(self) -> None:
        """Makes this worker's caches, sessions and sockets follow every change committed before this call (L6, L8)."""
        await self._store.caught_up()

    @property
    def looking(self) -> bool:
        """Whether somebody looks for what is new: what is read now may be newer than what was followed."""
        return self._looking is not None and not self._looking.done()

    def caught_up_at_once(self) -> bool:
        """As `caught_up`, where nothing has to be waited for; False where something has to, and nothing was done."""
        if self._store.at_once:
            self._store.catch_up()
        found: bool = self._store.at_once
        return found

    def catching_up(self) -> asyncio.Future[None]:
        """What `caught_up` waits for, where `caught_up_at_once` has said that something has to be waited for."""
        found: asyncio.Future[None] = self._store.catching_up()
        return found

    @asynccontextmanager
    async def only(self, name: str) -> AsyncIterator[Any]:
        """Within it, this is the one process of all that have the database, once the one before it has ended.

        `await held.lost()`, of what it gives, raises ConnectionError where that is no longer so.
        """
        held = self._store.only(name)
        try:
            while not await held.mine():  # noqa: ASYNC110  # nobody tells that it is free
                await asyncio.sleep(RETRY_SECONDS)
            yield held
        finally:
            await held.close()

    async def trouble(self) -> str | None:
        """Why this worker cannot serve at this moment; None when it can."""
        if self.waiting >= self.settings.waiting_writes:
            return "Too many writes are waiting."
        if self._writer.busy_seconds > STUCK_SECONDS:
            return "No write can be committed: the lock or the disk does not let go."
        try:
            found: str | None = await self._store.trouble()
        except Exception as error:
            log.error("The database does not answer: %s", error)
            return "The database does not answer."
        return found

    @property
    def writable(self) -> bool:
        """Whether there is room on the disk for a write."""
        return not self._store.full

    @property
    def waiting(self) -> int:
        """How many writes of this worker wait to be committed."""
        return self._writer.waiting

    async def sizes(self) -> tuple[int, int, int]:
        """Bytes of the database, of its write-ahead log, and free on their disk."""
        found: tuple[int, int, int] = await self._store.sizes()
        return found

    @property
    def usage(self) -> dict[str, Usage]:
        """This worker's pools of connections to read with: `sessions`, and on PostgreSQL `reads`."""
        found: dict[str, Usage] = self._store.usage
        return found

    async def workers(self) -> int:
        """How many processes serve this database: of this machine on SQLite, of all on PostgreSQL."""
        found: int = await self._store.workers()
        return found

    @property
    def first_of_start(self) -> bool:
        """Whether this process serves, and none did when it began."""
        found: bool = self._store.first_of_start
        return found

    @property
    def head(self) -> int:
        """The seq of the newest change that this worker has seen."""
        found: int = self._store.follower.head
        return found

    def on_sweep(self, unit: Callable[[Tx], object]) -> None:
        """Runs `unit(tx)` once a minute, to drop what has expired."""
        self._sweeps.append(unit)

    def _look(self) -> None:
        """Catches up where nobody waits for it. An error that stays is logged once; whoever serves meets it too."""
        if self._closing:
            return
        try:
            if not self.caught_up_at_once() and not self.looking:
                self._looking = asyncio.create_task(self._look_once())
        except Exception as error:
            self._cannot_look(error)
        else:
            self._blind = False

    async def _look_once(self) -> None:
        try:
            await self.caught_up()
        except Exception as error:
            self._cannot_look(error)
        else:
            self._blind = False

    def _cannot_look(self, error: Exception) -> None:
        if not self._blind:
            log.error("The change log cannot be followed", exc_info=error)
        self._blind = True

    def _prune(self, tx: Tx) -> None:
        changes.prune(tx, times.later(days=-self.settings.log_days), self.settings.log_changes)

    async def _rest(self, seconds: float) -> None:
        """Sleeps; on a disk that is full, it looks each second whether there is room again."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(min(RETRY_SECONDS, seconds))
            if self._store.full:
                with suppress(Refusal):
                    await self.write(lambda _: None)

    async def _sweep_now_and_then(self) -> None:
        while True:
            await self._rest(SWEEP_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311  # no secret: workers take turns
            self._store.warn()
            for unit in self._sweeps:
                try:
                    await self.write(unit)
                except Refusal as passing:  # the disk is full, or somebody else holds the lock
                    log.warning("Nothing was swept up: %s", passing)
                except Exception:
                    log.exception("Sweeping")


def _beneath(settings: Settings) -> Any:
    if not settings.database_url:
        return SQLite
    from pottle.store.postgres import Postgres  # and with it psycopg, which takes 0.1 s

    return Postgres


db = Database()
