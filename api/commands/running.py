"""What commands need: arguments that are checked, and the database open while they work."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from quart import current_app

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
        """The value, tidy. Ends the command if it is not of that kind."""
        try:
            return fit(value, self.kind, strict=not isinstance(value, str))
        except Unfit as unfit:
            raise Failed(sentence(self.field, str(unfit))) from unfit


@contextmanager
def _refusals() -> Iterator[None]:
    """Has a refusal end the command with one line and exit code 1."""
    try:
        yield
    except (Refusal, WrongDatabase) as refused:
        raise Failed(str(refused)) from refused


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Returns what `work` returns, done with the database open. A refusal ends the command."""

    async def opened() -> T:
        await db.open(current_app.config["POTTLE"])
        try:
            return await work()
        finally:
            await db.close()

    with _refusals():
        return asyncio.run(opened())


async def every(listed: Callable[[Cursor], Awaitable[Page[T]]]) -> list[T]:
    """All items of a list that is read in pages."""
    items: list[T] = []
    edge: int | None = None
    while True:
        page = await listed(Cursor(100, before=edge))
        items += page.items
        if (edge := page.next) is None:
            return items
