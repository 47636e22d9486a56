"""Moves all rows of one database to another, of whichever engines the two are.

Values go as drivers have them, JSON as its text and truth as 0 or 1: so they are the same on both engines, and a
checksum over them says whether all came along.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import JSON, Boolean, String, Table, TypeDecorator, column, delete, func, select, table

from pottle.store import numbers
from pottle.store.base import Base
from pottle.store.copies import Progress, rows
from pottle.store.files import WrongDatabase
from pottle.store.migrations import VERSION, check_known, is_undescribed
from pottle.store.statements import SQLITE, Snapshot

PORTION = 1_000  # rows

_master = table("sqlite_master", column("name", String), column("type"))
OF_SQLITE = select(_master.c.name).where(_master.c.type == "table")
_listed = table("pg_tables", column("tablename", String), column("schemaname"))
OF_POSTGRESQL = select(_listed.c.tablename.label("name")).where(_listed.c.schemaname == func.current_schema())

Row = tuple[Any, ...]
encode = msgspec.msgpack.Encoder().encode


class Moved(NamedTuple):
    """What a table has: how many rows, and a checksum over them."""

    rows: int
    checksum: str


def move(
    source: Snapshot, target: Snapshot, present: set[str], progress: Progress = lambda *_: None
) -> dict[str, Moved]:
    """Has the models' tables of `target` hold what those of `source` do, of which some are `present`.

    Returns what each has then. References are for the caller to switch off meanwhile: posts refer to one another.
    """
    tables = tables_of(present)
    for of in reversed(tables):
        target.run(delete(of))
    told = _Told(source, tables, "Copying", progress)
    moved = {}
    for of in tables:
        adding = _Adding()
        _put(target, of, adding.each(told.each(_converted(of, _rows(source, of), source, target))))
        moved[of.name] = adding.moved
    numbers.go_on(target, numbers.newest(source))
    return moved


def contents(read: Snapshot, present: set[str], progress: Progress = lambda *_: None) -> dict[str, Moved]:
    """What each of these tables has."""
    tables = tables_of(present)
    told, found = _Told(read, tables, "Checking", progress), {}
    for of in tables:
        adding = _Adding()
        for _ in adding.each(told.each(_rows(read, of))):
            pass
        found[of.name] = adding.moved
    return found


def tables_in(read: Snapshot) -> set[str]:
    """The names of all tables of a database, but for full-text indexes, SQLite's own and Litestream's."""
    found = {row.name for row in read.all(OF_SQLITE if read.tongue is SQLITE else OF_POSTGRESQL)}
    return {name for name in found if not name.startswith("sqlite_") and not is_undescribed(name)}


def revision_of(read: Snapshot, named: str) -> str:
    """The revision that a database is at. Raises WrongDatabase where it is not ours, or newer than the code."""
    if not {"alembic_version", "changes"} <= tables_in(read):
        raise WrongDatabase(f"{named} is no database of Pottle. It was left as it is.")
    at: str = read.one(VERSION).version_num
    check_known(at, named)
    return at


def tables_of(present: set[str]) -> list[Table]:
    """Those of the models that are `present`; what others refer to comes first."""
    return [of for of in Base.metadata.sorted_tables if of.name in present]


class _Told:
    """Tells how far it is."""

    def __init__(self, read: Snapshot, tables: list[Table], what: str, progress: Progress) -> None:
        self._done, self._all = 0, sum(rows(read, of.name) for of in tables)
        self._what, self._progress = what, progress

    def each(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, once more."""
        for row in rows:
            yield row
            self._done += 1
            if self._done % PORTION == 0 or self._done == self._all:
                self._progress(self._what, self._done, self._all)


class _Adding:
    """Adds up what goes through."""

    def __init__(self) -> None:
        self._rows, self._sum = 0, hashlib.blake2b(digest_size=16)

    def each(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, once more."""
        for row in rows:
            self._sum.update(encode(row))
            self._rows += 1
            yield row

    @property
    def moved(self) -> Moved:
        """What went through."""
        return Moved(self._rows, self._sum.hexdigest())


def _rows(read: Snapshot, of: Table) -> Iterator[Row]:
    """In the order of the primary key, which both engines have in bytes."""
    plain = (lambda name, _: name) if read.tongue is SQLITE else _plain_on_postgresql
    wanted = ", ".join(plain(name, column) for name, column in zip(_names(read, of), of.c, strict=True))
    order = ", ".join(read.tongue.dialect.identifier_preparer.quote(column.name) for column in of.primary_key)
    sql = f"SELECT {wanted} FROM {_name(read, of)} ORDER BY {order}"  # noqa: S608  # names of the models
    # On PostgreSQL only a cursor with a name has the server keep the rows until they are fetched.
    with closing(read.raw.cursor(*(() if read.tongue is SQLITE else ("rows",)))) as cursor:
        cursor.execute(sql)
        while portion := cursor.fetchmany(PORTION):
            yield from portion


def _plain_on_postgresql(name: str, column: Any) -> str:
    if isinstance(column.type, JSON):
        return f"{name}::text"
    return f"{name}::int" if isinstance(column.type, Boolean) else name


def _converted(of: Table, rows: Iterator[Row], source: Snapshot, target: Snapshot) -> Iterator[Row]:
    """The rows, where a column's own type keeps its values on PostgreSQL otherwise than on SQLite."""
    own = [(at, column.type) for at, column in enumerate(of.c) if isinstance(column.type, TypeDecorator)]
    if not own or target.tongue is SQLITE or source.tongue is target.tongue:
        yield from rows
        return
    for row in rows:
        values = list(row)
        for at, kind in own:
            values[at] = kind.process_bind_param(values[at], target.tongue.dialect)
        yield tuple(values)


def _put(target: Snapshot, of: Table, rows: Iterator[Row]) -> None:
    names = ", ".join(_names(target, of))
    if target.tongue is SQLITE:
        values = ", ".join("?" * len(of.c))
        sql = f"INSERT INTO {_name(target, of)} ({names}) VALUES ({values})"  # noqa: S608  # names of the models
        while portion := [*islice(rows, PORTION)]:
            target.raw.executemany(sql, portion)
        return
    with target.raw.cursor() as cursor, cursor.copy(f"COPY {_name(target, of)} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _name(read: Snapshot, of: Table) -> str:
    return read.tongue.dialect.identifier_preparer.format_table(of)


def _names(read: Snapshot, of: Table) -> list[str]:
    return [read.tongue.dialect.identifier_preparer.quote(column.name) for column in of.c]
