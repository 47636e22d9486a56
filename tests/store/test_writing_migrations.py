"""What the development server does about a model that changed: a migration is written, applied if it only adds."""

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
from pottle.store import Base, migrations
from pottle.store.database import Database
from pottle.store.sqlite import migrate, prepare
from tests.conftest import needs
from tests.store.test_migrations import tables
from tests.test_backup_commands import quart

pytestmark = [pytest.mark.slow, pytest.mark.sqlite("migrations are written on a developer's machine")]


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
