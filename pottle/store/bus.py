"""The bus: pokes between the workers of a machine, saying "look at the log".

A poke is an empty datagram to an abstract Unix socket (Linux: no file to leave behind, and a read-only checkout is
fine). It may be lost, doubled or forged: it only saves waiting, for the follower also looks on its own. Elsewhere
than on Linux there are no pokes, and the slow poll does it all.
"""

import asyncio
import hashlib
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

SLOTS = 32  # workers that hear pokes; twice as many as a restart of sixteen needs
POLL_SECONDS = 0.1  # a look costs 3 us
MOST_AT_ONCE = 100  # pokes read before anything else gets a turn


class Bus:
    """This worker's ear, and its voice to all others that have the same database open."""

    def __init__(self, database: Path, heard: Callable[[], None]) -> None:
        self._name = name_of(database)
        self._own = ""
        self._others: list[str] = []  # where somebody hears
        self._look_again = 0.0  # monotonic, s
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._socket = self._listen()
        self._timer = self._loop.call_later(POLL_SECONDS, self._poll)

    def poke(self) -> None:
        """Tells every other worker that something was committed. Called from the writer's thread.

        Where nobody hears it looks again after a while only: to find that out costs more than to poke.
        """
        if self._socket is None:
            return
        if (now := time.monotonic()) > self._look_again:
            self._look_again = now + POLL_SECONDS
            self._others = [place for place in self._places if place != self._own]
        self._others = [place for place in self._others if _told(self._socket, place)]

    @property
    def _places(self) -> list[str]:
        return [f"{self._name}-{slot}" for slot in range(SLOTS)]

    def close(self) -> None:
        """Stops listening."""
        self._timer.cancel()
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _listen(self) -> socket.socket | None:
        try:
            ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except AttributeError:  # Windows and macOS lack one or the other
            return None
        for place in self._places:
            try:
                ear.bind(place)
            except OSError:
                continue
            self._own = place
            self._loop.add_reader(ear, self._hear, ear)
            return ear
        ear.close()
        return None

    def _hear(self, ear: socket.socket) -> None:
        with suppress(BlockingIOError):
            for _ in range(MOST_AT_ONCE):  # anybody here can send, perhaps as fast as we can read
                ear.recv(1)
        self._heard()

    def _poll(self) -> None:
        self._timer = self._loop.call_later(POLL_SECONDS, self._poll)  # first: whatever goes wrong now, it looks again
        self._heard()


def _told(voice: socket.socket, place: str) -> bool:
    """Whether somebody hears at `place`."""
    try:
        voice.sendto(b"", place)
    except BlockingIOError:  # it has been poked enough
        return True
    except OSError:
        return False
    return True


def listeners(database: Path) -> int:
    """How many processes of this machine (or container) hear pokes for the database. Nobody is poked by it."""
    found = 0
    for slot in range(SLOTS if sys.platform == "linux" else 0):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            found += probe.connect_ex(f"{name_of(database)}-{slot}") == 0
    return found


def name_of(database: Path) -> str:
    """What the addresses of a database's bus begin with; the number of a place follows."""
    return "\0pottle-" + hashlib.sha256(str(database.resolve()).encode()).hexdigest()[:16]
