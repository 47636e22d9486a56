"""Accounts and sessions. Passwords are kept as argon2id hashes, the secrets of sessions as SHA-256."""

import asyncio
import hashlib
import secrets
from typing import Annotated

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import ForeignKey, LargeBinary, String, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from pottle import times
from pottle.errors import Conflict, Unauthenticated
from pottle.rates import Rate
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db, limits, writes
from pottle.values import line

SESSION_DAYS = 30
GUESSES = Rate("failed sign-ins", 5, per=60)  # for one user name at one address
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)  # OWASP's parameters: about 30 ms
DECOY = HASHER.hash("nobody has this password")  # an unknown user name takes as long as a known one

Uid = Annotated[  # in a pattern `$` alone would also match before a last newline
    str,
    line(
        40,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$(?!\n)",
        says="must have letters a to z, digits, dots, hyphens or underscores, and begin with a letter or digit",
    ),
]
Name = Annotated[str, line(80)]
Password = Annotated[str, msgspec.Meta(min_length=8, max_length=200)]


class User(Base):
    """Somebody with an account."""

    __tablename__ = "users"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(String(40))
    uid_folded: Mapped[str] = mapped_column(String(40), unique=True)  # its case does not count
    name: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str] = mapped_column(String(200))
    created: Mapped[Time]


class Session(Base):
    """One browser or program that signed in."""

    __tablename__ = "sessions"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires: Mapped[Time] = mapped_column(index=True)


class Account(msgspec.Struct, frozen=True):
    """A user, as everybody sees it."""

    uid: str
    name: str


class Identity(msgspec.Struct, frozen=True):
    """Who is asking, and by which session."""

    user: int
    uid: str
    name: str
    session: int
    expires: str
    admin: bool = False

    @property
    def party(self) -> str:
        """Whom limits count against."""
        return f"user {self.user}"


WHO = (
    select(User.id, User.uid, User.name, Session.id.label("session"), Session.expires)
    .join(Session, Session.user_id == User.id)
    .where(Session.secret_hash == bindparam("secret_hash"), Session.expires > bindparam("now"))
)
ALIVE = select(Session.id).where(Session.id == bindparam("id"), Session.expires > bindparam("now"))


async def sign_up(uid: str, name: str, password: str) -> Account:
    """A new account. Raises Conflict."""
    return await _add(uid, name, await asyncio.to_thread(HASHER.hash, password))


@writes
def _add(tx: Tx, uid: str, name: str, password_hash: str) -> Account:
    if tx.session.scalar(select(User.id).where(User.uid_folded == uid.lower())):
        raise Conflict(f"The user name {uid} is taken.")
    tx.session.add(User(uid=uid, uid_folded=uid.lower(), name=name, password_hash=password_hash, created=tx.now))
    tx.session.flush()
    return Account(uid, name)


async def sign_in(uid: str, password: str, address: str) -> tuple[Identity, str]:
    """A new session and its secret. Raises Unauthenticated, equally late for any reason; TooMany for a guesser."""
    party = f"{uid.lower()} {address}"
    await _attempt(party)
    async with db.session() as reading:
        found = await reading.scalar(select(User).where(User.uid_folded == uid.lower()))
    right = await asyncio.to_thread(_matches, found.password_hash if found else DECOY, password)
    if found is None or not right:
        raise Unauthenticated("Wrong user name or password.")
    return await _begin(found.id, party)


@writes
def _attempt(tx: Tx, party: str) -> None:
    if db.settings.rate_limits:
        limits.check(tx, party, GUESSES)
        limits.spend(tx, party, GUESSES)


def _matches(kept: str, password: str) -> bool:
    try:
        return HASHER.verify(kept, password)
    except VerificationError:
        return False


@writes
def _begin(tx: Tx, user_id: int, party: str) -> tuple[Identity, str]:
    if db.settings.rate_limits:
        limits.spend(tx, party, GUESSES, -1)  # it was right: only wrong ones count
    secret = secrets.token_urlsafe(32)
    expires = times.later(days=SESSION_DAYS)
    tx.session.add(Session(user_id=user_id, secret_hash=_digest(secret), expires=expires))
    tx.session.execute(delete(Session).where(Session.expires < tx.now))
    tx.session.flush()
    found = of(tx, secret)
    assert found  # noqa: S101 - it was just made
    return found, secret


@writes
def sign_out(tx: Tx, identity: Identity) -> None:
    """Ends the session at once, on every worker, and closes its live connections."""
    tx.session.execute(delete(Session).where(Session.id == identity.session))
    tx.changed("session.ended", subject=identity.session)


def of(read: Snapshot, secret: str) -> Identity | None:
    """Whose session a secret is; None for one that never was, has ended or has expired."""
    row = read.one(WHO, secret_hash=_digest(secret), now=times.now())
    return Identity(row.id, row.uid, row.name, row.session, row.expires) if row else None


def confirm(read: Snapshot, identity: Identity) -> None:
    """Raises Unauthenticated, in the transaction of a write, if the session has ended meanwhile."""
    if read.one(ALIVE, id=identity.session, now=times.now()) is None:
        raise Unauthenticated("This session has ended.")


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
