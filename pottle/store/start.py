"""Whether a server starts, or another of its workers: a server's processes hold the file `app.db-served` shared.

A lock and no process number, for the reasons in pottle/store/presence.py; a file of its own, because commands have the
database open too.
"""

import os
from pathlib import Path

from pottle.store import locks
from pottle.store.turn import Turn
from pottle.store.whole import private


class Start:
    """`first` in the one process that found nobody else serving; until it is closed, others find this one."""

    def __init__(self, database: Path, turn: Turn) -> None:
        self._file = private(database.with_name(database.name + "-served"), os.O_RDONLY)
        with turn:  # flock turns one lock into another in two steps, and nobody may come in between
            self.first = locks.take_at_once(self._file)
            locks.share(self._file)

    def close(self) -> None:
        """This process no longer serves."""
        os.close(self._file)
