"""A database of each test's own, opened in this process; nothing of the application listens to it."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.schema import CreateIndex, CreateTable

from model.settings import Settings
from pottle.store import migrations
from pottle.store.database import Database
from pottle.store.postgres import prepared as adapted
from pottle.store.sqlite import prepare
from pottle.store.statements import Snapshot
from tests import databases


@contextmanager
def bare(*tables: Any) -> Iterator[Snapshot]:
    """A connection that commits at once, to an empty database with these tables, which is gone at the end."""
    if databases.POSTGRES:
        raw = adapted(databases.connected(databases.url_at("postgres")))
        raw.execute("SET search_path = pg_temp")
    else:
        raw = sqlite3.connect(":memory:", isolation_level=None)
    with closing(raw):
        yield created(raw, *tables)


def created(raw: Any, *tables: Any) -> Snapshot:
    """Makes these tables over a driver's connection."""
    made = Snapshot(raw)
    for table in tables:
        for ddl in (CreateTable(table), *map(CreateIndex, table.indexes)):
            raw.execute(str(ddl.compile(dialect=made.tongue.dialect)))
    return made


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
    settings = Settings(instance=tmp_path_factory.mktemp("prepared") / "fresh")
    if databases.POSTGRES:
        settings.instance.mkdir()
        asyncio.run(opened_once(settings))
        return settings.instance
    return prepare(settings).parent


async def opened_once(settings: Settings) -> None:
    """Has a worker make the database."""
    database = Database()
    await database.open(settings)
    await database.close()


@pytest.fixture
def fresh(prepared: Path, tmp_path: Path) -> Path:
    """A new database: SQLite's file, or what lies in the folder with PostgreSQL's."""
    return Path(shutil.copytree(prepared, tmp_path / "fresh")) / "app.db"


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations, to write new ones to."""
    here = Path(shutil.copytree(migrations.VERSIONS, tmp_path / "model" / "migrations"))
    monkeypatch.setattr(migrations, "VERSIONS", here)
    return here
