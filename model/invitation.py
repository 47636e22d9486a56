"""Invitations: codes that let whoever holds one become something.

One for a group makes its holder a member: with a new account or the one they have. One for a user lets its holder set a
new password and so take over the account: a reset link, or a pupil's first code. One for neither makes the first admin.
"""

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from model.store import NEVER_REUSE_IDS, Base, Id, Time


class Invitation(Base):
    """A code, kept as a hash."""

    __tablename__ = "invitations"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(10))  # in the group: member or moderator; of the account: user or admin
    uses_left: Mapped[int | None]  # None for any number
    made_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created: Mapped[Time]
    expires: Mapped[Time] = mapped_column(index=True)
