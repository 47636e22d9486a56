"""`quart --app main db …`: the schema of the database, and a look inside."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from model.settings import Settings
from pottle.store import migrations
from pottle.store.files import WrongDatabase
from pottle.store.sqlite import prepare
from tests.conftest import needs
from tests.server import ROOT
from tests.test_backup_commands import QUART, environment, quart, refused

pytestmark = pytest.mark.sqlite("copies of its file before a migration, and its shell")

NEWEST = str(migrations.newest_revision())
BEFORE = migrations.revisions()[-2]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: all migrations, one after the other, take a third of a second."""
    return prepare(Settings(instance=tmp_path_factory.mktemp("prepared") / "instance")).parent


@pytest.fixture
def fresh(prepared: Path, tmp_path: Path) -> Path:
    """An instance folder with a new database."""
    return Path(shutil.copytree(prepared, tmp_path / "instance"))


def set_revision(instance: Path, number: str) -> None:
    with closing(sqlite3.connect(instance / "app.db")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = ?", (number,))


@pytest.mark.slow
def test_current_and_check_say_that_all_is_well(fresh: Path) -> None:
    assert quart(fresh, "db", "current") == (0, f"{NEWEST}, the newest\n", "")
    assert quart(fresh, "db", "check") == (0, "The models and the database agree.\n", "")
    assert quart(fresh, "db", "upgrade") == (0, "Nothing waits to be applied.\n", "")


@pytest.mark.slow
def test_what_litestream_keeps_there_is_nobodys(fresh: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(fresh / "app.db")) as raw:
        raw.execute("CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
        raw.execute("CREATE TABLE _litestream_lock (id INTEGER)")
    assert quart(fresh, "db", "check") == (0, "The models and the database agree.\n", "")
    assert quart(fresh, "export", tmp_path / "all.jsonl")[0] == 0
    assert quart(tmp_path / "other", "import", tmp_path / "all.jsonl")[0] == 0
    assert quart(fresh, "db", "copy", fresh, tmp_path / "third")[0] == 0


@pytest.mark.slow
def test_one_goes_back_and_forth_and_keeps_copies(fresh: Path) -> None:
    """What differs meanwhile, `check` says; the old name of `upgrade` works as before."""
    code, said, _ = quart(fresh, "db", "downgrade", "--yes")
    assert (code, said.split(".")[0]) == (0, f"Took back {migrations.file_of(NEWEST).stem}")
    file = migrations.file_of(NEWEST).name
    assert quart(fresh, "db", "current")[1] == f"{BEFORE}\n{file} is applied at the next start\n"
    code, said, why = quart(fresh, "db", "check")
    assert code == 1
    assert said
    assert f"Not applied yet: {file}." in why
    assert quart(fresh, "migrate", "--yes")[0] == 0
    assert quart(fresh, "db", "check")[0] == 0
    assert {copy.name for copy in fresh.glob("app.db-before-*")} == {
        f"app.db-before-{NEWEST}",
        f"app.db-before-{NEWEST}-2",
    }


@pytest.mark.slow
def test_nothing_is_applied_or_taken_back_unasked(fresh: Path) -> None:
    assert quart(fresh, "db", "downgrade")[0] == 1
    assert quart(fresh, "db", "current")[1] == f"{NEWEST}, the newest\n"


def test_it_goes_back_only_to_what_was(fresh: Path) -> None:
    assert f"It can go back to {migrations.revisions()[0]}, " in refused(fresh, "db", "downgrade", "7777")


@pytest.mark.slow
def test_without_a_database_there_is_nothing_to_say(tmp_path: Path) -> None:
    for command in ("current", "upgrade", "downgrade", "check", "console"):
        assert "There is no database" in refused(tmp_path, "db", command)


def test_a_newer_database_says_which_file_is_missing_and_how_to_go_back(fresh: Path) -> None:
    set_revision(fresh, "9999")
    said = refused(fresh, "db", "current")
    assert "model/migrations/9999_….py is missing here" in said
    assert f"quart --app main db downgrade {NEWEST}" in said


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def commit(folder: Path) -> None:
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "More")


def test_where_git_knows_the_missing_file_its_branch_is_named(
    fresh: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("git")
    here = Path(shutil.copytree(ROOT / "model" / "migrations", tmp_path / "model" / "migrations"))
    monkeypatch.setattr(migrations, "VERSIONS", here)
    git(here, "init", "-q", "-b", "main")
    commit(here)
    git(here, "switch", "-q", "-c", "jokes")
    (here / "9999_add_table_jokes.py").touch()
    commit(here)
    git(here, "switch", "-q", "main")
    set_revision(fresh, "9999")
    with pytest.raises(WrongDatabase, match=r"9999_add_table_jokes\.py is missing here; it is in jokes\."):
        prepare(Settings(instance=fresh))


@pytest.mark.slow
@pytest.mark.parametrize("has_program", [True, False], ids=["sqlite3", "python"])
def test_the_console_reads_only_unless_told_otherwise(fresh: Path, has_program: bool, tmp_path: Path) -> None:
    if has_program:
        needs("sqlite3")
    path = os.environ["PATH"] if has_program else str(tmp_path)

    def console(statement: str, *options: str) -> str:
        run = subprocess.run(
            [*QUART, "db", "console", *options],
            cwd=ROOT,
            env={**environment(fresh), "PATH": path},
            input=statement,
            capture_output=True,
            text=True,
        )
        return run.stdout + run.stderr

    assert "home" in console("SELECT slug\nFROM groups;\n")
    assert "readonly" in console("DELETE FROM channels;\n")
    console("UPDATE groups SET slug = 'house';\n", "--write")
    assert "house" in console("SELECT slug FROM groups;\n")
