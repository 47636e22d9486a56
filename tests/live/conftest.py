"""One server that the tests here share, each with channels of its own; and one for a test that stops or starves it."""

import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from model.settings import Settings
from tests.conftest import World
from tests.live.meeting import Meeting
from tests.server import Server


@pytest.fixture(scope="session")
def shared(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn with three workers for all tests of this folder: none may depend on what another left there.

    Until the session ends, for pytest-xdist gives a process files of several folders in turn.
    """
    folder = tmp_path_factory.mktemp("shared")
    instance = shutil.copytree(world.folder, folder / "instance")
    with Server(instance, folder) as running:
        yield running


@pytest.fixture
def settings(instance: Path) -> Settings:
    """Here people may post as fast as they can, as at the real servers."""
    return Settings(instance=instance, rate_limits=False)


@pytest.fixture
async def meeting(shared: Server, stack: AsyncExitStack, world: World) -> Meeting:
    """People at the shared server."""
    return Meeting(shared, stack, world.tokens)


@pytest.fixture
async def own_meeting(server: Server, stack: AsyncExitStack, world: World) -> Meeting:
    """People at a server of this test's own, which it may stop and kill."""
    return Meeting(server, stack, world.tokens)
