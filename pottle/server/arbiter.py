"""What gunicorn's first process, the arbiter, needs of ours: its log, and a folder where the workers' metrics meet.

Only gunicorn may import this. It imports nothing of the application, which workers are to find as it is after a reload.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from pottle.server import logs

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own name: docs/decisions/metrics-of-workers.md
MEMORY = Path("/dev/shm")  # noqa: S108  # in it, a folder that only its maker can enter
PREFIX = "pottle-metrics-"
OLD_SECONDS = 60

_made: tuple[int, Path] | None = None  # by which process


class Log(Logger):  # type: ignore[misc]  # it has no types
    """gunicorn's log in our format, wherever --error-logfile sends it; as it is where it has a configuration."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        if not (cfg.logconfig or cfg.logconfig_dict or cfg.logconfig_json):
            # Looked at and not loaded: at a reload the workers are to find what the file says then.
            settings = {**dotenv_values(Path(__file__).parents[2] / ".env"), **os.environ}
            for handler in self.error_log.handlers:
                logs.adopt(handler, settings.get("POTTLE_LOG") or "auto")


def make_metrics(uid: int, gid: int) -> None:
    """Makes a folder for workers that run as this user and group; the operator's own is left alone.

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


def remove_metrics() -> None:
    """Removes the folder."""
    if _made and _made[0] == os.getpid():
        shutil.rmtree(_made[1], ignore_errors=True)


def forget_worker(pid: int) -> None:
    """Drops what a worker that has ended said of itself, such as how many websockets it holds."""
    if os.environ.get(FOLDER):
        from prometheus_client.multiprocess import mark_process_dead  # it looks at the environment, which is ready now

        mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _sweep(around: Path) -> None:
    """Removes the folders of servers that were killed: nobody holds their locks. A new one may not be locked yet."""
    for folder in around.glob(f"{PREFIX}*"):
        with suppress(OSError):  # somebody else's, in use, or just gone
            if time.time() - folder.stat().st_ctime > OLD_SECONDS:
                held = os.open(folder, os.O_RDONLY)
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
                finally:
                    os.close(held)
