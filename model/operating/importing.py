"""Importing: an export (model/operating/portable.py has the format) becomes the database of an instance folder.

A file is as trusted as a database is: it says who is an admin, and holds the HTML of posts, which is shown as it is.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import msgspec
from sqlalchemy import Table, bindparam, column, delete, insert, select, table

from model.operating.portable import FORMAT, LEFT_OUT, PORTION, End, Header, shapes
from pottle.errors import Invalid
from pottle.store import Snapshot, migrations
from pottle.store.backup import TABLES, Progress, explained, rows
from pottle.store.placing import begin_anew, placed
from pottle.store.statements import Prepared
from pottle.text import made_one_line

LONGEST_LINE = 16 * 1024 * 1024  # bytes
FRESH = {"groups": 1, "channels": 1}  # what the migrations put into a new database: `home` and its lobby

LINES = {"user": ("name",), "group": ("name",), "channel": ("title",), "post": ("guest",)}  # by type and field

SEQUENCES = table("sqlite_sequence", column("name"), column("seq"))
SET_NEWEST = insert(SEQUENCES).values(name=bindparam("of"), seq=bindparam("is_"))
CHANNELS = table("channels", column("seq"))
FURTHEST = select(CHANNELS.c.seq).order_by(CHANNELS.c.seq.desc()).limit(1)


def import_(folder: Path, source: IO[bytes], size: int, progress: Progress) -> int:
    """Makes the folder's database from an export of `size` bytes; how many rows. All of it, or nothing is changed.

    An export of an older version is migrated. Raises Conflict beside a server that runs and where the folder has a
    database in which anybody has done anything; Invalid, with the line's number, for a file that is not whole or not an
    export; WrongDatabase for one that is newer than the code.
    """
    lines = _Lines(source, size, progress)
    with placed(folder, worthless=_untouched) as part, explained("The import"):
        header = _header(lines)
        migrations.upgrade(part, header.revision)
        tables = shapes(part)
        with closing(sqlite3.connect(part, isolation_level=None)) as raw:
            raw.execute("PRAGMA journal_mode=OFF")
            raw.execute("PRAGMA synchronous=OFF")  # half an import is deleted, a whole one is synced at the end
            raw.execute("BEGIN")
            count = _fill(raw, tables, lines)
            _number_on(raw, header.newest)
            _check_references(raw)
            raw.execute("COMMIT")
        begin_anew(part, lambda tx: None)
    return count


class _Lines:
    """The lines of a file, and what number the last one has."""

    def __init__(self, source: IO[bytes], size: int, progress: Progress) -> None:
        self._source, self._size, self._progress = source, size, progress
        self.number = 0
        self._read = 0

    def __iter__(self) -> Iterator[bytes]:
        while line := self._source.readline(LONGEST_LINE):
            self.number += 1
            self._read += len(line)
            if self.number % PORTION == 0:
                self._progress("Importing", self._read, self._size)
            yield line

    def wrong(self, why: object) -> Invalid:
        """The refusal of the line that was read last."""
        return Invalid({f"line {self.number}": f"is wrong: {why}. Nothing was imported."})


def _header(lines: _Lines) -> Header:
    try:
        header = msgspec.json.decode(next(iter(lines), b""), type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid({"This": f"is not an export of Pottle: {error}. Nothing was imported."}) from error
    if header.format != FORMAT:
        raise Invalid({"The export": f"has format {header.format}, and this version of Pottle knows {FORMAT} only."})
    migrations.check_known(header.revision, "The export")
    return header


def _fill(raw: sqlite3.Connection, tables: dict[type[msgspec.Struct], Table], lines: _Lines) -> int:
    """Writes every line's row, and returns how many. Raises Invalid."""
    for of in reversed(tables.values()):
        Snapshot(raw).run(delete(of))
    inserts = {
        line: Prepared(insert(of).values({c: bindparam(f"_{i}", type_=c.type) for i, c in enumerate(of.c)}))
        for line, of in tables.items()
    }
    decoder = msgspec.json.Decoder(_union([*tables, End]))
    for text in lines:
        row = _decoded(decoder, text, lines)
        if isinstance(row, End):
            return _ended(row, lines)
        ready = inserts[type(row)]
        values = {f"_{i}": value for i, value in enumerate(_tidy(row))}
        try:
            raw.execute(ready.sql, ready.values(values))
        except (sqlite3.IntegrityError, OverflowError, TypeError) as error:
            raise lines.wrong(error) from error
    raise Invalid({"The export": f"was cut off after line {lines.number}. Nothing was imported."})


def _tidy(row: Any) -> Iterator[Any]:
    """The values of a row, names and titles as lines of visible text: a file may be an older version's."""
    lines = LINES.get(type(row).__name__, ())
    for name, value in msgspec.structs.asdict(row).items():
        yield made_one_line(value) or value if name in lines and value else value


def _union(types: list[Any]) -> Any:
    """What a line may be: one of `types`."""
    union = types[0]
    for type_ in types[1:]:
        union |= type_
    return union


def _decoded(decoder: msgspec.json.Decoder[Any], text: bytes, lines: _Lines) -> Any:
    try:
        return decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise lines.wrong(error) from error


def _ended(end: End, lines: _Lines) -> int:
    count = lines.number - 1
    if end.lines != count:
        raise lines.wrong(f"{end.lines} lines should come before it, but {count} do")
    if next(iter(lines), b""):
        raise lines.wrong("nothing may come after the end")
    return count - 1


def _number_on(raw: sqlite3.Connection, newest: dict[str, int]) -> None:
    """Ids and seqs go on where they were, so that none is ever given twice."""
    tx = Snapshot(raw)
    known = {row.name for row in tx.all(TABLES)}
    furthest = tx.one(FURTHEST)
    if furthest and furthest.seq > newest.get("changes", 0):
        newest["changes"] = furthest.seq
    if strange := sorted(name for name, seq in newest.items() if name not in known or seq < 0):
        raise Invalid({"line 1": f"is wrong: newest has {strange[0]!r}. Nothing was imported."})
    tx.run(delete(SEQUENCES))
    for name, seq in sorted(newest.items()):
        tx.run(SET_NEWEST, of=name, is_=seq)


def _check_references(raw: sqlite3.Connection) -> None:
    broken = raw.execute("PRAGMA foreign_key_check").fetchone()
    if broken:
        table_, id_, other, _ = broken
        raise Invalid(
            {"The export": f"refers to what is not in it: row {id_} of {table_}, to {other}. Nothing was imported."}
        )


def _untouched(database: Path) -> bool:
    """Whether a database is as new: nobody has done anything in it. Its log is put into the file, and ended."""
    with explained(database), closing(sqlite3.connect(database, isolation_level=None)) as raw:
        if migrations.revision_of(raw, database) is None:
            return False
        read = Snapshot(raw)
        names = {row.name for row in read.all(TABLES)} - {*LEFT_OUT, "sqlite_sequence"}
        return all(rows(read, name) == FRESH.get(name, 0) for name in names)
