"""Whether a server starts, or another of its workers: a server's processes hold the file `app.db-served` shared.

A lock and no process number, for the reasons in model/store/presence.py; a file of its own, because commands have the
database open too.
"""

import os
from pathlib import Path

from model.store.turn import Turn

try:
    import fcntl
except ImportError:  # Windows, where the development server is the only process
    fcntl = None  # type: ignore[assignment]


class Start:
    """`first` in the one process that found nobody else serving; until it is closed, others find this one."""

    def __init__(self, database: Path, turn: Turn) -> None:
        # Only to read, so that a file which root's command made keeps no server from starting.
        self._file = os.open(database.with_name(database.name + "-served"), os.O_RDONLY | os.O_CREAT, 0o644)
        with turn:  # flock turns one lock into another in two steps, and nobody may come in between
            self.first = self._alone()

    def _alone(self) -> bool:
        alone = True
        if fcntl is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                alone = False
            fcntl.flock(self._file, fcntl.LOCK_SH)
        return alone

    def close(self) -> None:
        """This process no longer serves."""
        os.close(self._file)
