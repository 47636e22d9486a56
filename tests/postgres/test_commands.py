"""Commands for operators on PostgreSQL: they do their work, or say in one line who does it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, String, Table

from model.operating.doctor import Patient, examine
from model.settings import Settings
from pottle.store import Base, clusters, migrations
from pottle.store.database import Database
from pottle.store.files import WrongDatabase
from tests import databases
from tests.conftest import needs
from tests.postgres.cluster import Cluster
from tests.server import ROOT, Server
from tests.test_backup_commands import QUART, environment

pytestmark = pytest.mark.slow

NEWEST = migrations.newest_revision()


@pytest.fixture
def recipes() -> Iterator[Table]:
    """A model that no migration knows."""
    table = Table("recipes", Base.metadata, Column("id", Integer, primary_key=True), Column("name", String(80)))
    yield table
    Base.metadata.remove(table)


def quart(instance: Path, cluster: Cluster, *arguments: object, said: str = "") -> tuple[int, str]:
    """A command's exit code, and all that it wrote."""
    environ = {**environment(instance), "POTTLE_DATABASE_URL": cluster.url}
    command = [*QUART, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environ, input=said, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


async def opened(settings: Settings) -> None:
    database = Database()
    await database.open(settings)
    await database.close()


def test_the_schema(cluster: Cluster, instance: Path) -> None:
    assert quart(instance, cluster, "db", "current") == (0, f"{NEWEST}, the newest\n")
    assert quart(instance, cluster, "db", "check") == (0, "The models and the database agree.\n")
    code, said = quart(instance, cluster, "db", "downgrade", "--yes")
    assert (code, "pg_dump" in said) == (0, True)
    assert "is applied at the next start" in quart(instance, cluster, "db", "current")[1]
    assert quart(instance, cluster, "db", "upgrade", "--yes")[0] == 0
    assert quart(instance, cluster, "db", "check")[0] == 0


def test_the_console_reads_only_unless_told_otherwise(cluster: Cluster, instance: Path) -> None:
    needs("psql")
    assert "home" in quart(instance, cluster, "db", "console", said="SELECT slug FROM groups;")[1]
    assert "read-only" in quart(instance, cluster, "db", "console", said="DELETE FROM channels;")[1]
    assert "UPDATE 4" in quart(instance, cluster, "db", "console", "--write", said="UPDATE users SET name = 'A';")[1]


def test_a_backup_is_what_pg_restore_takes(cluster: Cluster, instance: Path, tmp_path: Path) -> None:
    needs("pg_dump", "pg_restore")
    code, said = quart(instance, cluster, "backup", tmp_path)
    dump = Path(said.strip())
    assert (code, dump.parent, dump.suffix) == (0, tmp_path, ".dump")
    assert dump.stat().st_mode & 0o077 == 0
    cluster.run("createdb", "-h", str(cluster.folder), "-U", "postgres", "again")
    again = cluster.url.replace("/pottle?", "/again?")
    subprocess.run(["pg_restore", f"--dbname={again}", dump], check=True)
    users = "SELECT uid FROM users ORDER BY id"
    assert cluster.ask(users, database="again") == cluster.ask(users)
    code, said = quart(instance, cluster, "backup", dump)
    assert (code, "exists already" in said) == (1, True)


@pytest.mark.parametrize(
    ("command", "named"), [("restore", "pg_restore"), ("export", "db copy"), ("import", "db copy")]
)
def test_what_is_sqlites_says_who_does_it(cluster: Cluster, instance: Path, command: str, named: str) -> None:
    code, said = quart(instance, cluster, command, instance / "file")
    assert (code, said.count("\n"), named in said) == (1, 1, True), said


def test_the_doctor(cluster: Cluster, instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster of the tests waits for no disk, and nobody serves."""

    def found(url: str) -> dict[str, tuple[str, str]]:
        return {about: (level, says) for level, about, says in examine(Patient(Settings(instance, url), {}))}

    levels = {about: level for about, (level, _) in found(cluster.url).items()}
    assert {about for about, level in levels.items() if level == "FAIL"} == {"synchronous"}
    assert levels.items() >= dict.fromkeys(["database", "postgresql", "primary", "encoding"], "ok").items()
    assert levels["connections"] == "ok"
    assert levels.items() >= dict.fromkeys(["clocks", "transactions", "revision", "clock", "admin"], "ok").items()
    assert levels["workers"] == "warn"
    assert not levels.keys() & {"log", "integrity", "journal"}
    cluster.ask("ALTER ROLE postgres CONNECTION LIMIT 40")
    assert found(cluster.url)["connections"][0] == "warn"
    monkeypatch.setattr(clusters, "CLOCK", clusters.CLOCK.replace("()", "() - interval '90 s'"))
    assert found(cluster.url)["clocks"][1].startswith("90.")
    monkeypatch.setattr(clusters, "OPEN_SECONDS", 0)
    with databases.connected(cluster.url) as idle:
        idle.execute("SET application_name = 'somebody'; BEGIN; SELECT 1")
        stuck = found(cluster.url)["transactions"]
    assert (stuck[0], stuck[1].startswith("somebody (process ")) == ("warn", True)
    nowhere = found(cluster.url.replace("/pottle?", "/nowhere?"))["postgresql"]
    assert (nowhere[0], "does not exist" in nowhere[1]) == ("FAIL", True)


def test_the_doctor_counts_what_all_hosts_open(cluster: Cluster, server: Server, instance: Path) -> None:
    assert "the 3 workers of all hosts open up to 33" in quart(instance, cluster, "doctor")[1]


async def test_a_standby_is_refused(cluster: Cluster, standby: Cluster, instance: Path) -> None:
    code, said = quart(instance, standby, "doctor")
    assert (code, "it is a standby" in said) == (1, True)
    with pytest.raises(WrongDatabase, match="is a standby, which takes no writes"):
        await opened(Settings(instance=instance, database_url=standby.url))


async def test_development_writes_the_migration_that_the_models_lack(
    cluster: Cluster, instance: Path, versions: Path, recipes: Table, tmp_path: Path
) -> None:
    """And applies it; SQLite takes the same file."""
    before = set(migrations.revisions())
    await opened(Settings(instance=instance, database_url=cluster.url, development=True))
    (written,) = set(migrations.revisions()) - before
    assert "recipes" in migrations.file_of(written).read_text()
    assert cluster.ask("INSERT INTO recipes (name) VALUES ('Soup') RETURNING id") == [(1,)]
    with clusters.there(cluster.url) as connection:
        assert migrations.pending(connection) == []
        assert migrations.differences(connection) == []
    migrations.upgrade(tmp_path / "app.db")
    assert migrations.differences(tmp_path / "app.db") == []


async def test_what_drops_something_waits_for_a_person(
    cluster: Cluster, instance: Path, versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = Base.metadata.tables["users"]
    column = Column("note", String(10), server_default="")
    users.append_column(column)
    try:
        await opened(Settings(instance=instance, database_url=cluster.url, development=True))
    finally:
        users._columns.remove(column)  # type: ignore[attr-defined]
    await opened(Settings(instance=instance, database_url=cluster.url, development=True))
    with clusters.there(cluster.url) as connection:
        (waiting,) = migrations.pending(connection)
    assert migrations.waits(versions / waiting)
    assert "sa.String()" in (versions / waiting).read_text()
    assert clusters.migrate(cluster.url) == [waiting]
    with clusters.there(cluster.url) as connection:
        assert migrations.differences(connection) == []
