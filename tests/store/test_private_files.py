"""The files of an instance folder are for whoever runs Pottle: whoever can open `app.db-turn` can stop all writes."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.settings import Settings
from pottle.store import Tx
from pottle.store.database import Database
from tests.server import Server

pytestmark = pytest.mark.sqlite("its files, which hold what people wrote")


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """However careless."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """Of each file, and of the folder."""
    return {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())}


def private(folder: Path) -> dict[str, int]:
    return {name: 0o700 if name == folder.name else 0o600 for name in modes(folder)}


@pytest.mark.usefixtures("umask")
async def test_all_are_private_whatever_the_umask(tmp_path: Path) -> None:
    """Fails where one is opened with a mode of its own."""
    folder = tmp_path / "new"
    database = Database()
    await database.open(Settings(instance=folder), serving=True)
    await database.write(written)
    assert {"app.db", "app.db-wal", "app.db-shm", "app.db-turn", "app.db-open", "app.db-served", "app.db-reserve"} <= {
        *modes(folder)
    }
    assert modes(folder) == private(folder)
    await database.close()


def written(tx: Tx) -> None:
    """Unit: a change."""
    tx.changed("test")


async def test_those_that_an_older_version_made_become_private(instance: Path) -> None:
    for path in instance.glob("app.db*"):
        path.chmod(0o644)
    instance.chmod(0o755)
    database = Database()
    await database.open(Settings(instance=instance), serving=True)
    assert {mode for name, mode in modes(instance).items() if name != instance.name} == {0o600}
    assert modes(instance)[instance.name] == 0o755, "a folder that somebody made is theirs"
    await database.close()


@pytest.mark.slow
def test_what_roots_command_makes_keeps_no_server_from_starting(tmp_path: Path) -> None:
    """It belongs to whoever the folder belongs to."""
    if os.getuid() != 0:
        pytest.skip("needs root")
    folder = tmp_path / "instance"
    folder.mkdir()
    os.chown(folder, 1_000, 1_000)
    with Server(folder, tmp_path):
        assert {path.stat().st_uid for path in folder.glob("app.db*")} == {1_000}
