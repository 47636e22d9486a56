"""Threads: what a page of another site shows of the channel with its key."""

from typing import NamedTuple

from model.accounts.session import Identity
from model.groups import group
from model.groups.group import GroupRow, asker
from model.talk import channel as channels
from model.talk import post
from model.talk.channel import BY_KEY, ChannelRow
from model.talk.post import PostView
from pottle.store import Snapshot, reads
from pottle.store.paging import Cursor, Page


class Thread(NamedTuple):
    """A page of a channel's posts, and the channel's position; an empty one where there is no channel yet."""

    group: GroupRow
    channel: ChannelRow | None
    page: Page[PostView]
    seq: int


@reads
def of_page(read: Snapshot, identity: Identity | None, slug: str, key: str, cursor: Cursor) -> Thread:
    """The thread of the page with a key. Raises NotFound for the group."""
    in_group = group.visible_to.within(read, identity, slug)
    channel: ChannelRow | None = read.one(BY_KEY, slug=slug, key=key, **asker(identity))
    if channel is None:
        return Thread(in_group, None, Page([], None, None), 0)
    listed = post.listed.within(read, identity, channel.id, cursor)
    return Thread(in_group, channel, listed.page, channels.position(read, channel.id))
