"""How many connections a worker takes, so that it always has descriptors for what these ask of it.

Each connection is one, each of the database two, and a file on its way out one. A worker that gave them all to clients
could not open its database any more: it would hurt those it has for those it cannot serve.
"""

import logging
import math
import os
import sys
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from typing import Any

if sys.platform != "win32":
    import resource

log = logging.getLogger("pottle")

OWN = 200  # for 64 reads at once, the writer, the follower, files on their way out, and what gunicorn needs
OPEN = Path("/proc/self/fd")
MARGIN = 16  # connections that may come at one moment, before no more are accepted
GRACE_SECONDS = 1.0  # for a client to ask, before its place may be given to another
LOOK_SECONDS = 0.1  # between two looks at who waits

Waiting = tuple[bool, float]  # whether it has asked for something already, and since when we wait


def most_connections() -> int:
    """How many it takes. Raises this process's limit as far as it may by itself, as Go does (go.dev/issue/46279)."""
    if sys.platform != "win32":
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):  # macOS says "infinity" and means less
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return share(_limit())


def share(limit: float) -> int:
    """Of so many descriptors, those for clients."""
    return sys.maxsize if limit == math.inf else int(max(limit - OWN, limit // 3))


def _limit() -> float:
    if sys.platform == "win32":
        return math.inf
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return math.inf if limit == resource.RLIM_INFINITY else limit


def used() -> tuple[int, float]:
    """How many this process has open (0 where the system does not say), and how many it may have."""
    opened = 0
    with suppress(OSError):
        opened = OPEN.stat().st_size or len(os.listdir(OPEN))  # Linux counts them itself since 6.2
    return opened, _limit()


class Door:
    """Where `most` connections are taken, each newcomer gets the place of the client that has kept us waiting longest:
    of those that never asked for anything; while there are none, of those that have not finished what they ask, or have
    no request for the moment. Requests that are being answered and websockets are left alone.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.crowded: Callable[[], object] = lambda: None  # told when it is nearly full
        self._margin = min(MARGIN, most // 8)
        self._next_look = 0.0
        self._idle: deque[tuple[Waiting, Any]] = deque()  # who is to go next

    def lets_in(self, connections: Collection[Any], newcomer: Any) -> bool:
        """Whether the newest of these connections may stay: there is room, or some was made."""
        if len(connections) <= self.most - self._margin:
            self._idle.clear()
            return True
        self.crowded()
        if len(connections) <= self.most:
            return True
        log.warning("All %d connections are taken: raise the limit of open files (ulimit -n).", self.most)
        self._look(connections, newcomer.since)
        while self._idle:
            waited, protocol = self._idle.popleft()
            if protocol.keeps_us_waiting() == waited:  # still
                protocol.transport.close()
                return True
        return False

    def has_room(self, connections: Collection[Any], now: float) -> bool:
        """Whether some more would be let in."""
        if len(connections) > self.most - self._margin:
            self._look(connections, now)
        return len(connections) - len(self._idle) <= self.most - self._margin

    def _look(self, connections: Collection[Any], now: float) -> None:
        if now < self._next_look:  # for it looks at all of them
            return
        self._next_look = now + LOOK_SECONDS
        waiting = [(waits, protocol) for protocol in connections if (waits := protocol.keeps_us_waiting())]
        silent = [one for one in waiting if not one[0][0]]
        late = [one for one in silent or waiting if one[0][1] < now - GRACE_SECONDS]
        self._idle = deque(sorted(late, key=itemgetter(0)))


door = Door(most_connections())
