"""Copies of a database as one file: a backup of a live one, and what a backup becomes again.

SQLite's online backup, page by page, from a connection that holds a read transaction the whole time. That makes it one
snapshot: without the transaction the copy starts again at every commit of another process, and never ends under load;
VACUUM INTO is a snapshot too, three times slower and without progress (docs/decisions/backup.md has the numbers).
"""

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import column, func, select, table
from sqlalchemy.exc import DBAPIError

from pottle import times
from pottle.errors import NotFound, StorageFull
from pottle.store import changes, migrations
from pottle.store.engines import open_reader
from pottle.store.first_look import WrongDatabase
from pottle.store.statements import Snapshot
from pottle.store.whole import appearing

# How far something is: what is done ("Copying"), how much of it, of how much.
Progress = Callable[[str, int, int], None]

PAGES = 1_024  # copied between two reports
SCHEMA = table("sqlite_master", column("type"), column("name"))
TABLES = select(SCHEMA.c.name).where(SCHEMA.c.type == "table").order_by(SCHEMA.c.name)


class Content(NamedTuple):
    """What must be the same in a copy: the schema's revision, the newest change, and how many rows each table has."""

    revision: str | None
    seq: int
    rows: dict[str, int]


def backup(database: Path, to: Path, progress: Progress) -> tuple[Path, Content]:
    """Copies a database that is in use into one new file, verified and on disk when this returns; its path and content.

    `to` is the file, or a folder in which it gets a name with the time and the newest change. Everything is in it that
    was acknowledged before the call. Raises Conflict, NotFound, StorageFull or WrongDatabase, and leaves nothing then.
    """
    with reading(database) as source:
        found = content(source, database)
        path = _free(to, f"pottle-{times.now()[:19].replace(':', '')}Z-{found.seq}") if to.is_dir() else to
        with appearing(path) as part:
            copy(source.raw, part, progress)
            source.raw.execute("ROLLBACK")  # the check takes longer, and holds the server's log back no more
            _verify(part, found, progress)
    return path, found


def _free(folder: Path, stem: str) -> Path:
    """A name that no backup there has: two may be made within a second."""
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    return next(path for name in names if not (path := folder / f"{name}.db").exists())


def note(database: Path) -> None:
    """Notes beside a database that it was backed up just now. Raises OSError."""
    with appearing(_noted(database), replacing=True):
        pass


def last(database: Path) -> float:
    """When a database was last backed up, in seconds since 1970; 0 where it never was."""
    try:
        return _noted(database).stat().st_mtime
    except FileNotFoundError:
        return 0


def _noted(database: Path) -> Path:
    return database.with_name(database.name + "-backed-up")


def content(read: Snapshot, path: Path) -> Content:
    """What the database at `path` holds. Raises WrongDatabase where it is not ours, or newer than the code."""
    revision = migrations.revision_of(read.raw, path)
    if revision is None:
        raise WrongDatabase(f"{path} is empty. It was left as it is.")
    migrations.check_known(revision, path)
    names = [row.name for row in read.all(TABLES)]
    return Content(revision, changes.head(read), {name: rows(read, name) for name in names})


def rows(read: Snapshot, name: str) -> int:
    """How many rows a table has."""
    counted: int = read.one(select(func.count().label("n")).select_from(table(name))).n
    return counted


@contextmanager
def reading(database: Path) -> Iterator[Snapshot]:
    """One snapshot of the database, for as long as it takes. The write-ahead log grows meanwhile, and shrinks later."""
    if not database.exists():
        raise NotFound(f"There is no database {database}.")
    with explained(database), closing(open_reader(database)) as raw:
        raw.execute("BEGIN")
        yield Snapshot(raw)


def copy(source: sqlite3.Connection, part: Path, progress: Progress) -> None:
    """Copies all pages into the file `part`, which becomes a database that is one file."""
    with closing(sqlite3.connect(part, isolation_level=None)) as target:
        target.execute("PRAGMA journal_mode=OFF")  # half a copy is deleted, not mended
        target.execute("PRAGMA synchronous=OFF")  # `appearing` syncs it, once
        source.backup(target, pages=PAGES, progress=lambda _, left, all_: progress("Copying", all_ - left, all_))
    as_one_file(part)


def as_one_file(part: Path) -> None:
    """Ends the write-ahead log of a database that nobody else has open: no `-wal` beside it, now or when it is read."""
    with closing(sqlite3.connect(part, isolation_level=None)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")


def _verify(part: Path, expected: Content, progress: Progress) -> None:
    with closing(sqlite3.connect(part)) as raw:
        check_integrity(raw, "The copy", progress)
        if content(Snapshot(raw), part) != expected:
            raise WrongDatabase("The copy differs from the database. It was not kept.")


def check_integrity(raw: sqlite3.Connection, what: str, progress: Progress) -> None:
    """Raises WrongDatabase for a database that is damaged."""
    progress("Checking", 0, 1)
    wrong = [line for (line,) in raw.execute("PRAGMA integrity_check(1)") if line != "ok"]
    if wrong:
        raise WrongDatabase(f"{what} is damaged: {wrong[0].splitlines()[-1]}. It was not kept.")
    progress("Checking", 1, 1)


@contextmanager
def explained(what: object) -> Iterator[None]:
    """Has SQLite's errors say what they are about. Raises StorageFull or WrongDatabase instead of them."""
    try:
        yield
    except (sqlite3.Error, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL":
            raise StorageFull("The disk is full. Nothing was kept.") from error
        raise WrongDatabase(f"{what}: {cause}.") from error
