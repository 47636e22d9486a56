"""Room on the disk: a reserve for writing the log back, and what becomes of a disk that is full.

What is committed goes into the write-ahead log, and from there into the database: a checkpoint. As long as somebody
reads an old snapshot the log only grows. A log that has grown to the last byte could never be written back, for that
needs room in the database. So the file `app.db-reserve` always holds as much room as a checkpoint would need, and more;
it is given up when the disk is full, and made again afterwards. Whatever changes it holds the turn.
"""

import logging
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

from pottle.errors import StorageFull
from pottle.store.engines import LOG_BYTES
from pottle.store.files import beside, private
from pottle.translation import _

log = logging.getLogger("pottle")

MIB = 1024 * 1024
RESERVE_BYTES = 4 * MIB
LARGE_LOG = 64 * MIB  # somebody reads for long
SMALL_LOG = 2 * MIB  # which needs no look at the reserve
LEAST_BYTES = MIB // 2  # for a batch of writes, and for SQLite to open a database
RETRY_SECONDS = 1.0
LOOK_SECONDS = 60.0
LOCKS = Path("/proc/locks")
READ_LOCKS = range(123, 128)  # bytes of app.db-shm (https://www.sqlite.org/walformat.html#locks)


class Room:
    """What this process knows of the room for the database at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = beside(path, "-wal")
        self._reserve = beside(path, "-reserve")
        self._tried = self._looked = -LOOK_SECONDS  # monotonic, s
        self._refusing = False
        self._refused_at = 0  # bytes of the log

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written; None where something can, beside a whole reserve."""
        small = _size(self._reserve) < RESERVE_BYTES or _free(self._path) < LEAST_BYTES
        # Another process may have written the log back since this one found no room.
        if small or (self._refusing and _size(self._log) >= self._refused_at):
            return "The disk is full: nothing can be written. Reading works."
        return None

    def begin(self) -> None:
        """Before the database is opened: on a disk that is full it needs some of the reserve."""
        if self._reserve.exists() and _free(self._path) < LEAST_BYTES:
            self._resize(0)

    def check(self, raw: sqlite3.Connection) -> None:
        """Before a batch. Raises StorageFull where there is no room, and none can be made."""
        if self.trouble and not self.make(raw):
            raise StorageFull(_("The disk is full."))

    def keep(self, raw: sqlite3.Connection) -> None:
        """After a commit: the reserve grows with what a checkpoint would need, and now and then the log shrinks."""
        if time.monotonic() > self._looked + LOOK_SECONDS:
            self._looked = time.monotonic()
            if _size(self._log) > LOG_BYTES and not shrink(raw) and _size(self._log) > LARGE_LOG:
                big = _size(self._log) // MIB
                log.warning("app.db-wal has %d MiB, because somebody reads for long.%s", big, readers(self._path))
            self._fill(raw)
        elif _size(self._log) > SMALL_LOG and _size(self._reserve) < RESERVE_BYTES // 2 + _wanted(raw, self._path):
            self._fill(raw)

    def make(self, raw: sqlite3.Connection) -> bool:
        """Writes the log back with the help of the reserve; whether there is room again. At most once a second."""
        if time.monotonic() < self._tried + RETRY_SECONDS:
            return False
        self._tried = time.monotonic()
        self._resize(0)
        with suppress(sqlite3.Error):
            shrink(raw)
        return self._fill(raw)

    def _fill(self, raw: sqlite3.Connection) -> bool:
        """Has the reserve be what it should; whether it is."""
        there = self._resize(RESERVE_BYTES + _wanted(raw, self._path)) and _free(self._path) >= LEAST_BYTES
        if not there and (some := _free(self._path) - LEAST_BYTES) > _size(self._reserve):
            self._resize(some)
        if there and self._refusing:
            log.warning("There is room on the disk again: writes are accepted.")
        elif not there and not self._refusing:
            log.error("The disk is full: writes are refused, reading goes on.%s", readers(self._path))
        self._refusing, self._refused_at = not there, _size(self._log)
        return there

    def _resize(self, size: int) -> bool:
        """Whether the reserve has that size now, on the disk; where that fails it is as it was."""
        try:
            file = private(self._reserve, os.O_RDWR)
        except OSError:
            return False
        before = os.fstat(file).st_size
        try:
            if hasattr(os, "posix_fallocate") and size:
                os.posix_fallocate(file, 0, size)
            os.ftruncate(file, size)
        except OSError:
            with suppress(OSError):
                os.ftruncate(file, before)
            return False
        finally:
            os.close(file)
        return True


def shrink(raw: sqlite3.Connection) -> bool:
    """Writes the log back and empties it; whether nobody's reading kept it from that. Waits for nobody."""
    (before,) = raw.execute("PRAGMA busy_timeout").fetchone()
    raw.execute("PRAGMA busy_timeout=0")
    try:
        return bool(raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
    finally:
        raw.execute(f"PRAGMA busy_timeout={before}")


def readers(path: Path) -> str:
    """A sentence on the other processes that read the database at this moment, as far as the system says (Linux)."""
    found = sorted(_reading(path) - {os.getpid()})
    return f" Reading: {', '.join(map(_named, found))}." if found else ""


def _reading(path: Path) -> set[int]:
    try:
        inode = beside(path, "-shm").stat().st_ino
        lines = LOCKS.read_text().replace("->", "").splitlines()  # an arrow is behind the number where one waits
    except OSError:
        return set()
    # 1: POSIX  ADVISORY  READ 4711 08:01:131 124 124
    locks = [line.split() for line in lines]
    return {
        int(pid)
        for _, _, _, _, pid, file, first, *_ in locks
        if file.endswith(f":{inode}") and first.isdigit() and int(first) in READ_LOCKS and int(pid) > 0
    }


def _named(pid: int) -> str:
    with suppress(OSError):
        return f"process {pid} ({Path(f'/proc/{pid}/comm').read_text().strip()})"
    return f"process {pid}"


def _wanted(raw: sqlite3.Connection, path: Path) -> int:
    """Bytes by which a checkpoint of all there is would make the database grow."""
    (pages,), (bytes_,) = raw.execute("PRAGMA page_count").fetchone(), raw.execute("PRAGMA page_size").fetchone()
    return max(0, int(pages * bytes_) - _size(path))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _free(path: Path) -> int:
    about = os.statvfs(path.parent) if hasattr(os, "statvfs") else None
    return about.f_bavail * about.f_frsize if about else LEAST_BYTES
