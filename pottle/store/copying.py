"""The database as a whole, on either engine: copied to the other one (`quart --app main db copy`), and backed up.

A copy is the same history: its readers go on where they were. So the source becomes another one, in case that somebody
serves it again: nobody is to take a position in the one for a place in the other (L3).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, delete

from pottle.errors import Conflict, NotFound
from pottle.settings import Settings
from pottle.store import changes, copies, migrations, moving
from pottle.store.base import Base
from pottle.store.copies import Content, Progress
from pottle.store.files import WrongDatabase, make_durably
from pottle.store.instance import Fact, fact
from pottle.store.locks import Turn, alone
from pottle.store.moving import Moved
from pottle.store.sqlite import turn_file
from pottle.store.statements import Snapshot

URLS = ("postgresql://", "postgres://")
FORGET = delete(Fact).where(Fact.name == bindparam("of"))


def end(place: str) -> Any:
    """An end of a copy: `place` is the path of an instance folder, or PostgreSQL's URL. Raises WrongDatabase."""
    if not place.startswith(URLS):
        return File(Path(place))
    from pottle.store.clusters import Cluster  # and with it psycopg, which takes 0.1 s

    return Cluster(place)


def copy(here: Any, there: Any, progress: Progress = lambda *_: None) -> dict[str, Moved]:
    """Copies all of one end into the other.

    Returns what each table has. All of it, compared with the source, or nothing: then it is begun again. Raises
    Conflict, NotFound, StorageFull or WrongDatabase.
    """
    if here.same == there.same:
        raise Conflict("The source and the target are the same database.")
    with here.reading() as read:
        present = _all_described(read, here.named)
        with there.making() as tx:
            moved = moving.move(read, tx, present, progress)
            if moving.contents(tx, present, progress) != moved:
                raise WrongDatabase("The copy differs from the source. It was not kept.")
            here.leave(read)
    return moved


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
        self.named = str(self._path)

    @property
    def same(self) -> str:
        """Equal for two names of the same database."""
        return str(self._path.resolve())

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """One state of it, which nobody else has open meanwhile."""
        if not self._path.exists():
            raise NotFound(f"There is no database {self._path}.")
        with alone(self._path), copies.reading(self._path) as read:
            yield read

    def leave(self, read: Snapshot) -> None:
        """Has it be another history from its next opening on: as if more had been written to it."""
        if epoch := fact(read, "epoch"):
            self._note(epoch, changes.head(read) + 1)

    @contextmanager
    def making(self) -> Iterator[Snapshot]:
        """A transaction in which there are all tables; the file is there, on disk, if all goes well."""
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
            if epoch:
                self._note(epoch, head)

    def _note(self, epoch: str, head: int) -> None:
        with closing(Turn(turn_file(self._path))) as turn:
            turn.note(epoch, head)


def _all_described(read: Snapshot, named: str) -> set[str]:
    """The tables of a database that can be copied whole. Raises Conflict or WrongDatabase for another."""
    at, newest = moving.revision_of(read, named), migrations.newest_revision()
    if at != newest:
        raise Conflict(f"{named} is at revision {at}, and the code at {newest}: quart --app main db upgrade first.")
    found = moving.tables_in(read) - {"alembic_version"}
    if unknown := sorted(found - Base.metadata.tables.keys()):
        raise Conflict(f"{named} has tables that no model describes, and would lose them: {', '.join(unknown)}.")
    return found
