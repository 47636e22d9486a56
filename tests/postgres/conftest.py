"""Each test here has a PostgreSQL server of its own, and on it a copy of the world."""

import asyncio
import shutil
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from model.settings import Settings
from pottle.store import migrations
from tests import databases
from tests.conftest import World, cannot_run, make_world
from tests.live.meeting import Meeting
from tests.postgres.cluster import Cluster, copied, folder_of_cluster
from tests.server import Server


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of PostgreSQL's programs."""
    if (found := databases.programs()) is None:
        cannot_run("needs PostgreSQL (apt install postgresql)")
    assert found
    return found


@pytest.fixture(scope="session")
def pristine(programs: Path) -> Iterator[Cluster]:
    """A cluster with an empty database. It is stopped: tests run copies."""
    with folder_of_cluster() as folder:
        made = Cluster(folder, programs)
        try:
            made.make()
            made.end()
            yield made
        finally:
            made.end(signal.SIGQUIT)


@pytest.fixture(scope="session")
def world(pristine: Cluster, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The people, in that database."""
    pristine.start()
    pristine.wait()
    settings = Settings(instance=tmp_path_factory.mktemp("world"), database_url=pristine.url)
    made = asyncio.run(make_world(settings))
    pristine.end()
    return made


@pytest.fixture
def cluster(world: World, pristine: Cluster, programs: Path) -> Iterator[Cluster]:
    """This test's own cluster, running."""
    with copied(pristine, programs) as running:
        yield running


@pytest.fixture
def standby(cluster: Cluster, programs: Path) -> Iterator[Cluster]:
    """A streaming standby of the cluster."""
    with folder_of_cluster() as folder:
        made = Cluster(folder, programs)
        cluster.run(
            "pg_basebackup", "-h", str(cluster.folder), "-U", "postgres", "-D", str(made.data), "-R", "-c", "fast"
        )
        with made.running():
            yield made


@pytest.fixture
def instance(world: World, tmp_path: Path) -> Path:
    """The instance folder of the machine that has the database."""
    return Path(shutil.copytree(world.folder, tmp_path / "instance"))


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations, to write new ones to."""
    here = Path(shutil.copytree(migrations.VERSIONS, tmp_path / "model" / "migrations"))
    monkeypatch.setattr(migrations, "VERSIONS", here)
    return here


@pytest.fixture
def server(cluster: Cluster, instance: Path, tmp_path: Path) -> Iterator[Server]:
    """gunicorn with three workers on it."""
    with Server(instance, tmp_path, POTTLE_DATABASE_URL=cluster.url) as running:
        yield running


@pytest.fixture
async def meeting(server: Server, stack: AsyncExitStack, world: World) -> Meeting:
    """People at that server."""
    return Meeting(server, stack, world.tokens)
