"""Where posts came from: of guests' posts the address, for a week, so that moderators can block its network unseen."""

from sqlalchemy import ForeignKey, String, bindparam, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from pottle import times
from pottle.store import Base, Snapshot, Time, Tx, db
from pottle.store.unit import envelope

KEPT_DAYS = 7


class Source(Base):
    """Where one post came from: an address, or the network of an IPv6 one; and by which program."""

    __tablename__ = "sources"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    address: Mapped[str] = mapped_column(String(50))
    agent: Mapped[str | None] = mapped_column(String(300))
    created: Mapped[Time] = mapped_column(index=True)


ADD = insert(Source)
OF = select(Source.address, Source.agent).where(Source.post_id == bindparam("post_id"))
DROP = delete(Source).where(Source.post_id == bindparam("post_id"))
FORGET = delete(Source).where(Source.created < bindparam("before"))


def keep(tx: Tx, post_id: int) -> None:
    """Within a unit: keeps where the post came from, if that is known."""
    around = envelope.get()
    if around and around.address:
        forget(tx, post_id)
        tx.run(ADD, post_id=post_id, address=around.address, agent=around.agent[:300] or None, created=tx.now)


def of(read: Snapshot, post_id: int) -> tuple[str, str]:
    """The address that a post came from, and the program; "" for what is not known (any more)."""
    row = read.one(OF, post_id=post_id)
    return (row.address, row.agent or "") if row else ("", "")


def forget(tx: Tx, post_id: int) -> None:
    """Within a unit: where it came from is wanted no more."""
    tx.run(DROP, post_id=post_id)


def forget_old(tx: Tx) -> None:
    """Sweep: drops what is a week old."""
    tx.run(FORGET, before=times.later(days=-KEPT_DAYS))


db.on_sweep(forget_old)
