"""The database as a whole, on either engine: copied to the other one (`quart --app main db copy`), and backed up.

The source may be served meanwhile. Two passes copy what is there (pottle/store/moving.py); for the third one, which
takes seconds, nobody may write to the source. It ends with the source `left`: whoever has it open is refused each write
from then on, and nobody can open it. So all that was acknowledged is in the target, and nothing that was refused. All
this is one transaction of the target's: a copy that is broken off leaves nothing.

The copy is the same history: its readers go on where they were. So the source becomes another one, in case that
somebody serves it again all the same: nobody is to take a position in the one for a place in the other (L3).
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete

from pottle.errors import Conflict, NotFound
from pottle.settings import Settings
from pottle.store import changes, copies, migrations, moving
from pottle.store.base import Base
from pottle.store.copies import Content, Progress
from pottle.store.engines import open_writer
from pottle.store.files import WrongDatabase, make_durably, sync
from pottle.store.instance import MOVED, Fact, fact, put
from pottle.store.locks import Presence, Turn, impatient
from pottle.store.moving import Move
from pottle.store.sqlite import turn_file
from pottle.store.statements import Snapshot

URLS = ("postgresql://", "postgres://")
FORGET = delete(Fact).where(Fact.name == bindparam("of"))


class Copied(NamedTuple):
    """What was: how many rows of how many tables, and for how many seconds nobody could write."""

    rows: int
    tables: int
    seconds: float


def end(place: str) -> Any:
    """An end of a copy: `place` is the path of an instance folder, or PostgreSQL's URL. Raises WrongDatabase."""
    if not place.startswith(URLS):
        return File(Path(place))
    from pottle.store.clusters import Cluster  # and with it psycopg, which takes 0.1 s

    return Cluster(place)


def copy(here: Any, there: Any, progress: Progress = lambda *_: None) -> Copied:
    """Copies all of one end into the other, and leaves the one: all of it, and compared, or nothing.

    Raises Conflict, NotFound, StorageFull or WrongDatabase.
    """
    if here.same == there.same:
        raise Conflict("The source and the target are the same database.")
    with here.reading() as read:
        present = _all_described(read, here, there)
    began = seconds = 0.0

    def leave() -> None:
        nonlocal seconds
        here.leave(newest, there.named)
        seconds = time.monotonic() - began

    with ExitStack() as pause, there.making(leave) as tx:
        move = Move(tx, present, progress)
        for what in ("Copying", "Catching up"):
            with here.reading() as read:
                move.bring(read, what)
        newest = pause.enter_context(here.paused())
        began = time.monotonic()
        if _all_described(newest, here, there) != present:
            raise Conflict(f"{here.named} was migrated meanwhile: begin again.")
        found = move.bring(newest, "Writes are paused")
        tx.run(FORGET, of=MOVED)
    return Copied(sum(found.values()), len(found), seconds)


def backup(settings: Settings, to: Path, progress: Progress = lambda *_: None) -> tuple[Path, Content]:
    """As `copies.backup`, on either engine: on PostgreSQL it is pg_dump's."""
    if not settings.database_url:
        return copies.backup(settings.instance / "app.db", to, progress)
    from pottle.store import clusters

    make_durably(settings.instance)
    return clusters.dump(settings.database_url, to, progress)


def check_sqlite(settings: Settings, instead: str) -> None:
    """Raises Conflict on PostgreSQL, for a command that is SQLite's; `instead` says how it is done there."""
    if settings.database_url:
        raise Conflict(f"This is for SQLite, and POTTLE_DATABASE_URL names a PostgreSQL database. {instead}")


class File:
    """SQLite's file in an instance folder, as an end of a copy."""

    def __init__(self, path: Path) -> None:
        self._path = path if path.name == "app.db" else path / "app.db"
        self.named = str(self._path.absolute())

    @property
    def same(self) -> str:
        """Equal for two names of the same database."""
        return str(self._path.resolve())

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """One state of it, while others write."""
        if not self._path.exists():
            raise NotFound(f"There is no database {self._path}.")
        with closing(Presence(self._path)), copies.reading(self._path) as read:
            yield read

    @contextmanager
    def paused(self) -> Iterator[Snapshot]:
        """Its newest state, while nobody can write: who wants to waits for the turn. Ends with this process, too."""
        said = f"Waiting: another process holds the lock on {turn_file(self._path)} (fuser names it)."
        with (
            closing(Presence(self._path)),
            copies.explained(self.named),
            closing(Turn(turn_file(self._path))) as self._turn,
            impatient(said) as at_last,
            self._turn,
            closing(open_writer(self._path)) as raw,
        ):
            at_last()
            raw.execute("BEGIN IMMEDIATE")
            yield Snapshot(raw)

    def leave(self, paused: Snapshot, to: str) -> None:
        """Ends the pause with everybody refused, and has it be another history: as if more had been written to it."""
        if epoch := fact(paused, "epoch"):
            self._turn.note(epoch, changes.head(paused) + 1)
        put(paused, MOVED, to)
        paused.raw.execute("COMMIT")

    @contextmanager
    def making(self, last: Callable[[], object]) -> Iterator[Snapshot]:
        """A transaction in which there are all tables; the file is there, on disk, if all goes well.

        `last` is called when nothing is left to be done but to give it its name.
        """
        with copies.placed(self._path.parent) as part, copies.explained("The copy"):
            migrations.upgrade(part)
            with closing(sqlite3.connect(part, isolation_level=None)) as raw:
                raw.execute("PRAGMA journal_mode=OFF")
                raw.execute("PRAGMA synchronous=OFF")  # half a copy is deleted, a whole one is synced at the end
                raw.execute("BEGIN")
                yield (tx := Snapshot(raw))
                if broken := raw.execute("PRAGMA foreign_key_check").fetchone():
                    raise WrongDatabase(f"Row {broken[1]} of {broken[0]} refers to a row of {broken[2]} that is gone.")
                tx.run(FORGET, of="history")  # PostgreSQL's word for what is noted here
                epoch, head = fact(tx, "epoch"), changes.head(tx)
                raw.execute("COMMIT")
            copies.as_one_file(part)
            sync(part)
            if epoch:
                with closing(Turn(turn_file(self._path))) as turn:
                    turn.note(epoch, head)
            last()


def _all_described(read: Snapshot, here: Any, there: Any) -> set[str]:
    """The tables of a database that can be copied whole. Raises Conflict or WrongDatabase for another."""
    named, at, newest = here.named, moving.revision_of(read, here.named), migrations.newest_revision()
    if at != newest:
        raise Conflict(f"{named} is at revision {at}, and the code at {newest}: quart --app main db upgrade first.")
    if (place := fact(read, MOVED)) not in (None, there.named):
        raise Conflict(f"{named} was moved already. Its place is now: {place}.")
    found = moving.tables_in(read) - {"alembic_version"}
    if unknown := sorted(found - Base.metadata.tables.keys()):
        raise Conflict(f"{named} has tables that no model describes, and would lose them: {', '.join(unknown)}.")
    return found
