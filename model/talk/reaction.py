"""Reactions: a user can give a post each kind (`up`, `heart`, …) once; posts show how many they have of each."""

from collections import Counter
from typing import Any, Literal

import msgspec
from sqlalchemy import ForeignKey, String, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts import account
from model.accounts.session import Identity
from model.groups import rules
from model.talk import channel, post
from model.talk.judging import block
from model.talk.post import Post
from pottle.errors import Conflict, Forbidden
from pottle.store import Base, Snapshot, Time, Tx, changes, reads, writes
from pottle.translation import _

Kind = Literal["up", "down", "heart", "laugh", "hooray", "eyes"]
KINDS: tuple[Kind, ...] = ("up", "down", "heart", "laugh", "hooray", "eyes")
MOST_REACTIONS = 5_000  # a user's own in a channel, in one answer: the newest
EXCLUDES: dict[str, str] = {"up": "down", "down": "up"}


class Reaction(Base):
    """One user's reaction of one kind to one post."""

    __tablename__ = "reactions"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    created: Mapped[Time]


class OldReactions(Base):
    """How many reactions of one kind a post had in the system that it came from: nobody knows whose."""

    __tablename__ = "old_reactions"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    number: Mapped[int]


class OwnReaction(msgspec.Struct):
    """One of the user's own reactions."""

    post: int
    kind: Kind


class Reactions(msgspec.Struct):
    """A post's reactions: how many of each kind."""

    id: int
    reactions: dict[str, int]


ADD = insert(Reaction)
BY_USER = (Reaction.post_id == bindparam("post_id"), Reaction.user_id == bindparam("user_id"))
FIND = select(Reaction.kind).where(*BY_USER, Reaction.kind == bindparam("kind"))
DROP = delete(Reaction).where(*BY_USER, Reaction.kind == bindparam("kind"))
DROP_ALL = delete(Reaction).where(Reaction.user_id == bindparam("user_id"))
COUNT = (
    select(Reaction.kind, func.count().label("number"))
    .where(Reaction.post_id == bindparam("post_id"))
    .group_by(Reaction.kind)
    .union_all(select(OldReactions.kind, OldReactions.number).where(OldReactions.post_id == bindparam("post_id")))
)
KEEP = update(Post).where(Post.id == bindparam("id"))
MINE = (
    select(Reaction.post_id, Reaction.kind)
    .join(Post, Post.id == Reaction.post_id)
    .where(Reaction.user_id == bindparam("user_id"), Post.channel_id == bindparam("channel_id"))
    .order_by(Reaction.post_id.desc(), Reaction.kind)
    .limit(MOST_REACTIONS)
)
REACTED_TO = select(Post.id, Post.channel_id).where(
    Post.id.in_(select(Reaction.post_id).where(Reaction.user_id == bindparam("user_id")))
)


@writes
def add(tx: Tx, identity: Identity, post_id: int, kind: Kind) -> Reactions:
    """Reacts to a post; twice is once. `up` replaces `down`, and `down` replaces `up`."""
    row, own = _open(tx, identity, post_id, adds=True), {"post_id": post_id, "user_id": identity.user}
    touched = 0 if tx.one(FIND, **own, kind=kind) else tx.run(ADD, **own, kind=kind, created=tx.now)
    if kind in EXCLUDES:
        touched += tx.run(DROP, **own, kind=EXCLUDES[kind])
    return _counted(tx, row, touched)


@writes
def remove(tx: Tx, identity: Identity, post_id: int, *kinds: Kind) -> Reactions:
    """Takes reactions back, if they were there."""
    row = _open(tx, identity, post_id)
    touched = sum(tx.run(DROP, post_id=post_id, user_id=identity.user, kind=kind) for kind in kinds)
    return _counted(tx, row, touched)


def _open(tx: Tx, identity: Identity, post_id: int, adds: bool = False) -> post.PostRow:
    """A post that the user may react to. Raises NotFound, Conflict, Forbidden."""
    row, channel = post.visible_to.within(tx, identity, post_id)
    rules.must_be_good_in(channel, identity)
    if row.state != "published":
        raise Conflict(_("You can only react to a published post."))
    if channel.posting == "members" and not (channel.standing or identity.admin):
        raise Forbidden(_("Only members may react here."))
    if adds:
        block.here(tx, channel, identity)
    return row


def _counted(tx: Tx, row: post.PostRow, touched: int) -> Reactions:
    return Reactions(row.id, count_again(tx, row.id, row.channel_id) if touched else post.as_counts(row.reactions))


def count_again(tx: Tx, post_id: int, channel_id: int) -> dict[str, int]:
    """Within a unit: counts a post's reactions, stores the numbers in its row, and tells its readers."""
    found = Counter[str]()
    for kind, number in tx.all(COUNT, post_id=post_id):
        found[kind] += number
    counts: dict[str, int] = {kind: found[kind] for kind in KINDS if kind in found}
    tx.run(KEEP, id=post_id, reactions=msgspec.json.encode(counts).decode())
    tx.changed("reactions", stream=channel.stream(channel_id), subject=post_id, tags=[f"post:{post_id}"])
    return counts


def _go_with(tx: Tx, user_id: int) -> None:
    reacted_to = tx.all(REACTED_TO, user_id=user_id)
    tx.run(DROP_ALL, user_id=user_id)
    for post_id, channel_id in reacted_to:
        count_again(tx, post_id, channel_id)


account.on_end(_go_with)


@reads
def mine(read: Snapshot, identity: Identity, channel_id: int) -> list[OwnReaction]:
    """The user's own reactions in a channel, newest post first. Raises NotFound."""
    channel.visible_to.within(read, identity, channel_id)
    return [OwnReaction(*row) for row in read.all(MINE, user_id=identity.user, channel_id=channel_id)]


def _views(read: Snapshot, ids: set[int]) -> dict[int, Any]:
    return {id_: Reactions(id_, found.reactions) for id_, found in post.views(read, ids).items()}


changes.carries(["reactions"], "post", _views)
