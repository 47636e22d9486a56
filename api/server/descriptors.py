"""How many connections a worker takes, so that it always has descriptors for what these ask of it.

Each connection is one, each of the database two, and a file on its way out one. A worker that gave them all to clients
could not open its database any more: it would hurt those it has for those it cannot serve.
"""

import logging
import math
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import resource

log = logging.getLogger("pottle")

OWN = 200  # for 64 reads at once, the writer, the follower, files on their way out, and what gunicorn needs
QUIET_SECONDS = 60.0
OPEN = Path("/proc/self/fd")


def most_connections() -> int:
    """How many it takes. Raises this process's limit as far as it may by itself, as Go does (go.dev/issue/46279)."""
    if sys.platform == "win32":
        return sys.maxsize
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS says "infinity" and means less
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if limit == resource.RLIM_INFINITY else share(limit)


def share(limit: int) -> int:
    """Of so many descriptors, those for clients."""
    return max(limit - OWN, limit // 3)


def used() -> tuple[int, float]:
    """How many this process has open (0 where the system does not say), and how many it may have."""
    opened = 0
    with suppress(OSError):
        opened = OPEN.stat().st_size or len(os.listdir(OPEN))  # Linux counts them itself since 6.2
    if sys.platform == "win32":
        return opened, math.inf
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return opened, math.inf if limit == resource.RLIM_INFINITY else limit


class Door:
    """Refuses connections beyond `most`, and says so in the log, once a minute."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._quiet_until = 0.0

    def shut(self, connections: int) -> bool:
        """Whether the newest of so many is one too many."""
        if connections <= self.most:
            return False
        if time.monotonic() > self._quiet_until:
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            log.warning("More than %d connections are refused: raise the limit of open files (ulimit -n).", self.most)
        return True


door = Door(most_connections())
