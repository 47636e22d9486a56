"""Who wrote what came from another system: guests, who may claim their posts later.

An e-mail address is here alone, as private as a password: it is there so that a claim can be proven, and is in no
answer, no log and no export of others.
"""

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from pottle.store import NEVER_REUSE_IDS, Base, Id, partial_index


class Guest(Base):
    """Somebody of another system. `user_id` is who has claimed what they wrote: what still comes is theirs."""

    __tablename__ = "guests"
    __table_args__ = (
        partial_index("ix_guests_email", "email", where="email IS NOT NULL"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[Id]
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    source: Mapped[str] = mapped_column(String(20))  # the reader's name
    name: Mapped[str] = mapped_column(String(80))
    email: Mapped[str | None] = mapped_column(String(254))  # in lower case
    digest: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)  # the same person in a later import
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)


class GuestPost(Base):
    """A post that a guest of another system wrote."""

    __tablename__ = "guest_posts"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    guest_id: Mapped[int] = mapped_column(ForeignKey("guests.id", ondelete="CASCADE"), index=True)
