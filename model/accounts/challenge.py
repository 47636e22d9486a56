"""Challenges, which passkeys sign: each is for one purpose, for whoever it is bound to, for some minutes, and once.

What is to be known of a challenge stands in it, under a keyed digest; only those that were answered are kept.
"""

import hashlib
import hmac
import secrets
import time
from typing import Literal, NamedTuple

from sqlalchemy import LargeBinary, bindparam, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from pottle import times
from pottle.errors import Unauthenticated
from pottle.store import Base, Snapshot, Time, Tx, db
from pottle.translation import _

MINUTES = 10
NONCE, UNTIL, DIGEST = 16, 4, 16  # bytes of each part
Purpose = Literal["sign in", "confirm", "add", "sign up", "code"]


class Place(NamedTuple):
    """Where passkeys are good: a host (WebAuthn's rp id), and on it the pages of one origin."""

    host: str
    origin: str


class UsedChallenge(Base):
    """A challenge that was answered, until it could not be answered anyway."""

    __tablename__ = "used_challenges"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires: Mapped[Time] = mapped_column(index=True)


USED = select(UsedChallenge.expires).where(UsedChallenge.digest == bindparam("digest"))
KEEP = insert(UsedChallenge)
FORGET = delete(UsedChallenge).where(UsedChallenge.expires < bindparam("before"))


def make(purpose: Purpose, place: Place, bound: str = "") -> bytes:
    """A fresh challenge; `bound` is whom or what it is for."""
    head = secrets.token_bytes(NONCE) + int(time.time() + 60 * MINUTES).to_bytes(UNTIL)
    return head + _digest(head, purpose, place, bound)


def check(challenge: bytes, purpose: Purpose, place: Place, bound: str = "") -> None:
    """Raises Unauthenticated for a challenge that is not ours, for something or somebody else, or too old."""
    head, digest = challenge[: NONCE + UNTIL], challenge[NONCE + UNTIL :]
    ours = hmac.compare_digest(digest, _digest(head, purpose, place, bound))
    if not ours or int.from_bytes(head[NONCE:]) < time.time():
        raise refused()


def check_unused(read: Snapshot, challenge: bytes) -> None:
    """Raises Unauthenticated for a challenge that was answered before."""
    if read.one(USED, digest=hashlib.sha256(challenge).digest()) is not None:
        raise refused()


def use(tx: Tx, challenge: bytes) -> None:
    """Within a unit, after `check_unused`: a challenge was answered."""
    tx.run(KEEP, digest=hashlib.sha256(challenge).digest(), expires=times.later(minutes=MINUTES))


def refused() -> Unauthenticated:
    """The answer to every challenge that is not good, alike."""
    return Unauthenticated(_("That took too long, or was used before. Please try again."))


def keyed(of: str) -> bytes:
    """32 bytes that follow from `of` and this database, and tell nobody anything."""
    return hmac.digest(_key(), of.encode(), "sha256")


def _digest(head: bytes, purpose: Purpose, place: Place, bound: str) -> bytes:
    said = "\n".join((purpose, place.host, place.origin, bound)).encode()
    return hmac.digest(_key(), head + said, "sha256")[:DIGEST]


def _key() -> bytes:
    return hashlib.sha256(b"passkeys " + db.instance.secret.encode()).digest()


db.on_sweep(lambda tx: tx.run(FORGET, before=tx.now))
