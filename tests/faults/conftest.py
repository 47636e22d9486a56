"""What the attacks share."""

import random
from contextlib import AsyncExitStack

import pytest

from tests.conftest import World
from tests.lasting import SEED
from tests.live.meeting import Meeting
from tests.server import Server


@pytest.fixture
def rng() -> random.Random:
    """The attack's random numbers."""
    return random.Random(SEED)


@pytest.fixture
async def meeting(server: Server, stack: AsyncExitStack, world: World) -> Meeting:
    """People at a server of this test's own, which it may stop and kill."""
    return Meeting(server, stack, world.tokens)
