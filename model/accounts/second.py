"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for who has lost it."""

from sqlalchemy import ForeignKey, LargeBinary, String, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts import passkey
from model.accounts.session import Second
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time


class Authenticator(Base):
    """The authenticator app of a user. It counts from when a code of it was entered: `since`."""

    __tablename__ = "authenticators"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(String(64))  # as it is, for codes are made of it
    since: Mapped[Time | None]
    last_step: Mapped[int | None]  # of 30 seconds, in which a code was good: none is good twice


class RecoveryCode(Base):
    """A code that is good once instead of the app's."""

    __tablename__ = "recovery_codes"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    salt_hash: Mapped[bytes] = mapped_column(LargeBinary(16))
    created: Mapped[Time]


IS_ON = select(Authenticator.user_id).where(
    Authenticator.user_id == bindparam("user_id"), Authenticator.since.is_not(None)
)


def ways(read: Snapshot, user_id: int) -> list[Second]:
    """By what a user can give the second factor; nothing where the first one is enough."""
    if read.one(IS_ON, user_id=user_id) is None:
        return []
    codes: list[Second] = ["app", "recovery"]
    return [*codes, "passkey"] if passkey.has_one(read, user_id) else codes
