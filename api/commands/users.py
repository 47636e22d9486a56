"""`quart --app main user …`: accounts."""

import sys
from typing import Annotated, get_args

import click
from quart import Quart

from api.commands.running import Value, run, say
from model.accounts import account, user
from model.accounts.user import Name, Password, Role, SomeUid, Uid
from pottle.settings import Settings
from pottle.store.paging import Cursor
from pottle.values import line

Beginning = Annotated[str, line(80, shortest=0)]


def register(app: Quart, settings: Settings) -> None:
    """Adds `user` and what it can do."""

    @app.cli.group("user")
    def users() -> None:
        """Accounts."""

    @users.command("create")
    @click.argument("uid", type=Value(Uid, "uid"))
    @click.option("--name", type=Value(Name, "name"), help="The name that others see (default: the user name).")
    @click.option("--admin", is_flag=True, help="May do everything.")
    @click.option(
        "--password",
        type=Value(Password, "password"),
        prompt=sys.stdin.isatty(),
        hide_input=True,
        confirmation_prompt=sys.stdin.isatty(),
    )
    def create(uid: str, name: str | None, admin: bool, password: str | None) -> None:
        """Make an account, whatever the sign-up setting. Without a terminal the password is read from stdin."""
        role: Role = "admin" if admin else "user"
        secret = password if password is not None else sys.stdin.readline().rstrip("\n")
        made = run(settings, lambda: user.create(uid, name or uid, secret, role=role))
        say(f"Created {made.uid} ({role}).")

    @users.command("disable")
    @click.argument("uid", type=Value(SomeUid, "uid"))
    def disable(uid: str) -> None:
        """Take an account out of use, at once; its posts stay, and it can be enabled again."""
        changed = run(settings, lambda: account.change(None, uid, disabled=True))
        say(f"Disabled {changed.uid}.")

    @users.command("enable")
    @click.argument("uid", type=Value(SomeUid, "uid"))
    def enable(uid: str) -> None:
        """Let a disabled account sign in again."""
        changed = run(settings, lambda: account.change(None, uid, disabled=False))
        say(f"Enabled {changed.uid}.")

    @users.command("delete")
    @click.argument("uid", type=Value(SomeUid, "uid"))
    @click.confirmation_option(prompt="Delete it for good? Posts stay, without a name")
    def delete(uid: str) -> None:
        """Delete an account, for good; its posts stay, without a name."""
        run(settings, lambda: account.remove(None, uid))
        say(f"Deleted {uid}.")

    @users.command("role")
    @click.argument("uid", type=Value(SomeUid, "uid"))
    @click.argument("role", type=click.Choice(get_args(Role)))
    def give_role(uid: str, role: Role) -> None:
        """Make an account an admin, or an ordinary user again, at once."""
        changed = run(settings, lambda: account.change(None, uid, role=role))
        say(f"{changed.uid} is now {changed.role}.")

    @users.command("list")
    @click.argument("beginning", default="", type=Value(Beginning, "q"))
    def show(beginning: str) -> None:
        """List accounts, newest first: all, or those whose uid, or a word of whose name, begins so."""
        run(settings, lambda: _print_all(beginning))


async def _print_all(beginning: str) -> None:
    edge: int | None = None
    while True:
        page = await account.listed(Cursor(100, before=edge), beginning)
        for found in page.items:
            say(found.uid, found.role, "disabled" if found.disabled else "enabled", found.name)
        if (edge := page.next) is None:
            return
