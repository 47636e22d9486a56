"""Signed texts for links in mails: whoever has the link may do what it says, and nobody can make one.

The key is kept with the data and goes along with backups: a link in an old mail, to unsubscribe say, stays good.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Any

import msgspec

from pottle import times
from pottle.store import Snapshot, Tx, instance

FACT = "mail key"
BYTES = 16  # of a signature


def make_key(tx: Tx) -> None:
    """Within a unit: makes the key, where there is none yet."""
    if instance.fact(tx, FACT) is None:
        instance.put(tx, FACT, secrets.token_hex(32))


def sign(read: Snapshot, purpose: str, *parts: str | int, until: str = "") -> str:
    """A token of these parts for one purpose, which `read_token` takes until then ("": for ever)."""
    body = base64.urlsafe_b64encode(msgspec.json.encode([until, *parts])).rstrip(b"=")
    return f"{body.decode()}.{signature(read, purpose, body)}"


def read_token(read: Snapshot, purpose: str, token: str) -> list[Any] | None:
    """The parts of a token; None if it is none, for something else, or no longer good."""
    body, _dot, signed = token.encode().partition(b".")
    if not hmac.compare_digest(signature(read, purpose, body).encode(), signed):
        return None
    until, *parts = msgspec.json.decode(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))
    return parts if not until or until > times.now() else None


def signature(read: Snapshot, purpose: str, body: bytes) -> str:
    """That of a text for one purpose."""
    key = instance.fact(read, FACT)
    if key is None:  # no mail was ever sent from here, so nothing can have been signed
        key = secrets.token_hex(32)
    digest = hmac.digest(key.encode(), f"{purpose}\n".encode() + body, hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:BYTES]).rstrip(b"=").decode()
