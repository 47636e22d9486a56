"""Threads: a channel by conversations, page by page; and the newest posts of a group.

A page of a list of posts breaks conversations apart; here each comes whole, or the newest of its replies do.
"""

from typing import Any, Literal, NamedTuple

from sqlalchemy import Integer, and_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from model.accounts.session import Identity
from model.groups import group
from model.groups.group import GroupRow, asker
from model.talk import channel as channels
from model.talk.channel import BY_KEY, Channel, ChannelRow
from model.talk.post import BY_ID, FOUND, ROOT, SHOWN, Post, PostRow, PostView, view, weight
from pottle.store import Snapshot, db, reads
from pottle.store.paging import PAGE_BYTES, Cursor, Filling, Page, paged

Order = Literal["newest", "oldest", "active"]  # by when a conversation began; or first where somebody has just posted
CONVERSATIONS = 20  # on a page
MOST_POSTS = 100  # on a page, where that is more than one conversation
REPLIES = 20  # of a conversation on a page
REPLIES_BYTES = PAGE_BYTES // 2
MOST_COUNTED = 100  # replies that are left out

_other = aliased(Post)
_reply_is_shown = or_(_other.state == "published", and_(_other.state == "removed", _other.replies > 0))
_has_replies = select(_other.id).where(_other.channel_id == Post.channel_id, _other.root_id == Post.id, _reply_is_shown)
# A removed post stands as a tombstone also where all replies to it were removed, but not all replies to those.
BEGINS = or_(Post.state == "published", and_(Post.state == "removed", or_(Post.replies > 0, _has_replies.exists())))
ROOTS = FOUND.where(Post.channel_id == bindparam("channel_id"), Post.root_id.is_(None), BEGINS)
BY_ROOT = Post.channel_id == bindparam("channel_id"), Post.root_id == bindparam("root_id"), SHOWN
REPLIES_TO = FOUND.where(*BY_ROOT)
_left_out = select(Post.id).where(*BY_ROOT, Post.id < bindparam("before")).limit(MOST_COUNTED)
COUNT_EARLIER = select(func.count().label("count")).select_from(_left_out.subquery())
# Each conversation's newest post.
_newer_in_it = select(_other.id).where(
    _other.channel_id == Post.channel_id,
    _other.root_id == func.coalesce(Post.root_id, Post.id),
    _other.state == "published",
    _other.id > Post.id,
)
ACTIVE = select(Post.id, func.coalesce(Post.root_id, Post.id).label("root_id")).where(
    Post.channel_id == bindparam("channel_id"), Post.state == "published", ~_newer_in_it.exists()
)
NAMED = ROOT.where(Post.channel_id == bindparam("channel_id"), SHOWN)


class Conversation(NamedTuple):
    """A post that answers none, and replies, oldest first: to it, and to those.

    `earlier` counts the replies before these, MOST_COUNTED at most; `before` and `after` are the cursors of what is
    left out, None where nothing is.
    """

    root: PostView
    replies: list[PostView]
    earlier: int
    before: int | None
    after: int | None

    @property
    def posts(self) -> list[PostView]:
        """All of it."""
        return [self.root, *self.replies]


class Part(NamedTuple):
    """Which part of a thread is wanted.

    The conversations behind the one of `before`, or in front of that of `after`, in the order of the thread; or the
    page with the post `at`, with as many as `above` in front of its conversation. With both, those replies of the
    conversation of `at` that are older, or newer.
    """

    order: Order = "newest"
    at: int | None = None
    before: int | None = None
    after: int | None = None
    above: int = 0
    limit: int = CONVERSATIONS


class Thread(NamedTuple):
    """A page of the thread of a page, in its order, and the channel's position; empty where there is no channel yet.

    `named` is the post that was asked for, where it is there.
    """

    group: GroupRow
    channel: ChannelRow | None
    page: Page[Conversation]
    seq: int
    named: int | None

    @property
    def posts(self) -> list[PostView]:
        """All posts of the page."""
        return [post for found in self.page.items for post in found.posts]


class Discussion(NamedTuple):
    """As a Thread, of a channel that there is."""

    channel: ChannelRow
    page: Page[Conversation]
    seq: int
    named: int | None

    @property
    def posts(self) -> list[PostView]:
        """All posts of the page."""
        return [post for found in self.page.items for post in found.posts]


@reads
def of_channel(read: Snapshot, identity: Identity | None, channel_id: int, part: Part) -> Discussion:
    """A page of a channel. Raises NotFound."""
    channel = channels.visible_to.within(read, identity, channel_id)
    page, named = _part(read, channel.id, part)
    return Discussion(channel, page, channels.position(read, channel.id), named)


@reads
def of_page(read: Snapshot, identity: Identity | None, slug: str, key: str, part: Part) -> Thread:
    """The thread of the page with a key. Raises NotFound for the group."""
    in_group = group.visible_to.within(read, identity, slug)
    channel: ChannelRow | None = read.one(BY_KEY, slug=slug, key=key, **asker(identity))
    if channel is None:
        return Thread(in_group, None, Page([], None, None), 0, None)
    page, named = _part(read, channel.id, part)
    return Thread(in_group, channel, page, channels.position(read, channel.id), named)


def _part(read: Snapshot, channel_id: int, part: Part) -> tuple[Page[Conversation], int | None]:
    found = read.one(NAMED, id=part.at, channel_id=channel_id) if part.at is not None else None
    if found is None:
        return _page(read, channel_id, part), None
    if part.before is not None or part.after is not None:
        wanted = Cursor(REPLIES, part.before, part.after, REPLIES_BYTES)
        just = Cursor(1, before=found.id + 1)
        (root,) = paged(read, ROOTS, Post.id, just, _row, channel_id=channel_id).items
        return Page([_conversation(read, root, wanted)], None, None), part.at
    return _page_at(read, channel_id, part, found.id), part.at


def _page_at(read: Snapshot, channel_id: int, part: Part, root_id: int) -> Page[Conversation]:
    """The first page, if it has the post; else one with its conversation, that begins with it or little above."""
    page = _page(read, channel_id, part)
    if not _has(page, root_id) and part.above:
        page = _page(read, channel_id, part._replace(before=_above(read, channel_id, part, root_id)))
    if not _has(page, root_id):
        page = _page(read, channel_id, part._replace(before=root_id - 1 if _from_oldest(part) else root_id + 1))
    for index, found in enumerate(page.items):
        if found.root.id == root_id and all(post.id != part.at for post in found.posts):
            page.items[index] = _around(read, found, part.at or 0)
    return page


def _has(page: Page[Conversation], root_id: int) -> bool:
    return any(found.root.id == root_id for found in page.items)


def _above(read: Snapshot, channel_id: int, part: Part, root_id: int) -> int:
    """Where a page begins that has some conversations in front of one."""
    oldest = _from_oldest(part)
    cursor = Cursor(part.above, root_id if oldest else None, None if oldest else root_id)
    around = [row.id for row in paged(read, ROOTS, Post.id, cursor, _row, channel_id=channel_id).items]
    return min([root_id, *around]) - 1 if oldest else max([root_id, *around]) + 1


def _from_oldest(part: Part) -> bool:
    return part.order == "oldest"


def _page(read: Snapshot, channel_id: int, part: Part) -> Page[Conversation]:
    """A page in the thread's order: `next` goes on, and `prev` back."""
    if part.order == "active" and part.at is None:
        return _most_active(read, channel_id, Cursor(part.limit, part.before))
    if not _from_oldest(part):
        return conversations(read, channel_id, Cursor(part.limit, part.before, part.after))
    onward = part.after is None
    page = conversations(read, channel_id, Cursor(part.limit, part.after, (part.before or 0) if onward else None))
    return Page(page.items[::-1], page.prev, page.next if (part.before, part.after) != (None, None) else None)


def _most_active(read: Snapshot, channel_id: int, cursor: Cursor) -> Page[Conversation]:
    """Conversations by their newest posts, whose ids are the cursors."""
    page: Page[Any] = paged(read, ACTIVE, Post.id, cursor, _row, channel_id=channel_id)
    roots: list[PostRow] = [
        paged(read, ROOTS, Post.id, Cursor(1, before=row.root_id + 1), _row, channel_id=channel_id).items[0]
        for row in page.items
    ]
    taken = _taken(read, roots)
    return Page(taken, page.items[len(taken) - 1].id if len(taken) < len(roots) else page.next, page.prev)


def conversations(read: Snapshot, channel_id: int, cursor: Cursor) -> Page[Conversation]:
    """A page of a channel's conversations, newest first: as many as have room, or one."""
    page: Page[PostRow] = paged(read, ROOTS, Post.id, cursor, _row, weight, channel_id=channel_id)
    forward = cursor.after is None
    rows = page.items[:: 1 if forward else -1]
    taken = _taken(read, rows)
    cut = taken[-1].root.id if len(taken) < len(rows) else None
    if forward:
        return Page(taken, cut or page.next, page.prev)
    return Page(taken[::-1], page.next, cut or page.prev)


def begun_by(read: Snapshot, ids: list[int]) -> list[Conversation]:
    """The conversations that these posts begin, in that order: as many as have room, or one."""
    return _taken(read, [read.one(BY_ID, id=id_) for id_ in ids])


def _taken(read: Snapshot, rows: list[PostRow]) -> list[Conversation]:
    """The conversations that these begin, as many as have room, or one."""
    taken, left, room = list[Conversation](), MOST_POSTS, PAGE_BYTES
    for row in rows:
        found = _conversation(read, row, Cursor(REPLIES, room=REPLIES_BYTES))
        left, room = left - len(found.posts), room - sum(map(weight, found.posts))
        if taken and min(left, room) < 0:
            break
        taken.append(found)
    return taken


def _conversation(read: Snapshot, root: PostRow, cursor: Cursor) -> Conversation:
    of_root = {"channel_id": root.channel_id, "root_id": root.id}
    page = paged(read, REPLIES_TO, Post.id, cursor, view, weight, **of_root)
    earlier = read.one(COUNT_EARLIER, **of_root, before=page.next).count if page.next else 0
    after = page.prev if cursor.before is None else None  # those are known to whoever asks for what is before them
    return Conversation(view(root), page.items[::-1], earlier, page.next if earlier else None, after)


def _around(read: Snapshot, found: Conversation, id_: int) -> Conversation:
    """A conversation with the replies nearest to one of them."""
    of_root, half = {"channel_id": found.root.channel, "root_id": found.root.id}, REPLIES // 2
    older = Cursor(half, before=id_ + 1, room=REPLIES_BYTES // 2)
    newer = Cursor(half, after=id_, room=REPLIES_BYTES // 2)
    before, after = (paged(read, REPLIES_TO, Post.id, cursor, view, weight, **of_root) for cursor in (older, newer))
    earlier = read.one(COUNT_EARLIER, **of_root, before=before.next).count if before.next else 0
    return Conversation(found.root, [*after.items, *before.items][::-1], earlier, before.next, after.prev)


def _row(row: PostRow) -> PostRow:
    return row


_newest = select(func.max(_other.id)).where(_other.channel_id == Channel.id, _other.state == "published")
newest = _newest.scalar_subquery().label("newest")
LIVELY = (  # channels of a group, those with the newest posts first
    select(Channel.id, newest)
    .where(Channel.group_id == bindparam("group_id"), Channel.state == "published")
    .order_by(newest.desc())
    .limit(bindparam("limit", type_=Integer))
)
NEWEST = (
    select(Post.id)
    .where(Post.channel_id == bindparam("channel_id"), Post.state == "published")
    .order_by(Post.id.desc())
    .limit(bindparam("limit", type_=Integer))
)
RECENT = (
    FOUND.join(Channel, Channel.id == Post.channel_id)
    .add_columns(Channel.title.label("title"), Channel.url.label("url"))
    .where(Post.id.in_(bindparam("ids", expanding=True)))
    .order_by(Post.id.desc())
)


class RecentPost(NamedTuple):
    """A post, and the title and url of its channel."""

    post: PostView
    title: str
    url: str | None


async def recent(identity: Identity | None, slug: str, count: int) -> tuple[GroupRow, list[RecentPost]]:
    """The newest posts of a group, of all its channels that are not pending. Raises NotFound for the group.

    It looks at the newest post of each channel, but at no more than `count` posts of a few of them.
    """
    in_group = await group.visible_to(identity, slug)
    async with db.session() as session:
        lively = await session.execute(LIVELY, {"group_id": in_group.id, "limit": count})
        ids: list[int] = []
        for channel in lively.all():
            if len(ids) == count and (channel.newest or 0) < ids[-1]:
                break
            ids += await session.scalars(NEWEST, {"channel_id": channel.id, "limit": count})
            ids = sorted(ids, reverse=True)[:count]
        rows = (await session.execute(RECENT, {"ids": ids})).all()
    filling: Filling[Any] = Filling(count, weight)
    filling.take(rows)
    return in_group, [RecentPost(view(row), row.title, row.url) for row in filling.items]
