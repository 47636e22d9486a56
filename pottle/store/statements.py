"""Core statements, compiled once and run on a bare sqlite3 connection.

SQLAlchemy checks every statement and SQLite answers it; what is left out is what lies between for each call
(about 40 us of a 5 us question). Snapshot are module constants; values are passed by name: those of its `bindparam`s
and, to an INSERT or UPDATE without `values(…)`, those of its columns.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Generator, Iterable
from contextlib import closing
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Executable, Insert, Update
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.sql import visitors

from pottle.store import tables

DIALECT = sqlite_dialect(paramstyle="named", json_deserializer=msgspec.json.decode)


class Prepared:
    """One compiled statement: its SQL, the values it brings along, and the shape of its rows."""

    def __init__(self, statement: Executable, columns: tuple[str, ...] | None = None) -> None:
        compiled = statement.compile(dialect=DIALECT, column_keys=columns)  # type: ignore[attr-defined]
        self.sql = str(compiled)
        self.reads, self.writes = tables.touched(statement)
        self.defaults = {name: compiled.params[name] for name in compiled.params}
        self.required = {name for bind, name in compiled.bind_names.items() if bind.required}
        self.made = {column.key: column.default for column in compiled.insert_prefetch}
        self.made |= {column.key: column.onupdate for column in compiled.update_prefetch}
        self.expanding = compiled if any(bind.expanding for bind in compiled.bind_names) else None
        self.binders = {
            name: process
            for bind, name in compiled.bind_names.items()
            if (process := bind.type.dialect_impl(DIALECT).bind_processor(DIALECT))
        }
        shown = getattr(statement, "exported_columns", None) or {}
        self.row = namedtuple("Row", shown.keys(), rename=True) if shown else tuple
        readers = (c.type.dialect_impl(DIALECT).result_processor(DIALECT, None) for c in shown)
        self.readers = [(at, read) for at, read in enumerate(readers) if read]

    def bound(self, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The SQL for these values, and all values of the statement; raises KeyError for a name too many or too few."""
        if self.expanding is None:
            return self.sql, self.values(given)
        # Of `in_()`: as many placeholders as there are values, this time.
        state = self.expanding.construct_expanded_state(self._complete(given))
        values = dict(state.parameters)
        for name, process in state.processors.items():
            if name in values and callable(process):
                values[name] = process(values[name])
        return state.statement, values

    def values(self, given: dict[str, Any]) -> dict[str, Any]:
        """All values of the statement, as SQLite takes them; raises KeyError for a name too many or too few."""
        values = self._complete(given)
        for name, bind in self.binders.items():
            values[name] = bind(values[name])
        return values

    def _complete(self, given: dict[str, Any]) -> dict[str, Any]:
        if not self.required <= given.keys() <= self.defaults.keys():
            wrong = (given.keys() - self.defaults.keys()) | (self.required - given.keys())
            raise KeyError(f"unknown or missing: {sorted(wrong)} in {self.sql}")
        if not self.made:
            return {**self.defaults, **given}
        return {**self.defaults, **{name: _default(of) for name, of in self.made.items() if name not in given}, **given}

    def shaped(self, raw: tuple[Any, ...]) -> Any:
        """A row with named fields, its values as the columns' types give them."""
        if self.readers:
            values = list(raw)
            for at, read in self.readers:
                values[at] = read(values[at])
            return self.row._make(values)  # type: ignore[attr-defined]
        return self.row._make(raw)  # type: ignore[attr-defined]


def _default(default: Any) -> Any:
    """A column's `default=` or `onupdate=`: the value, or what the function returns now."""
    if not default.is_callable:
        return default.arg
    try:
        return default.arg(None)
    except AttributeError as error:
        raise TypeError(
            f"The default of {default.column} asks for the statement's other values: give it one."
        ) from error


PORTION = 25  # rows: a page of 20 and the one that says whether there are more

_prepared = lru_cache(maxsize=1_000)(Prepared)


def prepared(statement: Executable, given: Iterable[str] = ()) -> Prepared:
    """The statement, compiled once for the columns among `given` that an INSERT or UPDATE writes."""
    named = _own_names(statement)
    if named is None:
        return _prepared(statement)
    return _prepared(statement, tuple(n for n in given if n not in named) if named else tuple(given))


@lru_cache(maxsize=1_000)
def _own_names(statement: Executable) -> frozenset[str] | None:
    """The names of the `bindparam`s of an INSERT or UPDATE; None of another statement."""
    if not isinstance(statement, Insert | Update):
        return None
    return frozenset(part.key for part in visitors.iterate(statement) if isinstance(part, BindParameter))


class Snapshot:
    """One state of the database, which Core statements ask at once and in this thread."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw
        self.wrote: set[str] = set()  # the tags of the tables in which something was written

    def all(self, statement: Executable, **values: Any) -> list[Any]:
        """Every row, as a named tuple."""
        ready = _noted(statement, values)
        rows = self.raw.execute(*ready.bound(values)).fetchall()
        if ready.writes and rows:
            self.wrote |= ready.writes
        return [ready.shaped(row) for row in rows]

    def each(self, statement: Executable, **values: Any) -> Generator[Any, None, None]:
        """Every row like `all`, but one by one, for more of them than are wanted at once. Close it, or read it out."""
        ready = _noted(statement, values)
        with closing(self.raw.execute(*ready.bound(values))) as cursor:
            yield from map(ready.shaped, cursor)

    def portions(self, statement: Executable, **values: Any) -> Generator[list[Any], None, None]:
        """Every row like `each`, PORTION at a time: a page is seldom more, and read in one go."""
        ready = _noted(statement, values)
        with closing(self.raw.execute(*ready.bound(values))) as cursor:
            while rows := cursor.fetchmany(PORTION):
                yield [ready.shaped(row) for row in rows]

    def one(self, statement: Executable, **values: Any) -> Any:
        """The first row or None. The cursor is read to its end, for an open one would hold the transaction."""
        rows = self.all(statement, **values)
        return rows[0] if rows else None

    def run(self, statement: Executable, **values: Any) -> int:
        """The number of rows that an INSERT, UPDATE or DELETE touched."""
        ready = _noted(statement, values)
        touched = self.raw.execute(*ready.bound(values)).rowcount
        if touched:
            self.wrote |= ready.writes
        return touched


def _noted(statement: Executable, values: dict[str, Any]) -> Prepared:
    """The prepared statement; the tables that it reads are noted, where somebody collects them."""
    ready = prepared(statement, values)
    if (seen := tables.collected.get()) is not None:
        seen |= ready.reads
    return ready
