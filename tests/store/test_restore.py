"""Restoring: a backup becomes the database of an empty folder, with a history of its own; no credential comes back."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary

from model.operating.importing import restore
from model.settings import Settings
from pottle.errors import Conflict, NotFound
from pottle.store import Base, migrations
from pottle.store.copies import CREDENTIALS, backup
from pottle.store.database import Database
from pottle.store.files import WrongDatabase
from pottle.store.instance import Instance
from pottle.store.locks import Presence, alone, anybody
from tests.server import PATIENCE, ROOT, clean_environment
from tests.store.test_backup import cut_off, damaged, empty, foreign, newer, no_database, one, quietly, write

pytestmark = pytest.mark.sqlite("a copy of its file becomes the database")


@pytest.fixture
def copy(path: Path, tmp_path: Path) -> Path:
    """A backup of the world, in a folder of its own."""
    (tmp_path / "kept").mkdir()
    return backup(path, tmp_path / "kept" / "copy.db", quietly)[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The instance folder to restore into; it is not there yet."""
    return tmp_path / "restored"


async def opened(instance: Path) -> Instance:
    """What a worker that opens the folder says it is."""
    database = Database()
    await database.open(Settings(instance=instance))
    await database.close()
    return database.instance


async def test_it_works(database: Database, path: Path, tmp_path: Path, folder: Path) -> None:
    await database.write(write, 7)
    copy, _ = backup(path, tmp_path / "copy.db", quietly)
    was = copy.read_bytes()
    found, _ = restore(folder, copy, quietly)
    assert (found.rows["users"], found.rows["posts"]) == (4, 7)
    assert one(folder / "app.db", "SELECT count(*) FROM posts") == 7
    assert copy.read_bytes() == was
    assert (await opened(folder)).epoch != database.instance.epoch
    assert one(folder / "app.db", "PRAGMA journal_mode") == "wal", "once it was opened"


async def test_it_is_another_database_also_where_the_old_position_still_lies(
    path: Path, copy: Path, tmp_path: Path
) -> None:
    """Somebody deletes `app.db` alone: `app.db-turn` then says that the backup is the newest there was."""
    before = await opened(path.parent)
    path.unlink()
    restore(path.parent, copy, quietly)
    after = await opened(path.parent)
    assert after.epoch != before.epoch
    assert after.secret != before.secret
    assert after.id != before.id, "so that both may run on one host: cookies ignore ports"


def test_no_credential_comes_back(copy: Path, folder: Path) -> None:
    assert one(copy, "SELECT count(*) FROM sessions") == 4
    with closing(sqlite3.connect(copy)) as raw, raw:
        raw.execute("INSERT INTO tokens VALUES (1, 1, 'x', x'00', '2026')")
        raw.execute("INSERT INTO sso_secrets VALUES (1, 1, 'sso_x', '2026', NULL)")
        raw.execute("INSERT INTO feed_addresses VALUES (1, 1, x'00', '2026')")
        raw.execute("INSERT INTO invitations VALUES (1, x'00', NULL, 1, 'user', 1, 1, '2026', '2027', NULL)")
        raw.execute("INSERT INTO tickets VALUES (x'00', 1, 'password', '', '2027')")
    _, ended = restore(folder, copy, quietly)
    others = ("tokens", "tickets", "invitations", "sso_secrets", "feed_addresses")
    assert ended == {"sessions": 4, **dict.fromkeys(others, 1)}
    for name in CREDENTIALS:
        assert one(folder / "app.db", f"SELECT count(*) FROM {name}") == 0  # noqa: S608
    assert one(folder / "app.db", "SELECT count(password_hash) FROM users") == 4


# Without these an account would open to who knows its password alone, or to nobody any more.
LIKE_PASSWORDS = {"passkeys", "authenticators"}


@pytest.mark.check
def test_everything_that_opens_something_is_a_credential() -> None:
    """A table with a secret's hash that is found by that hash; or with a secret itself."""
    found = {
        table.name
        for table in Base.metadata.tables.values()
        for column in table.c
        if ((column.unique or column.primary_key) and isinstance(column.type, LargeBinary)) or column.name == "secret"
    }
    # A guest's digest says who somebody was on another site; a webhook's secret, or that for a service which judges
    # posts, goes out or signs what does: they open nothing here.
    # Nor do digests of what was used up, or came already.
    no_door = {"guests", "webhooks", "group_rules", "sso_tokens", "used_challenges", "imports"}
    assert found - no_door == {*CREDENTIALS, *LIKE_PASSWORDS}


def test_it_is_in_the_audit_trail(copy: Path, folder: Path) -> None:
    restore(folder, copy, quietly)
    assert one(folder / "app.db", "SELECT action || ' ' || subject FROM audit ORDER BY id DESC") == (
        "database.restored copy.db"
    )


async def test_an_older_backup_is_migrated(tmp_path: Path, folder: Path) -> None:
    old = tmp_path / "old.db"
    migrations.upgrade(old, "0002")
    restore(folder, old, quietly)
    assert one(folder / "app.db", "SELECT version_num FROM alembic_version") == migrations.newest_revision()
    assert one(old, "SELECT version_num FROM alembic_version") == "0002"
    await opened(folder)


async def test_a_copied_database_is_restored_with_its_log(
    database: Database, path: Path, tmp_path: Path, folder: Path
) -> None:
    """`app.db` and `app.db-wal`, as copied from a server that was killed: the newest posts are in the second."""
    await database.write(write, 3)
    copied = tmp_path / "copied"
    copied.mkdir()
    for name in ("app.db", "app.db-wal"):
        shutil.copy(path.with_name(name), copied)
    found, _ = restore(folder, copied / "app.db", quietly)
    assert found.rows["posts"] == 3


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_what_root_restores_belongs_to_whoever_the_folder_belongs_to(copy: Path, folder: Path) -> None:
    folder.mkdir()
    os.chown(folder, 1234, 1234)
    restore(folder, copy, quietly)
    assert ((folder / "app.db").stat().st_uid, (folder / "app.db").stat().st_mode & 0o777) == (1234, 0o600)


def test_it_refuses_to_overwrite(path: Path, copy: Path) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE users SET name = 'Precious' WHERE uid = 'bob'")
    with pytest.raises(Conflict, match="exists already"):
        restore(path.parent, copy, quietly)
    assert one(path, "SELECT name FROM users WHERE uid = 'bob'") == "Precious"


async def test_it_refuses_beside_a_server_even_without_its_database(database: Database, path: Path, copy: Path) -> None:
    """The server goes on writing into the deleted file, and would find the other one when it starts again."""
    path.unlink()
    with pytest.raises(Conflict, match="Stop it first"):
        restore(path.parent, copy, quietly)
    assert not path.exists()


async def test_it_refuses_where_the_whole_folder_of_a_server_was_replaced(
    database: Database, path: Path, copy: Path
) -> None:
    """Its lock lies on a file that nobody finds any more; its place on the bus does not."""
    shutil.rmtree(path.parent)
    with pytest.raises(Conflict, match="Stop it first"):
        restore(path.parent, copy, quietly)


def test_it_refuses_the_log_of_another_database(path: Path, copy: Path) -> None:
    """SQLite would play it into the restored one."""
    path.unlink()
    path.with_name("app.db-wal").write_bytes(b"newest posts")
    with pytest.raises(Conflict, match=r"app\.db-wal"):
        restore(path.parent, copy, quietly)
    assert not path.exists()
    assert path.with_name("app.db-wal").read_bytes() == b"newest posts"


@pytest.mark.parametrize("spoil", [empty, no_database, foreign, newer, damaged, cut_off])
def test_it_refuses_a_backup(copy: Path, folder: Path, spoil: Callable[[Path], None]) -> None:
    spoil(copy)
    was = copy.read_bytes()
    with pytest.raises(WrongDatabase) as refusal:
        restore(folder, copy, quietly)
    assert {left.name for left in folder.iterdir()} == {"app.db-open"}
    assert {left.name for left in copy.parent.iterdir()} == {copy.name}
    assert copy.read_bytes() == was
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["nothing", "."])
def test_it_refuses_what_is_no_file(tmp_path: Path, folder: Path, name: str) -> None:
    with pytest.raises(NotFound):
        restore(folder, tmp_path / name, quietly)
    assert not folder.exists()


def test_who_died_is_not_there_any_more(tmp_path: Path) -> None:
    """The kernel gives the lock back, however its holder ends. Fails with a file that says who is there."""
    hold = "import sys, time; from pathlib import Path; from pottle.store.locks import Presence\n"
    hold += "here = Presence(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"
    command = [sys.executable, "-c", hold, str(tmp_path / "app.db")]
    holder = subprocess.Popen(command, cwd=ROOT, env=clean_environment(tmp_path), stdout=subprocess.PIPE)
    assert holder.stdout
    with closing(holder.stdout):
        assert holder.stdout.readline() == b"held\n"
        assert anybody(tmp_path / "app.db")
        holder.kill()
        holder.wait(PATIENCE)
    assert not anybody(tmp_path / "app.db")


def test_many_may_be_there_but_only_one_alone(tmp_path: Path) -> None:
    database = tmp_path / "app.db"
    assert not anybody(database)
    with closing(Presence(database)), closing(Presence(database)), pytest.raises(Conflict), alone(database):
        pass
    with alone(database), pytest.raises(Conflict), alone(database):
        pass
    assert not anybody(database)
