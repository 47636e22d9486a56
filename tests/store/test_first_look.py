"""Files that were a database once: refused with a word on what to do, and left as they are to the last byte."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from model.settings import Settings
from pottle.store.database import Database
from pottle.store.files import WrongDatabase

pytestmark = pytest.mark.sqlite("what may be wrong with its files")

# Writes, and dies as by kill -9: what it has committed stays in the log.
DIE = """
import os, sqlite3, sys
raw = sqlite3.connect(sys.argv[1])
raw.execute(sys.argv[2])
raw.commit()
os._exit(0)
"""


def written(path: Path, statement: str) -> None:
    subprocess.run([sys.executable, "-c", DIE, str(path), statement], check=True)
    assert path.with_name("app.db-wal").stat().st_size


def overwritten(path: Path, start: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


def newer(path: Path) -> None:
    written(path, "UPDATE alembic_version SET version_num = '9999'")


def newer_without_shm(path: Path) -> None:
    newer(path)
    path.with_name("app.db-shm").unlink()


def log_overwritten(path: Path) -> None:
    written(path, "UPDATE groups SET name = 'Heim'")
    overwritten(path.with_name("app.db-wal"), 0, os.urandom(9_000))


def log_of_another_kind(path: Path) -> None:
    path.with_name("app.db-wal").write_text("something else")


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 + 77)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def header_overwritten(path: Path) -> None:
    overwritten(path, 0, os.urandom(100))


def middle_overwritten(path: Path) -> None:
    overwritten(path, 2 * 4096, os.urandom(path.stat().st_size - 2 * 4096))


def of_another_program(path: Path) -> None:
    """Which has a journal that it has not rolled back yet."""
    path.unlink()
    script = (
        "import os, sqlite3, sys; raw = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "raw.execute('CREATE TABLE recipes (name TEXT)'); raw.execute('PRAGMA cache_size = 2');"
        "raw.execute('INSERT INTO recipes SELECT hex(zeroblob(9000)) FROM (VALUES (1), (2), (3))');"
        "raw.execute('BEGIN'); raw.execute('UPDATE recipes SET name = hex(zeroblob(9001))'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)
    assert path.with_name("app.db-journal").stat().st_size


DAMAGES: dict[Callable[[Path], None], str] = {
    newer: "newer than the code",
    newer_without_shm: "newer than the code",
    log_overwritten: "app.db-wal is no log",
    log_of_another_kind: "app.db-wal is no log",
    truncated: "cannot be read as a database",
    emptied: "is empty",
    header_overwritten: "cannot be read as a database",
    middle_overwritten: "cannot be read as a database",
    of_another_program: "another program",
}


def contents(folder: Path) -> dict[str, bytes]:
    """All but the index of the log, which SQLite makes anew whenever it likes."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "app.db-shm"}


@pytest.mark.parametrize(("damage", "says"), DAMAGES.items(), ids=[damage.__name__ for damage in DAMAGES])
async def test_it_is_refused_and_left_as_it_is(instance: Path, damage: Callable[[Path], None], says: str) -> None:
    """One paragraph that names the file. Twice, for a server is started again.

    "newer" fails when the file is looked at through an ordinary connection, which writes the log into it and deletes
    the log; "another program" likewise, by its journal; "emptied" and the logs when SQLite is left to judge them.
    """
    damage(instance / "app.db")
    before = contents(instance)
    for _ in range(2):
        with pytest.raises(WrongDatabase, match=says) as refusal:
            await Database().open(Settings(instance=instance))
        assert str(instance / "app.db") in str(refusal.value)
        assert "\n" not in str(refusal.value)
        assert contents(instance) == before


async def test_what_is_only_in_the_log_is_not_lost(instance: Path) -> None:
    """The usual state after kill -9: a whole log that was not written back."""
    written(instance / "app.db", "UPDATE groups SET name = 'Heim' WHERE slug = 'home'")
    database = Database()
    await database.open(Settings(instance=instance))
    with database.snapshot() as read:
        assert read.raw.execute("SELECT name FROM groups WHERE slug = 'home'").fetchone() == ("Heim",)
    await database.close()


@pytest.mark.parametrize("zeros", [0, 4, 9_000])
async def test_a_log_that_the_loss_of_power_left_without_content_is_none(instance: Path, zeros: int) -> None:
    (instance / "app.db-wal").write_bytes(bytes(zeros))
    database = Database()
    await database.open(Settings(instance=instance))
    await database.close()


async def test_a_lock_that_another_program_holds_is_named(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pottle.store.engines.BUSY_MS", 50)
    other = sqlite3.connect(instance / "app.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(WrongDatabase, match="locked by another program"):
        await Database().open(Settings(instance=instance))
    other.close()


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WrongDatabase, match=f"{tmp_path / 'file'}.*Not a directory.*POTTLE_INSTANCE"):
        await Database().open(Settings(instance=tmp_path / "file" / "instance"))
