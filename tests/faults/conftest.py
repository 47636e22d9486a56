"""What the attacks share: how long each lasts, and its random numbers.

A short form runs with the other tests. `scripts/soak` runs the same for as long as one likes, by these variables:
FAULT_SECONDS, how long an attack lasts, and FAULT_SEED, which random numbers it uses.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from tests.conftest import World
from tests.live.meeting import Meeting
from tests.server import Server

SECONDS = float(os.environ.get("FAULT_SECONDS", "4"))
SEED = int(os.environ.get("FAULT_SEED", "1"))


def lasting(least: int = 1) -> Iterator[int]:
    """0, 1, 2, … until the attack has lasted long enough, and at least so many of them."""
    deadline = time.monotonic() + SECONDS
    n = 0
    while n < least or time.monotonic() < deadline:
        yield n
        n += 1


@pytest.fixture
def rng() -> random.Random:
    """The attack's random numbers."""
    return random.Random(SEED)


@pytest.fixture
async def meeting(server: Server, stack: AsyncExitStack, world: World) -> Meeting:
    """People at a server of this test's own, which it may stop and kill."""
    return Meeting(server, stack, world.tokens)
