"""The inbox: replies to one's own posts and posts that mention one, in one list, and which of them are unread."""

from typing import Any, Literal

import msgspec
from sqlalchemy import bindparam, select, union_all

from model.accounts.session import Identity
from model.groups.group import VISIBLE, Group, asker
from model.talk import unread
from model.talk.channel import SHOWN_TITLE, Channel
from model.talk.mention import Mention
from model.talk.post import FOUND, Post, PostView, inbox_of, view, weight
from model.talk.unread import ReadMark
from pottle.store import Snapshot, reads
from pottle.store.paging import Cursor, Page, paged

MOST_COUNTED = 100  # the newest: of them it is counted how many are unread

_read = ReadMark.user_id == bindparam("user"), ReadMark.channel_id == Post.channel_id
_replies = select(Post.id).where(Post.answered_id == bindparam("user"))
_mentions = select(Mention.post_id.label("id")).where(Mention.user_id == bindparam("user"))
_latest_replies = _replies.order_by(Post.id.desc()).limit(MOST_COUNTED).subquery()
_latest_mentions = _mentions.order_by(Mention.post_id.desc()).limit(MOST_COUNTED).subquery()
ADDRESSED = Post.id.in_(union_all(_replies, _mentions)), Post.state == "published", VISIBLE
LATEST = Post.id.in_(union_all(select(_latest_replies.c.id), select(_latest_mentions.c.id)))
OF_MARK = ReadMark.post_id.label("read_until"), ReadMark.seen
INBOX = (
    FOUND.join(Channel, Channel.id == Post.channel_id)
    .join(Group, Group.id == Channel.group_id)
    .outerjoin(ReadMark, _read[0] & _read[1])
    .add_columns(SHOWN_TITLE, Group.slug.label("group"), Group.name.label("group_name"), *OF_MARK)
    .add_columns((Post.answered_id == bindparam("user")).label("replies_to_one"))
    .where(*ADDRESSED)
)
NEWEST = (
    select(Post.id, Post.shown_after, *OF_MARK)
    .join(Channel, Channel.id == Post.channel_id)
    .join(Group, Group.id == Channel.group_id)
    .outerjoin(ReadMark, _read[0] & _read[1])
    .where(LATEST, Post.state == "published", VISIBLE)
    .order_by(Post.id.desc())
    .limit(MOST_COUNTED)
)


class InboxItem(msgspec.Struct):
    """A post that is addressed to one: a `reply` to a post of one's own, or one with a `mention` of one.

    `title` is that of its discussion.
    """

    kind: Literal["reply", "mention"]
    post: PostView
    title: str
    group: str
    group_name: str
    unread: bool


@reads
def listed(read: Snapshot, identity: Identity, cursor: Cursor) -> Page[InboxItem]:
    """A page of one's inbox, newest first."""
    caught_up = unread.caught_up(read, identity)

    def item(row: Any) -> InboxItem:
        kind: Literal["reply", "mention"] = "reply" if row.replies_to_one else "mention"
        return InboxItem(kind, view(row), row.title, row.group, row.group_name, is_unread(row, caught_up))

    return paged(read, INBOX, Post.id, cursor, item, weight, **asker(identity))


@reads
def count(read: Snapshot, identity: Identity) -> int:
    """How many posts of one's inbox are unread, of the newest 100."""
    caught_up = unread.caught_up(read, identity)
    return sum(is_unread(row, caught_up) for row in read.all(NEWEST, **asker(identity)))


def is_unread(row: Any, caught_up: int) -> bool:
    """Whether the user has not read a post, of a row with OF_MARK."""
    return unread.as_mark(row.read_until, row.seen, "", caught_up).lacks(row)


def tags(identity: Identity) -> set[str]:
    """The tags of what `count` is made of."""
    return {inbox_of(identity.user), unread.read_by(identity.user), "table:memberships", "table:groups", "channels"}
