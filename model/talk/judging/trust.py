"""Trust: whose posts in a group are not held back any more, and whose always are."""

from typing import Literal

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from pottle.store import Base, Time

Level = Literal["trusted", "watched"]


class Trust(Base):
    """What a group thinks of somebody's posts: earned by those that were approved, or said by a moderator (`by_id`)."""

    __tablename__ = "trust"

    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    level: Mapped[Level] = mapped_column(String(10))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    created: Mapped[Time]
