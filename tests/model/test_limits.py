"""pottle/store/limits.py: how the allowance goes and comes back."""

import sqlite3
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from pottle.errors import TooMany
from pottle.rates import Rate
from pottle.store import limits
from pottle.store.limits import Limit
from pottle.store.statements import Snapshot

THREE = Rate("three", 3, per=60)


@pytest.fixture
def tx() -> Iterator[Snapshot]:
    raw = sqlite3.connect(":memory:")
    raw.execute(str(CreateTable(Limit.__table__).compile(dialect=sqlite.dialect())))  # type: ignore[arg-type]
    yield Snapshot(raw)
    raw.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    now = [1_800_000_000.0]
    monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: now[0]))

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def used(tx: Snapshot, party: str = "somebody") -> int:
    """The seconds to wait, 0 if it was allowed."""
    try:
        limits.check(tx, party, THREE)
    except TooMany as refusal:
        return refusal.retry_after
    limits.spend(tx, party, THREE)
    return 0


def test_it_works(tx: Snapshot, clock: Callable[[float], None]) -> None:
    assert [used(tx) for _ in range(5)] == [0, 0, 0, 20, 20]
    clock(19.5)
    assert used(tx) == 1
    clock(0.5)
    assert [used(tx) for _ in range(2)] == [0, 20]
    clock(60)
    assert [used(tx) for _ in range(4)] == [0, 0, 0, 20]


def test_waiting_longer_saves_nothing_up(tx: Snapshot, clock: Callable[[float], None]) -> None:
    clock(3600)
    assert [used(tx) for _ in range(4)] == [0, 0, 0, 20]


def test_everybody_has_an_allowance_of_their_own(tx: Snapshot, clock: Callable[[float], None]) -> None:
    assert [used(tx, party) for party in ("a", "a", "a", "b", "a", "b")] == [0, 0, 0, 0, 20, 0]


def test_what_is_given_back_can_be_used(tx: Snapshot, clock: Callable[[float], None]) -> None:
    assert [used(tx) for _ in range(4)] == [0, 0, 0, 20]
    limits.spend(tx, "somebody", THREE, -1)
    assert [used(tx) for _ in range(2)] == [0, 20]


def test_giving_back_what_was_not_used_saves_nothing_up(tx: Snapshot, clock: Callable[[float], None]) -> None:
    for _ in range(5):
        limits.spend(tx, "somebody", THREE, -1)
    assert [used(tx) for _ in range(4)] == [0, 0, 0, 20]


def test_a_clock_that_is_set_back_locks_nobody_out(tx: Snapshot, clock: Callable[[float], None]) -> None:
    """Not for a day, and not for a while each time that they ask."""
    assert [used(tx) for _ in range(4)] == [0, 0, 0, 20]
    clock(-86_400)
    assert [used(tx) for _ in range(4)] == [0, 0, 0, 20]


def test_a_clock_that_is_put_right_by_a_little_gives_nothing_away(tx: Snapshot, clock: Callable[[float], None]) -> None:
    assert [used(tx) for _ in range(4)] == [0, 0, 0, 20]
    clock(-0.5)
    assert used(tx) == 21


def test_what_is_full_again_is_forgotten(tx: Snapshot, clock: Callable[[float], None]) -> None:
    used(tx)
    assert limits.forget_old(tx) == 0
    clock(21)
    assert limits.forget_old(tx) == 1
    assert [used(tx) for _ in range(4)] == [0, 0, 0, 20]
