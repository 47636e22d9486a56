"""What commands need: their arguments checked, and the database open while they work."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import click

from model.settings import Settings
from pottle.commands import Failed
from pottle.errors import Refusal, sentence
from pottle.store import db
from pottle.store.files import WrongDatabase
from pottle.store.paging import Cursor, Page
from pottle.values import Unfit, fit

T = TypeVar("T")


class Value(click.ParamType[Any]):
    """An argument of the types that routes take too (pottle/values.py), with the same rules and words."""

    name = "text"

    def __init__(self, kind: Any, field: str) -> None:
        self.kind, self.field = kind, field

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value, tidy. Ends the command where it is not of that kind."""
        try:
            return fit(value, self.kind, strict=not isinstance(value, str))
        except Unfit as unfit:
            raise Failed(sentence(self.field, str(unfit))) from unfit


def run(settings: Settings, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """What `work` returns, done with the database open; a refusal is one line and exit code 1."""

    async def opened() -> T:
        await db.open(settings)
        try:
            return await work()
        finally:
            await db.close()

    try:
        return asyncio.run(opened())
    except (Refusal, WrongDatabase) as refused:
        raise Failed(str(refused)) from refused


async def every(listed: Callable[[Cursor], Awaitable[Page[T]]]) -> list[T]:
    """All items of a list that is read in pages."""
    items: list[T] = []
    edge: int | None = None
    while True:
        page = await listed(Cursor(100, before=edge))
        items += page.items
        if (edge := page.next) is None:
            return items
