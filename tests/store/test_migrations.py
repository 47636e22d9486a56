"""Migrations: from nothing to now, never backwards, and never a database that is not ours."""

import hashlib
import importlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from model.settings import Settings
from pottle import times
from pottle.store import Base, changes, migrations
from pottle.store.database import Database
from pottle.store.files import WrongDatabase
from pottle.store.sqlite import prepare

pytestmark = pytest.mark.sqlite("migrations from its first version on; a database on PostgreSQL begins with the models")

pytestmark = pytest.mark.sqlite("migrations from its first version on; a database on PostgreSQL begins with the models")

importlib.import_module("main")  # which knows all the models


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
