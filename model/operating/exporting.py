"""Exports: everything that people made, as JSON lines that any program reads, from one snapshot.

The first line is `{"type": "pottle", "format": 1, "revision", "newest"}`: the schema's revision, and the highest id
that each table ever gave. Then comes one line for each row, `{"type": "user", …}`: the type is the table's name without
the s of its plural, the fields are its columns, bytes are base64. The last is `{"type": "end", "lines"}`: how many came
before.

The tables are read from the database itself, so that a new resource is in the export as soon as it has a table.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import msgspec
from sqlalchemy import JSON, Column, MetaData, StaticPool, Table, column, create_engine, null, select, table

from pottle.errors import Conflict
from pottle.store import Snapshot, migrations
from pottle.store.backup import Progress, content, reading
from pottle.store.engines import open_reader
from pottle.store.placing import CREDENTIALS

FORMAT = 1
PORTION = 1_000  # lines between two reports
LEFT_OUT = {
    **dict.fromkeys(CREDENTIALS, "credentials: one that was ended after the export would come back to life"),
    "instance": "which database it is: an import makes another one",
    **dict.fromkeys(("changes", "streams"), "the positions of readers, which a new epoch makes void"),
    "replays": "answers to requests that may be sent again within a day, copies of what is exported",
    "limits": "counted by the minute",
    "alembic_version": "stands in the first line",
}
PASSWORDS = {"users": {"password_hash"}}
SEQUENCES = table("sqlite_sequence", column("name"), column("seq"))
NEWEST = select(SEQUENCES).order_by(SEQUENCES.c.name)


class Header(msgspec.Struct, tag="pottle", forbid_unknown_fields=True):
    """The first line."""

    format: int
    revision: str
    newest: dict[str, int] = {}


class End(msgspec.Struct, tag="end", forbid_unknown_fields=True):
    """The last line: without it a file that was cut off would look whole."""

    lines: int


Shapes = dict[type[msgspec.Struct], Table]


def shapes(database: Path) -> Shapes:
    """The tables that belong into an export, what is referred to first, each by what a line of its rows looks like."""
    metadata = MetaData()
    with closing(open_reader(database)) as raw:
        engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
        metadata.reflect(engine)
        engine.dispose()
    return {_line(table): table for table in metadata.sorted_tables if table.name not in LEFT_OUT}


def _line(table: Table) -> type[msgspec.Struct]:
    fields = [(str(column.name), _type(column)) for column in table.c]
    names = {"type": "type_"}  # as a column of this name is written
    kind = str(table.name).removesuffix("s")
    return msgspec.defstruct(kind, fields, tag=kind, forbid_unknown_fields=True, rename=names)


def _type(column: Column[Any]) -> Any:
    if isinstance(column.type, JSON):
        column.type = JSON(none_as_null=True)
        return Any
    try:
        python = column.type.python_type
    except NotImplementedError:
        return Any
    return python | None if column.nullable else python


def export(database: Path, out: IO[bytes], progress: Progress, passwords: bool = True) -> int:
    """Writes the database, which may be in use, to `out`; how many rows. Without passwords their hashes are null.

    Needs no more memory for more rows. Raises NotFound, WrongDatabase, StorageFull, and Conflict where a migration ran
    at that very moment.
    """
    written = 0
    with reading(database) as read:
        found = content(read, database)
        tables = shapes(database)
        all_ = sum(found.rows[table.name] for table in tables.values())
        header = Header(FORMAT, found.revision or "", {row.name: row.seq for row in read.all(NEWEST)})
        for written, line in enumerate(_lines(read, header, tables, passwords)):
            out.write(msgspec.json.encode(line) + b"\n")
            if written % PORTION == 0:
                progress("Exporting", written, all_)
        out.write(msgspec.json.encode(End(written + 1)) + b"\n")
        if migrations.revision_of(read.raw, database) != found.revision:
            raise Conflict("The database was migrated meanwhile. Try again.")
    return written


def _lines(read: Snapshot, header: Header, tables: Shapes, passwords: bool) -> Iterator[msgspec.Struct]:
    yield header
    for line, of in tables.items():
        secret = set() if passwords else PASSWORDS.get(of.name, set())
        columns = [null().label(column.name) if column.name in secret else column for column in of.c]
        for row in read.each(select(*columns).select_from(of).order_by(*of.primary_key)):
            yield line(*row)
