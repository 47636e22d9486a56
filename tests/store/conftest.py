"""A database of each test's own, opened in this process; nothing of the application listens to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from model.settings import Settings
from pottle.store.database import Database


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
