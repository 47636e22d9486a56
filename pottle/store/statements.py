"""Core statements, compiled once and run on a bare connection, sqlite3's or psycopg's.

SQLAlchemy writes every statement and the database answers it; what is left out is what lies between for each call
(about 40 us of SQLite's 5 us question). Statements are module constants; values are passed by name: those of its
`bindparam`s and, to an INSERT or UPDATE without `values(…)`, those of its columns.
"""

from collections import namedtuple
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from functools import lru_cache, partial
from itertools import chain
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BindParameter, Dialect, Executable, Float, Insert, Numeric, Update, UpdateBase
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.sql import visitors
from sqlalchemy.types import TypeEngine

from pottle.store import tables


class Tongue(NamedTuple):
    """How a database is spoken to: SQLAlchemy's dialect, and what begins one state of all that is read."""

    dialect: Dialect
    begin: str


SQLITE = Tongue(sqlite_dialect(paramstyle="named", json_deserializer=msgspec.json.decode), "BEGIN")
POSTGRESQL = Tongue(PGDialect_psycopg(), "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")  # type: ignore[no-untyped-call]


def tongue_of(raw: Any) -> Tongue:
    """That of a driver's connection."""
    return SQLITE if type(raw).__module__ == "sqlite3" else POSTGRESQL


class Prepared:
    """One statement, compiled for a dialect and the names of the values it is given. Raises KeyError for a wrong name.

    All that does not depend on the values is done here, for each call costs microseconds of the event loop.
    """

    def __init__(self, dialect: Dialect, statement: Executable, *given: str) -> None:
        own = _parameters(statement)
        columns = [name for name in given if name not in own] if isinstance(statement, Insert | Update) else None
        compiled = statement.compile(dialect=dialect, column_keys=columns)  # type: ignore[attr-defined]
        self.sql = str(compiled)
        names, required = set(compiled.params), {n for bind, n in compiled.bind_names.items() if bind.required}
        if wrong := ({*given} - names) | (required - {*given}):
            raise KeyError(f"unknown or missing: {sorted(wrong)} in {self.sql}")
        self.changing = isinstance(statement, UpdateBase)
        self.reads, self.writes = tables.touched(statement)
        made = {column.key: column.default for column in compiled.insert_prefetch}
        made |= {column.key: column.onupdate for column in compiled.update_prefetch}
        self.made = [(name, default) for name, default in made.items() if name not in given]
        self.brought = {name: compiled.params[name] for name in names - {*given}}  # what the statement says itself
        self.expanding = compiled if any(bind.expanding for bind in compiled.bind_names) else None
        self.binders = [
            (name, process)
            for bind, name in compiled.bind_names.items()
            if (process := bind.type.dialect_impl(dialect).bind_processor(dialect))
        ]
        self.shaped = _shaping(dialect, statement)

    def bound(self, values: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The SQL for these values, and all of the statement's, as the driver takes them. It writes into `values`."""
        if self.brought:
            values |= self.brought
        for name, default in self.made:
            values[name] = _default(default)
        if self.expanding is not None:
            return self._expanded(values)
        for name, process in self.binders:
            values[name] = process(values[name])
        return self.sql, values

    def _expanded(self, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Of `in_()`: as many placeholders as there are values, this time."""
        state = self.expanding.construct_expanded_state(given)  # type: ignore[union-attr]
        values = dict(state.parameters)
        for name, process in state.processors.items():
            if name in values and callable(process):
                values[name] = process(values[name])
        return state.statement, values


def _parameters(statement: Executable) -> set[str]:
    """The names of the statement's own `bindparam`s."""
    return {part.key for part in visitors.iterate(statement) if isinstance(part, BindParameter)}  # type: ignore[arg-type]


def _shaping(dialect: Dialect, statement: Executable) -> Callable[[tuple[Any, ...]], Any]:
    """What makes of the driver's row one with named fields, its values as the columns' types give them."""
    shown = getattr(statement, "exported_columns", None)
    if not shown:
        return tuple
    named = partial(tuple.__new__, namedtuple("Row", shown.keys(), rename=True))  # its `_make` takes twice as long
    found = (_reader(dialect, column.type) for column in shown)
    readers = [(at, read) for at, read in enumerate(found) if read]

    def shaped(raw: tuple[Any, ...]) -> Any:
        values = list(raw)
        for at, read in readers:
            values[at] = read(values[at])
        return named(values)

    return shaped if readers else named


def _reader(dialect: Dialect, kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """What makes of the driver's value the type's. psycopg gives numbers as they are (pottle/store/postgres.py)."""
    if dialect is POSTGRESQL.dialect and isinstance(kind, Numeric | Float):
        return None
    found: Callable[[Any], Any] | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return found


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


class Snapshot:
    """One state of the database, which Core statements ask at once and in this thread."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.wrote: set[str] = set()  # the tags of the tables in which something was written
        self.writings = 0  # how often that was
        self.tongue = tongue_of(raw)
        # To make one of psycopg's cursors takes a third of a statement's time.
        self._execute = raw.execute if self.tongue is SQLITE else raw.cursor().execute

    def __enter__(self) -> "Snapshot":
        """One consistent state of the database until the end of the block. Never await inside."""
        self.raw.execute(self.tongue.begin)
        return self

    def __exit__(self, *_: object) -> None:
        self.raw.execute("ROLLBACK")

    def all(self, statement: Executable, /, **values: Any) -> list[Any]:
        """Every row, as a named tuple."""
        ready, cursor = self._asked(statement, values)
        rows = cursor.fetchall()
        if ready.changing and rows:
            self.writes(ready.writes)
        return [*map(ready.shaped, rows)]

    def each(self, statement: Executable, **values: Any) -> Generator[Any, None, None]:
        """Every row like `all`, but one by one, for more of them than are wanted at once. Close it, or read it out."""
        with closing(self.portions(statement, **values)) as portions:
            for rows in portions:
                yield from rows

    def portions(self, statement: Executable, **values: Any) -> Generator[list[Any], None, None]:
        """Every row like `each`, PORTION at a time: a page is seldom more, and read in one go."""
        ready, cursor = self._asked(statement, values, self.raw.execute)
        with closing(cursor):
            more = True
            while more:
                rows = [*map(ready.shaped, cursor.fetchmany(PORTION))]
                more = len(rows) == PORTION
                yield rows

    def one(self, statement: Executable, /, **values: Any) -> Any:
        """The first row or None. The cursor is read to its end, for an open one would hold the transaction."""
        rows = self.all(statement, **values)
        return rows[0] if rows else None

    def run(self, statement: Executable, /, **values: Any) -> int:
        """The number of rows that an INSERT, UPDATE or DELETE touched."""
        ready, cursor = self._asked(statement, values)
        touched: int = cursor.rowcount
        if touched:
            self.writes(ready.writes)
        return touched

    def run_each(self, statement: Executable, rows: Iterable[dict[str, Any]]) -> int:
        """As `run`, for each of many rows that have the same names: a tenth of the work."""
        rows = iter(rows)
        if (first := next(rows, None)) is None:
            return 0
        ready = self.prepared(statement, *first)
        self.before(ready.reads)
        touched = self.execute_each(ready, chain([first], rows))
        if touched:
            self.writes(ready.writes)
        return touched

    def execute_each(self, ready: Prepared, rows: Iterable[dict[str, Any]]) -> int:
        """As `run_each`, noting nothing."""
        rows = iter(rows)
        sql, first = ready.bound({**next(rows)})
        cursor = self.raw.cursor()
        cursor.executemany(sql, chain([first], (ready.bound({**row})[1] for row in rows)))
        touched: int = cursor.rowcount
        return touched

    def prepared(self, statement: Executable, *given: str) -> Prepared:
        """A statement as this database takes it, for the names of its values."""
        return _prepared(self.tongue.dialect, statement, *given)

    def writes(self, tags: frozenset[str]) -> None:
        """Notes that rows were written in the tables of these tags."""
        self.wrote |= tags
        self.writings += 1

    def before(self, touched: frozenset[str]) -> None:
        """Called before each statement, with the tags of the tables that it touches."""

    def _asked(
        self, statement: Executable, values: dict[str, Any], execute: Callable[..., Any] | None = None
    ) -> tuple[Prepared, Any]:
        """Asks; the tables that are read are noted, where somebody collects them."""
        ready = self.prepared(statement, *values)
        if (seen := tables.collected.get()) is not None:
            seen |= ready.reads
        self.before(ready.reads)
        return ready, (execute or self._execute)(*ready.bound(values))
