"""Rate limits: counted once for all workers, and still counted after a restart.

The generic cell rate algorithm (GCRA; ITU-T I.371, and Brandur Leach's throttled): one row and one time per limited
party. `due` is when the allowance is full again; each use moves it on by `per / count`.
"""

import time
from math import ceil, floor

from sqlalchemy import String, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from pottle.errors import TooMany
from pottle.rates import Allowance, Rate
from pottle.store.base import Base, insert
from pottle.store.statements import Snapshot

SLEW = 1.0  # seconds by which clocks are set back every day, and nothing is forgotten


class Limit(Base):
    """How far one party has used up one rate."""

    __tablename__ = "limits"

    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    due: Mapped[float] = mapped_column(index=True)  # Unix time, s


DUE = select(Limit.due).where(Limit.key == bindparam("key"))
MOVE = insert(Limit)
MOVE = MOVE.on_conflict_do_update(index_elements=[Limit.key], set_={"due": MOVE.excluded.due})
FORGET = delete(Limit).where(Limit.due < bindparam("before"))


def check(read: Snapshot, party: str, rate: Rate, uses: int = 1) -> float:
    """Raises TooMany when `party` does not have so many uses of `rate` left; returns when all of them are back."""
    due = _due(read, party, rate)
    full_in = due - time.time()
    wait = full_in - rate.per + uses * rate.step
    if wait > 1e-6:
        raise TooMany(max(1, ceil(wait)), Allowance(rate, 0, full_in))
    return due


def check_all(read: Snapshot, wanted: list[tuple[str, Rate, int]]) -> list[float]:
    """As check, of several parties or rates."""
    return [check(read, *one) for one in wanted]


def use(tx: Snapshot, wanted: list[tuple[str, Rate, int]]) -> None:
    """Counts uses against several parties or rates, or raises TooMany and counts none."""
    dues = check_all(tx, wanted)
    for one, due in zip(wanted, dues, strict=True):
        spend(tx, *one, due=due)


def spend(tx: Snapshot, party: str, rate: Rate, uses: int = 1, due: float | None = None) -> Allowance:
    """Counts `uses` of `rate` against `party`, and returns what is left; a negative number gives them back.

    `due` is what `check` has just returned, if it was asked.
    """
    due = (_due(tx, party, rate) if due is None else due) + uses * rate.step
    tx.run(MOVE, key=_key(party, rate), due=due)
    full_in = max(0.0, due - time.time())
    return Allowance(rate, max(0, floor((rate.per - full_in) / rate.step + 1e-6)), full_in)


def forget_old(tx: Snapshot) -> int:
    """Drops the rows of those whose allowance is full again; returns how many."""
    return tx.run(FORGET, before=time.time())


def _due(read: Snapshot, party: str, rate: Rate) -> float:
    """When the allowance is full again: now at the earliest, and in `per` seconds at the latest.

    What was kept and lies further ahead was kept before the clock was set back. It counts for nothing: no matter how
    far the clock was set back, nobody is locked out.
    """
    row = read.one(DUE, key=_key(party, rate))
    now = time.time()
    return now if row is None or row.due > now + rate.per + SLEW else max(row.due, now)


def _key(party: str, rate: Rate) -> str:
    return f"{rate.name} {party}"[:200]
