"""The bell: what is new for somebody: replies, mentions, decisions, and how much waits in the groups they moderate."""

from collections import defaultdict
from operator import attrgetter
from typing import Literal, NamedTuple

import msgspec
from markupsafe import Markup
from msgspec import UNSET, UnsetType
from sqlalchemy import bindparam, select, update

from model.accounts.session import Identity
from model.groups.group import asker
from model.notices import telling
from model.notices.notice import Notice
from model.notices.telling import PAGE, Item, Verdict
from model.talk import decision, inbox, queue, unread
from model.talk.decision import DecisionView
from model.talk.post import Author, Post, weight
from model.talk.queue import GroupCount
from pottle.errors import Refusal
from pottle.store import Snapshot, Tx, reads, writes
from pottle.store.paging import Cursor, paged

MOST = 20
MOST_WORDS = 160  # characters of a post

_mine = Notice.user_id == bindparam("user"), Notice.kind == "decided"
DECIDED = select(Notice.post_id, Notice.created, Notice.seen).where(*_mine).order_by(Notice.id.desc()).limit(MOST)
UNSEEN = DECIDED.where(Notice.seen.is_(None))
SEE = update(Notice).where(*_mine, Notice.seen.is_(None))
SEE_SOME = SEE.where(Notice.post_id.in_(bindparam("posts", expanding=True)))
ADDRESSED = inbox.INBOX.add_columns(*PAGE)
TO_READ = inbox.NEWEST.add_columns(Post.channel_id)


class NoticeView(msgspec.Struct):
    """A `reply` to a post of one's own, one with a `mention` of one, or a post of one's own that was `decided` on.

    `title` is that of its discussion, `page` the address of the page that this is about, if any. What was decided is
    the `verdict` (`declined` is an edit, `upheld` what stays after an appeal), why, as far as it was said, and the
    `statement` against which one may appeal.
    """

    kind: Literal["reply", "mention", "decided"]
    post: int
    channel: int
    author: Author
    words: str
    title: str
    page: str | None
    group: str
    group_name: str
    created: str
    unread: bool
    verdict: Verdict | UnsetType = UNSET
    decision: DecisionView | UnsetType = UNSET
    statement: int | UnsetType = UNSET


class BellView(msgspec.Struct):
    """What is new, newest first; how much of it is unread; and how much waits for one in the groups one moderates."""

    unread: int
    waiting: list[GroupCount]
    notices: list[NoticeView]


class Unseen(NamedTuple):
    """How many decisions on one's own posts one has not read, 20 at most; and the tags of what that is made of."""

    many: int
    tags: set[str]


@reads
def decisions(read: Snapshot, identity: Identity) -> Unseen:
    """How many decisions on one's own posts one has not read."""
    unseen = [row.post_id for row in read.all(UNSEEN, user=identity.user)]
    tags = {notices_of(identity.user), "table:memberships", "table:groups", *map(decision.made_on, unseen)}
    return Unseen(len(telling.of_decisions(read, identity, unseen)), tags)


def notices_of(user_id: int) -> str:
    """The tag of a user's decisions in the bell."""
    return f"notices-of:{user_id}"


@reads
def listed(read: Snapshot, identity: Identity) -> BellView:
    """What is new for somebody."""
    waiting = queue.counts.within(read, identity) if queue.moderates.within(read, identity) else []
    found = sorted([*_addressed(read, identity), *_decided(read, identity)], key=attrgetter("created"), reverse=True)
    new = inbox.count.within(read, identity) + decisions.within(read, identity).many
    return BellView(new, waiting, found[:MOST])


def _addressed(read: Snapshot, identity: Identity) -> list[NoticeView]:
    caught_up = unread.caught_up(read, identity)
    page = paged(read, ADDRESSED, Post.id, Cursor(MOST), lambda row: row, weight, **asker(identity))
    items = [telling.as_item(row, caught_up) for row in page.items]
    return [_view(item, item.post.created, not item.read) for item in items]


def _decided(read: Snapshot, identity: Identity) -> list[NoticeView]:
    rows = {row.post_id: row for row in read.all(DECIDED, user=identity.user)}
    items = telling.of_decisions(read, identity, [*rows])
    return [_view(item, rows[item.post.id].created, rows[item.post.id].seen is None) for item in items]


def _view(item: Item, created: str, is_unread: bool) -> NoticeView:
    about = item.title, item.page, item.group, item.group_name, created, is_unread
    why = item.verdict or UNSET, item.decision or UNSET, item.statement or UNSET
    return NoticeView(item.kind, item.post.id, item.post.channel, item.post.author, words(item.post.html), *about, *why)


def words(html: str, most: int = MOST_WORDS) -> str:
    """The beginning of a post, as plain text."""
    text = " ".join(Markup(html).striptags().split())  # noqa: S704  # all tags go
    return text if len(text) <= most else text[: most - 1] + "…"


@writes
def see(tx: Tx, identity: Identity, posts: list[int] | None = None) -> None:
    """Marks what is new as read, or only what was decided on these posts."""
    if posts is not None:
        tx.run(SEE_SOME, user=identity.user, posts=posts, seen=tx.now)
    else:
        tx.run(SEE, user=identity.user, seen=tx.now)
        _read_addressed(tx, identity)
    tx.changed("read", tags=[notices_of(identity.user), unread.read_by(identity.user)])


def _read_addressed(tx: Tx, identity: Identity) -> None:
    caught_up = unread.caught_up(tx, identity)
    of_channels = defaultdict(list)
    for row in tx.all(TO_READ, **asker(identity)):
        if inbox.is_unread(row, caught_up):
            of_channels[row.channel_id].append(row.id)
    for channel_id, ids in of_channels.items():
        try:
            unread.see.within(tx, identity, channel_id, ids)
        except Refusal:  # a session for the sites of one group is not good elsewhere
            continue
