"""Where something of another system is now: by the path of its page, and by the ids that imports remember."""

from typing import NamedTuple

from model.accounts.session import Identity
from model.arriving import importing, pages
from model.arriving.imported import find_old
from model.groups import group
from model.groups.group import asker
from model.talk import channel as channels
from model.talk import post as posts
from pottle.errors import NotFound
from pottle.store import Snapshot, reads
from pottle.translation import _


class Place(NamedTuple):
    """A channel, and a post in it, if one was asked for and is there."""

    channel: int
    post: int | None


@reads
def find(read: Snapshot, identity: Identity | None, slug: str, address: str, comment: str | None) -> Place:
    """Where a page's discussion is, or a comment with that id, which is found whatever its page is called.

    Raises NotFound, also for what the asker may not see.
    """
    in_group = group.visible_to.within(read, identity, slug)
    if comment and (post := _post(read, identity, in_group.id, comment)):
        return post
    try:
        key = pages.of(address).key
    except ValueError:
        key = ""
    row = read.one(channels.BY_KEY, slug=slug, key=key, **asker(identity))
    if row is None or row.state != "published":
        raise NotFound(_("There is no discussion of that page here."))
    return Place(row.id, None)


def _post(read: Snapshot, identity: Identity | None, group_id: int, comment: str) -> Place | None:
    for source in importing.known():
        if (id_ := find_old(read, group_id, source, comment)) is not None:
            try:
                row, channel = posts.visible_to.within(read, identity, id_)
            except NotFound:
                continue
            return Place(channel.id, row.id)
    return None
