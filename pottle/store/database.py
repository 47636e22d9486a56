"""The database of this process: how everything else reads and writes."""

import asyncio
import logging
import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from pottle import times
from pottle.errors import NotFound, Refusal
from pottle.settings import Settings
from pottle.store import changes, copies, files, limits, migrations, replays
from pottle.store.bus import Bus
from pottle.store.engines import Reading, open_writer, write_engine
from pottle.store.files import beside, explaining
from pottle.store.follower import Follower, Listener
from pottle.store.instance import Instance, fact, identify
from pottle.store.locks import Presence, Start, Turn
from pottle.store.room import RETRY_SECONDS, Room, readers
from pottle.store.statements import Snapshot
from pottle.store.unit import Envelope, Tx, envelope
from pottle.store.writer import Tally, Writer

log = logging.getLogger("pottle")

P = ParamSpec("P")
T = TypeVar("T")

SWEEP_SECONDS = 60
WAITING_SECONDS = 5  # at a start, until it is said what it waits for
STUCK_SECONDS = 10  # a commit takes milliseconds, and seconds on a disk that is overrun
LITTLE_SPACE = 20 * 1024 * 1024  # bytes; the write-ahead log alone takes a few


class Database:
    """`db`: opened once in each worker, after the fork, and closed when the worker ends."""

    settings: Settings
    instance: Instance

    def __init__(self) -> None:
        self.tally = Tally()
        self.listeners: Sequence[Listener] = ()  # who keeps what changes make untrue, in the order in which they apply
        self._blind = False  # whether the last look at the change log failed
        self._sweeps: list[Callable[[Tx], object]] = [limits.forget_old, replays.forget_old, self._prune]

    async def open(self, settings: Settings, serving: bool = False) -> None:
        """Creates or migrates the database and starts the writer, the follower and the bus.

        A server's processes say that they are `serving`; `first_of_start` tells the first of them.
        Raises files.WrongDatabase, having changed nothing, for a database that this code cannot serve.
        """
        self.settings = settings
        path = prepare(settings)
        self._presence = Presence(path)
        self._turn = Turn(turn_file(path))
        self._start = Start(path, self._turn) if serving else None
        self._room = Room(path)
        with explaining(path):
            self.instance = self._identify(path)
            self._follower = Follower(path, self.listeners)
        self._reading = Reading(path)
        self._bus = Bus(path, self._look)
        self._loop = asyncio.get_running_loop()
        self._writer = Writer(
            write_engine(path), self._turn, self._committed, settings.waiting_writes, self.tally, self._room
        )
        self._sweeper = asyncio.create_task(self._sweep_now_and_then())

    async def close(self) -> None:
        """Commits what waits to be written and closes everything."""
        self._sweeper.cancel()
        await self._writer.stop()
        self._bus.close()
        self._follower.close()
        await self._reading.close()
        self._turn.close()
        self._presence.close()
        if self._start:
            self._start.close()

    async def write(self, unit: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `unit(tx, *args, **kwargs)` in the writer and returns its value once it is on disk (L1, L7).

        Raises what the unit raised, then nothing was changed; Overloaded and StorageFull likewise. A caller that is
        cancelled stops waiting; its unit is still run.
        """
        answer: T = await self._writer.run(unit, *args, **kwargs)
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
        return self._reading.session()

    async def read(self, function: Callable[Concatenate[Snapshot, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Returns `function(read, *args, **kwargs)`, with one snapshot for all that it reads: for hot reads."""
        with self.snapshot() as read:
            return function(read, *args, **kwargs)

    async def read_settled(
        self, function: Callable[Concatenate[Snapshot, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read`, and again where this worker followed changes meanwhile: for what is kept until a change says no.

        What it returns is not older than anything that listeners were told.
        """
        while True:
            head = self.head
            found = await self.read(function, *args, **kwargs)
            if self.head == head:
                return found

    def snapshot(self) -> Snapshot:
        """`with db.snapshot() as read:` one snapshot for hot reads, which are answered at once. Never await inside."""
        return self._follower.reader

    async def caught_up(self) -> None:
        """As `catch_up`: what request handlers wait for."""
        self.catch_up()

    def catch_up(self) -> None:
        """Makes this worker's caches, sessions and sockets follow every change committed before this call (L6, L8)."""
        self._follower.catch_up()

    async def trouble(self) -> str | None:
        """Why this worker cannot serve at this moment; None when it can."""
        if self.waiting >= self.settings.waiting_writes:
            return "Too many writes are waiting."
        if self._writer.busy_seconds > STUCK_SECONDS:
            return "No write can be committed: the lock or the disk does not let go."
        if self._room.trouble:
            return self._room.trouble + readers(self.settings.instance / "app.db")
        try:
            self.catch_up()
            with self.snapshot() as read:
                fact(read, "epoch")
        except Exception as error:
            log.error("The database does not answer: %s", error)
            return "The database does not answer."
        return None

    @property
    def writable(self) -> bool:
        """Whether there is room on the disk for a write."""
        return self._room.trouble is None

    @property
    def waiting(self) -> int:
        """How many writes of this worker wait to be committed."""
        return self._writer.waiting

    def sizes(self) -> tuple[int, int, int]:
        """Bytes of the database, of its write-ahead log, and free on their disk."""
        path = self.settings.instance / "app.db"
        database, log_ = (file.stat().st_size if file.exists() else 0 for file in (path, beside(path, "-wal")))
        return database, log_, shutil.disk_usage(path.parent).free

    @property
    def first_of_start(self) -> bool:
        """Whether this process serves, and none did when it began."""
        return self._start is not None and self._start.first

    @property
    def head(self) -> int:
        """The seq of the newest change that this worker has seen."""
        return self._follower.head

    def on_sweep(self, unit: Callable[[Tx], object]) -> None:
        """Runs `unit(tx)` once a minute, to drop what has expired."""
        self._sweeps.append(unit)

    def _identify(self, path: Path) -> Instance:
        with closing(open_writer(path)) as raw, self._turn:
            raw.execute("BEGIN IMMEDIATE")
            tx = Snapshot(raw)
            found = identify(tx, self._turn)
            head = changes.head(tx)
            raw.execute("COMMIT")
            self._turn.note(found.epoch, head)
            self._room.keep(raw)
        return found

    def _committed(self, tx: Tx) -> None:
        """In the writer's thread, after each commit, while it still has the turn."""
        self._turn.note(self.instance.epoch, changes.head(tx))
        self._bus.poke()
        self._room.keep(tx.raw)
        self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        """Catches up where nobody waits for it. An error that stays is logged once; whoever serves meets it too."""
        try:
            self.catch_up()
        except Exception:
            if not self._blind:
                log.exception("The change log cannot be followed")
            self._blind = True
        else:
            self._blind = False

    def _prune(self, tx: Tx) -> None:
        changes.prune(tx, times.later(days=-self.settings.log_days), self.settings.log_changes)

    async def _rest(self, seconds: float) -> None:
        """Sleeps; on a disk that is full, it looks each second whether there is room again."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(min(RETRY_SECONDS, seconds))
            if self._room.trouble:
                with suppress(Refusal):
                    await self.write(lambda _: None)

    async def _sweep_now_and_then(self) -> None:
        while True:
            await self._rest(SWEEP_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311  # no secret: workers take turns
            *_, free = self.sizes()
            if free < LITTLE_SPACE:
                log.warning(
                    "The disk is nearly full: %d MiB are free. Without room, writes are refused.", free // 1024**2
                )
            for unit in self._sweeps:
                try:
                    await self.write(unit)
                except Refusal as passing:  # the disk is full, or somebody else holds the lock
                    log.warning("Nothing was swept up: %s", passing)
                except Exception:
                    log.exception("Sweeping")


def prepare(settings: Settings) -> Path:
    """The path of a database that is at the newest revision, in an instance folder that was made if need be.

    Raises WrongDatabase, which says what to do.
    """
    path = settings.instance / "app.db"
    files.check_disk(settings.instance, settings.shared_disk)
    try:
        files.make_durably(settings.instance)
        turn = Turn(turn_file(path))
    except OSError as error:
        raise files.unwritable(settings.instance, error) from error
    with closing(turn), explaining(path), turn_soon(turn, path):
        files.check(path, turn.noted()[0])
        Room(path).begin()
        # It holds password hashes; SQLite gives its log the same mode and owner.
        if path.exists():
            files.keep_private(path)  # without opening it: to close any descriptor of it would drop SQLite's locks
        else:
            os.close(files.private(path, os.O_RDONLY))
        migrations.upgrade(path)
        if settings.development:
            from pottle.store.migrations import writing  # and with it Alembic, which takes 0.3 s

            writing.follow_models(path)
        if waiting := migrations.pending(path):
            how = "quart --app main db upgrade applies them, and copies app.db first"
            log.warning("Not applied, for they wait for you: %s. %s.", ", ".join(waiting), how)
    return path


def migrate(settings: Settings, back_to: str | None = None) -> tuple[Path, list[str]]:
    """Applies all migrations, also those that drop something, or takes back those after `back_to`; after a copy.

    Returns the copy, and which migrations they were. Raises NotFound, StorageFull, WrongDatabase.
    """
    path = settings.instance / "app.db"
    if not path.exists():
        raise NotFound(f"There is no database {path}.")
    with closing(Turn(turn_file(path))) as turn, explaining(path), turn_soon(turn, path):
        names = migrations.applied(path, back_to) if back_to else migrations.pending(path)
        if not names:
            return path, []
        copy = copies.unused(path.parent, f"app.db-before-{names[-1].split('_')[0]}")
        copies.backup(path, copy)
        if back_to:
            migrations.downgrade(path, back_to)
        else:
            migrations.upgrade(path, willing=True)
    return copy, names


@contextmanager
def turn_soon(turn: Turn, path: Path) -> Iterator[None]:
    """Holds the turn. Says so where it has to wait: another worker may be migrating, or a process is stuck."""
    said = "Waiting to start: another process holds the lock on %s (fuser names it)."
    impatient = threading.Timer(WAITING_SECONDS, log.warning, (said, turn_file(path)))
    impatient.daemon = True
    impatient.start()
    try:
        with turn:
            impatient.cancel()
            yield
    finally:
        impatient.cancel()


def turn_file(path: Path) -> Path:
    """The file whose lock is the right to write to the database at `path`."""
    return beside(path, "-turn")


db = Database()
