"""What can be done to the bus from outside: its places can be taken, and anything can be sent to them.

What only a network could do, losing, delaying and repeating the pokes that are sent, `sick/sitecustomize.py` does.
"""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pottle.store.bus import SLOTS, name_of
from tests.server import ROOT

SICK = {"PYTHONPATH": str(ROOT / "tests/faults/sick")}  # a server started with it has a bus that loses and delays
GARBAGE = (b"", b"\0" * 9, b"x" * 60_000, os.urandom(500))


def places(instance: Path) -> list[str]:
    """Where the workers that serve an instance folder hear pokes."""
    name = name_of(instance / "app.db")
    return [f"{name}-{slot}" for slot in range(SLOTS)]


@contextmanager
def deafened(instance: Path) -> Iterator[None]:
    """Servers that start meanwhile find no place to hear pokes at, and hear none."""
    with ExitStack() as taken:
        for place in places(instance):
            taken.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)).bind(place)
        yield


@contextmanager
def flooded(instance: Path, threads: int = 2) -> Iterator[None]:
    """Meanwhile every place gets pokes and garbage, as fast as these threads can send."""
    over = threading.Event()
    sending = [threading.Thread(target=_flood, args=(places(instance), over)) for _ in range(threads)]
    for thread in sending:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in sending:
            thread.join()


def _flood(targets: list[str], over: threading.Event) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as mouth:
        while not over.is_set():
            for place in targets:
                for what in GARBAGE:
                    try:
                        mouth.sendto(what, place)
                    except OSError:
                        break  # nobody is there, or its ears are full
