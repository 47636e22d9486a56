"""Everything of one account, as one JSON object: what its owner may take along before, or instead of, leaving.

`about` says of each table what is kept there, why, how long, and who sees it (model/privacy.toml). `account` has the
row of the user; beside it each table that belongs to somebody is an array of the owner's rows, by
the table's name, with its columns as fields; `activity` is what the activity log says of the account. The tables are
found by their keys to `users`, so what a new resource keeps is there by itself. A row that names an account only beside
its owner (who endorsed it, say) is in `named_in`, as `{table, column}` and its key, for its text is somebody else's.
Secrets are left out: they are hashes.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
from sqlalchemy import Column, LargeBinary, Table, func, literal, or_, select, tuple_

from model import audit, privacy, settings
from model.accounts import account, user
from model.accounts.session import Identity, confirm
from model.accounts.user import User
from model.privacy import Told, owning, refers
from pottle import times
from pottle.errors import Unauthenticated
from pottle.store import Base, Tx, db, writes

PORTION = 200  # rows read at once
OF_BYTES = 4  # where a row may hold an image
Row = dict[str, str | int | bool | None]
SHOWN = {"groups": "slug", "channels": "title"}  # what is told beside a reference to one of these, for people to read


class Everything(msgspec.Struct):
    """Everything of one's account. Beside these fields there is one for each table that has rows of somebody's."""

    format: int
    made: str
    about: dict[str, Told]
    account: list[Row]
    activity: list[Row]
    named_in: list[Row]


async def take(identity: Identity, password: str | None) -> AsyncIterator[bytes]:
    """Begins an export, which the caller has yet to read. Raises Forbidden, TooMany, as `account.prove_again` does."""
    await account.prove_again(identity, password)
    await _note(identity)
    return _written(identity)


async def of_account(uid: str) -> AsyncIterator[bytes]:
    """The same for the operator, who was asked by somebody who cannot sign in. Raises NotFound."""
    return _written(await _whose(uid))


@writes
def _whose(tx: Tx, uid: str) -> Identity:
    found = user.by_uid(tx.session, uid)
    audit.note(tx, None, "account.exported", found.uid)
    return Identity(found.id, found.uid, found.name, None, found.role)


@writes
def _note(tx: Tx, identity: Identity) -> None:
    audit.note(tx, identity, "account.exported", identity.uid)


async def _written(identity: Identity) -> AsyncIterator[bytes]:
    """The object in pieces. It breaks off, and is no JSON, where the session ends meanwhile."""
    about = msgspec.json.encode(privacy.told(settings.chosen()))
    yield b'{"format": 1, "made": "%b",\n"about": %b' % (times.now().encode(), about)
    try:
        for name, parts in _sections(identity):
            between = b',\n"%b": [\n' % name.encode()
            yield between
            between = b""
            for statement, table in parts:
                async for row in _rows(identity, statement, table):
                    yield between + row
                    between = b",\n"
            yield b"\n]"
    except Unauthenticated:
        return
    yield b"}\n"


Parts = list[tuple[Any, Any]]  # queries, each with the table that it pages through


def _sections(identity: Identity) -> Iterator[tuple[str, Parts]]:
    """The arrays, by name."""
    yield "account", [(select(*_plain(User.__table__)).where(User.id == identity.user), User.__table__)]
    named_in: Parts = []
    for table in Base.metadata.sorted_tables:
        owners = owning(table)
        if owners:
            yield table.name, [(_told(table).where(or_(*(column == identity.user for column in owners))), table)]
        for column in (column for column in table.c if refers(column) == "users" and column not in owners):
            told = (literal(table.name).label("table"), literal(column.name).label("column"), *table.primary_key)
            named_in.append((select(*told).where(column == identity.user), table))
    yield "named_in", named_in
    entry = audit.Entry.__table__
    mine = or_(*(func.lower(entry.c[name]) == identity.uid.lower() for name in ("actor", "subject")))
    yield "activity", [(select(*(column for column in entry.c if column.name != "actor")).where(mine), entry)]


def _told(table: Table) -> Any:
    """A table's rows, with the names of what they refer to."""
    columns: list[Any] = [*_plain(table)]
    joined: Any = table
    for column in table.c:
        wanted = SHOWN.get(refers(column) or "")
        if wanted is not None:
            other = Base.metadata.tables[refers(column) or ""].alias()
            joined = joined.outerjoin(other, other.c.id == column)
            columns.append(other.c[wanted].label(column.name.removesuffix("_id")))
    return select(*columns).select_from(joined)


def _plain(table: Any) -> Iterator[Column[Any]]:
    """The columns that may be told: no secrets, and of other accounts not even their numbers."""
    return (column for column in table.c if not column.name.endswith(privacy.HIDDEN) and refers(column) != "users")


async def _rows(identity: Identity, statement: Any, table: Any) -> AsyncIterator[bytes]:
    """The rows as JSON, in the order of their keys. Each portion has a snapshot: a slow client holds none."""
    keys = [*table.primary_key]
    portion = OF_BYTES if any(isinstance(column.type, LargeBinary) for column in _plain(table)) else PORTION
    paged = statement.add_columns(*(key.label(f"key {number}") for number, key in enumerate(keys)))
    paged = paged.order_by(*keys).limit(portion)
    names = statement.selected_columns.keys()
    after: tuple[Any, ...] = ()
    while True:
        if identity.session or identity.token:  # the operator has neither
            await db.read(confirm, identity)
        async with db.session() as reading:
            found = (await reading.execute(paged.where(tuple_(*keys) > after) if after else paged)).all()
        for row in found:
            yield msgspec.json.encode(dict(zip(names, row, strict=False)))
        if len(found) < portion:
            return
        after = tuple(found[-1][-len(keys) :])
