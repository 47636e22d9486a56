"""Who has the database open: every process that has holds the file `app.db-open` shared, for as long as it has.

So that a restore can tell that nobody does. A lock and no process number, because the kernel gives it back however its
holder ends, and because containers that share the folder see each other's locks but not each other's processes.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pottle.errors import Conflict
from pottle.store import locks
from pottle.store.bus import listeners
from pottle.store.whole import private


class Presence:
    """Says that this process has the database open, until it is closed. Waits while somebody is alone with it."""

    def __init__(self, database: Path) -> None:
        self._file = private(_file(database), os.O_RDONLY)
        locks.share(self._file)

    def close(self) -> None:
        """It is no longer open here."""
        os.close(self._file)


@contextmanager
def alone(database: Path) -> Iterator[None]:
    """Nobody else has the database open, nor can open it, meanwhile. Raises Conflict where somebody has.

    The bus is asked too: a server whose folder was deleted and made anew holds a lock on a file without a name.
    """
    held = private(_file(database), os.O_RDONLY)
    try:
        if not locks.take_at_once(held) or listeners(database):
            raise Conflict(f"A server or a command is using {database.parent.absolute()}. Stop it first.")
        yield
    finally:
        os.close(held)


def anybody(database: Path) -> bool:
    """Whether somebody has the database open: here, or in another container that shares the folder."""
    if not _file(database).exists():
        return listeners(database) > 0
    try:
        with alone(database):
            return False
    except Conflict:
        return True


def _file(database: Path) -> Path:
    return database.with_name(database.name + "-open")
