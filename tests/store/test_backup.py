"""Backups: one snapshot in one file, whatever is written meanwhile; and nothing at all where it cannot be made."""

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from model.settings import Settings
from pottle.errors import Conflict, NotFound, Refusal
from pottle.store import copies as backups
from pottle.store.copies import backup
from pottle.store.database import Database
from pottle.store.files import WrongDatabase
from pottle.store.sqlite import prepare
from pottle.store.unit import Tx

pytestmark = pytest.mark.sqlite("a copy of its file, while it is written to")


def quietly(what: str, done: int, of: int) -> None:
    """Reports to nobody."""


def write(tx: Tx, bodies: int = 1) -> int:
    """Unit: posts in channel 1, in some of the ways that matter to a copy: rows, and the change of each."""
    for _ in range(bodies):
        tx.raw.execute(
            "INSERT INTO posts (channel_id, body, html, state, reactions, replies, created, version)"
            " VALUES (1, ?, '', 'published', '{}', 0, ?, 1)",
            ("word " * 500, tx.now),
        )
        tx.changed("post.created", stream="channel:1")
    return bodies


def one(path: Path, question: str) -> object:
    """The only value that a file answers."""
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute(question).fetchone()[0]


def beside(path: Path) -> set[str]:
    """What is in the same folder."""
    return {other.name for other in path.parent.iterdir()}


async def test_it_works(database: Database, path: Path, tmp_path: Path) -> None:
    await database.write(write, 10)
    (tmp_path / "kept").mkdir()
    to = tmp_path / "kept" / "copy.db"
    made, found = backup(path, to, quietly)
    assert made == to
    assert (found.rows["users"], found.rows["posts"], found.seq) == (4, 10, database.head)
    assert one(to, "PRAGMA integrity_check") == "ok"
    assert one(to, "SELECT count(*) FROM posts") == 10
    assert one(to, "SELECT seq FROM sqlite_sequence WHERE name = 'changes'") == database.head
    assert stat.S_IMODE(to.stat().st_mode) == 0o600
    assert beside(to) == {"copy.db"}, "also after it was read"


async def test_two_within_a_second_have_names_of_their_own(
    database: Database, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pottle.times.now", lambda: "2026-11-26T07:51:27.000Z")
    made = [backup(path, tmp_path, quietly)[0].name for _ in range(3)]
    stem = f"pottle-2026-11-26T075127Z-{database.head}"
    assert made == [f"{stem}.db", f"{stem}-2.db", f"{stem}-3.db"]


async def test_what_is_written_meanwhile_does_not_disturb_it(
    database: Database, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails without the read transaction: each commit of somebody else then begins the copy anew, and changes it."""
    monkeypatch.setattr(backups, "PAGES", 1)
    await database.write(write, 20)
    before = database.head
    copied: list[int] = []

    def meanwhile(what: str, done: int, of: int) -> None:
        assert what != "Copying" or len(copied) < of, "it began anew"
        if what == "Copying" and not copied.append(done) and done % 5 == 0:
            with closing(sqlite3.connect(path)) as raw, raw:
                raw.execute("UPDATE posts SET body = 'new'")
                raw.execute("INSERT INTO changes VALUES (NULL, 0, NULL, 'new', NULL, '', '2026', 'channel:1')")

    made, found = backup(path, tmp_path / "copy.db", meanwhile)
    assert copied == list(range(1, len(copied) + 1)), "every page once"
    assert found.seq == before == one(made, "SELECT max(seq) FROM changes")
    assert one(made, "SELECT count(*) FROM posts WHERE body = 'new'") == 0
    assert one(path, "SELECT count(*) FROM posts WHERE body = 'new'") == 20


async def test_in_a_folder_it_is_named_after_the_time_and_the_newest_change(
    database: Database, path: Path, tmp_path: Path
) -> None:
    (tmp_path / "all").mkdir()
    await database.write(write)
    made, _ = backup(path, tmp_path / "all", quietly)
    assert made.match(f"all/pottle-20??-??-??T??????Z-{database.head}.db")


async def test_it_needs_no_server(path: Path, tmp_path: Path) -> None:
    _, found = backup(path, tmp_path / "copy.db", quietly)
    assert found.rows["users"] == 4


def existing(to: Path) -> type[Refusal]:
    to.write_text("precious")
    return Conflict


def dangling(to: Path) -> type[Refusal]:
    to.symlink_to("nowhere")
    return Conflict


def nowhere(to: Path) -> type[Refusal]:
    to.parent.rmdir()
    return NotFound


@pytest.mark.parametrize("there", [existing, dangling, nowhere])
def test_it_refuses_a_place(path: Path, tmp_path: Path, there: Callable[[Path], type[Refusal]]) -> None:
    (tmp_path / "kept").mkdir()
    to = tmp_path / "kept" / "copy.db"
    refusal = there(to)
    was = to.read_bytes() if to.is_file() else None
    with pytest.raises(refusal):
        backup(path, to, quietly)
    assert (to.read_bytes() if to.is_file() else None) == was
    assert to.parent.exists() is (there is not nowhere)
    assert not to.parent.exists() or beside(to) <= {"copy.db"}


def test_a_file_that_came_meanwhile_stays(path: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    to = tmp_path / "kept" / "copy.db"

    def come(what: str, done: int, of: int) -> None:
        to.write_text("precious")

    with pytest.raises(Conflict):
        backup(path, to, come)
    assert to.read_text() == "precious"
    assert beside(to) == {"copy.db"}


def test_one_that_is_interrupted_leaves_nothing(path: Path, tmp_path: Path) -> None:
    def interrupted(what: str, done: int, of: int) -> None:
        raise KeyboardInterrupt

    (tmp_path / "kept").mkdir()
    with pytest.raises(KeyboardInterrupt):
        backup(path, tmp_path / "kept" / "copy.db", interrupted)
    assert list((tmp_path / "kept").iterdir()) == []


def missing(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_database(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("CREATE TABLE recipes (name TEXT)")


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")


def damaged(path: Path) -> None:
    """An index lies where a table does, as after a disk has written to the wrong place."""
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("PRAGMA writable_schema=ON")
        raw.execute("UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'posts')"
                    " WHERE name = 'ix_memberships_user_id'")  # fmt: skip


def cut_off(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode=DELETE")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


WRONG = {missing: NotFound, **dict.fromkeys([empty, no_database, foreign, newer, damaged, cut_off], WrongDatabase)}


@pytest.mark.parametrize("spoil", WRONG)
def test_it_refuses_a_database(path: Path, tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(path)
    (tmp_path / "kept").mkdir()
    with pytest.raises(WRONG[spoil]) as refusal:
        backup(path, tmp_path / "kept" / "copy.db", quietly)
    assert list((tmp_path / "kept").iterdir()) == []
    assert "\n" not in str(refusal.value)


def test_a_copy_that_differs_is_not_kept(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the reason: here somebody writes into the copy before it is checked."""

    def meddle(part: Path) -> None:
        with closing(sqlite3.connect(part)) as raw, raw:
            raw.execute("PRAGMA journal_mode=DELETE")
            raw.execute("DELETE FROM users WHERE uid = 'bob'")

    monkeypatch.setattr(backups, "as_one_file", meddle)
    with pytest.raises(WrongDatabase, match="differs"):
        backup(path, tmp_path / "copy.db", quietly)
    assert not (tmp_path / "copy.db").exists()


def test_an_older_database_is_backed_up_as_it_is(tmp_path: Path) -> None:
    """Before an upgrade, with the code of after it."""
    from pottle.store import migrations

    old = tmp_path / "old" / "app.db"
    old.parent.mkdir()
    migrations.upgrade(old, "0002")
    _, found = backup(old, tmp_path / "copy.db", quietly)
    assert found.revision == "0002"
    prepare(Settings(instance=old.parent))
    assert one(old, "SELECT version_num FROM alembic_version") == migrations.newest_revision()
