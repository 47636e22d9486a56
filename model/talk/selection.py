"""Selections: the pinned posts of a channel, questions without an answer, answers, or one's own posts."""

from typing import Any, Literal

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from model.accounts.session import Identity
from model.groups import group
from model.groups.group import GroupRow
from model.talk import channel as channels
from model.talk import thread
from model.talk.channel import Channel, ChannelRow
from model.talk.post import FOUND, Post, PostsPage, PostView, view, weight
from model.talk.thread import Discussion
from pottle.errors import Unauthenticated
from pottle.store import Snapshot, db, reads
from pottle.store.paging import Cursor, Page, paged_aside
from pottle.translation import _

Only = Literal["pinned", "unanswered", "answers", "mine"]

_reply = aliased(Post)
_answers = select(_reply.id).where(
    _reply.channel_id == Post.channel_id,
    _reply.root_id == Post.id,
    _reply.state == "published",
    or_(_reply.answer, _reply.endorsed),
)
WHICH: dict[Only, Any] = {
    "pinned": Post.pinned,
    "unanswered": and_(Post.question, ~_answers.exists()),
    "answers": or_(Post.answer, Post.endorsed),
    "mine": Post.author_id == bindparam("user"),
}
_in_channel = FOUND.where(Post.channel_id == bindparam("channel_id"), Post.state == "published")
SELECTED = {only: _in_channel.where(which) for only, which in WHICH.items()}
ROOT = func.coalesce(Post.root_id, Post.id).label("id")
_roots = select(ROOT).where(Post.channel_id == bindparam("channel_id"), Post.state == "published").distinct()
ROOTS = {only: _roots.where(which) for only, which in WHICH.items()}
UNANSWERED = FOUND.join(Channel, Channel.id == Post.channel_id).where(
    Channel.group_id == bindparam("group_id"), Post.state == "published", WHICH["unanswered"]
)


async def listed(identity: Identity | None, channel_id: int, only: Only, cursor: Cursor) -> PostsPage:
    """Those posts of a channel, newest first, and a position from which on it says no more.

    Raises NotFound; Unauthenticated for one's own posts.
    """
    channel, seq = await _where(identity, channel_id, only)
    async with db.session() as session:  # beside the event loop: it may have to pass over all the others
        page = await paged_aside(
            session, SELECTED[only], Post.id, cursor, view, weight, **_values(identity, channel, only)
        )
    return PostsPage(page, seq, channel)


async def conversations(identity: Identity | None, channel_id: int, only: Only, cursor: Cursor) -> Discussion:
    """The conversations that such posts stand in, those that began last first. Raises as `listed`."""
    channel, seq = await _where(identity, channel_id, only)
    async with db.session() as session:
        page = await paged_aside(session, ROOTS[only], ROOT, cursor, _id, **_values(identity, channel, only))
    found = await db.read(thread.begun_by, page.items)
    older = found[-1].root.id if len(found) < len(page.items) else page.next
    return Discussion(channel, Page(found, older, page.prev), seq, None)


@reads
def _where(read: Snapshot, identity: Identity | None, channel_id: int, only: Only) -> tuple[ChannelRow, int]:
    if only == "mine" and identity is None:
        raise Unauthenticated(_("Sign in to see what you wrote."))
    return channels.visible_to.within(read, identity, channel_id), channels.position(read, channel_id)


def _values(identity: Identity | None, channel: ChannelRow, only: Only) -> dict[str, int]:
    whose = {"user": identity.user} if identity and only == "mine" else {}
    return {"channel_id": channel.id, **whose}


def _id(row: Any) -> int:
    return int(row.id)


async def unanswered(identity: Identity | None, slug: str, cursor: Cursor) -> tuple[GroupRow, Page[PostView]]:
    """The questions without an answer in all channels of a group, newest first. Raises NotFound."""
    in_group = await group.visible_to(identity, slug)
    async with db.session() as session:
        return in_group, await paged_aside(session, UNANSWERED, Post.id, cursor, view, weight, group_id=in_group.id)
