"""Locks between the processes that have one database: whose turn it is to write, who has it open, and who serves it.

`flock` on files of their own (closing any descriptor of `app.db` would drop SQLite's locks on it), and no process
numbers: the kernel gives a lock back however its holder ends, and containers that share the folder see each other's
locks but not each other's processes.

app.db-turn    held by whoever writes. flock is fair between processes where SQLite's own waiting sleeps and retries
               (p99 75 ms against 261 ms for whole requests). It holds the position of the newest commit: a database
               that is behind it was restored or rolled back (L3)
app.db-open    shared by every process that has the database open, so that a restore can tell that nobody has
app.db-served  shared by a server's processes: commands have the database open too
app.db-NAME    held by the worker that runs the consumer of that name (pottle/store/consumers.py)
"""

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pottle.errors import Conflict
from pottle.store.bus import listeners
from pottle.store.files import beside, private

try:
    import fcntl
    from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN
except ImportError:  # Windows, where only the development server runs: one process, which nobody is beside
    fcntl = None  # type: ignore[assignment]
    LOCK_EX = LOCK_NB = LOCK_SH = LOCK_UN = 0  # type: ignore[misc]

log = logging.getLogger("pottle")

WAITING_SECONDS = 5  # at a start, until it is said what it waits for


def flock(file: int, how: int) -> bool:
    """Locks or unlocks a file, as flock(2) does; whether nobody kept it from that. Without `LOCK_NB` it waits."""
    try:
        if fcntl is not None:
            fcntl.flock(file, how)
    except BlockingIOError:
        return False
    return True


def alone_with(path: Path) -> int | None:
    """A descriptor that holds a file for itself until all copies of it are closed; None where somebody has it."""
    held = private(path, os.O_RDWR)
    if flock(held, LOCK_EX | LOCK_NB):
        return held
    os.close(held)
    return None


class Shared:
    """A file that this process holds with others until it is closed. Waits while somebody is alone with it."""

    def __init__(self, path: Path) -> None:
        self._file = private(path, os.O_RDONLY)
        flock(self._file, LOCK_SH)

    def close(self) -> None:
        """Gives it back."""
        os.close(self._file)


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
            flock(self._file, LOCK_EX)
        except BaseException:
            self._threads.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            flock(self._file, LOCK_UN)
        finally:
            self._threads.release()

    def note(self, epoch: str, seq: int) -> None:
        """Remembers the newest position. Not synced: after a loss of power it may lag behind the database."""
        os.lseek(self._file, 0, os.SEEK_SET)
        # A full disk must not fail a commit that has already happened; an older position only makes the check
        # for a restored database less sharp.
        with suppress(OSError):
            os.write(self._file, f"{epoch} {seq:020d}\n".encode())

    def noted(self) -> tuple[str, int]:
        """The newest position that was noted; ("", 0) where there is none."""
        os.lseek(self._file, 0, os.SEEK_SET)
        epoch, _, seq = os.read(self._file, 100).decode(errors="replace").strip().partition(" ")
        return (epoch, int(seq)) if seq.isdigit() else ("", 0)

    def close(self) -> None:
        """Gives the descriptor back."""
        os.close(self._file)


@contextmanager
def impatient(said: str) -> Iterator[Callable[[], None]]:
    """Warns so after WAITING_SECONDS, unless what it gives is called before."""
    timer = threading.Timer(WAITING_SECONDS, log.warning, ("%s", said))
    timer.daemon = True
    timer.start()
    try:
        yield timer.cancel
    finally:
        timer.cancel()


class Presence(Shared):
    """Says that this process has the database open."""

    def __init__(self, database: Path) -> None:
        super().__init__(beside(database, "-open"))


@contextmanager
def alone(database: Path) -> Iterator[None]:
    """Nobody else has the database open, nor can open it, meanwhile. Raises Conflict where somebody has.

    The bus is asked too: a server whose folder was deleted and made anew holds a lock on a file without a name.
    """
    held = private(beside(database, "-open"), os.O_RDONLY)
    try:
        if not flock(held, LOCK_EX | LOCK_NB) or listeners(database):
            raise Conflict(f"A server or a command is using {database.parent.absolute()}. Stop it first.")
        yield
    finally:
        os.close(held)


def anybody(database: Path) -> bool:
    """Whether somebody has the database open: here, or in another container that shares the folder."""
    if not beside(database, "-open").exists():
        return listeners(database) > 0
    try:
        with alone(database):
            return False
    except Conflict:
        return True


class Only:
    """A file that one process at a time holds, until it closes it or ends."""

    def __init__(self, path: Path) -> None:
        self._file = private(path, os.O_RDONLY)

    async def mine(self) -> bool:
        """Whether this process holds it now; never waits for who does."""
        return flock(self._file, LOCK_EX | LOCK_NB)

    async def lost(self) -> None:
        """Never: the kernel keeps it for this process."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Gives it back."""
        os.close(self._file)


class Start(Shared):
    """Says that this process serves; `first` where it found no other that did."""

    def __init__(self, database: Path, turn: Turn) -> None:
        self._file = private(beside(database, "-served"), os.O_RDONLY)
        with turn:  # flock turns one lock into another in two steps, and nobody may come in between
            self.first = flock(self._file, LOCK_EX | LOCK_NB)
            flock(self._file, LOCK_SH)
