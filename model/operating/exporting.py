"""Exports: all content as JSON lines that any program can read, from one snapshot.

The first line is `{"type": "pottle", "format": 1, "revision", "newest"}`: the schema's revision, and the highest id
that each table ever gave. Then comes a line for each row, `{"type": "user", …}`: the type is the table's name without
its plural s, the fields are its columns, bytes are base64. The last line is `{"type": "end", "lines"}`: how many came
before it. The tables are read from the database itself, so a new resource is exported as soon as it has a table.
"""

from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import IO, Any

import msgspec
from sqlalchemy import JSON, Column, MetaData, StaticPool, Table, create_engine, null, select

from pottle.errors import Conflict
from pottle.store import Snapshot, migrations, numbers
from pottle.store.copies import CREDENTIALS, Progress, content, reading
from pottle.store.engines import open_reader

FORMAT = 1
PORTION = 1_000  # lines between two reports
LEFT_OUT = {
    **dict.fromkeys(CREDENTIALS, "one that was ended after the export would come back to life"),
    **dict.fromkeys(("push_subscriptions", "pushes"), "end with their sessions"),
    "instance": "an import makes another database",
    **dict.fromkeys(("changes", "streams"), "positions of readers, which end with the epoch"),
    "replays": "answers for retries within a day, copies of what is exported",
    "limits": "counted by the minute",
    **dict.fromkeys(("searched", "searching", "unnamed"), "made anew of the posts"),
    **dict.fromkeys(("sso_tokens", "used_challenges"), "used up within minutes"),
    "alembic_version": "is in the first line",
}
PASSWORDS = {"users": {"password_hash"}}
SECOND_FACTORS = ("authenticators", "recovery_codes")  # which are left out with the passwords


class Header(msgspec.Struct, tag="pottle", forbid_unknown_fields=True):
    """The first line."""

    format: int
    revision: str
    newest: dict[str, int] = {}


class End(msgspec.Struct, tag="end", forbid_unknown_fields=True):
    """The last line. A file without it was cut off."""

    lines: int


Shapes = dict[type[msgspec.Struct], Table]


def shapes(database: Path) -> Shapes:
    """The tables that are exported, by the type of their lines; those that others refer to come first."""
    metadata = MetaData()
    with closing(open_reader(database)) as raw:
        engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool)
        metadata.reflect(engine, only=lambda name, _: not migrations.is_undescribed(name))
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


def export(database: Path, out: IO[bytes], progress: Progress, passwords: bool = True) -> None:
    """Writes the database, which may be in use, to `out`. Without passwords their hashes are null.

    Takes no more memory for more rows. Raises NotFound, WrongDatabase, StorageFull, and Conflict where the database
    was migrated meanwhile.
    """
    with reading(database) as read:
        found, tables, number = content(read, database), shapes(database), 0
        total = sum(found.rows[table.name] for table in tables.values())
        header = Header(FORMAT, found.revision or "", numbers.newest(read))
        for number, line in enumerate(chain([header], _rows(read, tables, passwords)), 1):
            out.write(msgspec.json.encode(line) + b"\n")
            if number % PORTION == 1:
                progress("Exporting", number, total)
        out.write(msgspec.json.encode(End(number)) + b"\n")
        if migrations.revision_of(read.raw, database) != found.revision:
            raise Conflict("The database was migrated meanwhile. Try again.")


def _rows(read: Snapshot, tables: Shapes, passwords: bool) -> Iterator[msgspec.Struct]:
    for line, of in tables.items():
        if not passwords and of.name in SECOND_FACTORS:
            continue
        secret = set() if passwords else PASSWORDS.get(of.name, set())
        columns = [null().label(column.name) if column.name in secret else column for column in of.c]
        for row in read.each(select(*columns).select_from(of).order_by(*of.primary_key)):
            yield line(*row)
