"""Commands for whoever operates Pottle: `quart --app main user create …`. They may run beside a live server."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import click
import msgspec
from quart import Quart

from model import user
from model.errors import Refusal
from model.settings import Settings
from model.store import db
from model.store.first_look import WrongDatabase
from model.user import Name, Role, Uid


def register(app: Quart, settings: Settings) -> None:
    """Adds the commands to `app`."""

    @app.cli.group("user")
    def users() -> None:
        """Accounts."""

    @users.command("create")
    @click.argument("uid")
    @click.option("--name", help="The name that others see (default: the uid).")
    @click.option("--admin", is_flag=True, help="May do everything.")
    @click.option("--password", prompt=sys.stdin.isatty(), hide_input=True, confirmation_prompt=sys.stdin.isatty())
    def create(uid: str, name: str | None, admin: bool, password: str | None) -> None:
        """Make an account, whatever the sign-up setting. Without a terminal the password is read from stdin."""
        role: Role = "admin" if admin else "user"
        secret = password if password is not None else sys.stdin.readline().rstrip("\n")
        made = _run(
            settings, lambda: user.create(_valid(uid, Uid, "uid"), _valid(name or uid, Name, "name"), secret, role=role)
        )
        click.echo(f"Created {made.uid} ({role}).")


def _valid(value: str, kind: Any, name: str) -> str:
    try:
        checked: str = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise click.ClickException(f"{name}: {error}") from error
    return checked


def _run(settings: Settings, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
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
