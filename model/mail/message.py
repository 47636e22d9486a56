"""A letter as the bytes that are sent: headers, the text, and the HTML."""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from urllib.parse import urlsplit

from model.mail import signing
from model.mail.letters import Content, html_of
from model.mail.outbox import Waiting
from model.mail.plain import plain
from model.mail.setting import Smtp
from pottle.store import Snapshot, db
from pottle.translation import SOURCE, supported, translated

PURPOSE = "message"
# What breaks when it is folded: Python writes a long address as an encoded word (RFC 2047), which is none any more.
WHOLE = ("list-unsubscribe", "message-id", "in-reply-to", "references", "list-id")
LONGEST_LINE = 998  # RFC 5322
MOST_FOLLOWED = 20


class _Policy(EmailPolicy):
    """Of SMTP; but with those headers in one line."""

    def fold_binary(self, name: str, value: str) -> bytes:
        """A header's lines."""
        wide = SMTP.clone(max_line_length=LONGEST_LINE)
        return (wide if name.lower() in WHOLE else SMTP).fold_binary(name, value)


POLICY = _Policy(linesep="\r\n", cte_type="7bit")


def host() -> str:
    """Of the public address, which names messages and lists."""
    return urlsplit(db.settings.url).hostname or "localhost"


def language_of(letter: Waiting, smtp: Smtp) -> str:
    """What a letter is written in."""
    return next((ours for tag in (letter.language, smtp.language) if tag and (ours := supported(tag))), SOURCE)


def message_id(read: Snapshot, name: str, reader: str) -> str:
    """The Message-ID of a name for one reader: always the same, and nobody else's to guess.

    Who knows it has got the letter, or a server's notice that it could not be delivered (model/mail/bounces.py).
    """
    signature = signing.signature(read, PURPOSE, f"{name} {reader}".encode())
    return f"<{name}.{reader}.{signature}@{host()}>"


def named(read: Snapshot, id_: str) -> tuple[str, str] | None:
    """The name and the reader in a Message-ID of ours; None for others."""
    local = id_.strip().removeprefix("<").partition("@")[0]
    name, _dot, rest = local.partition(".")
    reader = rest.partition(".")[0]
    return (name, reader) if name and reader and message_id(read, name, reader) == id_.strip() else None


def written(read: Snapshot, letter: Waiting, to: str, content: Content, smtp: Smtp) -> bytes:
    """The whole message. Raises ValueError for an address to which none can be written."""
    language = language_of(letter, smtp)
    html = html_of(content, language)
    made, reader = EmailMessage(POLICY), f"to-{letter.user_id or f'letter-{letter.id}'}"
    made["From"] = _from(content, smtp)
    made["To"] = Address(addr_spec=to)
    made["Subject"] = " ".join(str(translated(content.subject, language)).split())
    made["Date"] = format_datetime(datetime.now(UTC))
    made["Message-ID"] = message_id(read, content.message or f"letter-{letter.id}", reader)
    if content.follows:
        before = [message_id(read, name, reader) for name in content.follows]
        made["In-Reply-To"] = before[-1]
        made["References"] = " ".join([before[0], *before[1:][-MOST_FOLLOWED:]])
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834
    made["X-Auto-Response-Suppress"] = "All"  # Exchange's word for it
    if content.group:
        made["List-Id"] = f"<{content.group[0]}.{host()}>"
    if content.unsubscribe:
        made["List-Unsubscribe"] = f"<{content.unsubscribe}>"
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    made.set_content(plain(html), cte="quoted-printable")
    made.add_alternative(html, subtype="html", cte="quoted-printable")
    made["Content-Language"] = language  # last, for what begins so is moved into the parts
    return made.as_bytes()


def _from(content: Content, smtp: Smtp) -> Address:
    """The operator's address, under the name that they gave it, else that of the group."""
    if smtp.sender.display_name or not content.group:
        return smtp.sender
    return Address(content.group[1], addr_spec=smtp.sender.addr_spec)
