"""`/api/mail/bounces`, `quart --app main mail bounced`: mail servers' notices that a letter could not be delivered."""

import sys
from pathlib import Path

import click
import msgspec
from quart import Blueprint

from api.commands.running import run
from model.mail import bounces
from pottle.commands import say
from pottle.errors import Invalid
from pottle.http.answers import gives, takes
from pottle.http.asking import anyone
from pottle.http.limits import limited
from pottle.rates import Rate
from pottle.translation import _

blueprint = Blueprint("bounces", __name__, cli_group="mail")

BOUNCES = Rate("bounces", 600, per=3600)


class Bounced(msgspec.Struct):
    """The addresses that are switched off by a notice."""

    off: list[str]


@blueprint.post("/api/mail/bounces")
@limited(BOUNCES)
@anyone
@takes(bytes)
@gives(Bounced)
async def create(data: bytes) -> Bounced:
    """Send a notice that a letter could not be delivered (RFC 3464), as the mail server wrote it.

    It counts only with the signed Message-ID of a letter that was sent from here, so nobody has to sign in.
    """
    if not data:
        raise Invalid({"body": _("must not be empty")})
    return Bounced(await bounces.heard(data))


@blueprint.cli.command("bounced")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
def bounced(files: tuple[Path, ...]) -> None:
    """Read notices that letters could not be delivered, from FILES or stdin, and print which addresses are off."""
    for raw in [file.read_bytes() for file in files] or [sys.stdin.buffer.read()]:
        for to in run(lambda raw=raw: bounces.heard(raw)):  # type: ignore[misc]
            say(to)
