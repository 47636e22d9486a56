"""`quart --app main user …`, `group …`, `invite` and `roster`: accounts, groups and codes."""

import csv
import sys
from pathlib import Path
from typing import Annotated, get_args

import click
from quart import Blueprint, current_app

from api.addresses import tag
from api.commands.running import Value, every, run
from api.invitations import link
from model.accounts import account, belongings, codes, second, sso, user
from model.accounts.codes import ResetCode
from model.accounts.user import Name, Password, Role, SomeUid, Uid
from model.groups import group, invitation, roster
from model.groups.group import Origin, Origins, Slug, SomeSlug
from model.groups.invitation import Days, Uses
from model.groups.roster import Pupil
from model.groups.rules import Posting, Reading, Review, Standing
from pottle.commands import Failed, say, working
from pottle.store import copies
from pottle.values import line

Beginning = Annotated[str, line(80, shortest=0)]
MOST_BYTES = 1_000_000  # of a class list
blueprint = Blueprint("people", __name__, cli_group=None)

UID = click.argument("uid", type=Value(SomeUid, "uid"))
SLUG = click.argument("slug", type=Value(SomeSlug, "slug"))


@blueprint.cli.group("user")
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
def create_user(uid: str, name: str | None, admin: bool, password: str | None) -> None:
    """Make an account, whatever the sign-up setting. Without a terminal the password is read from stdin."""
    role: Role = "admin" if admin else "user"
    secret = password if password is not None else sys.stdin.readline().rstrip("\n")
    made = run(lambda: user.create(uid, name or uid, secret, role=role))
    say(f"Created {made.uid} ({role}).")


@users.command("disable")
@UID
def disable(uid: str) -> None:
    """Take an account out of use, at once; what it wrote stays, and it can be enabled again."""
    say(f"Disabled {run(lambda: account.change(None, uid, disabled=True)).uid}.")


@users.command("enable")
@UID
def enable(uid: str) -> None:
    """Let a disabled account sign in again."""
    say(f"Enabled {run(lambda: account.change(None, uid, disabled=False)).uid}.")


@users.command("delete")
@UID
@click.confirmation_option(prompt="Delete it for good? What it wrote stays, without a name")
def delete(uid: str) -> None:
    """Delete an account, for good; what it wrote stays, without a name."""
    run(lambda: account.remove(None, uid))
    say(f"Deleted {uid}.")


@users.command("export")
@UID
@click.argument("file", type=click.Path(path_type=Path))
def export(uid: str, file: Path) -> None:
    """Write all that is kept about an account to the new FILE, as its owner could. The server may run."""

    async def written() -> None:
        pieces = await belongings.of_account(uid)
        with copies.appearing(file) as part, part.open("wb") as out:
            async for piece in pieces:
                out.write(piece)

    with working():
        run(written)
    say(file)


@users.command("role")
@UID
@click.argument("role", type=click.Choice(get_args(Role)))
def give_role(uid: str, role: Role) -> None:
    """Make an account an admin, or an ordinary user again, at once."""
    changed = run(lambda: account.change(None, uid, role=role))
    say(f"{changed.uid} is now {changed.role}.")


@users.command("reset")
@UID
def reset(uid: str) -> None:
    """Make a link by which UID chooses a new password, once."""
    say(link(run(lambda: codes.link(None, uid)).code))


@users.command("reset-second")
@UID
def reset_second(uid: str) -> None:
    """Take the second factor of UID off, who has lost it; they are signed out everywhere, and told."""
    run(lambda: second.reset(None, uid))
    say(f"{uid} signs in with the password alone now.")


@users.command("list")
@click.argument("beginning", default="", type=Value(Beginning, "q"))
def list_users(beginning: str) -> None:
    """List accounts, newest first: all, or those whose uid, or a word of whose name, begins so."""
    for found in run(lambda: every(lambda cursor: account.listed(cursor, beginning))):
        say(found.uid, found.role, "disabled" if found.disabled else "enabled", found.name)


@blueprint.cli.group("group")
def groups() -> None:
    """Groups."""


@groups.command("create")
@click.argument("slug", type=Value(Slug, "slug"))
@click.option("--name", type=Value(Name, "name"), help="The name that people see (default: the slug).")
@click.option("--origin", "origins", multiple=True, type=Value(Origin, "origin"), help="A site for it; repeatable.")
@click.option("--reading", type=click.Choice(get_args(Reading)), default="public", help="Who may read.")
@click.option("--posting", type=click.Choice(get_args(Posting)), default="users", help="Who may write.")
@click.option("--review", type=click.Choice(get_args(Review)), default="none", help="Whose texts wait.")
def create_group(slug: str, name: str | None, origins: tuple[str, ...], **rules: str) -> None:
    """Make a group. It has no moderator yet; an admin can make somebody one."""
    listed = Value(Origins, "origins").convert(list(dict.fromkeys(origins)), None, None)
    fields = {"slug": slug, "name": name or slug, "origins": listed, **rules}
    say(f"Created {run(lambda: group.create(None, fields)).slug}.")
    if listed and "talk" in current_app.blueprints:
        say(f"Paste this into the pages of {' and '.join(listed)}:")
        say(tag(slug))
        if not current_app.config["POTTLE"].url:
            say("Its address is missing: set POTTLE_URL to where people reach this server.", err=True)


@groups.command("list")
def list_groups() -> None:
    """List all groups, newest first."""
    for row in run(lambda: every(group.everything)):
        say(row.slug, row.reading, row.posting, row.review, row.name)


@blueprint.cli.group("secret")
def secrets() -> None:
    """Secrets of single sign-on: docs/single-sign-on.md."""


@secrets.command("create")
@SLUG
def create_secret(slug: str) -> None:
    """Make a secret of the group SLUG, and print it, this once."""
    say(run(lambda: sso.make_secret(None, slug)).secret)


@secrets.command("list")
@SLUG
def list_secrets(slug: str) -> None:
    """List the secrets of the group SLUG, newest first: number, when it was made, the day of its last use."""
    for row in run(lambda: sso.secrets_of(None, slug)):
        say(row.id, row.created, row.used or "never")


@secrets.command("delete")
@SLUG
@click.argument("number", type=click.IntRange(1, 10**18 - 1))
def delete_secret(slug: str, number: int) -> None:
    """Delete a secret of the group SLUG, which ends the sessions that it began."""
    run(lambda: sso.delete_secret(None, slug, number))
    say(f"Deleted secret {number}.")


@blueprint.cli.command("invite")
@SLUG
@click.option("--moderator", is_flag=True, help="Whoever joins by it moderates the group.")
@click.option("--uses", type=Value(Uses, "uses"), help="How often it can be used (default: any number of times).")
@click.option("--days", type=Value(Days, "days"), default=7, show_default=True, help="How long it is good.")
def invite(slug: str, moderator: bool, uses: int | None, days: int) -> None:
    """Make an invitation to the group SLUG: a link, and its code to write on the board."""
    role: Standing = "moderator" if moderator else "member"
    made = run(lambda: invitation.invite(None, slug, role, uses, days))
    say(link(made.code))
    often = f"{made.uses} times" if made.uses else "any number of times"
    say(f"The code {made.code} makes a {role} of {slug}, {often}, until {made.expires}.")


@blueprint.cli.command("roster")
@SLUG
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with the links.")
def enrol(slug: str, file: Path, as_csv: bool) -> None:
    """Make accounts for the names in FILE, a CSV, as members of the group SLUG; print a one-time code for each."""
    enrolled = run(lambda: codes.enrol(None, slug, _pupils(file)))
    (_print_csv if as_csv else _print_table)(enrolled)


def _pupils(file: Path) -> list[Pupil]:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise Failed(f"{file}: more than {MOST_BYTES:,} bytes cannot be a class")
    return roster.from_csv(roster.decoded(data))


def _print_table(enrolled: list[ResetCode]) -> None:
    widths = [max(len(made.uid) for made in enrolled), max(len(made.name) for made in enrolled)]
    say(f"{'User name':{widths[0]}}  {'Name':{widths[1]}}  Code")
    for made in enrolled:
        say(f"{made.uid:{widths[0]}}  {made.name:{widths[1]}}  {made.code}")
    say(f"Each code is good once, at {link('').rstrip('#')}, until {enrolled[0].expires}.", err=True)


def _print_csv(enrolled: list[ResetCode]) -> None:
    out = csv.writer(sys.stdout)
    out.writerow(["uid", "name", "code", "link"])
    out.writerows([made.uid, made.name, made.code, link(made.code)] for made in enrolled)
