"""Unread posts: how far each user has read in each discussion, on whatever device.

A mark holds the newest post up to which everything is read, and those beyond it that were seen, for nobody reads in the
order in which others write. One that a moderator approved later counts as new then (`Post.shown_after`). Unread are
posts of others, in the discussions of one's own groups since one joined, and in those where one has been.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    JSON,
    BindParameter,
    ForeignKey,
    Integer,
    Select,
    bindparam,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts import account
from model.accounts.session import Identity
from model.groups import rules
from model.groups.group import HERE, VISIBLE, Group, Membership, asker
from model.talk import channel as channels
from model.talk.channel import Channel, ChannelRow
from model.talk.post import Post
from pottle.errors import Invalid
from pottle.store import Base, Snapshot, Time, Tx, reads, writes
from pottle.translation import _

MOST = 100  # unread posts of a channel that are told, or counted
MOST_CHANNELS = 100  # of one's groups, the liveliest, and as many others: where unread posts are looked for
MOST_SEEN = 500  # posts beyond the mark; whoever reads on leaves the oldest unread ones behind


class ReadMark(Base):
    """How far a user has read in a channel: all posts up to `post_id`, and those of `seen`, which may be newer."""

    __tablename__ = "read_marks"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True, index=True)
    post_id: Mapped[int]
    seen: Mapped[list[int]] = mapped_column(JSON)
    at: Mapped[Time]  # when they last read something new there


class Reader(Base):
    """Up to which post a user has marked everything as read."""

    __tablename__ = "readers"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    post_id: Mapped[int]


class UnreadPosts(msgspec.Struct):
    """A channel's posts that one has not read: the ids of the newest 100, oldest first; `more`: there are older ones.

    `newest` is the channel's newest post, 0 where there is none; what comes after it is unread, too. `follows` is false
    where one neither belongs to the group nor was here before: then nothing counts as unread.
    """

    posts: list[int]
    more: bool
    newest: int
    follows: bool


class Mark(NamedTuple):
    """What a user has read in a channel. Where they were never, what came before they joined is read."""

    post_id: int
    seen: frozenset[int]
    since: str  # a time
    stored: bool
    follows: bool

    def lacks(self, row: Any) -> bool:
        """Whether a post (its `id` and `shown_after`) was not read; but not whose it is, and when they joined."""
        beyond = row.id > self.post_id or (row.shown_after or 0) >= self.post_id
        return beyond and row.id not in self.seen


class Unread(NamedTuple):
    """How many posts one has not read, by the channel's id, MOST at most; and the tags of what that is made of."""

    counts: dict[int, int]
    tags: frozenset[str]


def read_by(user_id: int) -> str:
    """The tag of what a user has read."""
    return f"read-by:{user_id}"


_user: BindParameter[int] = bindparam("user")
_others = Post.state == "published", Post.author_id.is_distinct_from(_user)
_in_channel = Post.channel_id == bindparam("channel_id")
_beyond = Post.id > bindparam("post_id")
_late = Post.shown_after.is_not(None), Post.shown_after >= bindparam("post_id"), Post.id <= bindparam("post_id")
_not_seen = Post.id.not_in(bindparam("seen", expanding=True))
NEWER = select(Post.id, Post.shown_after).where(_in_channel, _beyond, Post.created > bindparam("since"), *_others)
LATE = select(Post.id, Post.shown_after).where(_in_channel, *_late, Post.created > bindparam("since"), *_others)
NEWEST_BEYOND = NEWER.order_by(Post.id.desc()).limit(bindparam("limit", type_=Integer))  # where none of them was seen
NEWEST_UNREAD = NEWEST_BEYOND.where(_not_seen)
LATE_UNREAD = LATE.where(_not_seen).order_by(Post.shown_after.desc()).limit(bindparam("limit", type_=Integer))
OLDEST_UNREAD = NEWER.where(_not_seen).order_by(Post.id).limit(1)
OLDEST_LATE = LATE.where(_not_seen).order_by(Post.shown_after).limit(1)
AMONG = select(Post.id, Post.shown_after).where(
    _in_channel, Post.state == "published", Post.id.in_(bindparam("ids", expanding=True))
)
NEWEST = select(func.max(Post.id).label("id")).where(_in_channel)
NEWEST_SHOWN = NEWEST.where(Post.state == "published")
NEWEST_OF_ALL = select(func.max(Post.id).label("id"))

CAUGHT_UP = select(Reader.post_id).where(Reader.user_id == _user)
_own = ReadMark.user_id == _user
STORED = select(ReadMark.post_id, ReadMark.seen).where(_own, ReadMark.channel_id == bindparam("channel_id"))
JOINED = select(Membership.created).where(Membership.user_id == _user, Membership.group_id == bindparam("group_id"))

# In each channel one look at the newest post: it is read only where that says that there is something new.
_newest = select(func.max(Post.id)).where(Post.channel_id == Channel.id, Post.state == "published").scalar_subquery()
_shown_after = select(func.max(Post.shown_after)).where(Post.channel_id == Channel.id, Post.shown_after.is_not(None))
_NEWS = _newest.label("newest"), _shown_after.scalar_subquery().label("shown_after")


def _looked_into(found: Select[Any]) -> Select[Any]:
    """The marks of the user in some channels, and the newest posts there."""
    some = found.cte("some")
    return (
        select(some.c.id, some.c.group_id, some.c.since, ReadMark.post_id, ReadMark.seen, *_NEWS)
        .select_from(some)
        .join(Channel, Channel.id == some.c.id)
        .outerjoin(ReadMark, (ReadMark.channel_id == some.c.id) & _own)
    )


_published = (
    select(Channel.id, Channel.group_id)
    .join(Group, Group.id == Channel.group_id)
    .where(Channel.state == "published", HERE)
)
_belongs = select(Membership.user_id).where(Membership.group_id == Channel.group_id, Membership.user_id == _user)
IN_OWN_GROUPS = _looked_into(
    _published.add_columns(Membership.created.label("since"))
    .join(Membership, (Membership.group_id == Channel.group_id) & (Membership.user_id == _user))
    .order_by(Channel.active.desc())
    .limit(MOST_CHANNELS)
)
ELSEWHERE = _looked_into(
    _published.add_columns(literal("").label("since"))
    .join(ReadMark, (ReadMark.channel_id == Channel.id) & _own)
    .where(VISIBLE, ~_belongs.exists())
    .order_by(ReadMark.at.desc())
    .limit(MOST_CHANNELS)
)
OWN_GROUPS = select(Membership.group_id).where(Membership.user_id == _user)

_its = ReadMark.user_id == bindparam("user_id"), ReadMark.channel_id == bindparam("channel_id")
ADD, CHANGE = insert(ReadMark), update(ReadMark).where(*_its)
ADD_READER, CHANGE_READER = insert(Reader), update(Reader).where(Reader.user_id == bindparam("user_id"))
NOT_ANSWERED = update(Post).where(Post.answered_id == bindparam("user")).values(answered_id=None)


@reads
def counts(read: Snapshot, identity: Identity) -> Unread:
    """How many unread posts there are, in each channel that has some."""
    who = asker(identity)
    until = caught_up(read, identity)
    found: dict[int, int] = {}
    groups = {row.group_id for row in read.all(OWN_GROUPS, user=identity.user)}
    own = read.all(IN_OWN_GROUPS, user=who["user"], only=who["only"])
    for row in [*own, *read.all(ELSEWHERE, **who)]:
        groups.add(row.group_id)
        mark = as_mark(row.post_id, row.seen, row.since, until)
        if max(row.newest or 0, row.shown_after or 0) > mark.post_id or row.shown_after == mark.post_id:
            found[row.id] = len(_unread(read, identity, row.id, mark, MOST, late=row.shown_after is not None))
    tags = {f"{kind}:{id_}" for id_ in groups for kind in ("posts-of", "channels-of", "group")}
    news = {read_by(identity.user), "table:memberships", "table:groups"}
    return Unread({id_: count for id_, count in sorted(found.items()) if count}, frozenset(tags | news))


@reads
def of_channel(read: Snapshot, identity: Identity, channel_id: int) -> UnreadPosts:
    """The posts of a channel that one has not read. Raises NotFound."""
    channel = channels.visible_to.within(read, identity, channel_id)
    return _view(read, identity, channel, _mark(read, identity, channel))


def _view(read: Snapshot, identity: Identity, channel: ChannelRow, mark: Mark) -> UnreadPosts:
    posts = _unread(read, identity, channel.id, mark, MOST + 1) if mark.follows else []
    newest = read.one(NEWEST_SHOWN, channel_id=channel.id).id or 0
    return UnreadPosts(posts[-MOST:], len(posts) > MOST, newest, mark.follows)


def caught_up(read: Snapshot, identity: Identity) -> int:
    """The post up to which a user has marked everything as read; 0 where they never did."""
    row = read.one(CAUGHT_UP, user=identity.user)
    return row.post_id if row else 0


def _mark(read: Snapshot, identity: Identity, channel: ChannelRow) -> Mark:
    stored = read.one(STORED, user=identity.user, channel_id=channel.id)
    joined = read.one(JOINED, user=identity.user, group_id=channel.group_id)
    until, seen = (stored.post_id, stored.seen) if stored else (None, None)
    found = as_mark(until, seen, joined.created if joined else "", caught_up(read, identity))
    return found._replace(follows=found.stored or joined is not None)


def as_mark(post_id: int | None, seen: list[int] | None, since: str, until: int) -> Mark:
    """What a user has read in a channel, of what is stored of it (None, where nothing is), and of `caught_up`."""
    stored = post_id is not None
    return Mark(max(post_id or 0, until), frozenset(seen or ()), "" if stored else since, stored, True)


def _values(identity: Identity, channel_id: int, mark: Mark) -> dict[str, Any]:
    common = {"user": identity.user, "channel_id": channel_id, "post_id": mark.post_id}
    return {**common, "since": mark.since, "seen": [*mark.seen]}


def _unread(
    read: Snapshot, identity: Identity, channel_id: int, mark: Mark, limit: int, late: bool = True
) -> list[int]:
    """The ids of the newest unread posts, oldest first. Without `late`, none of the channel was approved late."""
    values = {**_values(identity, channel_id, mark), "limit": limit}
    if not mark.seen:  # an empty list costs more than the question
        plain = {name: value for name, value in values.items() if name != "seen"}
        found = {row.id for row in read.all(NEWEST_BEYOND, **plain)}
    else:
        found = {row.id for row in read.all(NEWEST_UNREAD, **values)}
    if late:
        found |= {row.id for row in read.all(LATE_UNREAD, **values)}
    return sorted(found)[-limit:]


@writes
def see(tx: Tx, identity: Identity, channel_id: int, ids: list[int]) -> UnreadPosts:
    """Marks posts of a channel as read; what is none of them counts for nothing. Raises NotFound, SessionNeeded."""
    channel = _own_channel(tx, identity, channel_id)
    mark = _mark(tx, identity, channel)
    new = [row for row in tx.all(AMONG, channel_id=channel_id, ids=ids) if mark.lacks(row)]
    if new or not mark.stored:
        mark = _keep(tx, identity, channel_id, mark._replace(seen=mark.seen | {row.id for row in new}))
    return _view(tx, identity, channel, mark)


@writes
def see_until(tx: Tx, identity: Identity, channel_id: int, until: int) -> UnreadPosts:
    """Marks all posts of a channel up to one as read. Raises NotFound, SessionNeeded, Invalid."""
    channel = _own_channel(tx, identity, channel_id)
    if not tx.all(AMONG, channel_id=channel_id, ids=[until]):
        raise Invalid({"until": _("is not a post of this discussion")})
    return _view(tx, identity, channel, _up_to(tx, identity, channel, until))


def _up_to(tx: Tx, identity: Identity, channel: ChannelRow, until: int) -> Mark:
    mark = _mark(tx, identity, channel)
    read = mark._replace(post_id=max(mark.post_id, until))
    values = {**_values(identity, channel.id, read), "limit": MOST}
    read = read._replace(seen=read.seen | {row.id for row in tx.all(LATE_UNREAD, **values)})
    return _keep(tx, identity, channel.id, read) if read != mark or not mark.stored else mark


def _own_channel(tx: Tx, identity: Identity, channel_id: int) -> ChannelRow:
    channel = channels.visible_to.within(tx, identity, channel_id)
    rules.must_be_good_in(channel, identity)
    return channel


def _keep(tx: Tx, identity: Identity, channel_id: int, mark: Mark) -> Mark:
    """Stores a mark: moved on to where the first unread post is, with what was seen beyond it.

    Where somebody is for the first time who does not belong to the group, all is read.
    """
    rows = tx.all(AMONG, channel_id=channel_id, ids=[*mark.seen])
    end = _first_unread(tx, identity, channel_id, mark) if mark.follows else None
    if end is None:
        end = max(tx.one(NEWEST, channel_id=channel_id).id or 0, mark.post_id)
    kept = _moved(mark, end, rows)
    if len(kept.seen) > MOST_SEEN:
        kept = _moved(kept, sorted(kept.seen)[MOST_SEEN // 2], rows)
    values = {"user_id": identity.user, "channel_id": channel_id, "post_id": kept.post_id, "at": tx.now}
    values["seen"] = sorted(kept.seen)
    if not tx.run(CHANGE, **values):
        tx.run(ADD, **values)
    tx.changed("read", subject=channel_id, tags=[read_by(identity.user)])
    return kept


def _moved(mark: Mark, end: int, rows: Iterable[Any]) -> Mark:
    moved = Mark(end, frozenset(), "", True, True)
    return moved._replace(seen=frozenset(row.id for row in rows if row.id in mark.seen and moved.lacks(row)))


def _first_unread(tx: Tx, identity: Identity, channel_id: int, mark: Mark) -> int | None:
    """Up to where all is read, before the first post that is not; None where all posts are."""
    values = _values(identity, channel_id, mark)
    newer = [row.id - 1 for row in tx.all(OLDEST_UNREAD, **values)]
    return min(newer + [row.shown_after for row in tx.all(OLDEST_LATE, **values)], default=None)


@writes
def see_all(tx: Tx, identity: Identity) -> None:
    """Marks everything as read, in all channels."""
    newest = tx.one(NEWEST_OF_ALL).id or 0
    values = {"user_id": identity.user, "post_id": newest}
    if not tx.run(CHANGE_READER, **values):
        tx.run(ADD_READER, **values)
    for id_ in counts.within(tx, identity).counts:  # what was approved since that newest post was made
        _up_to(tx, identity, _own_channel(tx, identity, id_), newest)
    tx.changed("read", tags=[read_by(identity.user)])


def _forget(tx: Tx, user_id: int) -> None:
    tx.run(NOT_ANSWERED, user=user_id)


account.on_end(_forget)
