"""Moving a database in passes: each writes only what differs, and then the target is as the source."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from pottle.store import moving
from pottle.store.files import WrongDatabase
from pottle.store.moving import Move
from pottle.store.statements import Snapshot
from tests.conftest import World

pytestmark = pytest.mark.sqlite("PostgreSQL is an end of it in tests/postgres/test_copying.py")

TABLES = "users", "memberships", "streams", "channels", "posts", "searched", "searching"
KEYS = {"searched": "post_id", "posts": "id", "memberships": "user_id", "users": "id"}
ROWS = range(101, 1_101)  # of each table, beside the world's


@pytest.fixture
def ends(world: World, tmp_path: Path) -> Iterator[tuple[Snapshot, Snapshot]]:
    """A source with 1,000 more users, members and posts, and a target, each in a transaction."""
    with ExitStack() as stack:
        made = []
        for name in ("source", "target"):
            shutil.copy(world.folder / "app.db", tmp_path / name)
            made.append(stack.enter_context(closing(sqlite3.connect(tmp_path / name, isolation_level=None))))
            made[-1].execute("BEGIN")
        for n in ROWS:
            put(made[0], n)
        yield Snapshot(made[0]), Snapshot(made[1])


def put(raw: sqlite3.Connection, n: int) -> None:
    raw.execute(
        "INSERT INTO users (id, uid, uid_folded, name, role, created, version) VALUES (?1, ?1, ?1, ?1, '', '', 1)", (n,)
    )
    raw.execute("INSERT INTO memberships (group_id, user_id, role, created) VALUES (?, ?, 'member', '')", (n % 7, n))
    raw.execute("INSERT INTO streams (name, seq) VALUES (?, ?)", (f"stream {n * 7_919 % 10_007}", n))
    raw.execute(
        "INSERT INTO posts (id, channel_id, author_id, body, html, state, reactions, replies, created, version)"
        " VALUES (?1, 1, ?1, ?1, '', 'published', '{}', 0, '', 1)",
        (n,),
    )
    raw.execute("INSERT INTO searched (post_id, text, facts) VALUES (?1, 'word' || ?1, 'g1')", (n,))


def swap(raw: sqlite3.Connection, one: int, other: int) -> None:
    """Gives each of two users the name of the other, which nobody else may have."""
    named = dict(raw.execute("SELECT id, uid_folded FROM users WHERE id IN (?, ?)", (one, other)))
    if len(named) == 2:
        for id_, name in ((one, "nobody"), (other, named[one]), (one, named[other])):
            raw.execute("UPDATE users SET uid_folded = ? WHERE id = ?", (name, id_))


def moved(ends: tuple[Snapshot, Snapshot]) -> Move:
    """Both after a first pass."""
    source, target = ends
    move = Move(target, moving.tables_in(source) - {"alembic_version"})
    move.bring(source)
    assert_alike(ends)
    return move


def assert_alike(ends: tuple[Snapshot, Snapshot]) -> None:
    for name in TABLES:
        here, there = (read.raw.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for read in ends)  # noqa: S608
        assert here == there, name
    found = ends[1].raw.execute("SELECT count(*) FROM searched_index WHERE searched_index MATCH 'word*'").fetchone()
    assert found == ends[0].raw.execute("SELECT count(*) FROM searched").fetchone()


def written(target: Snapshot, move: Move, source: Snapshot) -> int:
    """How many rows a pass writes or drops."""
    before = target.raw.total_changes
    move.bring(source)
    return target.raw.total_changes - before


def test_only_what_differs_is_written(ends: tuple[Snapshot, Snapshot]) -> None:
    source, target = ends
    move = moved(ends)
    little = written(target, move, source)
    assert little < 200, "small tables are, always"
    source.raw.execute("UPDATE posts SET body = 'other' WHERE id = 500")
    put(source.raw, 2_000)
    assert written(target, move, source) < little + 3_000
    assert_alike(ends)
    assert written(target, move, source) == little


@pytest.mark.parametrize("seed", range(3))
def test_any_change_comes_along(ends: tuple[Snapshot, Snapshot], seed: int) -> None:
    """Rows added, changed and deleted anywhere, also whole portions, and values that rows give to one another."""
    source, _ = ends
    move, chance = moved(ends), random.Random(seed)
    for _ in range(3):
        for _ in range(20):
            one, other = chance.sample(ROWS, 2)
            swap(source.raw, one, other)
            source.raw.execute("UPDATE memberships SET group_id = ? WHERE user_id = ?", (one % 11, other))
            source.raw.execute("DELETE FROM streams WHERE seq = ?", (one,))
            source.raw.execute("INSERT INTO streams (name, seq) VALUES (?, ?)", (f"stream {chance.random()}", other))
        first = chance.choice(ROWS)
        for name, key in KEYS.items():
            source.raw.execute(f"DELETE FROM {name} WHERE {key} BETWEEN ? AND ?", (first, first + 250))  # noqa: S608
        move.bring(source)
        assert_alike(ends)


def test_all_may_go_and_come(ends: tuple[Snapshot, Snapshot]) -> None:
    source, _ = ends
    move = moved(ends)
    for name in (*KEYS, "streams"):
        source.raw.execute(f"DELETE FROM {name}")  # noqa: S608
    move.bring(source)
    assert_alike(ends)
    for n in ROWS:
        put(source.raw, n)
    move.bring(source)
    assert_alike(ends)


def test_what_was_not_written_is_noticed(ends: tuple[Snapshot, Snapshot]) -> None:
    """A target that does something else with a row, or with another one."""
    source, target = ends
    move = moved(ends)
    target.raw.execute("CREATE TRIGGER odd AFTER INSERT ON posts BEGIN UPDATE users SET name = 'x' WHERE id = 101; END")
    put(source.raw, 2_000)
    source.raw.execute("UPDATE users SET name = 'y' WHERE id = 101")
    with pytest.raises(WrongDatabase, match="differs"):
        move.bring(source)
    target.raw.execute("DROP TRIGGER odd")
    move = moved(ends)
    target.raw.execute("DELETE FROM posts WHERE id = 900")
    source.raw.execute("UPDATE posts SET body = 'other' WHERE id = 100")
    with pytest.raises(WrongDatabase, match="differs"):
        move.bring(source)
