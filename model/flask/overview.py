"""What somebody may see of all groups at once: their groups, channels and posts, each as one list, oldest first.

Rows also have the `number` by which pages call them. A list is the same for all who may see the same groups. `audience`
names those: "" for who sees what is public, "admins" for who sees everything, and "3,7" for who also sees these two
groups, as a member.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from sqlalchemy import bindparam, case, func, or_, select

from model.accounts.session import Identity
from model.flask.extras import OF_CHANNEL, ChannelRow, Laughs, number
from model.groups import group
from model.groups.group import VISIBLE, Group, Membership, asker
from model.talk import channel, post, review
from model.talk.channel import SHOWN_TITLE, Channel
from model.talk.post import FOUND, OF_EDIT, Edit, Post
from pottle.store import Snapshot, db, reads
from pottle.store.paging import Cursor, as_nothing, paged, paged_aside

MOST = 500  # the newest ones; a list is not paged
MOST_BYTES = 512 * 1024  # of the texts of posts
ADMINS = "admins"
WHOLE = Cursor(MOST, room=MOST_BYTES)


class GroupRow(Protocol):
    """A group. It has a second number as a section; of one's own groups `created` says since when one belongs to it."""

    slug: str
    name: str
    created: str
    number: int
    section_number: int


class PostRow(post.PostRow):
    """A post with its numbers, the title of its channel, and how often somebody laughed and booed at it."""

    __abstract__ = True

    number: int
    channel_number: int
    author_number: int | None
    channel_title: str
    haha: int
    boohoo: int


PRIVATE = (
    select(Group.id)
    .join(Membership, Membership.group_id == Group.id)
    .where(Group.reading == "members", Membership.user_id == bindparam("user_id"))
    .order_by(Group.id)
)
NUMBERS = number("group", Group.id).label("number"), number("section", Group.id).label("section_number")
GROUPS = group.LISTED.add_columns(*NUMBERS)
IS_NAMED = or_(Group.name == bindparam("name"), Group.name == bindparam("meant"), Group.slug == bindparam("slug"))
NAMED = GROUPS.where(IS_NAMED)
HAS_CHANNELS = select(Channel.id).where(Channel.group_id == Group.id).exists().label("has_channels")
FAMILY = GROUPS.add_columns(HAS_CHANNELS).where(or_(IS_NAMED, Group.slug.like(bindparam("family"))))
BELONGING = (
    select(Group.id, Group.slug, Group.name, Membership.created, *NUMBERS)
    .join(Membership, Membership.group_id == Group.id)
    .where(Membership.user_id == bindparam("user_id"))
)
CHANNELS = channel.LISTED.add_columns(*OF_CHANNEL)
IN_GROUP = CHANNELS.where(Group.id == bindparam("group_id"))
SEEN = (
    FOUND.add_columns(
        SHOWN_TITLE.label("channel_title"),
        number("post", Post.id).label("number"),
        number("channel", Post.channel_id).label("channel_number"),
        case((Post.anonymous, None), else_=number("user", Post.author_id)).label("author_number"),
        func.coalesce(Laughs.haha, 0).label("haha"),
        func.coalesce(Laughs.boohoo, 0).label("boohoo"),
    )
    .join(Channel, Channel.id == Post.channel_id)
    .join(Group, Group.id == Channel.group_id)
    .outerjoin(Laughs, Laughs.post_id == Post.id)
    .where(VISIBLE)
)
PUBLISHED = SEEN.where(Post.state == "published")
IN_CHANNEL = PUBLISHED.where(Post.channel_id == bindparam("channel_id"))
OWN = (
    SEEN.add_columns(*OF_EDIT)
    .outerjoin(Edit, Edit.post_id == Post.id)
    .where(Post.author_id == bindparam("author_id"), Post.state != "removed")
)


@reads
def audience(read: Snapshot, identity: Identity | None) -> str:
    """The audience that whoever asks belongs to."""
    return _named(identity, read.all(PRIVATE, user_id=identity.user) if identity else [])


def sees(audience: str, group_id: int) -> bool:
    """Whether an audience sees a group of which only members read."""
    return audience == ADMINS or str(group_id) in audience.split(",")


def _named(identity: Identity | None, private: Sequence[Any]) -> str:
    return ADMINS if identity and identity.admin else ",".join(str(id_) for (id_,) in private)


@reads
def groups(read: Snapshot, identity: Identity | None) -> tuple[str, list[GroupRow]]:
    """The audience of whoever asks, and the groups that it may see."""
    return audience.within(read, identity), _all(read, GROUPS, Group.id, **asker(identity))


@reads
def groups_of_section(read: Snapshot, identity: Identity | None, section: str, meant: str) -> list[GroupRow]:
    """The groups of that name (`section`, or `meant` by it), or whose slug begins with it; without any, all groups.

    Those without channels are among them only where none has any. Pottle has no sections, and a page asks for the one
    that it was made for.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", meant.lower()).strip("-")
    named = {"name": section, "meant": meant, "slug": slug, "family": f"{slug}-%" if slug else ""}
    found = _all(read, FAMILY, Group.id, **named, **asker(identity))
    return [row for row in found if row.has_channels] or found or groups.within(read, identity)[1]


@reads
def memberships(read: Snapshot, user_id: int) -> list[GroupRow]:
    """The groups that a user belongs to."""
    return _all(read, BELONGING, Group.id, user_id=user_id)


@reads
def channels(read: Snapshot, identity: Identity | None) -> tuple[str, list[ChannelRow]]:
    """The audience of whoever asks, and the channels of all groups that it may see."""
    return audience.within(read, identity), _all(read, CHANNELS, Channel.id, **asker(identity))


@reads
def channels_of(read: Snapshot, identity: Identity | None, name: str, meant: str) -> list[ChannelRow] | None:
    """The channels of the groups of that name (`name`, or `meant` by it) or slug; None without such a group."""
    who = asker(identity)
    found = _all(read, NAMED, Group.id, name=name, slug=name, meant=meant, **who)
    rows = [row for group in found for row in _all(read, IN_GROUP, Channel.id, group_id=group.id, **who)]
    return rows if found else None


async def posts(identity: Identity | None) -> tuple[str, list[PostRow]]:
    """The audience of whoever asks, and the published posts of all groups that it may see."""
    who = asker(identity)
    async with db.session() as session:  # beside the event loop: it may have to pass over many that are for others
        whose = _named(identity, (await session.execute(PRIVATE, {"user_id": who["user"]})).all())
        page = await paged_aside(session, PUBLISHED, Post.id, WHOLE, lambda row: row, post.weight, **who)
    return whose, page.items[::-1]


@reads
def posts_in(read: Snapshot, identity: Identity | None, channel_id: int) -> list[PostRow]:
    """The published posts of a channel. Raises NotFound."""
    channel.visible_to.within(read, identity, channel_id)
    return _all(read, IN_CHANNEL, Post.id, post.weight, channel_id=channel_id, **asker(identity))


@reads
def posts_by(read: Snapshot, identity: Identity) -> list[PostRow]:
    """One's own posts (for post.own_view), with those that wait for a moderator."""
    return _all(read, OWN, Post.id, review.weight, author_id=identity.user, **asker(identity))


def _all(
    read: Snapshot, statement: Any, key: Any, weigh: Callable[[Any], int] = as_nothing, /, **values: Any
) -> list[Any]:
    return paged(read, statement, key, WHOLE, lambda row: row, weigh, **values).items[::-1]
