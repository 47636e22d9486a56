"""`quart --app main invite`, `roster` and `user reset`: codes, from the command line."""

import csv
import sys
from pathlib import Path
from typing import cast

import click
from quart import Quart

from api.commands.running import Failed, Value, run, say
from api.joining import link
from model.accounts import codes
from model.accounts.codes import ResetCode
from model.accounts.user import SomeUid
from model.groups import invitation, roster
from model.groups.group import SomeSlug, Standing
from model.groups.invitation import Days, Uses
from model.groups.roster import Pupil
from pottle.settings import Settings

MOST_BYTES = 1_000_000


def register(app: Quart, settings: Settings) -> None:
    """Adds `invite`, `roster` and `user reset`."""

    @app.cli.command("invite")
    @click.argument("slug", type=Value(SomeSlug, "slug"))
    @click.option("--moderator", is_flag=True, help="Whoever joins by it moderates the group.")
    @click.option("--uses", type=Value(Uses, "uses"), help="How often it can be used (default: any number of times).")
    @click.option("--days", type=Value(Days, "days"), default=7, show_default=True, help="How long it is good.")
    def invite(slug: str, moderator: bool, uses: int | None, days: int) -> None:
        """Make an invitation to the group SLUG: a link, and its code to write on the board."""
        role: Standing = "moderator" if moderator else "member"
        made = run(settings, lambda: invitation.invite(None, slug, role, uses, days))
        say(link(made.code))
        often = f"{made.uses} times" if made.uses else "any number of times"
        say(f"The code {made.code} makes a {role} of {slug}, {often}, until {made.expires}.")

    @app.cli.command("roster")
    @click.argument("slug", type=Value(SomeSlug, "slug"))
    @click.argument("file", type=click.Path(path_type=Path))
    @click.option("--csv", "as_csv", is_flag=True, help="Print CSV, with the links.")
    def enrol(slug: str, file: Path, as_csv: bool) -> None:
        """Make accounts for the names in FILE, a CSV, as members of the group SLUG; print a one-time code for each."""
        enrolled = run(settings, lambda: codes.enrol(None, slug, _pupils(file)))
        (_print_csv if as_csv else _print_table)(enrolled)

    users = cast(click.Group, app.cli.commands["user"])

    @users.command("reset")
    @click.argument("uid", type=Value(SomeUid, "uid"))
    def reset(uid: str) -> None:
        """Make a link by which UID chooses a new password, once."""
        made = run(settings, lambda: codes.link(None, uid))
        say(link(made.code))


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
