"""A database of each test's own, opened in this process; nothing of the application listens to it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from model.settings import Settings
from pottle.store import migrations
from pottle.store.database import Database
from pottle.store.sqlite import prepare


@pytest.fixture
async def database(instance: Path) -> AsyncIterator[Database]:
    """An open one, with the world's four people in it."""
    database = Database()
    await database.open(Settings(instance=instance))
    yield database
    await database.close()


@pytest.fixture
def path(instance: Path) -> Path:
    """The database file of the instance folder."""
    return instance / "app.db"


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance folder with a new database: all migrations, one after the other, take a third of a second."""
    return prepare(Settings(instance=tmp_path_factory.mktemp("prepared") / "fresh")).parent


@pytest.fixture
def fresh(prepared: Path, tmp_path: Path) -> Path:
    """A new database."""
    return Path(shutil.copytree(prepared, tmp_path / "fresh")) / "app.db"


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations, to write new ones to."""
    here = Path(shutil.copytree(migrations.VERSIONS, tmp_path / "model" / "migrations"))
    monkeypatch.setattr(migrations, "VERSIONS", here)
    return here
