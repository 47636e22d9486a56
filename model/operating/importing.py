"""Imports and restores: an export or a backup becomes the database of an instance folder.

Such a file is trusted like a database: it says who is an admin, and the HTML of its posts is shown as it is.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import reduce
from operator import or_
from pathlib import Path
from typing import IO, Any

import msgspec
from sqlalchemy import column, delete, func, insert, select, table

from model import audit
from model.operating.exporting import FORMAT, LEFT_OUT, PORTION, End, Header, Shapes, shapes
from pottle.errors import Invalid, NotFound
from pottle.store import Snapshot, migrations, numbers
from pottle.store.copies import (
    TABLES,
    Content,
    Progress,
    begin_anew,
    check_integrity,
    content,
    copy,
    explained,
    placed,
    rows,
)
from pottle.store.statements import SQLITE, Prepared
from pottle.text import made_one_line

LONGEST_LINE = 16 * 1024 * 1024  # bytes
FRESH = {"groups": 1, "channels": 1}  # in a new database: `home` and its lobby
ONE_LINE = {"user": "name", "group": "name", "channel": "title", "post": "guest"}  # fields by type
CHANNELS = table("channels", column("seq"))
FURTHEST = select(func.max(CHANNELS.c.seq).label("seq"))


def import_(folder: Path, source: IO[bytes], size: int, progress: Progress) -> int:
    """Makes the folder's database from an export of `size` bytes; returns how many rows. All of it, or nothing.

    An export of an older version is migrated. Raises Conflict beside a server that runs and where the folder has a
    database in which anybody has done anything; Invalid, with the line's number, for a file that is not whole or not an
    export; WrongDatabase for one that is newer than the code.
    """
    lines = _lines(source, size, progress)
    with placed(folder, worthless=_untouched) as part, explained("The import"):
        header = _header(next(lines, (1, b""))[1])
        migrations.upgrade(part, header.revision)
        tables = shapes(part)
        with closing(sqlite3.connect(part, isolation_level=None)) as raw:
            raw.execute("PRAGMA journal_mode=OFF")
            raw.execute("PRAGMA synchronous=OFF")  # half an import is deleted, a whole one is synced at the end
            raw.execute("BEGIN")
            count = _fill(raw, tables, lines)
            _continue_numbers(raw, header.newest)
            if broken := raw.execute("PRAGMA foreign_key_check").fetchone():
                what = f"row {broken[1]} of {broken[0]} refers to a row of {broken[2]} that is not in it"
                raise Invalid({"The export": f"is not whole: {what}. Nothing was imported."})
            raw.execute("COMMIT")
        begin_anew(part, lambda tx: None)
    return count


def _lines(source: IO[bytes], size: int, progress: Progress) -> Iterator[tuple[int, bytes]]:
    """Each line with its number."""
    read = 0
    for number, line in enumerate(iter(lambda: source.readline(LONGEST_LINE), b""), 1):
        read += len(line)
        if number % PORTION == 0:
            progress("Importing", read, size)
        yield number, line


def _wrong(number: int, why: object) -> Invalid:
    return Invalid({f"line {number}": f"is wrong: {why}. Nothing was imported."})


def _header(line: bytes) -> Header:
    try:
        header = msgspec.json.decode(line, type=Header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid({"This": f"is not an export of Pottle: {error}. Nothing was imported."}) from error
    if header.format != FORMAT:
        raise Invalid({"The export": f"has format {header.format}, and this version of Pottle knows {FORMAT} only."})
    migrations.check_known(header.revision, "The export")
    return header


def _fill(raw: sqlite3.Connection, tables: Shapes, lines: Iterator[tuple[int, bytes]]) -> int:
    """Writes every line's row, and returns how many. Raises Invalid."""
    for of in reversed(tables.values()):
        Snapshot(raw).run(delete(of))
    inserts = {line: Prepared(SQLITE.dialect, insert(of), *of.c.keys()) for line, of in tables.items()}
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(reduce(or_, [*tables, End]))  # a line is one of these
    number = 1
    for number, line in lines:
        try:
            row = decoder.decode(line)
            if isinstance(row, End):
                break
            ready = inserts[type(row)]
            raw.execute(*ready.bound(_tidy(row)))
        except (msgspec.DecodeError, UnicodeDecodeError, sqlite3.IntegrityError, OverflowError, TypeError) as error:
            raise _wrong(number, error) from error
    else:
        raise Invalid({"The export": f"was cut off after line {number}. Nothing was imported."})
    if row.lines != number - 1:
        raise _wrong(number, f"{row.lines} lines should come before it, but {number - 1} do")
    if next(lines, None):
        raise _wrong(number + 1, "nothing may come after the end")
    return number - 2


def _tidy(row: msgspec.Struct) -> dict[str, Any]:
    """The values of a row, its name or title as one line of visible text: older versions allowed others."""
    values = msgspec.structs.asdict(row)
    if field := ONE_LINE.get(type(row).__name__):
        values[field] = made_one_line(values[field] or "") or values[field]
    return values


def _continue_numbers(raw: sqlite3.Connection, newest: dict[str, int]) -> None:
    """Ids and seqs go on where they were, so that none is ever given twice."""
    tx = Snapshot(raw)
    known = {row.name for row in tx.all(TABLES)}
    newest["changes"] = max(newest.get("changes", 0), tx.one(FURTHEST).seq or 0)
    if strange := sorted(name for name, seq in newest.items() if name not in known or seq < 0):
        raise _wrong(1, f"newest has {strange[0]!r}")
    tx.run(delete(numbers.OF_SQLITE))
    for name, seq in sorted(newest.items()):
        tx.run(numbers.PUT, name=name, seq=seq)


def _untouched(database: Path) -> bool:
    """Whether nobody has done anything in a database yet. Its write-ahead log is ended."""
    with explained(database), closing(sqlite3.connect(database, isolation_level=None)) as raw:
        if migrations.revision_of(raw, database) is None:
            return False
        read = Snapshot(raw)
        there = {row.name for row in read.all(TABLES) if not migrations.is_undescribed(row.name)}
        names = there - {*LEFT_OUT, "sqlite_sequence"}
        return all(rows(read, name) == FRESH.get(name, 0) for name in names)


def restore(folder: Path, source: Path, progress: Progress) -> tuple[Content, dict[str, int]]:
    """Copies a backup into the folder; returns what it holds, and how many credentials of each kind were ended.

    The backup itself is only read. Raises Conflict where the folder has a database or a server uses it, NotFound,
    StorageFull, and WrongDatabase for a file that is damaged, not ours or newer than the code; then nothing is left.
    """
    if not source.is_file():
        raise NotFound(f"There is no file {source}.")
    with placed(folder) as part:
        with explained(source), closing(_opened(source)) as raw:
            found = content(Snapshot(raw), source)
            copy(raw, part, progress)
        with explained(source), closing(sqlite3.connect(part)) as raw:
            check_integrity(raw, str(source), progress)
        ended = begin_anew(part, lambda tx: audit.note(tx, None, "database.restored", source.name))
    return found, ended


def _opened(source: Path) -> sqlite3.Connection:
    """A connection that leaves nothing beside the backup, and can read it on a medium that cannot be written to.

    It is immutable, except for a copied database folder: the log there has the newest posts.
    """
    path = source.resolve()
    logs = [path.with_name(path.name + end) for end in ("-wal", "-journal")]
    how = "mode=ro" if any(log.exists() for log in logs) else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, isolation_level=None)
