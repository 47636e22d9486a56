"""What is noted of a statement's tables is no less than what SQLite's authorizer says that it touches."""

import asyncio
import importlib
import pkgutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from quart import Quart
from sqlalchemy import (
    BindParameter,
    ForeignKey,
    Insert,
    Update,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, aliased, joinedload, mapped_column, relationship
from sqlalchemy.sql import visitors
from sqlalchemy.sql.base import Executable

import model
import pottle.store
from model.accounts import session as sessions
from model.accounts.session import Session as Signed
from model.accounts.user import User
from model.groups.group import Group
from model.talk.channel import Channel
from model.talk.post import Post
from pottle.store import changes, engines, tables
from pottle.store.database import Database
from pottle.store.statements import SQLITE, Prepared, Snapshot
from pottle.store.tables import touched
from pottle.store.unit import Tx
from tests.cases import in_turn
from tests.conftest import Person
from tests.faults.noted import WRITING, is_by_triggers


class Authorizer:
    """What SQLite is about to touch, statement by statement, as tags."""

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.writes: set[str] = set()

    def __call__(self, action: int, table: str | None, *_: object) -> int:
        if table is not None and not is_by_triggers(table):
            if action == sqlite3.SQLITE_READ:
                self.reads.add(f"table:{table}")
            elif action in WRITING:
                self.writes.add(f"table:{table}")
        return sqlite3.SQLITE_OK


def seen_by_sqlite(path: Path, sql: str, names: Any, foreign_keys: bool) -> Authorizer:
    """With foreign keys it sees what they write along; and what they look at, which no answer shows."""
    with closing(engines.open_writer(path)) as raw:
        raw.execute(f"PRAGMA foreign_keys={foreign_keys:d}")
        raw.set_authorizer(authorizer := Authorizer())
        raw.execute(f"EXPLAIN {sql}", dict.fromkeys(names))
    return authorizer


def compare(path: Path, statement: Any) -> None:
    """As it is where an INSERT or UPDATE is given all columns that it does not give itself."""
    binds = [part for part in visitors.iterate(statement) if isinstance(part, BindParameter)]
    required = {bind.key for bind in binds if bind.required}
    written = [column.key for column in statement.table.c] if isinstance(statement, Insert | Update) else []
    columns = [key for key in written if key not in {bind.key for bind in binds}]
    taken = statement.compile(dialect=SQLITE.dialect, column_keys=columns if written else None).params
    ready = Prepared(SQLITE.dialect, statement, *required, *(key for key in columns if key in taken))
    sql, names = ready.sql, set(taken)
    if ready.expanding is not None:
        lists = {bind.key: [1] for bind in ready.expanding.bind_names if bind.expanding}
        state = ready.expanding.construct_expanded_state({**dict.fromkeys(names), **lists})
        sql, names = state.statement, state.parameters  # type: ignore[assignment]
    assert seen_by_sqlite(path, sql, names, foreign_keys=True).writes - tables.OWN <= ready.writes, sql
    assert seen_by_sqlite(path, sql, names, foreign_keys=False).reads <= ready.reads, sql


def is_for_both(statement: Any) -> bool:
    """Whether it calls no function of PostgreSQL's own."""
    return not any(getattr(part, "name", "").startswith("pg_") for part in visitors.iterate(statement))


def constants() -> Iterator[tuple[str, Any]]:
    for room in (model, pottle.store):
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if "migrations" in found.name:
                continue
            for name, value in vars(importlib.import_module(found.name)).items():
                if isinstance(value, Executable) and hasattr(value, "compile") and is_for_both(value):
                    yield f"{found.name}.{name}", value


CONSTANTS = dict(constants())


@pytest.mark.sqlite("its authorizer knows what a statement touches")
@in_turn("name", CONSTANTS)
async def test_every_statement_of_the_application_tells_its_tables(database: Database, path: Path, name: str) -> None:
    compare(path, CONSTANTS[name])


def test_the_application_asks_nothing_that_is_not_seen() -> None:
    """What a bare connection (`read.raw`) is asked is noted by nobody. It is for the engine, and for exports."""
    root = Path(model.__file__).parent
    files = [file for file in root.rglob("*.py") if not {"migrations", "operating"} & {*file.parts}]
    assert len(files) > 10
    assert [file.name for file in files if ".raw." in file.read_text()] == []


def test_there_are_statements_to_look_at() -> None:
    assert len(CONSTANTS) > 100


OTHER = aliased(User)
NAME = select(User.name).where(User.id == Post.author_id).scalar_subquery()
UPSERT = upsert(Post).values(id=1, channel_id=1, body="")
ALL = select(User.id).cte("everybody")
WRITTEN: dict[str, Any] = {
    "an alias": select(OTHER.name),
    "a join": select(User.id).join(Signed, Signed.user_id == User.id),
    "a correlated EXISTS": select(Post.id).where(exists().where(OTHER.id == Post.author_id)),
    "a subquery in SET": update(Post).values(body=NAME),
    "an EXISTS in SET": update(Post).values(body=select(exists(select(User.id))).scalar_subquery()),
    "a CTE": select(literal(1)).where(Post.id.in_(select(ALL.c.id))),
    "a subquery in FROM": select(select(User.id).subquery().c.id),
    "a union": select(User.id).union(select(Post.id)),
    "an order by a query": select(func.count()).select_from(User).order_by(select(Post.id).scalar_subquery()),
    "an upsert": UPSERT.on_conflict_do_update(index_elements=[Post.id], set_={"body": NAME}),
    "an insert from a query": insert(Group).from_select(["name"], select(User.name)),
    "RETURNING": delete(Post).returning(Post.id, NAME),
    "a delete that cascades": delete(User),
    "a delete that cascades twice": delete(Group),
    "a literal column with a query": select(literal_column("(SELECT name FROM users)")),
    "text within": select(text("name")).select_from(text("users")),
}


@pytest.mark.sqlite("its authorizer knows what a statement touches")
@in_turn("name", WRITTEN)
async def test_every_way_to_write_a_statement_tells_its_tables(database: Database, path: Path, name: str) -> None:
    compare(path, WRITTEN[name])


def test_who_deletes_a_user_writes_what_hangs_on_it() -> None:
    assert {"table:users", "table:sessions", "table:memberships", "table:reactions"} <= touched(delete(User)).writes
    assert {"table:channels", "table:posts", "table:reactions"} <= touched(delete(Group)).writes
    assert touched(update(User)).writes == {"table:users"}
    assert touched(delete(Post)).writes.isdisjoint({"table:users", "table:channels"})


async def log_of(database: Database, unit: Any) -> list[tuple[str, set[str]]]:
    """The changes that a unit leaves, by kind, with their tags of tables."""
    before = await database.read(changes.head)
    await database.write(unit)
    return [
        (row.kind, {tag for tag in row.tags.split() if tag.startswith("table:")})
        for row in await database.read(changes.since, before)
    ]


async def test_a_unit_without_a_change_leaves_the_tables_that_it_wrote(database: Database) -> None:
    def unit(tx: Tx) -> None:
        tx.run(update(User).values(name="Everybody"))

    assert await log_of(database, unit) == [("written", {"table:users"})]


async def test_a_units_own_change_has_the_tables(database: Database) -> None:
    def unit(tx: Tx) -> None:
        tx.run(update(User).values(name="Everybody"))
        tx.changed("told")

    assert await log_of(database, unit) == [("told", {"table:users"})]


async def test_what_is_written_after_the_change_is_added_to_it(database: Database) -> None:
    def unit(tx: Tx) -> None:
        tx.run(update(User).values(name="Everybody"))
        tx.changed("first", tags=["x"])
        tx.changed("second", tags=["y"])
        tx.run(update(Group).values(name="All"))

    assert await log_of(database, unit) == [("first", {"table:users"}), ("second", {"table:groups"})]


async def test_what_the_orm_writes_is_noted(database: Database) -> None:
    def unit(tx: Tx) -> None:
        one = tx.session.scalars(select(User)).first()
        assert one is not None
        tx.session.delete(one)

    ((kind, tags),) = await log_of(database, unit)
    assert kind == "written"
    assert {"table:users", "table:sessions"} <= tags
    ((_, tags),) = await log_of(database, lambda tx: tx.session.execute(text("UPDATE users SET name = 'x'")))
    assert tags == tables.everything() - tables.OWN


async def test_a_unit_that_writes_nothing_leaves_nothing(database: Database) -> None:
    def unit(tx: Tx) -> None:
        tx.run(update(User).where(User.id == 0).values(name="Nobody"))
        tx.session.scalars(select(User)).all()

    assert await log_of(database, unit) == []


async def test_units_of_one_batch_tell_of_their_own_tables_only(database: Database) -> None:
    before = database.head
    one = database.write(lambda tx: tx.run(update(User).values(name="x")) and None)
    other = database.write(lambda tx: tx.run(update(Group).values(name="x")) and None)
    await asyncio.gather(one, other)
    assert [row.tags for row in await database.read(changes.since, before)] == ["table:users", "table:groups"]


class Made(DeclarativeBase):
    """Tables of this test's own."""


class Shelf(Made):
    __tablename__ = "shelves"
    id: Mapped[int] = mapped_column(primary_key=True)
    books: Mapped[list["Book"]] = relationship(back_populates="shelf")


class Book(Made):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    shelf_id: Mapped[int] = mapped_column(ForeignKey("shelves.id"))
    shelf: Mapped[Shelf] = relationship(back_populates="books", lazy="joined")


@pytest.mark.sqlite("a database of the test's own; what is noted is of the statement")
def test_what_the_orm_loads_along_is_noted(tmp_path: Path) -> None:
    engine = engines.write_engine(tmp_path / "made.db")
    Made.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Book(shelf=Shelf()))
        session.commit()
    for statement in (select(Book), select(Shelf).options(joinedload(Shelf.books))):
        with Session(engine) as session, tables.collecting() as seen:
            session.scalars(statement).unique().all()
        assert seen >= {"table:books", "table:shelves"}
    with Session(engine) as session, tables.collecting() as seen:
        shelf = session.scalars(select(Shelf)).one()
        assert seen == {"table:shelves"}
        assert shelf.books
        assert "table:books" in seen, "what is loaded when it is asked for, too"
    engine.dispose()


async def test_reads_are_collected_wherever_they_happen(database: Database) -> None:
    with tables.collecting() as seen:
        await database.read(Snapshot.one, select(Post.id))
        async with database.session() as session:
            await session.scalars(select(Group.id))
        tables.note("user:bob")
    assert seen == {"table:posts", "table:groups", "user:bob"}
    await database.read(Snapshot.one, select(Channel.id))
    assert "table:channels" not in seen


async def test_text_that_nobody_looks_into_counts_as_every_table(database: Database) -> None:
    with tables.collecting() as seen:
        async with database.session() as session:
            await session.execute(text("SELECT 1"))
    assert seen == tables.everything()


async def test_a_session_that_is_known_from_memory_is_noted(alice: Person, app: Quart) -> None:
    sessions.listener.forget()
    for _ in range(2):
        with tables.collecting() as seen:
            assert await sessions.identify(alice.token)
        assert seen == {"user:alice"}
    with tables.collecting() as seen:
        assert await sessions.identify("ses_unknown") is None
    assert "table:sessions" in seen
