"""The numbers of several worker processes as one: prometheus_client's multiprocess mode, in a folder in memory."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
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


def forget(worker: int) -> None:
    """In the arbiter: drops what a worker that has ended said of itself, such as how many websockets it holds."""
    if several():
        from prometheus_client.multiprocess import mark_process_dead  # it looks at the environment, which is ready now

        mark_process_dead(worker)  # type: ignore[no-untyped-call]


def several() -> bool:
    """Whether the numbers of several processes are gathered."""
    return bool(os.environ.get(FOLDER))


def exposition(registry: Any) -> bytes:
    """What Prometheus reads: the numbers of all processes together, or of this one where it is alone."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    if several():
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _sweep(around: Path) -> None:
    """Removes the folders of servers that were killed. One that was just made may not be locked yet."""
    for folder in around.glob(f"{PREFIX}*"):
        with suppress(OSError):  # somebody else's, or just gone
            if time.time() - folder.stat().st_ctime > OLD_SECONDS and _unused(folder):
                shutil.rmtree(folder)


def _unused(folder: Path) -> bool:
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(held)
    return True
