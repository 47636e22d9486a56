"""A database that is put into an instance folder whole: restored or imported. It begins a history of its own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import delete, table

from pottle.errors import Conflict
from pottle.store import instance, migrations
from pottle.store.backup import as_one_file, explained, rows
from pottle.store.engines import write_engine
from pottle.store.locks import alone
from pottle.store.unit import Tx
from pottle.store.whole import appearing, give_to_owner, refuse_existing

# What a credential opens stays closed: one that was ended after the copy was made would come back to life with it.
CREDENTIALS = ("sessions", "tokens", "invitations")


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
        _refuse_log(database)
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
            note(tx)
    finally:
        engine.dispose()
    as_one_file(part)
    return ended


def _refuse_log(database: Path) -> None:
    """SQLite would play the write-ahead log of the database that was here into the one that comes."""
    for end in ("-wal", "-journal"):
        left = database.with_name(database.name + end)
        if left.exists() and left.stat().st_size:
            raise Conflict(f"{left} is left from another database, and may hold its newest posts: move it away too.")
