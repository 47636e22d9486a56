"""The format of exports: everything that people made, as JSON lines that any program reads.

The first line is `{"type": "pottle", "format": 1, "revision", "newest"}`: the schema's revision, and the highest id
that each table ever gave. Then comes one line for each row, `{"type": "user", …}`: the type is the table's name without
the s of its plural, the fields are its columns, bytes are base64. The last is `{"type": "end", "lines"}`: how many came
before.

The tables are read from the database itself, so that a new resource is in the export as soon as it has a table.
"""

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import JSON, Column, MetaData, StaticPool, Table, create_engine

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


class Header(msgspec.Struct, tag="pottle", forbid_unknown_fields=True):
    """The first line."""

    format: int
    revision: str
    newest: dict[str, int] = {}


class End(msgspec.Struct, tag="end", forbid_unknown_fields=True):
    """The last line: without it a file that was cut off would look whole."""

    lines: int


def shapes(database: Path) -> dict[type[msgspec.Struct], Table]:
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
