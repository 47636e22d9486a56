"""Copies of a database as one file: a backup of a live one, and what a backup or an import becomes in its folder.

SQLite's online backup, page by page, from a connection that holds a read transaction the whole time. That makes it one
snapshot: without the transaction the copy starts again at every commit of another process, and never ends under load;
VACUUM INTO is a snapshot too, three times slower and without progress (docs/decisions/backup.md has the numbers).
"""

import itertools
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import column, delete, func, select, table
from sqlalchemy.exc import DBAPIError

from pottle import times
from pottle.errors import Conflict, NotFound, StorageFull
from pottle.store import changes, instance, migrations
from pottle.store.engines import open_reader, write_engine
from pottle.store.files import WrongDatabase, beside, cause_of, give_to_owner, sync
from pottle.store.locks import alone
from pottle.store.statements import Snapshot
from pottle.store.unit import Tx

# How far something is: what is done ("Copying"), how much of it, of how much.
Progress = Callable[[str, int, int], None]

PAGES = 1_024  # copied between two reports
SCHEMA = table("sqlite_master", column("type"), column("name"))
TABLES = select(SCHEMA.c.name).where(SCHEMA.c.type == "table").order_by(SCHEMA.c.name)
# What a credential opens stays closed: one that was ended after the copy was made would come back to life with it.
CREDENTIALS = ("sessions", "tokens", "tickets", "invitations", "sso_secrets", "feed_addresses")


class Content(NamedTuple):
    """What must be the same in a copy: the schema's revision, the newest change, and how many rows each table has."""

    revision: str | None
    seq: int
    rows: dict[str, int]


def backup(database: Path, to: Path, progress: Progress = lambda *_: None) -> tuple[Path, Content]:
    """Copies a database that is in use into one new file, verified and on disk when this returns; its path and content.

    `to` is the file, or a folder in which it gets a name with the time and the newest change. Everything is in it that
    was acknowledged before the call. Raises Conflict, NotFound, StorageFull or WrongDatabase, and leaves nothing then.
    """
    with reading(database) as source:
        found = content(source, database)
        stem = f"pottle-{times.now()[:19].replace(':', '')}Z-{found.seq}"
        path = unused(to, stem, ".db") if to.is_dir() else to
        with appearing(path) as part:
            copy(source.raw, part, progress)
            source.raw.execute("ROLLBACK")  # the check takes longer, and holds the server's log back no more
            with closing(sqlite3.connect(part)) as raw:
                check_integrity(raw, "The copy", progress)
                if content(Snapshot(raw), part) != found:
                    raise WrongDatabase("The copy differs from the database. It was not kept.")
    return path, found


def unused(folder: Path, stem: str, suffix: str = "") -> Path:
    """A name that nothing in the folder has yet: two copies may be made within a second."""
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    return next(path for name in names if not (path := folder / (name + suffix)).exists())


def note(database: Path) -> None:
    """Notes beside a database that it was backed up just now. Raises OSError."""
    with appearing(beside(database, "-backed-up"), replacing=True):
        pass


def last(database: Path) -> float:
    """When a database was last backed up, in seconds since 1970; 0 where it never was."""
    try:
        return beside(database, "-backed-up").stat().st_mtime
    except FileNotFoundError:
        return 0


def content(read: Snapshot, path: Path) -> Content:
    """What the database at `path` holds. Raises WrongDatabase where it is not ours, or newer than the code."""
    revision = migrations.revision_of(read.raw, path)
    if revision is None:
        raise WrongDatabase(f"{path} is empty. It was left as it is.")
    migrations.check_known(revision, path)
    names = [row.name for row in read.all(TABLES) if not migrations.is_undescribed(row.name)]
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
        name, cause = cause_of(error)
        if name == "FULL":
            raise StorageFull("The disk is full. Nothing was kept.") from error
        raise WrongDatabase(f"{what}: {cause}.") from error


@contextmanager
def placed(folder: Path, worthless: Callable[[Path], bool] = lambda _: False) -> Iterator[Path]:
    """A file to make a database in, which is the instance folder's own when all went well, and gone otherwise.

    Raises Conflict beside a server that runs, and where there is a database that is not `worthless`.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = folder / "app.db"
    with alone(database):
        replacing = database.is_file() and worthless(database)
        if not replacing:
            refuse_existing(database)
        for left in (beside(database, "-wal"), beside(database, "-journal")):
            if left.exists() and left.stat().st_size:  # SQLite would play it into the database that comes
                raise Conflict(
                    f"{left} is left from another database, and may hold its newest posts: move it away too."
                )
        with appearing(database, replacing) as part:
            yield part
            give_to_owner(part)


def begin_anew(part: Path, note: Callable[[Tx], None]) -> dict[str, int]:
    """Brings a database that was copied to the newest revision and makes it another one, without any credentials.

    Its id and epoch are new when it is next opened, so that clients that resume read their lists again (L3). Returns
    how many credentials of each table ended. `note(tx)` writes into the same transaction.
    """
    with explained("The copy, while it was migrated"):
        migrations.upgrade(part)
    engine = write_engine(part)
    try:
        with explained("The copy"), engine.begin() as connection:
            tx = Tx(connection)
            instance.forget(tx)
            ended = {name: rows(tx, name) for name in CREDENTIALS}
            for name in CREDENTIALS:
                tx.run(delete(table(name)))
            tx.head = changes.head(tx)
            note(tx)
            tx.deliver()
    finally:
        engine.dispose()
    as_one_file(part)
    return ended


@contextmanager
def appearing(path: Path, replacing: bool = False) -> Iterator[Path]:
    """An atomic write: a file beside `path` to write to, which becomes `path`, on disk, if all went well; else is gone.

    Only its owner can read it, for it holds password hashes. Raises Conflict where there is a `path` already, also one
    that came meanwhile, unless that is to be replaced.
    """
    if not path.parent.is_dir():
        raise NotFound(f"There is no folder {path.parent}.")
    if not replacing:
        refuse_existing(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(descriptor)
    part = Path(name)
    try:
        yield part
        sync(part)
        part.replace(path) if replacing else _rename(part, path)
        sync(path.parent)
    finally:
        for left in ("", "-journal", "-wal", "-shm"):  # which SQLite keeps beside a database
            beside(part, left).unlink(missing_ok=True)


def refuse_existing(path: Path) -> None:
    """Raises Conflict where there is something at `path`, even a link that leads nowhere."""
    if os.path.lexists(path):
        raise Conflict(f"{path} exists already. Nothing is overwritten: choose another place, or move it away.")


def _rename(part: Path, path: Path) -> None:
    try:
        os.link(part, path)  # unlike a rename it fails where there is a file already
    except FileExistsError:
        refuse_existing(path)
    except OSError:  # a file system without hard links
        refuse_existing(path)
        part.rename(path)
