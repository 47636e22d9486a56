"""People at the server that tests share, each with channels of its own; and at one that a test stops or starves."""

import os
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from model.settings import Settings
from tests.conftest import World
from tests.live.meeting import Meeting
from tests.server import Server


@pytest.fixture
def settings(instance: Path) -> Settings:
    """Here people may post as fast as they can, as at the real servers."""
    return Settings(instance=instance, rate_limits=False, shortcuts=os.environ.get("TEST_SHORTCUTS") != "off")


@pytest.fixture
async def meeting(shared: Server, stack: AsyncExitStack, world: World) -> Meeting:
    """People at the shared server."""
    return Meeting(shared, stack, world.tokens)


@pytest.fixture
async def own_meeting(server: Server, stack: AsyncExitStack, world: World) -> Meeting:
    """People at a server of this test's own, which it may stop and kill."""
    return Meeting(server, stack, world.tokens)
