"""Mentions: `@ada` in a post marks Ada, where she may read it, and is kept so that she finds the post.

Guests mention nobody: what they write reaches no list of a person's.
"""

from typing import Any

from sqlalchemy import ForeignKey, bindparam, delete, insert, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts.session import Identity
from model.accounts.user import User
from model.groups.group import Group, Membership
from model.talk.channel import Channel
from model.talk.markdown import mentioned, names_in
from pottle.store import Base, Snapshot, Time, Tx

MOST = 20  # names that are looked up for one text; later ones are only words


class Mention(Base):
    """That a post mentions a user, other than its author; whether it is published or not."""

    __tablename__ = "mentions"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    created: Mapped[Time]


_group = select(Group.id).join(Channel, Channel.group_id == Group.id).where(Channel.id == bindparam("channel_id"))
_in_it = _group.join(Membership, Membership.group_id == Group.id).where(Membership.user_id == User.id)
READER = select(User.id, User.uid).where(  # somebody who may read a channel, by the user name
    User.uid_folded == bindparam("uid_folded"),
    User.disabled.is_(None),
    or_(User.role == "admin", _group.where(Group.reading == "public").exists(), _in_it.exists()),
)
OF_POST = select(Mention.user_id).where(Mention.post_id == bindparam("post_id"))
ADD = insert(Mention)
DROP = delete(Mention).where(Mention.post_id == bindparam("post_id"), Mention.user_id == bindparam("user_id"))


def people(read: Snapshot, identity: Identity | None, channel_id: int, body: str) -> dict[str, str]:
    """Whom a text may mention in a channel: the user names that stand in it, in small letters and as they are."""
    if identity is None or "@" not in body:
        return {}
    found = (_reader(read, channel_id, name) for name in names_in(body, MOST))
    return {row.uid.lower(): row.uid for row in found if row}


def _reader(read: Snapshot, channel_id: int, name: str) -> Any:
    return read.one(READER, uid_folded=name.lower(), channel_id=channel_id)


def keep(tx: Tx, post_id: int, channel_id: int, author_id: int | None, html: str, before: str = "") -> set[int]:
    """Within a unit: keeps whom a post mentions, as its HTML has marked them and where they may still read it.

    Returns whom it mentions or mentioned, by their ids.

    `before` is the HTML that it had: most posts have no mention, and this costs them nothing.
    """
    named = mentioned(html)
    if not named and not mentioned(before):
        return set()
    readers = {row.id for name in named if (row := _reader(tx, channel_id, name))} - {author_id}
    known = mentioned_by(tx, post_id)
    for user_id in known - readers:
        tx.run(DROP, post_id=post_id, user_id=user_id)
    for user_id in sorted(readers - known):
        tx.run(ADD, post_id=post_id, user_id=user_id, created=tx.now)
    return readers | known


def mentioned_by(read: Snapshot, post_id: int) -> set[int]:
    """Whom a post mentions, by their ids."""
    return {row.user_id for row in read.all(OF_POST, post_id=post_id)}
