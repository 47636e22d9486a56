"""Bounces: a server that took a letter says later, by a mail of its own, that it could not be delivered (RFC 3464).

Anybody can write such a mail. One counts only with the Message-ID of a letter of ours to that address, which has a
signature: who knows it has got the letter, or the notice.
"""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

from sqlalchemy import bindparam, select

from model.mail import address, message
from model.mail.outbox import CHANGE, Mail
from model.mail.refusals import is_full, means_us
from pottle.store import Tx, writes

FAILED = "failed"
MESSAGE_ID = re.compile(r"^Message-ID:\s*(<[^<>\s]+>)", re.IGNORECASE | re.MULTILINE)
BY_ID = select(Mail.id, Mail.address).where(Mail.id == bindparam("id"), Mail.user_id.is_(None))


@writes
def heard(tx: Tx, raw: bytes) -> list[str]:
    """Takes a notice that a letter could not be delivered; the addresses that are switched off by it, or were invited.

    What is no such notice, or is of no letter of ours, changes nothing.
    """
    notice = message_from_bytes(raw, policy=policy.compat32)
    reader = next(filter(None, (message.named(tx, id_) for id_ in MESSAGE_ID.findall(raw.decode("latin-1")))), None)
    if reader is None:
        return []
    return [to for to, why in _failed(notice) if _is_off(tx, reader[1], to, why)]


def _failed(notice: Message) -> Iterator[tuple[str, str]]:
    """The addresses to which it could not be delivered for good, and why; not those that mean us, or are full."""
    for part in notice.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        fields: Any = part.get_payload()
        for about in fields if isinstance(fields, list) else ():
            said = {name: " ".join(str(about.get(name, "")).split()) for name in ("Status", "Diagnostic-Code")}
            why = f"{said['Status']} {said['Diagnostic-Code'].partition(';')[2].strip()}".strip()
            final = str(about.get("Original-Recipient") or about.get("Final-Recipient", "")).partition(";")[2].strip()
            permanent = str(about.get("Action", "")).lower() == FAILED and said["Status"].startswith("5.")
            if final and permanent and not means_us(why) and not is_full(why):
                yield final, why


def _is_off(tx: Tx, reader: str, to: str, why: str) -> bool:
    """Notes it, if the letter was to that address: to a user whose it is, or to somebody who was invited."""
    kind, _dash, number = reader.removeprefix("to-").rpartition("-")
    if kind == "letter":
        row = tx.one(BY_ID, id=int(number))
        if row is None or row.address.lower() != to.lower():
            return False
        return bool(tx.run(CHANGE, id=row.id, state="failed", trouble=why[:300]))
    if (address.known(tx, int(number)).email or "").lower() != to.lower():
        return False
    address.switch_off(tx, to, why, int(number))
    return True
