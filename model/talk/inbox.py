"""The inbox: replies to one's own posts, in one list, with those marked that one has not read."""

from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from model.accounts.session import Identity
from model.groups.group import VISIBLE, Group, asker
from model.talk import unread
from model.talk.channel import SHOWN_TITLE, Channel
from model.talk.post import FOUND, Post, PostView, inbox_of, view, weight
from model.talk.unread import ReadMark
from pottle.store import Snapshot, reads
from pottle.store.paging import Cursor, Page, paged

MOST_COUNTED = 100  # the newest: of them it is counted how many are unread

_read = ReadMark.user_id == bindparam("user"), ReadMark.channel_id == Post.channel_id
ANSWERS = Post.answered_id == bindparam("user"), Post.state == "published", VISIBLE
OF_MARK = ReadMark.post_id.label("read_until"), ReadMark.seen
INBOX = (
    FOUND.join(Channel, Channel.id == Post.channel_id)
    .join(Group, Group.id == Channel.group_id)
    .outerjoin(ReadMark, _read[0] & _read[1])
    .add_columns(SHOWN_TITLE, Group.slug.label("group"), Group.name.label("group_name"), *OF_MARK)
    .where(*ANSWERS)
)
NEWEST = (
    select(Post.id, Post.shown_after, *OF_MARK)
    .join(Channel, Channel.id == Post.channel_id)
    .join(Group, Group.id == Channel.group_id)
    .outerjoin(ReadMark, _read[0] & _read[1])
    .where(*ANSWERS)
    .order_by(Post.id.desc())
    .limit(MOST_COUNTED)
)


class InboxItem(msgspec.Struct):
    """A post that is addressed to one: a reply to a post of one's own. `title` is that of its discussion."""

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
        return InboxItem(view(row), row.title, row.group, row.group_name, _is_unread(row, caught_up))

    return paged(read, INBOX, Post.id, cursor, item, weight, **asker(identity))


@reads
def count(read: Snapshot, identity: Identity) -> int:
    """How many posts of one's inbox are unread, of the newest 100."""
    caught_up = unread.caught_up(read, identity)
    return sum(_is_unread(row, caught_up) for row in read.all(NEWEST, **asker(identity)))


def _is_unread(row: Any, caught_up: int) -> bool:
    return unread.as_mark(row.read_until, row.seen, "", caught_up).lacks(row)


def tags(identity: Identity) -> set[str]:
    """The tags of what `count` is made of."""
    return {inbox_of(identity.user), unread.read_by(identity.user), "table:memberships", "table:groups", "channels"}
