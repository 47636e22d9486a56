"""Moves all rows of one database to another, of whichever engines the two are, in several passes.

Each pass reads one state of the source, and has the target be like it. The first one copies everything. A later one
reads the source again, and writes only what differs: rows that follow on one another are a portion, and a checksum of
each is remembered. So a pass takes little longer than to read the source once, however much the first one had to do,
and it finds what was added, changed and deleted alike.

Values go as drivers have them, JSON as its text and truth as 0 or 1: so they are the same on both engines. What a pass
has written it reads from the target again, and compares.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import JSON, Boolean, String, Table, TypeDecorator, column, func, select, table

from pottle.store import numbers
from pottle.store.base import Base
from pottle.store.copies import Progress, rows
from pottle.store.files import WrongDatabase
from pottle.store.migrations import VERSION, check_known, is_undescribed
from pottle.store.statements import SQLITE, Snapshot

AT_ONCE = 1_000  # rows that are read
PORTION = 100  # rows that are compared, and written again where one of them differs

_master = table("sqlite_master", column("name", String), column("type"))
OF_SQLITE = select(_master.c.name).where(_master.c.type == "table")
_listed = table("pg_tables", column("tablename", String), column("schemaname"))
OF_POSTGRESQL = select(_listed.c.tablename.label("name")).where(_listed.c.schemaname == func.current_schema())

DIFFERS = "The copy differs from the source. It was not kept."

Row = tuple[Any, ...]
encode = msgspec.msgpack.Encoder().encode


class Portion(NamedTuple):
    """Rows of a table that follow on one another: the key of the first one, and how many they are.

    With checksums of the rows as they are in the source, and as they must be in the target.
    """

    first: Any
    rows: int
    there: bytes
    here: bytes


Bounds = tuple[Any, Any]  # the first key of some rows, and the first one after them; None is beyond all
EVERYTHING: Bounds = (None, None)


class Move:
    """Brings the models' tables of `target` to what the source has, of whose tables these are `present`.

    Nobody else writes to the target meanwhile. References are for the caller to switch off: posts refer to one another.
    """

    def __init__(self, target: Snapshot, present: set[str], progress: Progress = lambda *_: None) -> None:
        self._target, self._progress = target, progress
        self._copied: dict[Table, list[Portion]] = {of: [] for of in tables_of(present)}  # by their keys

    def bring(self, source: Snapshot, what: str = "Copying") -> dict[str, int]:
        """One pass, of which people are told `what` it is; returns how many rows each table has then.

        Raises WrongDatabase where the target does not have what was written to it.
        """
        told = _Told(what, sum(rows(source, of.name) for of in self._copied), self._progress)
        changed = {of: self._changed(source, of, told) for of in self._copied}
        for of in reversed(self._copied):  # in all tables before any is put: SQLite's triggers write to others
            for bounds in changed[of]:
                _delete(self._target, of, bounds)
        put = [(of, *one) for of in self._copied for one in self._put(source, of, changed[of], told)]
        told = _Told("Checking", sum(portion.rows for *_, portions in put for portion in portions), self._progress)
        for of, bounds, portions in put:
            self._check(of, bounds, portions, told)
        found = {of.name: sum(portion.rows for portion in copied) for of, copied in self._copied.items()}
        if found != {name: rows(self._target, name) for name in found}:
            raise WrongDatabase(DIFFERS)
        numbers.go_on(self._target, numbers.newest(source))
        return found

    def _changed(self, source: Snapshot, of: Table, told: "_Told") -> list[Bounds]:
        """Where the rows of the source are not what was copied; that is forgotten.

        A small table is written again always: SQLite's triggers may have written to it in the target.
        """
        copied, key = self._copied[of], _key(of)
        if len(copied) < 2:
            self._copied[of] = []
            return [EVERYTHING]
        changed: list[Bounds] = []
        self._copied[of] = []
        all_ = told.each(_rows(source, of))
        row = next(all_, None)
        for portion, (first, until) in zip(copied, _bounds(copied), strict=True):
            found = []
            while row is not None and (until is None or key(row) < until):
                found.append(row)
                row = next(all_, None)
            if checksum(found) == portion.there:
                self._copied[of].append(portion)
            elif changed and changed[-1][1] == first:
                changed[-1] = changed[-1][0], until
            else:
                changed.append((first, until))
        return changed

    def _put(
        self, source: Snapshot, of: Table, changed: list[Bounds], told: "_Told"
    ) -> Iterator[tuple[Bounds, list[Portion]]]:
        """Writes the rows that the source has there, and gives the portions that they are."""
        for bounds in changed:
            portions: list[Portion] = []
            found = _rows(source, of, bounds)
            if bounds is EVERYTHING:  # else they were told of when they were compared
                found = told.each(found)
            _insert(self._target, of, self._noted(of, found, source, portions))
            self._copied[of] += portions
            yield bounds, portions
        self._copied[of].sort(key=itemgetter(0))

    def _noted(self, of: Table, found: Iterator[Row], source: Snapshot, portions: list[Portion]) -> Iterator[Row]:
        """The rows as the target takes them; which portions they are is added to `portions`."""
        key = _key(of)
        while portion := [*islice(found, PORTION)]:
            here = [*_converted(of, portion, source, self._target)]
            portions.append(Portion(key(portion[0]), len(portion), checksum(portion), checksum(here)))
            yield from here

    def _check(self, of: Table, bounds: Bounds, portions: list[Portion], told: "_Told") -> None:
        """Reads what was written there. Raises WrongDatabase where it is something else."""
        found = told.each(_rows(self._target, of, bounds))
        for portion in portions:
            if checksum(islice(found, portion.rows)) != portion.here:
                raise WrongDatabase(DIFFERS)
        if next(found, None) is not None:
            raise WrongDatabase(DIFFERS)


def checksum(rows: Iterable[Row]) -> bytes:
    """Of rows in their order."""
    found = hashlib.blake2b(digest_size=16)
    for row in rows:
        found.update(encode(row))
    return found.digest()


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

    def __init__(self, what: str, of: int, progress: Progress) -> None:
        self._what, self._done, self._all, self._progress = what, 0, of, progress

    def each(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, once more."""
        for row in rows:
            yield row
            self._done += 1
            if self._done % AT_ONCE == 0 or self._done == self._all:
                self._progress(self._what, self._done, self._all)


def _key(of: Table) -> Callable[[Row], Any]:
    """What gives a row's key: a value, or a tuple of several."""
    return itemgetter(*([*of.c].index(column) for column in of.primary_key))


def _bounds(portions: Sequence[Portion]) -> list[Bounds]:
    """From where to where each of them reaches; together they reach everywhere."""
    edges = [None, *(portion.first for portion in portions[1:]), None]
    return [*pairwise(edges)]


def _within(read: Snapshot, of: Table, bounds: Bounds) -> tuple[str, list[Any]]:
    """SQL that holds for the rows within bounds, and its values."""
    mark = "?" if read.tongue is SQLITE else "%s"
    keys = _names(read, of.primary_key)
    found: list[str] = []
    values: list[Any] = []
    for comparison, edge in zip((">=", "<"), bounds, strict=True):
        if edge is not None:
            found.append(f"({', '.join(keys)}) {comparison} ({', '.join([mark] * len(keys))})")
            values += edge if isinstance(edge, tuple) else [edge]
    return " AND ".join(found) or "true", values


def _rows(read: Snapshot, of: Table, bounds: Bounds = EVERYTHING) -> Iterator[Row]:
    """In the order of the primary key, which both engines have in bytes."""
    plain = (lambda name, _: name) if read.tongue is SQLITE else _plain_on_postgresql
    wanted = ", ".join(plain(name, column) for name, column in zip(_names(read, of.c), of.c, strict=True))
    within, values = _within(read, of, bounds)
    order = ", ".join(_names(read, of.primary_key))
    sql = f"SELECT {wanted} FROM {_name(read, of)} WHERE {within} ORDER BY {order}"  # noqa: S608  # names of the models
    # On PostgreSQL only a cursor with a name has the server keep the rows until they are fetched.
    with closing(read.raw.cursor(*(() if read.tongue is SQLITE else ("rows",)))) as cursor:
        cursor.execute(sql, values)
        while portion := cursor.fetchmany(AT_ONCE):
            yield from portion


def _plain_on_postgresql(name: str, column: Any) -> str:
    if isinstance(column.type, JSON):
        return f"{name}::text"
    return f"{name}::int" if isinstance(column.type, Boolean) else name


def _converted(of: Table, rows: Iterable[Row], source: Snapshot, target: Snapshot) -> Iterable[Row]:
    """The rows, where a column's own type keeps its values on PostgreSQL otherwise than on SQLite."""
    own = [(at, column.type) for at, column in enumerate(of.c) if isinstance(column.type, TypeDecorator)]
    if not own or target.tongue is SQLITE or source.tongue is target.tongue:
        return rows
    return [_as_kept(row, own, target) for row in rows]


def _as_kept(row: Row, own: list[tuple[int, Any]], target: Snapshot) -> Row:
    values = list(row)
    for at, kind in own:
        values[at] = kind.process_bind_param(values[at], target.tongue.dialect)
    return tuple(values)


def _delete(target: Snapshot, of: Table, bounds: Bounds) -> None:
    within, values = _within(target, of, bounds)
    target.raw.execute(f"DELETE FROM {_name(target, of)} WHERE {within}", values)  # noqa: S608  # names of the models


def _insert(target: Snapshot, of: Table, rows: Iterator[Row]) -> None:
    names = ", ".join(_names(target, of.c))
    if target.tongue is SQLITE:
        marks = ", ".join("?" * len(of.c))
        sql = f"INSERT INTO {_name(target, of)} ({names}) VALUES ({marks})"  # noqa: S608  # names of the models
        target.raw.executemany(sql, rows)
        return
    with target.raw.cursor() as cursor, cursor.copy(f"COPY {_name(target, of)} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _name(read: Snapshot, of: Table) -> str:
    return read.tongue.dialect.identifier_preparer.format_table(of)


def _names(read: Snapshot, columns: Iterable[Any]) -> list[str]:
    return [read.tongue.dialect.identifier_preparer.quote(column.name) for column in columns]
