"""Passkeys (WebAuthn): a browser or a security key signs in with a key of its own, which no site can be given twice."""

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, db


class Passkey(Base):
    """The public half of a key. `handle` is what the authenticator knows the account by, which tells nothing."""

    __tablename__ = "passkeys"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential: Mapped[bytes] = mapped_column(LargeBinary(1023), unique=True)  # its id
    public_key: Mapped[bytes] = mapped_column(LargeBinary(2000))
    handle: Mapped[bytes] = mapped_column(LargeBinary(64))
    sign_count: Mapped[int]
    transports: Mapped[list[str]] = mapped_column(JSON)
    synced: Mapped[bool]  # whether it is backed up, and so on other devices as well
    aaguid: Mapped[str | None] = mapped_column(String(36))  # the model of its authenticator
    name: Mapped[str] = mapped_column(String(80))
    created: Mapped[Time]
    used: Mapped[str | None] = mapped_column(String(10))  # the day of its last use


class UsedChallenge(Base):
    """A challenge that was answered, until it could not be answered anyway."""

    __tablename__ = "used_challenges"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    expires: Mapped[Time] = mapped_column(index=True)


FORGET = delete(UsedChallenge).where(UsedChallenge.expires < bindparam("before"))
HAS = select(Passkey.id).where(Passkey.user_id == bindparam("user_id")).limit(1)


def has_one(read: Snapshot, user_id: int) -> bool:
    """Whether a user can sign in by a passkey."""
    return read.one(HAS, user_id=user_id) is not None


db.on_sweep(lambda tx: tx.run(FORGET, before=tx.now))
