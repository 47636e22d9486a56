"""What every model is made of, on SQLite and on PostgreSQL.

`insert` is for both: `insert(Post).on_conflict_do_update(…)`. On PostgreSQL a whole number has 64 bits, and texts are
compared and sorted byte by byte, both as SQLite has it; `lower` and `ilike` are about a to z alone, on both.
"""

from typing import Annotated, Any

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Text, bindparam, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.schema import CreateColumn
from sqlalchemy.sql.compiler import ilike_case_insensitive
from sqlalchemy.sql.elements import TypeClause
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.sqltypes import STRINGTYPE

__all__ = ["NEVER_REUSE_IDS", "Base", "Id", "NewIds", "Time", "insert", "partial_index"]

Id = Annotated[int, mapped_column(primary_key=True)]
Time = Annotated[str, mapped_column(String(24))]  # RFC 3339, see pottle/times.py

WHOLE = Integer().with_variant(BigInteger(), "postgresql")
# Without AUTOINCREMENT SQLite gives the id of a deleted newest row to the next one.
NEVER_REUSE_IDS = {"sqlite_autoincrement": True}


class Base(DeclarativeBase):
    """The declarative base. Constraints get names, so that a later migration can find them."""

    type_annotation_map = {int: WHOLE}  # noqa: RUF012  # as SQLAlchemy has it
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def partial_index(name: str, *columns: str, where: str, postgresql: str | None = None) -> Index:
    """An index of the rows for which the SQL in `where` holds; `postgresql` is how PostgreSQL has it, if otherwise."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(postgresql or where))


class NewIds(FunctionElement[int]):
    """Takes as many new ids of a table as its bind parameter `many` says, for rows that are inserted with their ids.

    Its value is the last of them. On SQLite they are taken once the rows are inserted.
    """

    inherit_cache = False

    def __init__(self, table: type[Base]) -> None:
        super().__init__(bindparam("many", type_=BigInteger))
        self.table = table.__tablename__


@compiles(NewIds)
def _by_autoincrement(ids: NewIds, compiler: Any, **how: Any) -> str:
    newest = f"SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = '{ids.table}'"  # noqa: S608  # a model's
    return f"({newest}) + {compiler.process(ids.clauses, **how)}"


@compiles(NewIds, "postgresql")
def _by_sequence(ids: NewIds, compiler: Any, **how: Any) -> str:
    own = f"pg_get_serial_sequence('{ids.table}', 'id')"
    return f"setval({own}, nextval({own}) - 1 + {compiler.process(ids.clauses, **how)})"


@compiles(Integer, "postgresql")
def _of_64_bits(type_: Any, compiler: Any, **how: Any) -> str:
    return "BIGINT" if isinstance(how.get("type_expression"), Column) else str(compiler.visit_integer(type_, **how))


@compiles(CreateColumn, "postgresql")
def _numbered(create: Any, compiler: Any, **how: Any) -> str:
    return str(compiler.visit_create_column(create, **how)).replace(" SERIAL", " BIGSERIAL")


@compiles(String, "postgresql")
@compiles(Text, "postgresql")
def _by_bytes(type_: Any, compiler: Any, **how: Any) -> str:
    """Of any length, as SQLite has it. That of a value, not of a column, is STRINGTYPE or psycopg's own."""
    of_value = type_ is STRINGTYPE or type(type_) not in (String, Text)
    if of_value or isinstance(how.get("type_expression"), TypeClause):
        return str(getattr(compiler, f"visit_{type_.__visit_name__}")(type_, **how))
    return 'VARCHAR COLLATE "C"'


@compiles(ilike_case_insensitive, "sqlite")
def _as_it_is(operand: Any, compiler: Any, **how: Any) -> str:
    """Of `ilike`: SQLite's LIKE knows no case anyway, and with lower() it would take four times as long."""
    return str(compiler.process(operand.element, **how))
