"""Trust: whose posts in a group are not held back any more, and whose always are.

It is earned by posts that stood for a day, and by what moderators approved; a removal takes it away. Moderators may
also say it: then only they change it.
"""

from typing import Literal

import msgspec
from sqlalchemy import ForeignKey, String, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model import audit
from model.accounts.session import Identity
from model.accounts.user import by_uid
from model.groups import group
from pottle.errors import NotFound
from pottle.store import Base, Time, Tx, writes
from pottle.translation import _

Level = Literal["new", "trusted", "watched"]
Said = Literal["trusted", "watched"]


class Trust(Base):
    """What a group thinks of somebody's posts: `new` until enough were approved, or what a moderator said (`by_id`)."""

    __tablename__ = "trust"

    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    level: Mapped[Level] = mapped_column(String(10))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    created: Mapped[Time]
    approved: Mapped[int] = mapped_column(server_default="0")


class TrustView(msgspec.Struct):
    """What a group thinks of somebody's posts, for its moderators."""

    user: str
    level: Level
    approved: int


_its = Trust.group_id == bindparam("group_id"), Trust.user_id == bindparam("user_id")
FIND = select(Trust.level, Trust.approved).where(*_its)
CHANGE = update(Trust).where(*_its)
LOSE = update(Trust).where(*_its).values(approved=0)
ADD = insert(Trust)
DROP = delete(Trust).where(*_its)


@writes
def put(tx: Tx, identity: Identity, slug: str, uid: str, level: Said) -> TrustView:
    """Says what a group thinks of somebody's posts. Its moderators may. Raises NotFound, Forbidden."""
    found, user = group.moderated.within(tx, identity, slug), by_uid(tx.session, uid)
    own = {"group_id": found.id, "user_id": user.id}
    said = {"level": level, "by_id": identity.user, "created": tx.now}
    if not tx.run(CHANGE, **own, **said):
        tx.run(ADD, **own, **said, approved=0)
    audit.note(tx, identity, "trust.put", user.uid, group=slug, detail=level)
    return TrustView(user.uid, level, tx.one(FIND, **own).approved)


@writes
def end(tx: Tx, identity: Identity, slug: str, uid: str) -> None:
    """Takes back what was said, so that it has to be earned. Raises NotFound, Forbidden."""
    found, user = group.moderated.within(tx, identity, slug), by_uid(tx.session, uid)
    if not tx.run(DROP, group_id=found.id, user_id=user.id):
        raise NotFound(_("Nothing was said about %(uid)s here.", uid=uid))
    audit.note(tx, identity, "trust.ended", user.uid, group=slug)


def gain(tx: Tx, group_id: int, user_id: int, posts: int = 1) -> None:
    """Within a unit: counts posts that were approved, or stood for long enough."""
    own = {"group_id": group_id, "user_id": user_id}
    if row := tx.one(FIND, **own):
        tx.run(CHANGE, **own, approved=row.approved + posts)
    else:
        tx.run(ADD, **own, level="new", by_id=None, created=tx.now, approved=posts)


def lose(tx: Tx, group_id: int, user_id: int) -> None:
    """Within a unit: after a post was removed, trust has to be earned anew."""
    tx.run(LOSE, group_id=group_id, user_id=user_id)
