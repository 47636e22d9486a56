"""The ids that a table's rows get: one is never given again, also when its row is gone.

SQLite keeps the newest in a table of its own (AUTOINCREMENT), PostgreSQL in a sequence for each table.
"""

from typing import Any

from sqlalchemy import BigInteger, Column, bindparam, column, delete, func, insert, select, table

from pottle.store.base import Base
from pottle.store.statements import SQLITE, Snapshot

OF_SQLITE = table("sqlite_sequence", column("name"), column("seq"))
ALL = select(OF_SQLITE).order_by(OF_SQLITE.c.name)
FORGET, PUT = delete(OF_SQLITE).where(OF_SQLITE.c.name == bindparam("of")), insert(OF_SQLITE)

SEQUENCE = func.pg_get_serial_sequence(bindparam("name"), bindparam("id"))
GIVEN = select(func.coalesce(func.pg_sequence_last_value(func.to_regclass(SEQUENCE)), 0).label("seq"))
GO_ON = select(func.setval(SEQUENCE, bindparam("seq", type_=BigInteger)).label("seq"))


def newest(read: Snapshot) -> dict[str, int]:
    """The newest id that was given in each table, where there was one."""
    if read.tongue is SQLITE:
        return {row.name: row.seq for row in read.all(ALL)}
    given = {name: read.one(GIVEN, name=name, id=key.name).seq for name, key in _numbered().items()}
    return {name: seq for name, seq in given.items() if seq}


def go_on(tx: Snapshot, after: dict[str, int]) -> None:
    """Has the tables go on after these ids, and after those of their rows."""
    if tx.tongue is SQLITE:
        for name, seq in after.items():
            if Base.metadata.tables[name].dialect_options["sqlite"]["autoincrement"]:
                tx.run(FORGET, of=name)
                tx.run(PUT, name=name, seq=seq)
        return
    for name, key in _numbered().items():
        if seq := max(after.get(name, 0), tx.one(select(func.max(key).label("id"))).id or 0):
            tx.one(GO_ON, name=name, id=key.name, seq=seq)


def _numbered() -> dict[str, Column[Any]]:
    """The tables whose rows get ids, and the columns of these."""
    found = {name: of.autoincrement_column for name, of in sorted(Base.metadata.tables.items())}
    return {name: key for name, key in found.items() if key is not None}
