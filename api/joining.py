"""Links to the page where codes are used, and the one in the log that makes the first admin.

A code is the fragment of its link, `/join#K7QD-29XM`, which browsers send to nobody: no log and no Referer has it.
"""

import logging

import msgspec
from quart import has_request_context, url_for

from model.accounts import codes
from model.accounts.codes import ResetCode
from pottle import server
from pottle.errors import StorageFull
from pottle.store import db

log = logging.getLogger("pottle")


def link(code: str) -> str:
    """The link with a code: at the public address, else where whoever asks has found us; a path where nobody asks."""
    if not db.settings.url and has_request_context():
        return f"{url_for('pages.join', _external=True)}#{code}"
    return f"{db.settings.url or server.address}/join#{code}"


class AccountCode(msgspec.Struct):
    """A code by which an account's owner chooses its password, once, and its link. Both are shown this once."""

    uid: str
    name: str
    code: str
    url: str
    expires: str


def account_code(made: ResetCode) -> AccountCode:
    """The code of an account with its link."""
    return AccountCode(made.uid, made.name, made.code, link(made.code), made.expires)


async def welcome() -> None:
    """Logs the link for the first admin, once at each start of a server that has no admin.

    A worker that replaces another is no start, and the link stays good. Of processes that share no start, as other
    servers than gunicorn have them, only the first offers one.
    """
    if not db.first_of_start:
        return
    try:
        code = await codes.offer_admin(server.START)
    except StorageFull:  # reading works without it
        log.warning("Whether there is an admin was not looked at: the disk is full. The next start does.")
        return
    if code:
        log.warning(
            "There is no admin yet. Whoever opens %s within %d hours becomes it; a restart makes a new link.%s",
            link(code),
            codes.FIRST_ADMIN_HOURS,
            "" if db.settings.url or server.address else " (That is a path on this server: POTTLE_URL is not set.)",
        )
