"""Whose turn it is to write, and where the last one left off: the file `app.db-turn`.

`flock` is fair between processes where SQLite's own waiting sleeps and retries (p99 75 ms against 261 ms for whole
requests). The lock is on a file of its own: closing any descriptor of `app.db` would drop SQLite's locks on it.
The file also holds the position of the newest commit. A database that is behind it was restored or rolled back (L3).
"""

import os
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from pottle.store import locks
from pottle.store.whole import private


class Turn:
    """`with turn:` holds the right to write, over all processes that have the same instance folder.

    Open it after the fork: an inherited descriptor shares its lock with the parent and excludes nobody.
    """

    def __init__(self, path: Path) -> None:
        self._file = private(path, os.O_RDWR)
        self._threads = threading.Lock()

    def __enter__(self) -> "Turn":
        self._threads.acquire()
        try:
            locks.take(self._file)
        except BaseException:
            self._threads.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            locks.give_back(self._file)
        finally:
            self._threads.release()

    def note(self, epoch: str, seq: int) -> None:
        """Remembers the newest position. Not synced: after a loss of power it may lag behind the database."""
        self._put(f"{epoch} {seq:020d}\n".encode())

    def noted(self) -> tuple[str, int]:
        """The newest position that was noted; ("", 0) where there is none."""
        os.lseek(self._file, 0, os.SEEK_SET)
        epoch, _, seq = os.read(self._file, 100).decode(errors="replace").strip().partition(" ")
        return (epoch, int(seq)) if seq.isdigit() else ("", 0)

    def close(self) -> None:
        """Gives the descriptor back."""
        os.close(self._file)

    def _put(self, line: bytes) -> None:
        os.lseek(self._file, 0, os.SEEK_SET)
        # A full disk must not fail a commit that has already happened; an older position only makes the check
        # for a restored database less sharp.
        with suppress(OSError):
            os.write(self._file, line)
