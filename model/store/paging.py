"""Keyset paging: newest first, by id, so that a page costs the same wherever it lies and nothing shifts meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import BindParameter, bindparam
from sqlalchemy.ext.asyncio import AsyncSession

from model.store.statements import Statements

View = TypeVar("View")
LARGEST = 2**63 - 1  # what SQLite calls an integer


@dataclass(frozen=True)
class Cursor:
    """What part of a list is wanted: at most `limit` items older than `before`, or newer than `after`, by id."""

    limit: int = 20
    before: int | None = None
    after: int | None = None


@dataclass
class Page(Generic[View]):
    """Items, newest first. `next` is the `before` of the older page, `prev` the `after` of the newer; None: no more."""

    items: list[View]
    next: int | None
    prev: int | None


def paged(
    read: Statements, statement: Any, key: Any, cursor: Cursor, view: Callable[[Any], View], **values: Any
) -> Page[View]:
    """One page of what `statement` (a module constant) selects; `key` is its id column, which it selects as `id`."""
    wanted, edges = _wanted(statement, key, cursor)
    return _shaped(read.all(wanted, **edges, **values), cursor, view)


async def paged_aside(
    session: AsyncSession, statement: Any, key: Any, cursor: Cursor, view: Callable[[Any], View], **values: Any
) -> Page[View]:
    """As paged, but beside the event loop: for what no index finds, and so may take longer than others can wait."""
    wanted, edges = _wanted(statement, key, cursor)
    return _shaped([*await session.execute(wanted, {**edges, **values})], cursor, view)


def _wanted(statement: Any, key: Any, cursor: Cursor) -> tuple[Any, dict[str, int]]:
    older, newer = _both_ways(statement, key)
    one_more = cursor.limit + 1
    if cursor.after is not None:
        return newer, {"edge": cursor.after, "limit": one_more}
    return older, {"edge": cursor.before or LARGEST, "limit": one_more}


def _shaped(rows: list[Any], cursor: Cursor, view: Callable[[Any], View]) -> Page[View]:
    kept, more = rows[: cursor.limit], len(rows) > cursor.limit
    if cursor.after is not None:
        return _page(kept[::-1], view, older=True, newer=more)
    return _page(kept, view, older=more, newer=cursor.before is not None)


def _page(rows: list[Any], view: Callable[[Any], View], older: bool, newer: bool) -> Page[View]:
    items = [view(row) for row in rows]
    return Page(items, rows[-1].id if rows and older else None, rows[0].id if rows and newer else None)


@lru_cache(maxsize=100)
def _both_ways(statement: Any, key: Any) -> tuple[Any, Any]:
    limit: BindParameter[int] = bindparam("limit")
    return (
        statement.where(key < bindparam("edge")).order_by(key.desc()).limit(limit),
        statement.where(key > bindparam("edge")).order_by(key).limit(limit),
    )
