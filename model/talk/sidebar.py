"""The sidebar of the pages: somebody's groups, others that everybody may read, and a few discussions of each."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Integer, bindparam, select

from model.accounts.session import Identity
from model.groups.group import HERE, Group, Membership, asker
from model.groups.rules import Standing
from model.notices import bell
from model.talk import inbox as inboxes
from model.talk.channel import Channel
from model.talk.unread import Unread, counts
from pottle.store import Snapshot, reads

MINE, OTHERS = 40, 8  # groups
AT_ONCE = 6  # channels of a group
FRONT = ("home", "lobby")  # the group and the key of the channel on the front page, which is always among them


class SidebarChannel(msgspec.Struct):
    """A channel, as the sidebar shows it."""

    id: int
    key: str
    title: str
    locked: bool
    pinned: bool
    unread: int
    posts: int | UnsetType = UNSET


class SidebarGroup(msgspec.Struct):
    """A group, and some of its channels."""

    slug: str
    name: str
    standing: Standing | None
    channels: list[SidebarChannel]
    more: bool


class Sidebar(msgspec.Struct):
    """The groups of whoever asks; how many unread posts there are in all discussions, and in their inbox.

    `bell` is how much is new for them: what is unread in their inbox, and decisions on posts of theirs.
    """

    groups: list[SidebarGroup]
    unread: int
    inbox: int
    bell: int


_shown = Group.id, Group.slug, Group.name
_mine = Membership.group_id == Group.id, Membership.user_id == bindparam("user"), HERE
OWN = (
    select(*_shown, Membership.role.label("standing"))
    .join(Membership, Membership.group_id == Group.id)
    .where(Membership.user_id == bindparam("user"), HERE)
    .order_by(Group.name, Group.id)
    .limit(MINE)
)
PUBLIC = (
    select(*_shown)
    .where(Group.reading == "public", ~select(Membership.user_id).where(*_mine).exists())
    .order_by(Group.id)
    .limit(OTHERS)
)
_columns = Channel.id, Channel.key, Channel.title, Channel.locked, Channel.pinned, Channel.posts
_channels = select(*_columns).where(Channel.group_id == bindparam("of"), Channel.state == "published")
_limited = bindparam("limit", type_=Integer)
ACTIVE = _channels.order_by(Channel.active.desc()).limit(_limited)
BEGUN = _channels.order_by(Channel.id.desc()).limit(_limited)
BY_KEY = _channels.where(Channel.key == bindparam("key"))


@reads
def of(read: Snapshot, identity: Identity | None) -> tuple[Sidebar, set[str]]:
    """What the sidebar shows to somebody, and the tags of what that is made of.

    Of groups that one does not belong to it has no counts: whoever reads would have to be told of each post.
    """
    who = {name: value for name, value in asker(identity).items() if name != "admin"}
    unread, inbox, decided = Unread({}, frozenset()), 0, bell.Unseen(0, set())
    own: list[Any] = []
    tags = {"groups", "channels"}
    if identity:
        unread, inbox = counts.within(read, identity), inboxes.count.within(read, identity)
        decided = bell.decisions.within(read, identity)
        own = read.all(OWN, **who)
        tags |= {f"user:{identity.uid}", *unread.tags, *inboxes.tags(identity), *decided.tags}
        tags |= {f"posts-of:{row.id}" for row in own}
    groups = [_group(row, row.standing, read.all(ACTIVE, of=row.id, limit=AT_ONCE + 1), unread) for row in own]
    groups += [_group(row, None, _begun(read, row), unread) for row in read.all(PUBLIC, **who)]
    return Sidebar(groups, sum(unread.counts.values()), inbox, inbox + decided.many), tags


def _begun(read: Snapshot, row: Any) -> list[Any]:
    found = read.all(BEGUN, of=row.id, limit=AT_ONCE + 1)
    slug, key = FRONT
    if row.slug == slug and all(channel.key != key for channel in found):
        return [*read.all(BY_KEY, of=row.id, key=key), *found]
    return sorted(found, key=lambda channel: channel.key != key) if row.slug == slug else found


def _group(row: Any, standing: Standing | None, channels: list[Any], unread: Unread) -> SidebarGroup:
    shown = [_channel(channel, unread, standing is not None) for channel in channels[:AT_ONCE]]
    return SidebarGroup(row.slug, row.name, standing, shown, len(channels) > AT_ONCE)


def _channel(row: Any, unread: Unread, counted: bool) -> SidebarChannel:
    marks = bool(row.locked), bool(row.pinned)
    posts = row.posts if counted else UNSET
    return SidebarChannel(row.id, row.key, row.title, *marks, unread.counts.get(row.id, 0), posts)
