"""An export (model/operating/exporting.py) or a backup becomes the database of an instance folder.

A file is as trusted as a database is: it says who is an admin, and holds the HTML of posts, which is shown as it is.
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
from model.operating.exporting import FORMAT, LEFT_OUT, PORTION, SEQUENCES, End, Header, Shapes, shapes
from pottle.errors import Invalid, NotFound
from pottle.store import Snapshot, migrations
from pottle.store.backup import TABLES, Content, Progress, check_integrity, content, copy, explained, rows
from pottle.store.placing import begin_anew, placed
from pottle.store.statements import Prepared
from pottle.text import made_one_line

LONGEST_LINE = 16 * 1024 * 1024  # bytes
FRESH = {"groups": 1, "channels": 1}  # what the migrations put into a new database: `home` and its lobby
LINES = {"user": ("name",), "group": ("name",), "channel": ("title",), "post": ("guest",)}  # by type and field
CHANNELS = table("channels", column("seq"))
FURTHEST = select(func.max(CHANNELS.c.seq).label("seq"))


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


def _fill(raw: sqlite3.Connection, tables: Shapes, lines: _Lines) -> int:
    """Writes every line's row, and returns how many. Raises Invalid."""
    for of in reversed(tables.values()):
        Snapshot(raw).run(delete(of))
    inserts = {line: Prepared(insert(of), *of.c.keys()) for line, of in tables.items()}
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(reduce(or_, [*tables, End]))  # a line is one of these
    for text in lines:
        try:
            row = decoder.decode(text)
            if isinstance(row, End):
                return _ended(row, lines)
            ready = inserts[type(row)]
            raw.execute(*ready.bound(_tidy(row)))
        except (msgspec.DecodeError, UnicodeDecodeError, sqlite3.IntegrityError, OverflowError, TypeError) as error:
            raise lines.wrong(error) from error
    raise Invalid({"The export": f"was cut off after line {lines.number}. Nothing was imported."})


def _tidy(row: msgspec.Struct) -> dict[str, Any]:
    """The values of a row, names and titles as lines of visible text: a file may be an older version's."""
    values = msgspec.structs.asdict(row)
    for name in LINES.get(type(row).__name__, ()):
        values[name] = made_one_line(values[name] or "") or values[name]
    return values


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
    newest["changes"] = max(newest.get("changes", 0), tx.one(FURTHEST).seq or 0)
    if strange := sorted(name for name, seq in newest.items() if name not in known or seq < 0):
        raise Invalid({"line 1": f"is wrong: newest has {strange[0]!r}. Nothing was imported."})
    tx.run(delete(SEQUENCES))
    for name, seq in sorted(newest.items()):
        tx.run(insert(SEQUENCES), name=name, seq=seq)


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


def restore(folder: Path, source: Path, progress: Progress) -> tuple[Content, dict[str, int]]:
    """Puts a copy of the backup into the folder; what it holds, and how many credentials of each kind were ended.

    The backup itself is only read. Raises Conflict where the folder has a database or a server uses it, NotFound,
    StorageFull, and WrongDatabase for a file that is damaged, not ours or newer than the code; nothing is left then.
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
    """A connection that leaves nothing beside the backup, and also reads one on a medium that cannot be written to.

    Immutable, unless a log is beside it: then it is a copied database folder, whose newest posts are in there.
    """
    path = source.resolve()
    logs = [path.with_name(path.name + end) for end in ("-wal", "-journal")]
    how = "mode=ro" if any(log.exists() for log in logs) else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, isolation_level=None)
