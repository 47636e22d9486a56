"""The worker that gunicorn.conf.py names. Only gunicorn may import it: on Windows there is no gunicorn."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker

from api.server import OPTIONS

CLEAN_UP_SECONDS = 2  # of the grace period, kept for after_serving


class Worker(UvicornWorker):  # type: ignore[misc]  # it has no types
    """uvicorn under gunicorn, with our limits."""

    CONFIG_KWARGS: ClassVar[dict[str, Any]] = {"loop": "auto", "http": "auto", **OPTIONS}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """uvicorn-worker does not pass the grace period on: a slow request would get us killed uncleanly."""
        super().__init__(*args, **kwargs)
        self.config.timeout_graceful_shutdown = max(1, self.cfg.graceful_timeout - CLEAN_UP_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """gunicorn sends SIGQUIT when it is interrupted, which uvicorn ignores until it is killed."""
        signal.raise_signal(signal.SIGTERM)
