"""Tests: a letter to an admin's own address, and the doctor's, which goes without the outbox."""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from urllib.parse import urlsplit

from model.accounts.session import Identity
from model.mail import address, letters, outbox
from model.mail.letters import Content
from model.mail.message import POLICY
from model.mail.outbox import Letter, Outcome, Waiting
from model.mail.refusals import BadAddress, mailable
from model.mail.setting import Smtp
from pottle.errors import Conflict
from pottle.store import Snapshot, Tx, reads, writes
from pottle.translation import _

KIND = "test"


@writes
def ask(tx: Tx, identity: Identity) -> None:
    """Has a test be sent to one's own address. Raises Conflict where there is none, or no mail."""
    email = address.known(tx, identity.user).email
    if email is None:
        raise Conflict(_("Your account has no e-mail address."))
    if not outbox.put(tx, Letter(KIND, identity.user, email)):
        raise Conflict(_("This server sends no mail (POTTLE_MAIL)."))


async def send(smtp: Smtp, url: str, to: str) -> Outcome:
    """Sends a test now, without the database."""
    from model.mail.connection import Connection

    made, host = EmailMessage(POLICY), urlsplit(url).hostname or "localhost"
    try:
        made["To"] = Address(addr_spec=mailable(to))
    except BadAddress as error:
        return Outcome("refused", str(error))
    made["From"], made["Subject"] = smtp.sender, "Mail works"
    made["Date"], made["Message-ID"] = format_datetime(datetime.now(UTC)), make_msgid(domain=host)
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(f"This is a test of Pottle at {url}, sent by the doctor.\n")
    connection = Connection(smtp, host)
    outcome = await connection.begin() or await connection.send(mailable(to), made.as_bytes())
    await connection.close()
    return outcome


@reads
def _make(_read: Snapshot, _letter: Waiting) -> Content | None:
    return _said()


def _said() -> Content:
    return Content(
        subject=_("A test"),
        heading=_("Mail works"),
        paragraphs=[_("This is a test, which an admin of this server has sent.")],
    )


letters.wording(KIND, _make, _said, urgent=True)
