"""Python runs this first when its folder is in PYTHONPATH: the pokes of such a process fall ill on their way.

Each datagram to an abstract Unix socket is lost, or arrives up to two seconds late, up to three times and out of order,
sometimes as garbage. Everything else is sent as it is.
"""

import os
import random
import socket
import threading
import time
from contextlib import suppress
from typing import Any

SECONDS = 2.0
_late: list[tuple[float, str, bytes]] = []
_carriers: set[int] = set()
_send = socket.socket.sendto


def _fall_ill(mouth: socket.socket, data: bytes, *where: Any) -> int:
    address = where[-1]
    if not (isinstance(address, str) and address.startswith("\0")):
        return _send(mouth, data, *where)
    if os.getpid() not in _carriers:  # after a fork there is none
        _carriers.add(os.getpid())
        threading.Thread(target=_deliver, daemon=True).start()
    for _ in range(random.choice((0, 1, 3))):
        due = time.monotonic() + random.uniform(0, SECONDS)
        _late.append((due, address, random.choice((data, b"\xff" * 99))))
    return len(data)


def _deliver() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as mouth:
        while True:
            now, waiting = time.monotonic(), _late[:]
            del _late[: len(waiting)]
            for due, address, data in waiting:
                if due > now:
                    _late.append((due, address, data))
                else:
                    with suppress(OSError):
                        _send(mouth, data, address)
            time.sleep(0.02)


socket.socket.sendto = _fall_ill  # type: ignore[assignment]
