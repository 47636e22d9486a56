"""The audit trail: who did what to whom, and when. It outlives what it speaks of, so it refers to nothing."""

from sqlalchemy import String, bindparam, insert
from sqlalchemy.orm import Mapped, mapped_column

from model.session import Identity
from model.store import NEVER_REUSE_IDS, Base, Id, Time, Tx


class Entry(Base):
    """One thing that somebody did with a moderator's or an admin's rights, or to an account's credentials."""

    __tablename__ = "audit"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    at: Mapped[Time] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(40))  # a uid; "" for a command of the operator
    action: Mapped[str] = mapped_column(String(40))  # such as "user.disabled"
    subject: Mapped[str] = mapped_column(String(200))  # a uid, a slug, "post 7"
    group_slug: Mapped[str | None] = mapped_column(String(60), index=True)  # where moderators may see it
    detail: Mapped[str | None] = mapped_column(String(500))


NOTE = insert(Entry).values(
    at=bindparam("now"),
    actor=bindparam("by"),
    action=bindparam("what"),
    subject=bindparam("whom"),
    group_slug=bindparam("where"),
    detail=bindparam("how"),
)


def note(
    tx: Tx, by: Identity | None, action: str, subject: str, *, group: str | None = None, detail: str | None = None
) -> None:
    """Within a unit: notes that `by` (None: the operator, by a command) did something. Never put a secret into it."""
    who = by.uid if by else ""
    tx.run(NOTE, now=tx.now, by=who, what=action, whom=subject[:200], where=group, how=detail and detail[:500])
