"""Moves all rows of one database to another, of whichever engines the two are."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Table, delete, func, insert, select

from pottle.store import numbers
from pottle.store.base import Base
from pottle.store.copies import Progress
from pottle.store.statements import Snapshot

PORTION = 1_000  # rows


def move(source: Snapshot, target: Snapshot, present: set[str], progress: Progress = lambda *_: None) -> dict[str, int]:
    """Has the models' tables of `target` hold what those of `source` do, of which some are `present`.

    Returns how many rows each has. References are for the caller to switch off meanwhile: posts refer to one another.
    """
    tables = [of for of in Base.metadata.sorted_tables if of.name in present]
    for of in reversed(tables):
        target.run(delete(of))
    counted = {of.name: count(source, of) for of in tables}
    done = 0
    for of in tables:
        rows = _rows(source, of)
        while portion := [*islice(rows, PORTION)]:
            target.run_each(insert(of), portion)
            done += len(portion)
            progress("Copying", done, sum(counted.values()))
    numbers.go_on(target, {name: seq for name, seq in numbers.newest(source).items() if name in present})
    return counted


def count(read: Snapshot, of: Table) -> int:
    """How many rows a table has."""
    counted: int = read.one(select(func.count().label("n")).select_from(of)).n
    return counted


def _rows(source: Snapshot, of: Table) -> Iterator[dict[str, Any]]:
    names = of.c.keys()
    for row in source.each(select(of).order_by(*of.primary_key.columns)):
        yield dict(zip(names, row, strict=True))
