"""The change log: seqs, the chain of `prev`, pruning, and what can still be recovered."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import settings as rules
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pottle.store import changes
from pottle.store.database import Database
from pottle.store.statements import Snapshot
from pottle.store.unit import Tx
from tests.conftest import World

SCHEMA = """
CREATE TABLE changes (
    seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, prev INTEGER NOT NULL, channel_id INTEGER,
    kind VARCHAR(40) NOT NULL, subject INTEGER, tags VARCHAR NOT NULL, created VARCHAR(24) NOT NULL
);
CREATE INDEX ix_changes_channel ON changes (channel_id, seq);
CREATE TABLE channels (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
INSERT INTO channels VALUES (1, 0), (2, 0);
"""
CHANNELS = (1, 2)


@pytest.fixture
def log() -> Iterator[Snapshot]:
    """An empty one, in memory, with two channels."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as raw:
        raw.executescript(SCHEMA)
        yield Snapshot(raw)


def add(log: Snapshot, channel: int | None = 1, at: str = "1") -> int:
    return changes.add(log, at, "test", channel, None, [])


def test_it_works(log: Snapshot) -> None:
    assert [add(log, channel) for channel in (1, 2, None, 1)] == [1, 2, 3, 4]
    assert [(row.seq, row.prev, row.channel_id) for row in changes.since(log, 0)] == [
        (1, 0, 1),
        (2, 0, 2),
        (3, 0, None),
        (4, 1, 1),
    ]
    assert changes.head(log) == 4


def test_the_schema_here_is_the_real_one(world: World) -> None:
    """As far as the log depends on it."""
    with closing(sqlite3.connect(world.folder / "app.db")) as real, closing(sqlite3.connect(":memory:")) as ours:
        ours.executescript(SCHEMA)
        columns = "SELECT name, type FROM pragma_table_info('changes')"
        assert real.execute(columns).fetchall() == ours.execute(columns).fetchall()
        index = "SELECT name FROM pragma_index_info('ix_changes_channel')"
        assert real.execute(index).fetchall() == ours.execute(index).fetchall()
        (sql,) = real.execute("SELECT sql FROM sqlite_master WHERE name = 'changes'").fetchone()
        assert "AUTOINCREMENT" in sql


def test_a_page_ends_where_it_is_told_to(log: Snapshot) -> None:
    for channel in (1, 2) * 10:
        add(log, channel)
    assert [row.seq for row in changes.page(log, 1, after=3, until=15, limit=100)] == [5, 7, 9, 11, 13, 15]
    assert [row.seq for row in changes.page(log, 1, after=3, until=100, limit=2)] == [5, 7]
    assert changes.page(log, 1, after=19, until=100, limit=2) == []


def test_seqs_go_on_after_all_was_pruned(log: Snapshot) -> None:
    for _ in range(3):
        add(log)
    assert changes.prune(log, "0", keep=0) == 3
    assert (changes.head(log), add(log)) == (3, 4)
    assert changes.since(log, 0)[0].prev == 3


def test_at_most_a_thousand_go_at_once(log: Snapshot) -> None:
    """A unit must not hold the turn for long."""
    for _ in range(1_200):
        add(log)
    assert [changes.prune(log, "0", keep=10) for _ in range(3)] == [1_000, 190, 0]


def test_what_is_older_than_asked_goes(log: Snapshot) -> None:
    for at in "12345":
        add(log, at=at)
    assert changes.prune(log, before="3", keep=1_000) == 2
    assert [row.seq for row in changes.since(log, 0)] == [3, 4, 5]


def test_a_clock_that_was_wrong_for_a_while_makes_no_hole(log: Snapshot) -> None:
    """A Raspberry Pi begins in 1970 until it has asked for the time: changes 3 and 4 look old. What was dropped between
    others must not be taken for recovered by whoever comes back after change 1.
    """
    for at in ("5", "5", "1", "1", "5"):
        add(log, at=at)
    changes.prune(log, before="3", keep=1_000)
    there = [row.seq for row in changes.page(log, 1, after=1, until=5, limit=100)]
    assert not changes.recoverable(log, 1, after=1, head=5) or there == [2, 3, 4, 5]


class Log(RuleBasedStateMachine):
    """The log against a list: changes are added in two channels and in none, and pruned; clients come back."""

    @initialize()
    def begin(self) -> None:
        self.raw = sqlite3.connect(":memory:", isolation_level=None)
        self.raw.executescript(SCHEMA)
        self.log = Snapshot(self.raw)
        self.all: list[tuple[int, int | None]] = []

    def teardown(self) -> None:
        if hasattr(self, "raw"):
            self.raw.close()

    def of(self, channel: int | None) -> list[int]:
        return [seq for seq, in_channel in self.all if in_channel == channel]

    @rule(channel=st.sampled_from([*CHANNELS, None]), times=st.text("159", min_size=1, max_size=5))
    def adds(self, channel: int | None, times: str) -> None:
        for at in times:
            self.all.append((add(self.log, channel, at), channel))

    @rule(before=st.sampled_from("037"), keep=st.sampled_from([0, 3, 10, 1_000]))
    def prunes(self, before: str, keep: int) -> None:
        there = {row.seq for row in changes.since(self.log, 0)}
        gone = changes.prune(self.log, before, keep)
        left = {row.seq for row in changes.since(self.log, 0)}
        assert left <= there
        assert len(there - left) == gone
        assert len(left) <= keep or not [seq for seq in left if seq <= len(self.all) - keep]

    @rule(channel=st.sampled_from(CHANNELS), after=st.integers(0, 15))
    def comes_back(self, channel: int, after: int) -> None:
        """`recovered` if and only if `after` lies in the past and everything after it is still there (L3)."""
        missed = [seq for seq in self.of(channel) if seq > after]
        head = max(self.of(channel), default=0)
        there = [row.seq for row in changes.page(self.log, channel, after, changes.head(self.log), 100)]
        assert changes.recoverable(self.log, channel, after, head) == (after <= head and there == missed)

    @invariant()
    def seqs_are_gapless_and_chained(self) -> None:
        assert [seq for seq, _ in self.all] == [*range(1, len(self.all) + 1)]
        assert changes.head(self.log) == len(self.all)
        for channel in CHANNELS:
            seqs = [0, *self.of(channel)]
            prevs = {later: sooner for sooner, later in pairwise(seqs)}
            rows = changes.page(self.log, channel, 0, len(self.all), 100)
            assert all(row.prev == prevs[row.seq] for row in rows)
            (own,) = self.raw.execute("SELECT seq FROM channels WHERE id = ?", (channel,)).fetchone()
            assert own == seqs[-1], "the channel's own seq is never pruned"


TestLog = Log.TestCase
TestLog.settings = rules(max_examples=100, stateful_step_count=40, deadline=None)


async def test_a_change_is_there_if_and_only_if_its_write_is(database: Database) -> None:
    """L1, over a unit that fails after it told."""

    def told(tx: Tx, name: str, failing: bool) -> None:
        tx.raw.execute("INSERT INTO instance (name, value) VALUES (?, 'x')", (name,))
        tx.changed("test", subject=len(name))
        if failing:
            raise ValueError(name)

    with database.snapshot() as read:
        before = changes.head(read)
    await database.write(told, "a", False)
    with pytest.raises(ValueError, match="bb"):
        await database.write(told, "bb", True)
    await database.write(told, "ccc", False)
    with database.snapshot() as read:
        assert [row.subject for row in changes.since(read, before)] == [1, 3]
        names: list[Any] = read.raw.execute("SELECT name FROM instance WHERE value = 'x'").fetchall()
        assert names == [("a",), ("ccc",)]
        assert changes.head(read) == before + 2, "and no seq was lost"
