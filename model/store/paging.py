"""Keyset paging: newest first, by id, so that a page costs the same wherever it lies and nothing shifts meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import BindParameter, bindparam

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
    older, newer = _both_ways(statement, key)
    if cursor.after is not None:
        rows = read.all(newer, edge=cursor.after, limit=cursor.limit + 1, **values)
        kept = rows[: cursor.limit][::-1]
        return _page(kept, view, older=True, newer=len(rows) > cursor.limit)
    rows = read.all(older, edge=cursor.before or LARGEST, limit=cursor.limit + 1, **values)
    return _page(rows[: cursor.limit], view, older=len(rows) > cursor.limit, newer=cursor.before is not None)


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
