"""Exporting: one snapshot of everything that people made, written line by line (portable.py has the format)."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec
from sqlalchemy import Table, column, null, select, table

from model.operating.portable import FORMAT, PORTION, End, Header, shapes
from pottle.errors import Conflict
from pottle.store import Snapshot, migrations
from pottle.store.backup import Progress, content, reading

PASSWORDS = {"users": {"password_hash"}}
SEQUENCES = table("sqlite_sequence", column("name"), column("seq"))
NEWEST = select(SEQUENCES).order_by(SEQUENCES.c.name)


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


def _lines(
    read: Snapshot, header: Header, tables: dict[type[msgspec.Struct], Table], passwords: bool
) -> Iterator[msgspec.Struct]:
    yield header
    for line, of in tables.items():
        secret = set() if passwords else PASSWORDS.get(of.name, set())
        columns = [null().label(column.name) if column.name in secret else column for column in of.c]
        for row in read.each(select(*columns).select_from(of).order_by(*of.primary_key)):
            yield line(*row)
