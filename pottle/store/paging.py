"""Keyset paging: newest first, by id, so that a page costs the same wherever it lies and nothing shifts meanwhile."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import BindParameter, bindparam
from sqlalchemy.ext.asyncio import AsyncSession

from pottle.store.statements import Snapshot

View = TypeVar("View")
Item = TypeVar("Item")
PAGE_BYTES = 128 * 1024  # of the texts in a page: a millisecond or two, in which nobody else is served
LARGEST = 2**63 - 1  # what SQLite calls an integer


@dataclass(frozen=True)
class Cursor:
    """What part of a list is wanted: at most `limit` items older than `before`, or newer than `after`, by id.

    It ends early where they would weigh more than `room`.
    """

    limit: int = 20
    before: int | None = None
    after: int | None = None
    room: int = PAGE_BYTES


@dataclass
class Page(Generic[View]):
    """Items, newest first. `next` is the `before` of the older page, `prev` the `after` of the newer; None: no more."""

    items: list[View]
    next: int | None
    prev: int | None


@dataclass
class Filling(Generic[Item]):
    """A page that is being filled: with at most `limit` items that weigh no more than `room`, but with one at least."""

    limit: int
    weigh: Callable[[Item], int]
    room: int = PAGE_BYTES
    items: list[Item] = field(default_factory=list)
    more: bool = False  # whether there was something that it did not take

    def takes(self, item: Item) -> bool:
        """Whether it has taken one more; what comes after one that it has not taken is not for it."""
        self.room -= self.weigh(item)
        self.more = len(self.items) == self.limit or (self.room < 0 and bool(self.items))
        if not self.more:
            self.items.append(item)
        return not self.more

    def take(self, items: list[Item]) -> bool:
        """Takes of these what it has room for; whether that is all. All at once, where they fit: 10 us for 20 posts."""
        fits = items[: self.limit - len(self.items)]
        weight = sum(map(self.weigh, fits))
        if weight > self.room:
            return all(map(self.takes, items))
        self.items += fits
        self.room -= weight
        self.more = len(items) > len(fits)
        return not self.more


def as_nothing(_row: Any) -> int:
    """What a row weighs where all are small."""
    return 0


def paged(
    read: Snapshot,
    statement: Any,
    key: Any,
    cursor: Cursor,
    view: Callable[[Any], View],
    weigh: Callable[[Any], int] = as_nothing,
    /,
    **values: Any,
) -> Page[View]:
    """One page of what `statement` (a module constant) selects; `key` is its id column, which it selects as `id`."""
    wanted, edges = _wanted(statement, key, cursor)
    filling = Filling(cursor.limit, weigh, cursor.room)
    with closing(read.portions(wanted, **edges, **values)) as portions:
        all(map(filling.take, portions))
    return _shaped(filling, cursor, view)


async def paged_aside(
    session: AsyncSession,
    statement: Any,
    key: Any,
    cursor: Cursor,
    view: Callable[[Any], View],
    weigh: Callable[[Any], int] = as_nothing,
    /,
    **values: Any,
) -> Page[View]:
    """As paged, but beside the event loop: for what no index finds, and so may take longer than others can wait."""
    wanted, edges = _wanted(statement, key, cursor)
    filling = Filling(cursor.limit, weigh, cursor.room)
    rows = await session.stream(wanted, {**edges, **values})
    async for row in rows:
        if not filling.takes(row):
            break
    await rows.close()
    return _shaped(filling, cursor, view)


def _wanted(statement: Any, key: Any, cursor: Cursor) -> tuple[Any, dict[str, int]]:
    older, newer = _both_ways(statement, key)
    one_more = cursor.limit + 1
    if cursor.after is not None:
        return newer, {"edge": cursor.after, "limit": one_more}
    return older, {"edge": cursor.before or LARGEST, "limit": one_more}


def _shaped(filling: Filling[Any], cursor: Cursor, view: Callable[[Any], View]) -> Page[View]:
    if cursor.after is not None:
        return _page(filling.items[::-1], view, older=True, newer=filling.more)
    return _page(filling.items, view, older=filling.more, newer=cursor.before is not None)


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
