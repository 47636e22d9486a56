"""The change log: seqs, the chain of `prev`, pruning, and what can still be recovered."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import pairwise

import pytest
from hypothesis import settings as rules
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select

from pottle.store import changes
from pottle.store.changes import LoggedChange, Stream
from pottle.store.database import Database
from pottle.store.instance import Fact, put
from pottle.store.statements import Snapshot
from pottle.store.unit import Tx
from tests.conftest import World
from tests.store.conftest import bare

TABLES = (LoggedChange.__table__, Stream.__table__)
STREAMS = ("jokes", "channel:7")
NAMES = select(Fact.name).where(Fact.value == "x").order_by(Fact.name)


@pytest.fixture
def log() -> Iterator[Snapshot]:
    """An empty one."""
    with bare(*TABLES) as log:
        yield log


def add(log: Snapshot, stream: str | None = "jokes", at: str = "1") -> int:
    seq, added = changes.head(log) + 1, changes.Addition()
    added.add(seq, at, "test", stream, None, [])
    added.write(log)
    return seq


def test_it_works(log: Snapshot) -> None:
    assert [add(log, stream) for stream in ("jokes", "channel:7", None, "jokes")] == [1, 2, 3, 4]
    assert [(row.seq, row.prev, row.stream) for row in changes.since(log, 0)] == [
        (1, 0, "jokes"),
        (2, 0, "channel:7"),
        (3, 0, None),
        (4, 1, "jokes"),
    ]
    assert changes.head(log) == 4
    assert [changes.position(log, stream) for stream in (*STREAMS, "nothing")] == [4, 2, 0]


@pytest.mark.sqlite("its file; PostgreSQL's tables are made from the models")
def test_the_schema_here_is_the_real_one(world: World, log: Snapshot) -> None:
    """As far as the log depends on it."""
    with closing(sqlite3.connect(world.folder / "app.db")) as real:
        columns = "SELECT name, type FROM pragma_table_info(?)"
        for table in ("changes", "streams"):
            assert real.execute(columns, (table,)).fetchall() == log.raw.execute(columns, (table,)).fetchall()
        index = "SELECT name FROM pragma_index_info('ix_changes_stream')"
        assert real.execute(index).fetchall() == log.raw.execute(index).fetchall()
        (sql,) = real.execute("SELECT sql FROM sqlite_master WHERE name = 'changes'").fetchone()
        assert "AUTOINCREMENT" in sql


@pytest.mark.parametrize("name", ["", "two words", "a\nb", "käse", "x" * 201])
def test_what_no_client_could_ask_for_is_no_name_of_a_stream(log: Snapshot, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a stream"):
        add(log, name)
    assert changes.head(log) == 0


def test_a_stream_that_is_dropped_leaves_nothing(log: Snapshot) -> None:
    for stream in ("jokes", "channel:7", "jokes"):
        add(log, stream)
    changes.drop(log, "jokes")
    assert [(row.seq, row.stream, row.subject) for row in changes.since(log, 0)] == [
        (1, None, None),
        (2, "channel:7", None),
        (3, None, None),
    ]
    assert changes.head(log) == 3
    assert changes.position(log, "jokes") == 0
    assert not changes.recoverable(log, "jokes", after=1, newest=0)
    assert changes.whole(log, "jokes", after=1), "there is nothing more to tell"


def test_a_page_ends_where_it_is_told_to(log: Snapshot) -> None:
    for stream in STREAMS * 10:
        add(log, stream)
    assert [row.seq for row in changes.page(log, "jokes", after=3, until=15, limit=100)] == [5, 7, 9, 11, 13, 15]
    assert [row.seq for row in changes.page(log, "jokes", after=3, until=100, limit=2)] == [5, 7]
    assert changes.page(log, "jokes", after=19, until=100, limit=2) == []


def test_the_newest_always_stays_and_seqs_go_on_after_it(log: Snapshot) -> None:
    """Fails when it goes too: then nobody knows where the log ends."""
    for _ in range(3):
        add(log)
    assert [changes.prune(log, before, keep=0) for before in "09"] == [2, 0]
    assert (changes.head(log), add(log)) == (3, 4)
    assert changes.since(log, 3)[0].prev == 3


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
    there = [row.seq for row in changes.page(log, "jokes", after=1, until=5, limit=100)]
    assert not changes.recoverable(log, "jokes", after=1, newest=5) or there == [2, 3, 4, 5]


class Log(RuleBasedStateMachine):
    """The log against a list: changes are added in two streams and in none, and pruned; clients come back."""

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        self.log = self.stack.enter_context(bare(*TABLES))
        self.all: list[tuple[int, str | None]] = []

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.stack.close()

    def of(self, stream: str | None) -> list[int]:
        return [seq for seq, of in self.all if of == stream]

    @rule(stream=st.sampled_from([*STREAMS, None]), times=st.text("159", min_size=1, max_size=5))
    def adds(self, stream: str | None, times: str) -> None:
        for at in times:
            self.all.append((add(self.log, stream, at), stream))

    @rule(before=st.sampled_from("037"), keep=st.sampled_from([0, 3, 10, 1_000]))
    def prunes(self, before: str, keep: int) -> None:
        there = {row.seq for row in changes.since(self.log, 0)}
        gone = changes.prune(self.log, before, keep)
        left = {row.seq for row in changes.since(self.log, 0)}
        assert left <= there
        assert len(there - left) == gone
        assert not [seq for seq in left if seq <= len(self.all) - max(keep, 1)]

    @rule(stream=st.sampled_from(STREAMS), after=st.integers(0, 15))
    def comes_back(self, stream: str, after: int) -> None:
        """`recovered` if and only if `after` lies in the past and everything after it is still there (L3)."""
        missed = [seq for seq in self.of(stream) if seq > after]
        head = max(self.of(stream), default=0)
        there = [row.seq for row in changes.page(self.log, stream, after, changes.head(self.log), 100)]
        assert changes.recoverable(self.log, stream, after, head) == (after <= head and there == missed)

    @invariant()
    def seqs_are_gapless_and_chained(self) -> None:
        assert [seq for seq, _ in self.all] == [*range(1, len(self.all) + 1)]
        assert changes.head(self.log) == len(self.all)
        for stream in STREAMS:
            seqs = [0, *self.of(stream)]
            prevs = {later: sooner for sooner, later in pairwise(seqs)}
            rows = changes.page(self.log, stream, 0, len(self.all), 100)
            assert all(row.prev == prevs[row.seq] for row in rows)
            assert changes.position(self.log, stream) == seqs[-1], "where a stream is, is never pruned"


TestLog = Log.TestCase
TestLog.settings = rules(max_examples=100, stateful_step_count=40, deadline=None)


async def test_a_change_is_there_if_and_only_if_its_write_is(database: Database) -> None:
    """L1, over a unit that fails after it told."""

    def told(tx: Tx, name: str, failing: bool) -> None:
        put(tx, name, "x")
        tx.changed("test", subject=len(name))
        if failing:
            raise ValueError(name)

    before = await database.read(changes.head)
    await database.write(told, "a", False)
    with pytest.raises(ValueError, match="bb"):
        await database.write(told, "bb", True)
    await database.write(told, "ccc", False)
    assert [row.subject for row in await database.read(changes.since, before)] == [1, 3]
    assert [row.name for row in await database.read(Snapshot.all, NAMES)] == ["a", "ccc"]
    assert await database.read(changes.head) == before + 2, "and no seq was lost"


async def test_changes_of_one_batch_follow_on_each_other(database: Database) -> None:
    """They are written together, at its end, and at once where a unit looks at the log.

    Fails when `Addition` forgets what it has of a stream, and when `Tx.before` does nothing.
    """

    def tell(tx: Tx, stream: str, looks: bool) -> int:
        tx.changed("test", stream="meanwhile")
        seq = tx.changed("test", stream=stream)
        if looks:
            assert (changes.position(tx, stream), changes.head(tx)) == (seq, seq)
        tx.session.add(Fact(name=f"told {seq}", value="x"))
        return seq

    before = await database.read(changes.head)
    units = [database.write(tell, STREAMS[n % 2], n % 3 == 0) for n in range(12)]
    seqs = await asyncio.gather(*units)
    rows = await database.read(changes.since, before)
    assert [row.seq for row in rows if row.stream in STREAMS] == seqs
    for stream in (*STREAMS, "meanwhile"):
        chain = [row for row in rows if row.stream == stream]
        assert [row.prev for row in chain] == [0, *(row.seq for row in chain[:-1])]
        assert await database.read(changes.position, stream) == chain[-1].seq
    assert [row.seq for row in rows] == [*range(before + 1, rows[-1].seq + 1)]
