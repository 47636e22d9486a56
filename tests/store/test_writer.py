"""The writer: many units in one transaction, each as if it had been alone."""

import asyncio
import itertools
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, func, insert, select

from model.settings import Settings
from pottle.errors import Conflict, Overloaded, Refusal, StorageFull
from pottle.rates import Rate
from pottle.store import engines, writer
from pottle.store.bus import Bus
from pottle.store.database import Database, _beneath
from pottle.store.instance import SET, Fact, put
from pottle.store.locks import Turn
from pottle.store.statements import Snapshot
from pottle.store.unit import Envelope, Tx, envelope
from pottle.store.writer import MOST_IN_A_BATCH, Writer
from tests import databases
from tests.holders import turn_taken
from tests.server import PATIENCE
from tests.store.conftest import created

KEPT = Table(
    "kept", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer), Column("data", LargeBinary)
)
LATER = select(Fact.name).where(Fact.value == "later").order_by(Fact.name)
MANY = select(func.count().label("many")).select_from(KEPT)


class Kept:
    """A database with a table of numbers, its writer, and how often it committed."""

    def __init__(self, folder: Path, most_waiting: int = 1_000) -> None:
        self.folder, self.path = folder, folder / "app.db"
        with databases.opened(folder) as raw:
            if KEPT.name not in raw.tables():
                created(raw.raw, KEPT)
        self.commits = 0
        settings = Settings(instance=folder)
        self._store = _beneath(settings)(settings, (), False, lambda: None)
        self.writer = Writer(self._store, self._committed, most_waiting)

    def _committed(self) -> None:
        self.commits += 1

    async def close(self) -> None:
        await self.writer.stop()
        await self._store.close()

    def numbers(self) -> list[int]:
        """What another connection finds there, in the order of writing."""
        with databases.opened(self.folder) as raw:
            return [n for (n,) in raw.execute("SELECT n FROM kept ORDER BY id")]

    async def together(self, units: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Runs units that all wait while the writer is busy; their values, or what they raised."""
        gate, busy = threading.Event(), threading.Event()

        def hold(_: Tx) -> None:
            busy.set()
            gate.wait()

        first = asyncio.ensure_future(self.writer.run(hold))
        await asyncio.to_thread(busy.wait)
        running = [asyncio.ensure_future(self.writer.run(*unit)) for unit in units]
        await asyncio.sleep(0)  # each has asked for its unit,
        await asyncio.sleep(0)  # and all are handed over
        self.commits = -1  # without the first
        gate.set()
        await first
        return await asyncio.gather(*running, return_exceptions=True)


@asynccontextmanager
async def keeping(folder: Path, **options: Any) -> AsyncIterator[Kept]:
    kept = Kept(folder, **options)
    yield kept
    await kept.close()


@pytest.fixture
async def kept(fresh: Path) -> AsyncIterator[Kept]:
    async with keeping(fresh.parent) as kept:
        yield kept


def keep(tx: Tx, n: int) -> int:
    """Unit: writes a number; returns how many there were before."""
    before: int = tx.one(MANY).many
    tx.run(insert(KEPT), n=n)
    return before


def refuse(tx: Tx, n: int) -> int:
    """Unit: refuses before it has written anything."""
    raise Conflict(str(n))


def fail(tx: Tx, n: int) -> int:
    """Unit: fails after it has written."""
    keep(tx, -n)
    raise ValueError(n)


def refuse_late(tx: Tx, n: int) -> int:
    """Unit: refuses, against the rule, after it has written."""
    keep(tx, -n)
    raise Conflict(str(n))


def break_sql(tx: Tx, n: int) -> int:
    """Unit: a statement fails that has written nothing."""
    tx.raw.execute("INSERT INTO nowhere VALUES (1)")
    return n


async def test_it_works(kept: Kept) -> None:
    assert await kept.writer.run(keep, 7) == 0
    assert kept.numbers() == [7]


async def test_units_that_wait_share_one_transaction(kept: Kept) -> None:
    assert await kept.together([(keep, n) for n in range(200)]) == [*range(200)]
    assert kept.commits == 1
    assert kept.numbers() == [*range(200)]


async def test_the_thread_wakes_once_for_what_is_asked_at_once(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[int] = []
    hand_over = kept.writer._hand_over

    def counted() -> None:
        rounds.append(len(kept.writer._gathered))
        hand_over()

    monkeypatch.setattr(kept.writer, "_hand_over", counted)
    await asyncio.gather(*(kept.writer.run(keep, n) for n in range(20)))
    await kept.writer.run(keep, 20)
    assert rounds == [20, 1]


async def test_a_batch_has_an_end(kept: Kept) -> None:
    """So that another worker gets its turn."""
    count = 2 * MOST_IN_A_BATCH - 100
    assert await kept.together([(keep, n) for n in range(count)]) == [*range(count)]
    assert kept.commits == 2


async def test_a_refused_unit_does_not_disturb_its_batch(kept: Kept) -> None:
    answers = await kept.together([(keep, 1), (refuse, 2), (keep, 3), (break_sql, 4), (keep, 5)])
    assert [answers[0], answers[2], answers[4]] == [0, 1, 2]
    assert isinstance(answers[1], Conflict)
    assert "nowhere" in str(answers[3])
    assert kept.numbers() == [1, 3, 5]
    assert kept.commits == 1 or databases.POSTGRES, "which takes nothing more in a transaction after an error"


@pytest.mark.parametrize("failing", [fail, refuse_late])
async def test_a_unit_that_fails_after_it_wrote_leaves_nothing(kept: Kept, failing: Callable[..., Any]) -> None:
    """The others of its batch are run again, and committed once. Fails when the writer takes it for a refusal."""
    answers = await kept.together([(keep, 1), (failing, 2), (keep, 3)])
    assert [answers[0], answers[2]] == [0, 1]
    assert isinstance(answers[1], ValueError | Conflict)
    assert kept.numbers() == [1, 3]


async def test_a_unit_may_be_run_again_but_is_committed_once(kept: Kept) -> None:
    runs = itertools.count()

    def counted(tx: Tx, n: int) -> int:
        next(runs)
        return keep(tx, n)

    await kept.together([(counted, 1), (fail, 2)])
    assert next(runs) == 2
    assert kept.numbers() == [1]


UNITS = {"keep": keep, "refuse": refuse, "fail": fail, "refuse late": refuse_late, "break": break_sql}


@rules(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.sampled_from([*UNITS]), min_size=1, max_size=12), min_size=1, max_size=4))
def test_whatever_units_meet_in_a_batch_it_is_as_if_they_ran_one_by_one(
    prepared: Path, batches: list[list[str]]
) -> None:
    """The model: each unit in turn, those that raise leaving nothing.

    Fails when the writer runs what is left of a spoiled batch in the same transaction, and when it answers a unit
    with what it returned in the batch that was rolled back.
    """

    async def run(folder: str) -> None:
        numbers = itertools.count(1)
        model: list[int] = []
        async with keeping(Path(shutil.copytree(prepared, folder, dirs_exist_ok=True))) as kept:
            for batch in batches:
                units = [(kind, next(numbers)) for kind in batch]
                answers = await kept.together([(UNITS[kind], n) for kind, n in units])
                for (kind, n), answer in zip(units, answers, strict=True):
                    if kind == "keep":
                        assert answer == len(model)
                        model.append(n)
                    else:
                        assert isinstance(answer, Exception)
                        assert str(answer) == str(n) or "nowhere" in str(answer)
                assert kept.numbers() == model

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(folder))


async def test_a_caller_that_is_cancelled_stops_waiting_and_its_unit_still_runs(kept: Kept) -> None:
    gate = threading.Event()
    first = asyncio.ensure_future(kept.writer.run(lambda _: gate.wait()))
    cancelled = asyncio.ensure_future(kept.writer.run(keep, 1))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    gate.set()
    await first
    assert await kept.writer.run(keep, 2) == 1
    assert kept.numbers() == [1, 2]
    assert kept.writer.waiting == 0


async def test_when_too_many_wait_one_more_is_refused_at_once(fresh: Path) -> None:
    """Fails without a bound on what waits: it is refused much later, and for another reason."""
    async with keeping(fresh.parent, most_waiting=3) as kept:
        gate = threading.Event()
        waiting = [asyncio.ensure_future(kept.writer.run(lambda _: gate.wait()))]
        waiting += [asyncio.ensure_future(kept.writer.run(keep, n)) for n in (1, 2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="Too many writes"):
            await kept.writer.run(keep, 3)
        gate.set()
        await asyncio.gather(*waiting)
        await kept.writer.run(keep, 4)
        assert kept.numbers() == [1, 2, 4]


async def test_to_stop_it_is_to_commit_first_what_waits(kept: Kept) -> None:
    gate = threading.Event()
    waiting = [asyncio.ensure_future(kept.writer.run(lambda _: gate.wait()))]
    waiting += [asyncio.ensure_future(kept.writer.run(keep, n)) for n in range(600)]
    await asyncio.sleep(0)
    stopping = asyncio.ensure_future(kept.writer.stop())
    await asyncio.sleep(0)
    gate.set()
    await stopping
    assert (await asyncio.gather(*waiting))[1:] == [*range(600)]
    assert kept.numbers() == [*range(600)]


@pytest.mark.sqlite("its bus; PostgreSQL tells of a commit in the commit")
async def test_trouble_after_a_commit_does_not_make_it_undone(
    kept: Kept, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def trouble(_: Bus) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Bus, "poke", trouble)
    assert await kept.writer.run(keep, 1) == 0
    assert kept.numbers() == [1]
    assert "After a commit" in caplog.text


async def test_each_commit_is_on_disk_before_it_is_answered(database: Database) -> None:
    """L7: synchronous=FULL, in WAL mode; and constraints hold. On PostgreSQL synchronous_commit=on."""
    if databases.POSTGRES:
        shown = await database.write(lambda tx: tx.raw.execute("SHOW synchronous_commit").fetchone())
        assert shown == ("on",)
        return

    def ask(tx: Tx) -> list[Any]:
        return [
            tx.raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode", "foreign_keys")
        ]

    assert await database.write(ask) == [2, "wal", 1]


def fill(tx: Tx, n: int) -> int:
    """Unit: writes a number with a megabyte."""
    tx.raw.execute("INSERT INTO kept (n, data) VALUES (?, zeroblob(1000000))", (n,))
    return n


def limit_pages(tx: Tx, more: int) -> None:
    """Unit: lets the file grow by so many pages and no further."""
    (now,) = tx.raw.execute("PRAGMA page_count").fetchone()
    tx.raw.execute(f"PRAGMA max_page_count = {now + more}")


@pytest.mark.sqlite("its file; PostgreSQL has a disk of its own")
async def test_a_full_disk_refuses_what_does_not_fit_and_nothing_else(kept: Kept) -> None:
    """SQLITE_FULL rolls the whole transaction back, whoever's unit met it.

    Fails when the units of the batch that had succeeded are not run again.
    """
    await kept.writer.run(limit_pages, 10)
    answers = await kept.together([(keep, 1), (fill, 2), (keep, 3), (fill, 4), (refuse, 5)])
    assert [type(answer) for answer in answers] == [int, StorageFull, int, StorageFull, Conflict]
    assert kept.numbers() == [1, 3]
    assert await kept.writer.run(keep, 6) == 2
    await kept.writer.run(limit_pages, 10_000)
    assert await kept.writer.run(fill, 7) == 7
    assert kept.numbers() == [1, 3, 6, 7]


@pytest.mark.sqlite("its lock")
async def test_a_database_that_another_program_locks_is_overloaded(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal that says "try again" (503), for all who wait; and all is well once the other is done.

    The lock is waited for once a batch. Fails when each unit of it waits anew: for a hundred, with the five seconds
    that production waits, that is eight minutes.
    """
    monkeypatch.setattr(engines, "BUSY_MS", 50)
    async with keeping(fresh.parent) as kept:
        await kept.writer.run(keep, 0)
        turns = itertools.count()
        taken = Turn.__enter__

        def counted(turn: Turn) -> Turn:
            next(turns)
            return taken(turn)

        monkeypatch.setattr(Turn, "__enter__", counted)
        with closing(sqlite3.connect(kept.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writes = [kept.writer.run(keep, n) for n in range(1, 100)]
            answers = await asyncio.gather(*writes, return_exceptions=True)
            assert {type(answer) for answer in answers} == {Overloaded}
            other.execute("ROLLBACK")
        assert next(turns) < 10
        assert await kept.writer.run(keep, 100) == 1
        assert kept.numbers() == [0, 100]


async def test_a_turn_that_another_process_holds_for_too_long_is_overloaded(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was refused is never run, also when the turn comes at last. Fails when nobody gives up."""
    monkeypatch.setattr(writer, "PATIENCE", 0.05)
    with turn_taken(kept.folder):
        writes = [kept.writer.run(keep, n) for n in range(20)]
        async with asyncio.timeout(PATIENCE):
            answers = await asyncio.gather(*writes, return_exceptions=True)
        assert {type(answer) for answer in answers} == {Overloaded}
    monkeypatch.setattr(writer, "PATIENCE", 30)
    assert await kept.writer.run(keep, 20) == 0
    assert kept.numbers() == [20]
    assert kept.writer.waiting == 0


async def test_the_session_of_a_refused_unit_writes_nothing_later(database: Database) -> None:
    """A unit adds an object to its session and is refused before it is flushed: that too left something behind."""

    def add(tx: Tx, name: str) -> None:
        tx.session.add(Fact(name=name, value="1"))
        if name == "refused":
            raise Conflict(name)

    def names(tx: Tx) -> list[str]:
        return [name for (name,) in tx.raw.execute("SELECT name FROM instance WHERE value = '1' ORDER BY name")]

    answers = await asyncio.gather(
        *[database.write(add, name) for name in ("a", "refused", "b")], return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [type(None), Conflict, type(None)]
    assert await database.write(names) == ["a", "b"]


async def test_a_session_is_written_when_its_unit_returns(database: Database) -> None:
    """So that the next unit of the batch finds it, with Core statements too."""

    def add(tx: Tx) -> None:
        tx.session.add(Fact(name="new", value="1"))

    def find(tx: Tx) -> object:
        return tx.raw.execute("SELECT value FROM instance WHERE name = 'new'").fetchone()

    _, found = await asyncio.gather(database.write(add), database.write(find))
    assert found == ("1",)


async def test_what_is_written_later_is_there_for_whoever_looks(database: Database) -> None:
    """Fails when `Tx.before` does nothing: a unit would not find what it wrote itself, nor what others wrote before."""

    def note(tx: Tx, name: str) -> list[str]:
        tx.later(SET, name=name, value="later")
        found = [row.name for row in tx.all(LATER)]
        tx.later(SET, name=f"{name}, too", value="later")
        return found

    def note_and_look(tx: Tx, name: str) -> object:
        tx.later(SET, name=name, value="later")
        return tx.session.get(Fact, name)

    units = [database.write(note, "a"), database.write(note, "b"), database.write(note_and_look, "c")]
    *found, fact = await asyncio.gather(*units)
    assert found == [["a"], ["a", "a, too", "b"]]
    assert fact.value == "later"
    assert [row.name for row in await database.read(Snapshot.all, LATER)] == ["a", "a, too", "b", "b, too", "c"]


async def test_what_cannot_be_written_later_is_its_units_own_failure(database: Database) -> None:
    """Of a batch the others are committed. So they are where one is refused after it had something written later."""

    def note(tx: Tx, name: str, refused: bool = False) -> None:
        tx.later(insert(Fact), name=name, value="later")
        if refused:
            raise Conflict(name)

    refused = "UniqueViolation" if databases.POSTGRES else "IntegrityError"
    names = ("a", False), ("b", True), ("a", False), ("c", False)
    answers = await asyncio.gather(*[database.write(note, *of) for of in names], return_exceptions=True)
    assert [type(answer).__name__ for answer in answers] == ["NoneType", "Conflict", refused, "NoneType"]
    assert [row.name for row in await database.read(Snapshot.all, LATER)] == ["a", "c"]


async def test_what_comes_while_another_process_has_the_turn_comes_along(kept: Kept) -> None:
    """Fails when a batch is closed before the wait for the turn."""
    with turn_taken(kept.folder):
        running = [asyncio.ensure_future(kept.writer.run(keep, 0))]
        while not kept.writer.busy_seconds:
            await asyncio.sleep(0.001)
        running += [asyncio.ensure_future(kept.writer.run(keep, n)) for n in range(1, 5)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # they are handed over
    assert await asyncio.gather(*running) == [0, 1, 2, 3, 4]
    assert kept.commits == 1


async def test_two_workers_take_turns(instance: Path) -> None:
    """Two writers of one database, as in two workers, commit everything and in one order."""
    workers = [Database(), Database()]
    for worker in workers:
        await worker.open(Settings(instance=instance))

    def add(tx: Tx) -> int:
        return tx.changed("test")

    seqs = await asyncio.gather(*[workers[n % 2].write(add) for n in range(400)])
    assert len(set(seqs)) == 400
    assert max(seqs) - min(seqs) == 399
    for worker in workers:
        await worker.close()


async def test_refusals_are_the_callers_own(kept: Kept) -> None:
    """Two units that raise in one batch: to each what it raised."""
    answers = await kept.together([(refuse, 1), (fail, 2), (refuse, 3)])
    assert [str(answer) for answer in answers] == ["1", "2", "3"]
    assert isinstance(answers[0], Refusal)


async def test_a_unit_gets_its_arguments_by_position_and_by_name(database: Database) -> None:
    def sent(tx: Tx, one: int, two: int = 0, *, three: int = 0) -> tuple[int, int, int]:
        return one, two, three

    assert await database.write(sent, 1, two=2, three=3) == (1, 2, 3)


async def test_what_was_counted_and_rolled_back_is_not_taken_for_counted(database: Database) -> None:
    """A request that was refused is counted then (pottle/http/limits.py): at its second run it may be."""
    gate, busy, runs = threading.Event(), threading.Event(), itertools.count()
    around = Envelope(limit=("user 1", Rate("posting", 5, per=60)))

    def hold(_: Tx) -> None:
        busy.set()
        gate.wait()

    def limited(_: Tx) -> None:
        if next(runs):
            raise Conflict("Somebody was faster, between the two runs.")

    def spoil(tx: Tx) -> None:
        put(tx, "spoilt", "")
        raise ValueError

    async def as_a_request() -> None:
        envelope.set(around)
        await database.write(limited)

    holding = asyncio.ensure_future(database.write(hold))
    await asyncio.to_thread(busy.wait)
    both = asyncio.gather(as_a_request(), database.write(spoil), return_exceptions=True)
    await asyncio.sleep(0.05)
    gate.set()
    assert [type(error) for error in await both] == [Conflict, ValueError]
    assert next(runs) == 2
    assert around.allowance is None
    await holding
