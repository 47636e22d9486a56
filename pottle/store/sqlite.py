"""SQLite beneath the database: one file, one turn for all who write, and reads that are answered at once."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from pottle import times
from pottle.errors import NotFound, Overloaded, StorageFull
from pottle.settings import Settings
from pottle.store import changes, copies, files, migrations, numbers
from pottle.store.bus import Bus, listeners
from pottle.store.changes import LoggedChange
from pottle.store.engines import Reading, open_reader, open_writer, write_engine
from pottle.store.files import beside, explaining, is_full, is_locked
from pottle.store.follower import Follower, Listener
from pottle.store.instance import Instance, Moved, fact, identify, newest
from pottle.store.locks import Only, Presence, Start, Turn, impatient
from pottle.store.room import Room, readers
from pottle.store.statements import Snapshot
from pottle.store.unit import Tx
from pottle.translation import _

log = logging.getLogger("pottle")

LITTLE_SPACE = 20 * 1024 * 1024  # bytes; the write-ahead log alone takes a few


class SQLite:
    """One file `instance/app.db`, with its locks beside it."""

    at_once = True  # nothing that is read has to be waited for
    following = False

    def __init__(self, settings: Settings, listeners: tuple[Listener, ...], serving: bool, look: Callable[[], None]):
        """Opens it. `look` is called in the event loop when there may be something new.

        Raises files.WrongDatabase, having changed nothing, for a database that this code cannot serve.
        """
        self._path = path = prepare(settings)
        self._presence = Presence(path)
        self._turn = Turn(turn_file(path))
        start = Start(path, self._turn) if serving else None
        self.first_of_start = start is not None and start.first
        self._held: list[Any] = [self._turn, self._presence, *([start] if start else [])]
        self._room = Room(path)
        with explaining(path):
            self.instance = self._identify()
            # PRAGMA data_version sees other connections' commits only on a connection that never begins, writes nothing
            # and leaves no cursor open: this one is asked nothing else (2.6 us; no commit missed in 3,000).
            self._watch = open_reader(path)
            self._version = -1
            self._reader = Snapshot(open_reader(path))
            with self._reader as read:
                self.follower = Follower(read, listeners)
        self._reading = Reading(path)
        self.usage = {"sessions": self._reading.usage}
        self._bus = Bus(path, look)
        self._engine = write_engine(path)

    async def close(self) -> None:
        """Once nothing is written any more."""
        self._bus.close()
        self._watch.close()
        self._reader.raw.close()
        await self._reading.close()
        self._engine.dispose()
        for held in self._held:
            held.close()

    @contextmanager
    def transaction(self) -> Iterator[Tx]:
        """In the writer's thread: with the turn, one transaction, which is on disk when this ends well."""
        with self._turn, self._engine.connect() as connection:
            self._room.check(Tx(connection).raw)
            with connection.begin():
                tx = Tx(connection)
                tx.head = newest(tx)
                yield tx
                tx.deliver()
            try:
                self._tell(tx)
            except Exception:
                log.exception("After a commit")

    def may_succeed_now(self, error: BaseException) -> bool:
        """Whether a batch that failed can be run again, for the disk was full, and there is room again."""
        if not is_full(error):
            return False
        with self._turn, self._engine.connect() as connection:
            return self._room.make(Tx(connection).raw)

    def explained(self, error: BaseException) -> BaseException:
        """The error as a unit's caller should see it: passing troubles as refusals."""
        if isinstance(error, Moved):
            return Overloaded(_("The server is stopping."))
        if is_locked(error):
            return Overloaded(_("The database is locked by another program."))
        return StorageFull(_("The disk is full.")) if is_full(error) else error

    def snapshot(self) -> Snapshot:
        """`with … as read:` one snapshot, in the event loop's thread. Never await inside."""
        return self._reader

    async def read(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Returns `function(read, *args, **kwargs)`, at once."""
        with self._reader as read:
            return function(read, *args, **kwargs)

    def session(self) -> AbstractAsyncContextManager[AsyncSession]:
        """As db.session."""
        return self._reading.session()

    def catch_up(self) -> None:
        """Follows every change committed before this call. Raises where the log cannot be read."""
        version = self._watch.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return
        with self._reader as read:
            self.follower.apply(self.follower.prepare(read))
        self._version = version  # taken before the rows were read: what came later moves it again

    async def caught_up(self) -> None:
        """As `catch_up`."""
        self.catch_up()

    async def trouble(self) -> str | None:
        """Why it can neither be read nor written at this moment; None where it can."""
        if self._room.trouble:
            return self._room.trouble + readers(self._path)
        self.catch_up()
        with self._reader as read:
            fact(read, "epoch")
        return None

    def only(self, name: str) -> Only:
        """A lock that one process of all has: whoever runs the consumer of that name."""
        return Only(beside(self._path, f"-{name}"))

    def warn(self) -> None:
        """Says now and then that the disk is nearly full."""
        free = shutil.disk_usage(self._path.parent).free
        if free < LITTLE_SPACE:
            log.warning("The disk is nearly full: %d MiB are free. Without room, writes are refused.", free // 1024**2)

    @property
    def full(self) -> bool:
        """Whether there is no room on the disk for a write."""
        return self._room.trouble is not None

    async def workers(self) -> int:
        """How many processes of this machine, or container, hear of commits."""
        return listeners(self._path)

    async def sizes(self) -> tuple[int, int, int]:
        """Bytes of the database, of its write-ahead log, and free on their disk."""
        database, log_ = (
            file.stat().st_size if file.exists() else 0 for file in (self._path, beside(self._path, "-wal"))
        )
        return database, log_, shutil.disk_usage(self._path.parent).free

    def _identify(self) -> Instance:
        with closing(open_writer(self._path)) as raw, self._turn:
            raw.execute("BEGIN IMMEDIATE")
            tx = Snapshot(raw)
            # An older version pruned all there was.
            if not changes.head(tx) and (seq := numbers.newest(tx).get(LoggedChange.__tablename__)):
                added = changes.Addition()
                added.add(seq + 1, times.now(), "written", None, None, ())
                added.write(tx)
            found = identify(tx, self._turn.noted())
            head = changes.head(tx)
            raw.execute("COMMIT")
            self._turn.note(found.epoch, head)
            self._room.keep(raw)
        return found

    def _tell(self, tx: Tx) -> None:
        """After each commit, while it still has the turn."""
        self._turn.note(self.instance.epoch, tx.head)
        self._bus.poke()
        self._room.keep(tx.raw)


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
    said = f"Waiting to start: another process holds the lock on {turn_file(path)} (fuser names it)."
    with impatient(said) as at_last, turn:
        at_last()
        yield


def turn_file(path: Path) -> Path:
    """The file whose lock is the right to write to the database at `path`."""
    return beside(path, "-turn")
