"""Statements and tables of the application are PostgreSQL's too; no server is needed to see that."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import BindParameter, Insert, Integer, String, Table, Update, bindparam, cast, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql import visitors

from model.accounts.user import User
from model.talk.post import Post
from pottle.store.base import Base, NewIds
from tests.cases import in_turn
from tests.store.test_tables import CONSTANTS

pytestmark = pytest.mark.check
SQLITE = sqlite.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
POSTGRES = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]
# What each engine does differently.
OWN_WAYS = ("model.operating.", "model.talk.search.", "pottle.store.")
PORTABLE = {name: value for name, value in CONSTANTS.items() if not name.startswith(OWN_WAYS)}
OF_SQLITE = re.compile(r"\b(sqlite_\w+|rowid|total_changes|GLOB|MATCH|COLLATE)\b")
# LIKE knows case on PostgreSQL, and not on SQLite: these are about what is in small letters, or looked at again.
LIKE = {"model.flask.overview.FAMILY", "model.flask.pages.TOPICS", "model.groups.people.MATCHING"}


def compiled(statement: Any) -> Any:
    """An INSERT or UPDATE as it is when given all columns that it does not give itself."""
    named = {part.key for part in visitors.iterate(statement) if isinstance(part, BindParameter)}
    written = [column.key for column in statement.table.c] if isinstance(statement, Insert | Update) else None
    columns = written and [name for name in written if name not in named]
    return statement.compile(dialect=POSTGRES, column_keys=columns)


def test_there_are_statements_to_look_at() -> None:
    assert len(PORTABLE) > 400


@in_turn("name", PORTABLE)
def test_every_statement_is_one_of_postgresqls(name: str) -> None:
    sql = str(compiled(PORTABLE[name]))
    assert not OF_SQLITE.search(sql), sql
    assert " LIKE " not in sql or name in LIKE, sql


@in_turn("name", PORTABLE)
def test_no_id_is_cut_to_32_bits(name: str) -> None:
    """psycopg casts what is bound to the type of what it is compared with: of a column, to BIGINT."""
    for bind, written in compiled(PORTABLE[name]).bind_names.items():
        if isinstance(bind.type, Integer) and re.search(r"(^|_)id$", str(bind.key)):
            assert bind.type.dialect_impl(POSTGRES).compile(POSTGRES) == "BIGINT", written


def columns() -> Iterator[tuple[str, str]]:
    for table in Base.metadata.sorted_tables:
        for line in str(CreateTable(table).compile(dialect=POSTGRES)).splitlines():
            if re.match(r"\t\"?\w+\"? [A-Z]", line) and "CONSTRAINT" not in line:
                yield f"{table.name}: {line.strip()}", line


@in_turn("line", dict(columns()))
def test_numbers_have_64_bits_and_texts_are_compared_by_bytes(line: str) -> None:
    assert not re.search(r"\b(INTEGER|SERIAL|TEXT)\b|VARCHAR\(", line)
    assert "VARCHAR" not in line or 'VARCHAR COLLATE "C"' in line


def test_ids_count_up_by_themselves() -> None:
    assert "id BIGSERIAL NOT NULL" in str(CreateTable(table_of(Post)).compile(dialect=POSTGRES))
    assert "id INTEGER NOT NULL" in str(CreateTable(table_of(Post)).compile(dialect=SQLITE))


def table_of(model: type[Base]) -> Table:
    assert isinstance(model.__table__, Table)
    return model.__table__


def test_partial_indexes_are_partial_on_both() -> None:
    partial = 0
    for table in Base.metadata.sorted_tables:
        for index in table.indexes:
            found = [" WHERE " in str(CreateIndex(index).compile(dialect=of)) for of in (SQLITE, POSTGRES)]
            assert found[0] == found[1], index
            partial += found[0]
    assert partial > 10


def test_what_each_engine_spells_differently() -> None:
    found = select(User.id).where(User.name.ilike(bindparam("name", type_=String)))
    assert "users.name LIKE :name" in str(found.compile(dialect=SQLITE))
    assert "users.name ILIKE %(name)s::VARCHAR" in str(compiled(found))
    ids = select(NewIds(Post).label("last"))
    assert "FROM sqlite_sequence WHERE name = 'posts'" in str(ids.compile(dialect=SQLITE))
    assert "pg_get_serial_sequence('posts', 'id')" in str(compiled(ids))
    assert "CAST(posts.body AS VARCHAR)" in str(compiled(select(cast(Post.body, String))))
