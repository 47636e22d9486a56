"""The numbers of several worker processes as one: prometheus_client's files in memory, one set for each place.

prometheus_client names the files after the process. Here they are named after a place, which a worker takes over from
one that has ended: so counters go on where those of the dead stopped, and the files are never more than there were
workers at once. A place is taken by a lock, which the kernel gives back however its holder ends.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows, where one process serves, and the folder is never made
    fcntl = None  # type: ignore[assignment]

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own name
MEMORY = Path("/dev/shm")  # noqa: S108  # in it, a folder that only its maker can enter
PREFIX = "pottle-metrics-"
OLD_SECONDS = 60

_made: tuple[int, Path] | None = None  # by which process
_place: int | None = None  # this process's


def begin(uid: int, gid: int) -> None:
    """In the arbiter: makes a folder for workers that run as this user and group; the operator's own is left alone.

    Raises OSError where none can be made; then each worker counts for itself.
    """
    global _made
    if os.environ.get(FOLDER):
        return
    around = MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    _sweep(around)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=around))
    os.chown(folder, uid, gid)
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH)  # held by the workers too, until the last has ended
    _made = (os.getpid(), folder)
    os.environ[FOLDER] = str(folder)


def end() -> None:
    """In the arbiter: removes the folder."""
    if _made and _made[0] == os.getpid():
        shutil.rmtree(_made[1], ignore_errors=True)


def forget_dead() -> None:
    """In the arbiter: drops what workers said of themselves that have ended, such as how many websockets they hold."""
    from prometheus_client.multiprocess import mark_process_dead  # it looks at the environment, which is ready now

    for file in Path(os.environ.get(FOLDER, "/nowhere")).glob("place-*"):
        held = os.open(file, os.O_RDONLY)
        if _locked(held):
            mark_process_dead(int(file.name.partition("-")[2]))  # type: ignore[no-untyped-call]
        os.close(held)


def prepare() -> None:
    """In a worker, before the first metric is made: has prometheus_client use this process's place."""
    if several():
        from prometheus_client import values

        values.ValueClass = values.MultiProcessValue(place)  # type: ignore[no-untyped-call]


def several() -> bool:
    """Whether the numbers of several processes are gathered."""
    return bool(os.environ.get(FOLDER))


def place() -> int:
    """This process's number among those that are alive: the lowest that nobody has. Asked with every number counted."""
    global _place
    if _place is None:
        _place = _take()
    return _place


def _has_none() -> None:
    """In a new process: its parent's place is not its own."""
    global _place
    _place = None


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_has_none)


def _take() -> int:
    for number in count():
        held = os.open(Path(os.environ[FOLDER]) / f"place-{number}", os.O_RDWR | os.O_CREAT, 0o600)
        if _locked(held):
            return number
        os.close(held)
    raise AssertionError


def _sweep(around: Path) -> None:
    """Removes the folders of servers that were killed. One that was just made may not be locked yet."""
    for folder in around.glob(f"{PREFIX}*"):
        with suppress(OSError):  # somebody else's, or just gone
            if time.time() - folder.stat().st_ctime > OLD_SECONDS and _unused(folder):
                shutil.rmtree(folder)


def _unused(folder: Path) -> bool:
    held = os.open(folder, os.O_RDONLY)
    try:
        return _locked(held)
    finally:
        os.close(held)


def _locked(held: int) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def exposition(registry: Any) -> bytes:
    """What Prometheus reads: the numbers of all processes together, or of this one where it is alone."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    if several():
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
