"""What every command needs: its arguments checked, the database open while it works, and output that is what it seems.

Names come from strangers, and a terminal obeys what it is sent: whatever a command prints goes through here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import click

from model.settings import Settings
from pottle import text
from pottle.errors import Refusal, sentence
from pottle.store import db
from pottle.store.first_look import WrongDatabase
from pottle.store.paging import Cursor, Page
from pottle.values import Unfit, fit

T = TypeVar("T")


class Failed(click.ClickException):
    """Why a command did not do what it should: one line, and exit code 1."""

    def format_message(self) -> str:
        """The line, with what a terminal would obey written out."""
        return text.printable(self.message)


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


def say(*columns: object, before: str = "", err: bool = False) -> None:
    """Prints a line, with tabs between its columns, and what a terminal would obey written out; not so in `before`."""
    click.echo(before + "\t".join(text.printable(str(column)) for column in columns), err=err)


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
