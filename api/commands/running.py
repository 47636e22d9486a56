"""What every command needs: its arguments checked, and the database open while it works."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click
import msgspec

from model.errors import Refusal
from model.settings import Settings
from model.store import db
from model.store.first_look import WrongDatabase

T = TypeVar("T")


def valid(value: T, kind: Any, name: str) -> T:
    """`value`, if it is of the msgspec type `kind`; otherwise one line that begins with `name`, and exit code 1."""
    try:
        checked: T = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise click.ClickException(f"{name}: {error}") from error
    return checked


def run(settings: Settings, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What `work` returns, done with the database open; a refusal is one line and exit code 1."""

    async def opened() -> Any:
        await db.open(settings)
        try:
            return await work()
        finally:
            await db.close()

    try:
        return asyncio.run(opened())
    except (Refusal, WrongDatabase) as refused:
        raise click.ClickException(str(refused)) from refused
