"""How long each attack lasts, and its random numbers.

A short form runs with the other tests. `scripts/soak` runs the same for as long as one likes, by these variables:
FAULT_SECONDS, how long an attack lasts, and FAULT_SEED, which random numbers it uses.
"""

import os
import time
from collections.abc import Iterator

SECONDS = float(os.environ.get("FAULT_SECONDS", "4"))
SEED = int(os.environ.get("FAULT_SEED", "1"))


def lasting(least: int = 1) -> Iterator[int]:
    """0, 1, 2, … until the attack has lasted long enough, and at least so many of them."""
    deadline = time.monotonic() + SECONDS
    n = 0
    while n < least or time.monotonic() < deadline:
        yield n
        n += 1
