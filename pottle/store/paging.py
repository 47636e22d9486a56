"""Keyset paging: newest first, by id, so that a page costs the same wherever it lies and nothing shifts meanwhile."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, BindParameter, Integer, bindparam
from sqlalchemy.ext.asyncio import AsyncSession

from pottle.store.statements import PORTION, Snapshot

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

    def take(self, items: Sequence[Item]) -> bool:
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
    """One page of what `statement` (a module constant) selects; `key` is its id, or another unique number in it."""
    filling = Filling(cursor.limit, weigh, cursor.room)
    with closing(
        read.portions(_wanted(statement, key, cursor.after is not None), **_edge(cursor), **values)
    ) as portions:
        all(map(filling.take, portions))
    return _page(filling, cursor, view, key.key)


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
    filling = Filling(cursor.limit, weigh, cursor.room)
    found = await session.stream(_wanted(statement, key, cursor.after is not None), {**_edge(cursor), **values})
    async for rows in found.partitions(PORTION):
        if not filling.take(rows):
            break
    await found.close()
    return _page(filling, cursor, view, key.key)


@lru_cache(maxsize=200)
def _wanted(statement: Any, key: Any, newer: bool) -> Any:
    edge: BindParameter[int] = bindparam("edge", type_=BigInteger)
    rows = statement.where(key > edge).order_by(key) if newer else statement.where(key < edge).order_by(key.desc())
    return rows.limit(bindparam("limit", type_=Integer))


def _edge(cursor: Cursor) -> dict[str, int]:
    edge = (cursor.before or LARGEST) if cursor.after is None else cursor.after
    return {"edge": edge, "limit": cursor.limit + 1}  # one more, to know whether there is more


def _page(filling: Filling[Any], cursor: Cursor, view: Callable[[Any], View], key: str) -> Page[View]:
    rows, older, newer = filling.items, filling.more, cursor.before is not None
    if cursor.after is not None:
        rows, older, newer = rows[::-1], True, filling.more
    first, last = (getattr(rows[at], key) if rows else None for at in (0, -1))
    return Page([*map(view, rows)], last if older else None, first if newer else None)
