"""Migrations: from nothing to now, never backwards, and never a database that is not ours."""

import hashlib
import importlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, ForeignKey, Integer, String, Table, Text

from model.operating.doctor import Patient, examine
from model.settings import Settings
from pottle import times
from pottle.store import Base, changes, migrations
from pottle.store.database import Database, migrate, prepare
from pottle.store.files import WrongDatabase
from tests.conftest import needs
from tests.test_backup_commands import quart

importlib.import_module("main")  # which knows all the models


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A new database."""
    return prepare(Settings(instance=tmp_path / "fresh"))


def fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as raw:
        return {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_it_works(fresh: Path) -> None:
    with closing(sqlite3.connect(fresh)) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [(migrations.newest_revision(),)]
        assert raw.execute("SELECT slug, reading, posting, review FROM groups").fetchall() == [
            ("home", "public", "users", "none")
        ]
        assert raw.execute("SELECT group_id, key FROM channels").fetchall() == [(1, "lobby")]
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    assert set(Base.metadata.tables) <= tables(fresh)


@pytest.mark.check
def test_models_and_migrations_agree(tmp_path: Path) -> None:
    """After a change of a model: `python main.py` writes the migration that is missing."""
    assert migrations.differences(prepare(Settings(instance=tmp_path))) == []


@pytest.mark.check
def test_revisions_follow_one_another() -> None:
    """One line: two people who each wrote a revision of the same number have to talk."""
    numbers = migrations.revisions()
    assert numbers == [f"{n:04d}" for n in range(1, len(numbers) + 1)]
    for before, number in zip([None, *numbers], numbers, strict=False):
        (file,) = migrations.VERSIONS.glob(f"{number}_*.py")
        text = file.read_text()
        assert f'revision = "{number}"' in text
        assert f"down_revision = {before!r}".replace("'", '"') in text


def test_a_database_that_is_up_to_date_is_left_as_it_is(fresh: Path) -> None:
    before = fingerprint(fresh)
    prepare(Settings(instance=fresh.parent))
    assert fingerprint(fresh) == before


def test_an_older_one_is_brought_up_to_date(tmp_path: Path) -> None:
    """Here one of the first revision; the second puts the lobby there."""
    migrations.upgrade(tmp_path / "app.db", "0001")
    with closing(sqlite3.connect(tmp_path / "app.db")) as raw:
        assert raw.execute("SELECT key FROM channels").fetchall() == []
    prepare(Settings(instance=tmp_path))
    with closing(sqlite3.connect(tmp_path / "app.db")) as raw:
        assert raw.execute("SELECT key FROM channels").fetchall() == [("lobby",)]


def test_channels_from_before_review_are_as_they_were_and_no_id_comes_twice(tmp_path: Path) -> None:
    """The table is made anew, which by itself forgets the ids that were given to rows that are gone."""
    migrations.upgrade(tmp_path / "app.db", "0004")
    columns = "group_id, key, title, locked, posts, seq, created, version"
    add = f"INSERT INTO channels ({columns}) VALUES (1, ?, 'T', 0, 0, 0, '2026', 1)"  # noqa: S608
    with closing(sqlite3.connect(tmp_path / "app.db")) as raw, raw:
        raw.executemany(add, [("kept",), ("gone",)])
        raw.execute(
            "INSERT INTO posts VALUES (7, 2, NULL, NULL, 'Gus', 'Hi', '<p>', 'published', '{}', 0, '2026', NULL, 1)"
        )
        raw.execute("DELETE FROM channels WHERE key = 'gone'")
    prepare(Settings(instance=tmp_path))
    with closing(sqlite3.connect(tmp_path / "app.db")) as raw, raw:
        assert raw.execute("SELECT key, state, begun_by FROM channels").fetchall() == [
            ("lobby", "published", None),
            ("kept", "published", None),
        ]
        assert raw.execute("SELECT channel_id FROM posts").fetchall() == [(2,)]
        assert raw.execute(add, ("new",)).lastrowid == 4


async def test_positions_from_before_streams_had_names_are_as_they_were(tmp_path: Path) -> None:
    """L3: no new epoch, and who resumes gets exactly what was missed. Fails without the two statements that fill in."""
    migrations.upgrade(tmp_path / "app.db", "0010")
    of_channel = "INSERT INTO changes (prev, channel_id, kind, tags, created) VALUES (?, ?, 'post.created', '', '2026')"
    with closing(sqlite3.connect(tmp_path / "app.db")) as raw, raw:
        raw.executemany("INSERT INTO instance VALUES (?, ?)", [("epoch", "e"), ("id", "i"), ("secret", "s")])
        raw.executemany(of_channel, [(0, 1), (0, None), (1, 1), (3, 1)])
        raw.execute("UPDATE channels SET seq = 4 WHERE id = 1")
        raw.execute("DELETE FROM changes WHERE seq = 1")  # it was pruned
    (tmp_path / "app.db-turn").write_text(f"e {4:020d}\n")
    database = Database()
    await database.open(Settings(instance=tmp_path))
    assert database.instance.epoch == "e"
    added = await database.write(lambda tx: tx.changed("post.created", stream="channel:1"))
    with database.snapshot() as read:
        newest = changes.position(read, "channel:1")
        assert [row[:3] for row in changes.page(read, "channel:1", 1, newest, 100)] == [
            (3, 1, "channel:1"),
            (4, 3, "channel:1"),
            (added, 4, "channel:1"),
        ]
        assert changes.recoverable(read, "channel:1", 1, newest)
        assert not changes.recoverable(read, "channel:1", 0, newest)
    with closing(sqlite3.connect(tmp_path / "app.db")) as raw, pytest.raises(sqlite3.IntegrityError, match="restart"):
        raw.execute(of_channel, (5, 1))  # as a worker of the older code would, in a reload
    await database.close()


def test_a_migration_that_fails_leaves_nothing_half_done(
    fresh: Path, versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DDL too is in its transaction; the next start tries again."""
    number = f"{int(migrations.newest_revision() or 0) + 1:04d}"
    revision = f"revision = '{number}'\ndown_revision = '{migrations.newest_revision()}'\n"
    body = "from alembic import op\ndef upgrade():\n    op.execute('CREATE TABLE half (n INTEGER)')\n"
    (versions / f"{number}_failing.py").write_text(revision + body + "    raise ZeroDivisionError\n")
    with pytest.raises(ZeroDivisionError):
        migrations.upgrade(fresh)
    assert "half" not in tables(fresh)
    (versions / f"{number}_failing.py").write_text(revision + body)
    migrations.upgrade(fresh)
    assert "half" in tables(fresh)


async def refused(path: Path) -> str:
    """The message with which a database is refused; nothing may have been changed."""
    before = fingerprint(path)
    database = Database()
    with pytest.raises(WrongDatabase) as refusal:
        await database.open(Settings(instance=path.parent))
    assert fingerprint(path) == before
    assert not {name.name for name in path.parent.iterdir()} & {"app.db-wal", "app.db-journal"}
    return str(refusal.value)


async def test_a_newer_database_is_refused(fresh: Path) -> None:
    with closing(sqlite3.connect(fresh)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    message = await refused(fresh)
    assert str(fresh) in message
    assert "9999" in message
    assert "newer" in message


@pytest.mark.parametrize("made_up", ["9\0", "--all", ":(bad)", "*", "../../etc", "9" * 200_000])
def test_a_made_up_revision_is_refused(made_up: str) -> None:
    """It may come from anybody's export, and git is asked about it."""
    with pytest.raises(WrongDatabase, match="newer than the code"):
        migrations.check_known(made_up, "The export")


async def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "app.db")) as raw, raw:
        raw.execute("CREATE TABLE recipes (name TEXT)")
    assert "another program" in await refused(tmp_path / "app.db")


async def test_another_programs_database_that_uses_alembic_too_is_refused(tmp_path: Path) -> None:
    """Its revisions may even have the same numbers."""
    with closing(sqlite3.connect(tmp_path / "app.db")) as raw, raw:
        raw.execute("CREATE TABLE recipes (name TEXT)")
        raw.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        raw.execute("INSERT INTO alembic_version VALUES ('0001')")
    await refused(tmp_path / "app.db")


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"SQLite format 3\x00" + bytes(5_000)])
async def test_what_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "app.db").write_bytes(content)
    assert str(tmp_path / "app.db") in await refused(tmp_path / "app.db")


async def test_a_broken_database_is_refused(fresh: Path) -> None:
    """Its first page, which lists the tables, is overwritten after the header."""
    content = bytearray(fresh.read_bytes())
    content[100:4096] = os.urandom(3996)
    fresh.write_bytes(content)
    await refused(fresh)


async def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app.db").mkdir()
    with pytest.raises(WrongDatabase, match="is a folder"):
        await Database().open(Settings(instance=tmp_path))


async def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    """Some tools make one before it is used."""
    (tmp_path / "app.db").touch()
    database = Database()
    await database.open(Settings(instance=tmp_path))
    await database.close()
    assert "posts" in tables(tmp_path / "app.db")


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations, to write new ones to."""
    here = Path(shutil.copytree(migrations.VERSIONS, tmp_path / "model" / "migrations"))
    monkeypatch.setattr(migrations, "VERSIONS", here)
    return here


@pytest.fixture
def recipes() -> Iterator[Table]:
    """A model that no migration knows."""
    table = Table("recipes", Base.metadata, Column("id", Integer, primary_key=True), Column("name", String(80)))
    yield table
    Base.metadata.remove(table)


def written_for(path: Path) -> str | None:
    """The migration that a start of the development server writes, if any."""
    before = set(migrations.revisions())
    prepare(Settings(instance=path.parent, development=True))
    return next((migrations.file_of(number).name for number in migrations.revisions() if number not in before), None)


def test_without_a_new_model_nothing_is_written(fresh: Path, versions: Path) -> None:
    before = sorted(versions.iterdir())
    assert written_for(fresh) is None
    assert sorted(versions.iterdir()) == before


def test_a_new_model_gets_its_revision(fresh: Path, versions: Path, recipes: Table) -> None:
    assert any("recipes" in difference for difference in migrations.differences(fresh))
    written = written_for(fresh)
    assert written is not None
    assert written.startswith(f"{len(migrations.revisions()):04d}_")
    assert "recipes" in (versions / written).read_text()
    migrations.upgrade(fresh)
    assert "recipes" in tables(fresh)
    assert migrations.differences(fresh) == []
    assert written_for(fresh) is None


def test_a_changed_column_keeps_the_rows_and_those_that_refer_to_them(
    fresh: Path, versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite changes a column by making the table anew; with foreign keys on, that would delete all channels."""
    column = Base.metadata.tables["groups"].c.name
    monkeypatch.setattr(column, "type", String(200))
    assert written_for(fresh)
    migrations.upgrade(fresh)
    assert migrations.differences(fresh) == []
    with closing(sqlite3.connect(fresh)) as raw:
        assert raw.execute("SELECT slug FROM groups").fetchall() == [("home",)]
        assert raw.execute("SELECT key FROM channels").fetchall() == [("lobby",)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []


def test_the_development_server_writes_and_applies_it(
    fresh: Path, versions: Path, recipes: Table, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(Settings(instance=fresh.parent, development=True))
    assert "recipes" in tables(fresh)
    assert "recipes" in caplog.text


def test_production_writes_none(fresh: Path, versions: Path, recipes: Table) -> None:
    before = sorted(versions.iterdir())
    prepare(Settings(instance=fresh.parent))
    assert sorted(versions.iterdir()) == before
    assert "recipes" not in tables(fresh)


class Recipes:
    """A resource of one's own, whose model changes, and the development server, which starts again each time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def are(self, *columns: Column[Any]) -> None:
        """Saves a model of these columns (without any there is none), and starts."""
        if "recipes" in Base.metadata.tables:
            Base.metadata.remove(Base.metadata.tables["recipes"])
        if columns:
            Table("recipes", Base.metadata, Column("id", Integer, primary_key=True), *columns)
        prepare(Settings(instance=self.path.parent, development=True))

    @property
    def settings(self) -> Settings:
        return Settings(instance=self.path.parent)

    def columns(self) -> list[str]:
        with closing(sqlite3.connect(self.path)) as raw:
            return [row[1] for row in raw.execute("PRAGMA table_info(recipes)")]

    def rows(self) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.path)) as raw:
            return raw.execute("SELECT * FROM recipes").fetchall()

    def write(self, name: str) -> None:
        with closing(sqlite3.connect(self.path)) as raw, raw:
            raw.execute("INSERT INTO recipes (name) VALUES (?)", (name,))


@pytest.fixture
def kitchen(fresh: Path, versions: Path) -> Iterator[Recipes]:
    """With one recipe, which has a name."""
    kitchen = Recipes(fresh)
    kitchen.are(name())
    kitchen.write("soup")
    yield kitchen
    if "recipes" in Base.metadata.tables:
        Base.metadata.remove(Base.metadata.tables["recipes"])


def name(length: int = 80, nullable: bool = True) -> Column[Any]:
    return Column("name", String(length), nullable=nullable)


def newest(versions: Path) -> str:
    return max(file.name for file in versions.glob("0*.py"))


LOSING: dict[str, Callable[[], list[Column[Any]]]] = {
    "drop_table_recipes": list,
    "drop_column_recipes_name": lambda: [Column("rating", Integer)],
    "change_type_recipes_name": lambda: [name(length=20)],
    "change_nullable_recipes_name": lambda: [name(nullable=False)],
}


@pytest.mark.parametrize("named", LOSING)
async def test_what_loses_something_is_written_and_not_applied(
    kitchen: Recipes, versions: Path, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is named for what it does, and explained; servers start, and say what waits. Put back, it is gone."""
    kitchen.are(*LOSING[named]())
    assert newest(versions).endswith(f"_{named}.py")
    assert "quart --app main db upgrade" in (versions / newest(versions)).read_text()
    assert "quart --app main db upgrade" in caplog.text
    assert kitchen.rows()[0][:2] == (1, "soup")
    caplog.clear()
    database = Database()
    await database.open(Settings(instance=kitchen.path.parent))
    await database.close()
    assert newest(versions) in caplog.text
    says = {finding.about: finding for finding in examine(Patient(Settings(instance=kitchen.path.parent), {}))}
    assert newest(versions) in says["revision"].says
    assert "admin" in says, "and it looks at the rest"
    kitchen.are(name(), *([Column("rating", Integer)] if "column" in named else []))
    assert not list(versions.glob(f"*_{named}.py"))
    assert kitchen.rows()[0][:2] == (1, "soup")


def renamed(**says: Any) -> Column[Any]:
    return Column("title", String(80), nullable=False, **says)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """`terminal("y")` has a person sit there who answers so; the questions that they were asked."""

    def answering(answer: str) -> list[str]:
        questions: list[str] = []
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda question: questions.append(question) or answer)
        return questions

    return answering


def test_a_person_is_asked_whether_a_column_was_renamed(
    kitchen: Recipes, versions: Path, terminal: Callable[[str], list[str]]
) -> None:
    """One that may not be empty, and so could not be added. The migration waits, and keeps what is in it."""
    questions = terminal("y")
    kitchen.are(renamed())
    assert questions == ["Was `name` renamed to `title` in recipes? What is in it is kept then. [y/n] "]
    assert newest(versions).endswith("_rename_column_recipes_name_to_title.py")
    assert kitchen.columns() == ["id", "name"]
    assert migrate(kitchen.settings)[1] == [newest(versions)]
    assert (kitchen.columns(), kitchen.rows()) == (["id", "title"], [(1, "soup")])
    before = migrations.revisions()[-2]
    migrate(kitchen.settings, before)
    assert (kitchen.columns(), kitchen.rows()) == (["id", "name"], [(1, "soup")])


def test_where_it_was_not_renamed_one_is_added_and_the_other_waits(
    kitchen: Recipes, versions: Path, terminal: Callable[[str], list[str]]
) -> None:
    terminal("n")
    kitchen.are(Column("title", String(80)))
    assert [file.name[5:] for file in sorted(versions.glob("0*.py"))[-2:]] == [
        "add_column_recipes_title.py",
        "drop_column_recipes_name.py",
    ]
    assert kitchen.rows() == [(1, "soup", None)]


def test_without_a_terminal_the_model_says_whether_a_column_was_renamed(
    kitchen: Recipes, versions: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = newest(versions)
    kitchen.are(renamed())
    assert newest(versions) == before
    assert 'info={"was": "name"}' in caplog.text
    kitchen.are(renamed(info={"was": "name"}))
    assert newest(versions).endswith("_rename_column_recipes_name_to_title.py")
    kitchen.are(renamed(info={"was": None}, server_default=""))
    assert newest(versions).endswith("_drop_column_recipes_name.py")
    assert kitchen.rows() == [(1, "soup", "")]


def test_a_renamed_column_keeps_its_index(kitchen: Recipes) -> None:
    """Which gets the new name at the next start."""
    kitchen.are(Column("name", String(80), index=True))
    kitchen.are(Column("title", String(80), index=True, info={"was": "name"}))
    migrate(kitchen.settings)
    kitchen.are(Column("title", String(80), index=True))
    assert kitchen.rows() == [(1, "soup")]
    assert migrations.differences(kitchen.path) == []


def test_a_column_that_refers_to_another_table_only_adds(kitchen: Recipes) -> None:
    """No row has anything in it yet that could break the rule."""
    kitchen.are(name(), Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), unique=True))
    assert kitchen.rows() == [(1, "soup", None)]
    assert migrations.differences(kitchen.path) == []


def test_a_table_goes_with_its_indexes_in_one_migration(kitchen: Recipes, versions: Path) -> None:
    """Nothing of it is dropped before a person says so."""
    kitchen.are(Column("name", String(80), index=True))
    before = len(migrations.revisions())
    kitchen.are()
    assert len(migrations.revisions()) == before + 1
    assert newest(versions).endswith("_drop_table_recipes.py")
    migrate(kitchen.settings)
    assert migrations.differences(kitchen.path) == []


def test_one_that_somebody_edited_is_left_as_it_is(kitchen: Recipes, versions: Path) -> None:
    kitchen.are(Column("rating", Integer))
    edited = versions / newest(versions)
    edited.write_text(edited.read_text().replace("def upgrade() -> None:\n", "def upgrade() -> None:\n    # mine\n"))
    kitchen.are(name(), Column("rating", Integer))
    assert "# mine" in edited.read_text()
    assert newest(versions) == edited.name


def test_one_that_waits_is_written_anew_when_the_model_changes_again(kitchen: Recipes, versions: Path) -> None:
    kitchen.are(name(), Column("rating", Integer))
    before = len(list(versions.glob("0*.py")))
    kitchen.are(Column("rating", Integer))
    kitchen.are(Column("notes", Text))
    assert len(list(versions.glob("0*.py"))) == before + 2, "one that adds the notes, one that drops both"
    text = (versions / newest(versions)).read_text()
    assert "'name'" in text
    assert "'rating'" in text


def in_repository(versions: Path) -> None:
    """Makes the migrations there are a commit."""
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "First"]):
        subprocess.run(["git", *command], cwd=versions, check=True)


def test_one_that_is_committed_is_left_as_it_is(kitchen: Recipes, versions: Path) -> None:
    """Others may have applied it."""
    needs("git")
    kitchen.are()
    written = newest(versions)
    in_repository(versions)
    kitchen.are(name())
    assert newest(versions) == written
    assert kitchen.rows() == [(1, "soup")]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (Column("rating", Integer, nullable=False, default=3), 3),
        (Column("kind", String(20), nullable=False, default="it's"), "it's"),
        (Column("public", Boolean, nullable=False, default=True), 1),
        (Column("notes", String(80), nullable=False, server_default=""), ""),
    ],
    ids=lambda value: str(value),
)
def test_a_plain_default_is_there_for_the_rows_there_are(kitchen: Recipes, column: Column[Any], value: object) -> None:
    """Fails (SQLite: "Cannot add a NOT NULL column") where the migration knows only what the database has."""
    kitchen.are(name(), column)
    assert kitchen.rows() == [(1, "soup", value)]
    assert migrations.differences(kitchen.path) == []


def test_a_column_that_rows_cannot_have_is_refused_until_the_model_is_mended(
    kitchen: Recipes, versions: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = newest(versions)
    kitchen.are(name(), Column("stars", Integer, nullable=False, default=lambda: 3))
    assert newest(versions) == before
    assert "recipes.stars may not be empty" in caplog.text
    assert "server_default" in caplog.text
    kitchen.are(name(), Column("stars", Integer, nullable=False, server_default="3"))
    assert kitchen.rows() == [(1, "soup", 3)]


def test_a_person_applies_it_and_keeps_a_copy(kitchen: Recipes, versions: Path) -> None:
    kitchen.are()
    copy, applied = migrate(Settings(instance=kitchen.path.parent))
    assert applied == [newest(versions)]
    assert "recipes" not in tables(kitchen.path)
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("SELECT * FROM recipes").fetchall() == [(1, "soup")]
    assert copy.stat().st_mode & 0o077 == 0
    assert migrate(Settings(instance=kitchen.path.parent))[1] == []


def test_the_command_says_when_nothing_waits(fresh: Path) -> None:
    assert quart(fresh.parent, "migrate") == (0, "Nothing waits to be applied.\n", "")


def test_times_are_as_the_models_write_them(fresh: Path) -> None:
    with closing(sqlite3.connect(fresh)) as raw:
        (created,) = raw.execute("SELECT created FROM groups").fetchone()
    assert len(created) == len(times.now())
    assert created <= times.now()


def test_replies_from_before_conversations_know_theirs(tmp_path: Path) -> None:
    """And one that a worker of older code adds in a reload. Fails without what fills in, or without the trigger."""
    migrations.upgrade(tmp_path / "app.db", "0012")
    columns = "id, channel_id, parent_id, guest, body, html, state, reactions, replies, created, version"
    add = f"INSERT INTO posts ({columns}) VALUES (?, 1, ?, 'G', 'Hi', '<p>', 'published', '{{}}', 0, '2026', 1)"  # noqa: S608
    with closing(sqlite3.connect(tmp_path / "app.db")) as raw, raw:
        raw.executemany(add, [(1, None), (2, 1), (3, None), (4, 2), (5, 3), (6, 4)])
    prepare(Settings(instance=tmp_path))
    with closing(sqlite3.connect(tmp_path / "app.db")) as raw, raw:
        raw.executemany(add, [(7, 6), (8, None), (9, 8)])
        found = dict(raw.execute("SELECT id, root_id FROM posts").fetchall())
    assert found == {1: None, 2: 1, 3: None, 4: 1, 5: 3, 6: 1, 7: 1, 8: None, 9: 8}
