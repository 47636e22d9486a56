"""What somebody may see of all groups at once: their groups, channels and posts, each as one list, oldest first.

Such a list is the same for all who may see the same groups, whom `audience` names: "" for those who see what is public,
"admins" for those who see everything, and "3,7" for those who also see these two groups, because they belong to them.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, or_, select

from model.accounts.session import Identity
from model.groups import group
from model.groups.group import VISIBLE, Group, Membership, asker
from model.talk import post, review
from model.talk.channel import IN_GROUP, LISTED, SHOWN_TITLE, Channel
from model.talk.channel import visible_to as channel_visible_to
from model.talk.edit import Edit
from model.talk.post import FOUND, Post
from pottle.store import Snapshot, db
from pottle.store.paging import Cursor, as_nothing, paged, paged_aside

MOST = 500  # the newest ones; a list is not paged
MOST_BYTES = 512 * 1024  # of the texts of posts
ADMINS = "admins"
WHOLE = Cursor(MOST, room=MOST_BYTES)


class Overview(msgspec.Struct):
    """Rows, oldest first, and the audience that they are the same for."""

    audience: str
    rows: list[Any]


PRIVATE = (
    select(Group.id)
    .join(Membership, Membership.group_id == Group.id)
    .where(Group.reading == "members", Membership.user_id == bindparam("user"))
    .order_by(Group.id)
)
NAMED = group.LISTED.where(
    or_(Group.name == bindparam("called"), Group.name == bindparam("meant"), Group.slug == bindparam("called"))
)
HAS_CHANNELS = select(Channel.id).where(Channel.group_id == Group.id).exists().label("has_channels")
FAMILY = group.LISTED.add_columns(HAS_CHANNELS).where(
    or_(
        Group.name == bindparam("called"),
        Group.name == bindparam("meant"),
        Group.slug == bindparam("slug"),
        Group.slug.like(bindparam("family")),
    ),
)
BELONGING = (
    select(Group.id, Group.slug, Group.name, Membership.created)
    .join(Membership, Membership.group_id == Group.id)
    .where(Membership.user_id == bindparam("by"))
)
SEEN = (
    FOUND.add_columns(SHOWN_TITLE.label("channel_title"))
    .join(Channel, Channel.id == Post.channel_id)
    .join(Group, Group.id == Channel.group_id)
    .where(VISIBLE)
)
PUBLISHED = SEEN.where(Post.state == "published")
IN_CHANNEL = PUBLISHED.where(Post.channel_id == bindparam("channel"))
OWN = (
    SEEN.add_columns(*review.OF_EDIT)
    .outerjoin(Edit, Edit.post_id == Post.id)
    .where(Post.author_id == bindparam("by"), Post.state != "removed")
)


def audience(identity: Identity | None) -> str:
    """Whose lists are the same as those of whoever asks."""
    with db.snapshot() as read:
        return _audience(read, identity)


def sees(audience: str, group_id: int) -> bool:
    """Whether an audience sees a group of which only members read."""
    return audience == ADMINS or str(group_id) in audience.split(",")


def _audience(read: Snapshot, identity: Identity | None) -> str:
    return _named(identity, read.all(PRIVATE, user=identity.user) if identity else [])


def _named(identity: Identity | None, private: Sequence[Any]) -> str:
    return ADMINS if identity and identity.admin else ",".join(str(id_) for (id_,) in private)


async def groups(identity: Identity | None) -> Overview:
    """The groups (rows of them) that whoever asks may see."""
    with db.snapshot() as read:
        return Overview(_audience(read, identity), _all(read, group.LISTED, Group.id, **asker(identity)))


async def groups_of_section(identity: Identity | None, section: str, meant: str) -> list[Any]:
    """The groups that have that name (`section`, or `meant` by it), or whose slug begins with it.

    Those without channels are among them where none has any. If there are no such groups, all are given: Pottle has no
    sections, and a page asks for the one that it was made for.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", meant.lower()).strip("-")
    named = {"called": section, "meant": meant, "slug": slug, "family": f"{slug}-%" if slug else ""}
    with db.snapshot() as read:
        found = _all(read, FAMILY, Group.id, **named, **asker(identity))
        return (
            [row for row in found if row.has_channels] or found or _all(read, group.LISTED, Group.id, **asker(identity))
        )


async def memberships(user: int) -> list[Any]:
    """The groups that a user belongs to: rows of `id`, `slug`, `name` and `created`, since when."""
    with db.snapshot() as read:
        return _all(read, BELONGING, Group.id, by=user)


async def channels(identity: Identity | None) -> Overview:
    """The channels (places) of all groups that whoever asks may see."""
    with db.snapshot() as read:
        return Overview(_audience(read, identity), _all(read, LISTED, Channel.id, **asker(identity)))


async def channels_of(identity: Identity | None, called: str, meant: str) -> list[Any] | None:
    """The channels of the groups of that name (`called`, or `meant` by it) or slug; None without such a group."""
    who = asker(identity)
    with db.snapshot() as read:
        found = _all(read, NAMED, Group.id, called=called, meant=meant, **who)
        places = [place for row in found for place in _all(read, IN_GROUP, Channel.id, named=row.slug, **who)]
        return places if found else None


async def posts(identity: Identity | None) -> Overview:
    """The published posts of all groups that whoever asks may see. A row also has its `channel_title`."""
    who = asker(identity)
    async with db.session() as session:  # beside the event loop: it may have to pass over many that are for others
        whose = _named(identity, (await session.execute(PRIVATE, {"user": who["user"]})).all())
        page = await paged_aside(session, PUBLISHED, Post.id, WHOLE, _as_it_is, post.weight, **who)
    return Overview(whose, page.items[::-1])


async def posts_in(identity: Identity | None, channel_id: int) -> list[Any]:
    """The published posts of a channel, likewise. Raises NotFound."""
    with db.snapshot() as read:
        channel_visible_to(read, identity, channel_id)
        return _all(read, IN_CHANNEL, Post.id, post.weight, channel=channel_id, **asker(identity))


async def posts_by(identity: Identity) -> list[Any]:
    """One's own posts (rows of review.WITH_EDIT), likewise, with those that wait for a moderator."""
    with db.snapshot() as read:
        return _all(read, OWN, Post.id, review.weight, by=identity.user, **asker(identity))


def _all(
    read: Snapshot, statement: Any, key: Any, weigh: Callable[[Any], int] = as_nothing, /, **values: Any
) -> list[Any]:
    return paged(read, statement, key, WHOLE, _as_it_is, weigh, **values).items[::-1]


def _as_it_is(row: Any) -> Any:
    return row
