"""Reactions: one user's mark of one kind on one post."""

from typing import Any, Literal

import msgspec
from sqlalchemy import ForeignKey, String, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts.session import Identity
from model.talk import channel, post
from model.talk.post import Post
from pottle.errors import Conflict, Forbidden
from pottle.store import Base, Snapshot, Time, Tx, changes, db

Kind = Literal["up", "down", "heart", "laugh", "hooray", "eyes"]
KINDS: tuple[Kind, ...] = ("up", "down", "heart", "laugh", "hooray", "eyes")
MOST_MARKS = 5_000  # one's own of a channel, in one answer: the newest
EXCLUDES: dict[str, str] = {"up": "down", "down": "up"}


class Reaction(Base):
    """A mark."""

    __tablename__ = "reactions"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    created: Mapped[Time]


class Mark(msgspec.Struct):
    """One of my own marks."""

    post: int
    kind: Kind


class Reactions(msgspec.Struct):
    """A post's reactions: how many of each kind."""

    id: int
    reactions: dict[str, int]


OF = (Reaction.post_id == bindparam("post"), Reaction.user_id == bindparam("by"), Reaction.kind == bindparam("of"))
ADD = insert(Reaction).values(
    post_id=bindparam("post"), user_id=bindparam("by"), kind=bindparam("of"), created=bindparam("now")
)
ADD = ADD.on_conflict_do_nothing()
DROP = delete(Reaction).where(*OF)
COUNT = (
    select(Reaction.kind, func.count().label("n")).where(Reaction.post_id == bindparam("post")).group_by(Reaction.kind)
)
KEEP = update(Post).where(Post.id == bindparam("post")).values(reactions=bindparam("counted"))
MINE = (
    select(Reaction.post_id, Reaction.kind)
    .join(Post, Post.id == Reaction.post_id)
    .where(Reaction.user_id == bindparam("by"), Post.channel_id == bindparam("channel"))
    .order_by(Reaction.post_id.desc(), Reaction.kind)
    .limit(MOST_MARKS)
)
OF_USER = select(Post.id, Post.channel_id).where(
    Post.id.in_(select(Reaction.post_id).where(Reaction.user_id == bindparam("by")))
)


def mark(tx: Tx, identity: Identity, post_id: int, kind: Kind) -> Reactions:
    """Unit: marks a post; `up` takes the place of `down` and the other way round. Marking twice is marking once."""
    row = _markable(tx, identity, post_id)
    touched = tx.run(ADD, post=post_id, by=identity.user, of=kind, now=tx.now)
    if kind in EXCLUDES:
        touched += tx.run(DROP, post=post_id, by=identity.user, of=EXCLUDES[kind])
    return _counted(tx, row, touched)


def unmark(tx: Tx, identity: Identity, post_id: int, kind: Kind) -> Reactions:
    """Unit: takes a mark back, if it was there."""
    row = _markable(tx, identity, post_id)
    return _counted(tx, row, tx.run(DROP, post=post_id, by=identity.user, of=kind))


def unvote(tx: Tx, identity: Identity, post_id: int) -> Reactions:
    """Unit: takes back `up` or `down`, whichever was there."""
    row = _markable(tx, identity, post_id)
    return _counted(tx, row, sum(tx.run(DROP, post=post_id, by=identity.user, of=kind) for kind in EXCLUDES))


def _markable(tx: Tx, identity: Identity, post_id: int) -> Any:
    row, place = post.visible_to(tx, identity, post_id)
    if row.state != "published":
        raise Conflict("Only a published post can be marked.")
    if place.posting == "members" and not (place.standing or identity.admin):
        raise Forbidden("Only members may react here.")
    return row


def _counted(tx: Tx, row: Any, touched: int) -> Reactions:
    if not touched:
        return Reactions(row.id, post.as_counts(row.reactions))
    return Reactions(row.id, count_again(tx, row))


def count_again(tx: Tx, row: Any) -> dict[str, int]:
    """Counts the marks of a post (a row with `id` and `channel_id`), keeps the numbers beside it, tells everybody."""
    found: dict[str, int] = dict(tx.all(COUNT, post=row.id))
    counted: dict[str, int] = {kind: found[kind] for kind in KINDS if kind in found}
    tx.run(KEEP, post=row.id, counted=msgspec.json.encode(counted).decode())
    tx.changed("reactions", stream=channel.stream(row.channel_id), subject=row.id, tags=[f"post:{row.id}"])
    return counted


async def mine(identity: Identity, channel_id: int) -> list[Mark]:
    """What the user marked in a channel."""
    with db.snapshot() as read:
        return [Mark(*row) for row in read.all(MINE, by=identity.user, channel=channel_id)]


def _views(read: Snapshot, ids: set[int]) -> dict[int, Reactions]:
    found = post.views(read, ids)
    return {id_: Reactions(id_, found[id_].reactions) for id_ in found}


changes.carries(["reactions"], "post", _views)
