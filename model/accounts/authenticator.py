"""Codes for a second factor: those of an authenticator app (TOTP, RFC 6238), and recovery codes for who has lost it.

A code of the app is good for its 30 seconds and, for whoever typed it at their end, for the 30 after them (RFC 6238,
5.2); never twice. A recovery code is good once.
"""

import hmac
import secrets
import time

import msgspec
import pyotp
from sqlalchemy import ForeignKey, LargeBinary, String, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts import passwords
from model.accounts.session import Second
from model.groups import invitation
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, reads

STEP_SECONDS = 30
RECOVERY_CODES = 10
FOURS = 3  # of a recovery code: 60 bits


class Authenticator(Base):
    """The authenticator app of a user. It counts from when a code of it was entered: `since`."""

    __tablename__ = "authenticators"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(String(64))  # as it is, for codes are made of it
    since: Mapped[Time | None]
    last_step: Mapped[int | None]  # of 30 seconds, in which a code was good


class RecoveryCode(Base):
    """A code that is good once instead of the app's: a slow hash, for it has 60 bits."""

    __tablename__ = "recovery_codes"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    salt: Mapped[bytes] = mapped_column(LargeBinary(16))  # the same for all that were made at once
    created: Mapped[Time]


class Own(Authenticator):
    """An authenticator, and how many recovery codes are left, as OWN returns it. Only a type: never made."""

    __abstract__ = True

    left: int


class Fresh(msgspec.Struct):
    """New recovery codes and their hashes."""

    codes: list[str]
    hashes: list[bytes]
    salt: bytes


_mine = Authenticator.user_id == bindparam("user_id")
_theirs = RecoveryCode.user_id == bindparam("user_id")
_left = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.user_id == Authenticator.user_id)
OWN = select(*Authenticator.__table__.c, _left.scalar_subquery().label("left")).where(_mine)
ADD, SET, DROP = insert(Authenticator), update(Authenticator).where(_mine), delete(Authenticator).where(_mine)
CODES = select(RecoveryCode.id, RecoveryCode.code_hash, RecoveryCode.salt).where(_theirs)
ADD_CODE, DROP_CODES = insert(RecoveryCode), delete(RecoveryCode).where(_theirs)
USE_CODE = delete(RecoveryCode).where(RecoveryCode.id == bindparam("id"))


def own(read: Snapshot, user_id: int) -> Own | None:
    """The authenticator of a user, also one that does not count yet."""
    found: Own | None = read.one(OWN, user_id=user_id)
    return found


def make(tx: Tx, user_id: int) -> str:
    """Within a unit: a new secret in place of any; it does not count yet."""
    secret = pyotp.random_base32()
    tx.run(DROP, user_id=user_id)
    tx.run(ADD, user_id=user_id, secret=secret, since=None, last_step=None)
    return secret


def turn_on(tx: Tx, user_id: int, fresh: Fresh) -> None:
    """Within a unit: it counts from now on, with these recovery codes."""
    tx.run(SET, user_id=user_id, since=tx.now)
    keep(tx, user_id, fresh)


def drop(tx: Tx, user_id: int) -> None:
    """Within a unit: takes the app and the recovery codes of a user away."""
    tx.run(DROP_CODES, user_id=user_id)
    tx.run(DROP, user_id=user_id)


def keep(tx: Tx, user_id: int, fresh: Fresh) -> None:
    """Within a unit: these recovery codes, in place of any."""
    tx.run(DROP_CODES, user_id=user_id)
    for code_hash in fresh.hashes:
        tx.run(ADD_CODE, user_id=user_id, code_hash=code_hash, salt=fresh.salt, created=tx.now)


async def fresh() -> Fresh:
    """New recovery codes."""
    codes, salt = [invitation.fresh(FOURS) for _number in range(RECOVERY_CODES)], secrets.token_bytes(16)
    return Fresh(codes, await passwords.digests([invitation.plain(code) for code in codes], salt), salt)


class Typed(msgspec.Struct):
    """A code as somebody typed it, and its hash where it may be one of the recovery codes."""

    code: str
    code_hash: bytes | None


async def typed(user_id: int, text: str) -> Typed:
    """A code of the user's, to be asked for by `good` within a unit."""
    code = invitation.plain(text)
    salt = await _salt(user_id) if len(code) == 4 * FOURS else None
    return Typed(code, (await passwords.digests([code], salt))[0] if salt else None)


@reads
def _salt(read: Snapshot, user_id: int) -> bytes | None:
    """That of the recovery codes, if there are some."""
    row = read.one(CODES, user_id=user_id)
    salt: bytes | None = row.salt if row else None
    return salt


def good(tx: Tx, user_id: int, typed: Typed) -> Second | None:
    """Within a unit: what a code is, which uses it up: the app's, a recovery code; None for a wrong one."""
    found = own(tx, user_id)
    if found is None or found.since is None:
        return None
    if good_app_code(tx, found, typed.code):
        return "app"
    for row in tx.all(CODES, user_id=user_id) if typed.code_hash else ():
        if hmac.compare_digest(row.code_hash, typed.code_hash or b""):
            tx.run(USE_CODE, id=row.id)
            return "recovery"
    return None


def good_app_code(tx: Tx, found: Own, code: str) -> bool:
    """Within a unit: whether the app shows a code now, or did in the 30 seconds before; it is used up then."""
    step = shows(found, code)
    if step is not None:
        tx.run(SET, user_id=found.user_id, last_step=step)
    return step is not None


def shows(found: Own, code: str) -> int | None:
    """In which half minute the app shows a code that was not used: this one or the one before; None for a wrong one."""
    app, now = pyotp.TOTP(found.secret), int(time.time()) // STEP_SECONDS
    steps = (step for step in (now, now - 1) if step > (found.last_step or 0))
    return next((step for step in steps if hmac.compare_digest(app.generate_otp(step), code)), None)
