"""What the attacks share."""

from contextlib import AsyncExitStack

import pytest

from tests.conftest import World
from tests.live.meeting import Meeting
from tests.server import Server


@pytest.fixture
async def meeting(server: Server, stack: AsyncExitStack, world: World) -> Meeting:
    """People at a server of this test's own, which it may stop and kill."""
    return Meeting(server, stack, world.tokens)
