"""Channels: one discussion in a group, found by its key (a room's name, or a page's path)."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import ForeignKey, String, UniqueConstraint, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model import audit, group, rules
from model.errors import NotFound, Versions, check_version
from model.group import STANDING, VISIBLE, Group, asker
from model.session import Identity
from model.store import NEVER_REUSE_IDS, Base, Id, Statements, Time, Tx, changes, db
from model.store.paging import Cursor, Page, paged

Key = Annotated[str, Meta(min_length=1, max_length=300, pattern=r"\S")]
Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Url = Annotated[str, Meta(max_length=2_000, pattern=r"^https?://[^\s]+$(?!\n)")]


class Channel(Base):
    """One discussion."""

    __tablename__ = "channels"
    __table_args__ = (UniqueConstraint("group_id", "key"), NEVER_REUSE_IDS)

    id: Mapped[Id]
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(300))
    title: Mapped[str] = mapped_column(String(200))
    url: Mapped[str | None] = mapped_column(String(2_000))
    locked: Mapped[bool]
    posts: Mapped[int]  # published ones
    seq: Mapped[int]  # of its newest change
    created: Mapped[Time]
    version: Mapped[int]


class ChannelView(msgspec.Struct):
    """A channel as whoever may read it sees it."""

    id: int
    group: str
    key: str
    title: str
    url: str | None
    locked: bool
    posts: int
    created: str
    version: int


OWN = [column for column in Channel.__table__.c if column.name != "group_id"]
PLACE = (
    select(
        *OWN,
        Group.id.label("group_id"),
        Group.slug.label("group"),
        Group.name.label("group_name"),
        Group.reading,
        Group.posting,
        Group.review,
        Group.origins,
        STANDING,
    )
    .join(Group, Group.id == Channel.group_id)
    .where(VISIBLE)
)
BY_ID = PLACE.where(Channel.id == bindparam("channel"))
BY_KEY = PLACE.where(Group.slug == bindparam("named"), Channel.key == bindparam("key"))
IN_GROUP = PLACE.where(Group.slug == bindparam("named"))


def visible_to(read: Statements, identity: Identity | None, id_: int) -> Any:
    """The place (see model/rules.py) of a channel that the asker may see: the only way to get one. Raises NotFound."""
    place = seen_by(read, identity, id_)
    if place is None:
        raise NotFound(f"There is no channel {id_}.")
    return place


def seen_by(read: Statements, identity: Identity | None, id_: int) -> Any:
    """As visible_to, but None where there is nothing that the asker may see."""
    return read.one(BY_ID, channel=id_, **asker(identity))


def view(row: Any) -> ChannelView:
    """A row as clients see it."""
    return ChannelView(
        row.id, row.group, row.key, row.title, row.url, bool(row.locked), row.posts, row.created, row.version
    )


async def find(identity: Identity | None, id_: int) -> Any:
    """As visible_to, for a handler."""
    with db.snapshot() as read:
        return visible_to(read, identity, id_)


async def listed(identity: Identity | None, slug: str, cursor: Cursor, key: str | None = None) -> tuple[Any, Page[Any]]:
    """The row of a group, and the places of its channels, newest first, or the one with `key`. Raises NotFound."""
    who = asker(identity)
    with db.snapshot() as read:
        in_group = group.visible_to(read, identity, slug)
        if key is not None:
            return in_group, Page(read.all(BY_KEY, named=slug, key=key, **who), None, None)
        return in_group, paged(read, IN_GROUP, Channel.id, cursor, lambda row: row, named=slug, **who)


async def newest(identity: Identity | None, count: int) -> list[Any]:
    """The places of the newest channels of all groups that whoever asks may see."""
    with db.snapshot() as read:
        return paged(read, PLACE, Channel.id, Cursor(count), lambda row: row, **asker(identity)).items


ADD = (
    insert(Channel)
    .values(
        group_id=bindparam("in_group"),
        key=bindparam("with_key"),
        title=bindparam("titled"),
        url=bindparam("at"),
        locked=False,
        posts=0,
        seq=0,
        created=bindparam("now"),
        version=1,
    )
    .returning(Channel.id)
)


class Opened(msgspec.Struct):
    """A channel that was asked for by its key, and whether it had to be made."""

    channel: ChannelView
    created: bool


def open_(
    tx: Tx, identity: Identity | None, slug: str, key: str, title: str | None, url: str | None, origin: str | None
) -> Opened:
    """Unit: gets the channel with `key`, or makes it where whoever asks may post. Raises what rules.may_post does."""
    found = tx.one(BY_KEY, named=slug, key=key, **asker(identity))
    if found is not None:
        return Opened(view(found), created=False)
    in_group = group.visible_to(tx, identity, slug)
    rules.may_post(in_group, identity, origin)
    made = visible_to(tx, identity, add(tx, in_group.id, key, title or key, url))
    return Opened(view(made), created=True)


def add(tx: Tx, group_id: int, key: str, title: str, url: str | None) -> int:
    """Within a unit: makes a channel of a key that the group does not have yet; its id."""
    id_: int = tx.one(ADD, in_group=group_id, with_key=key, titled=title, at=url, now=tx.now).id
    tx.changed("channel.created", subject=id_, tags=["channels", f"channels-of:{group_id}"])
    return id_


EDIT = (
    update(Channel)
    .where(Channel.id == bindparam("channel"))
    .values(title=bindparam("titled"), locked=bindparam("shut"), version=Channel.version + 1)
)


def edit(
    tx: Tx, identity: Identity, id_: int, versions: Versions, title: str | None, locked: bool | None
) -> ChannelView:
    """Unit: changes a channel's title or locks it. Only moderators may. Raises Stale."""
    place = _moderated(tx, identity, id_, versions)
    titled = place.title if title is None else title
    tx.run(EDIT, channel=id_, titled=titled, shut=place.locked if locked is None else locked)
    tx.changed("channel.edited", channel=id_, subject=id_, tags=["channels"])
    if locked is not None and locked != bool(place.locked):
        _note(tx, identity, "channel.locked" if locked else "channel.unlocked", place)
    return view(visible_to(tx, identity, id_))


def remove(tx: Tx, identity: Identity, id_: int, versions: Versions) -> None:
    """Unit: deletes a channel with its posts. Only moderators may. Raises Stale."""
    place = _moderated(tx, identity, id_, versions)
    tx.run(DELETE, channel=id_)
    tx.run(FORGET, channel=id_)
    tags = ["channels", f"group:{place.group_id}"]  # its posts too, each by itself
    tx.changed("channel.deleted", subject=id_, tags=tags)
    _note(tx, identity, "channel.deleted", place)


DELETE = delete(Channel).where(Channel.id == bindparam("channel"))
FORGET = delete(changes.Change).where(changes.Change.channel_id == bindparam("channel"))


def _note(tx: Tx, identity: Identity, action: audit.Action, place: Any) -> None:
    audit.note(tx, identity, action, f"channel {place.id}", group=place.group, detail=place.title)


def _moderated(tx: Tx, identity: Identity | None, id_: int, versions: Versions) -> Any:
    place = visible_to(tx, identity, id_)
    rules.must_moderate(place, identity)
    check_version(place.version, versions)
    return place


async def counts(identity: Identity | None, slug: str, keys: list[str]) -> tuple[Any, dict[str, int], list[int]]:
    """(the group's row, the number of published posts by key, the ids of the channels found). Raises NotFound."""
    with db.snapshot() as read:
        in_group = group.visible_to(read, identity, slug)
        found = [row for key in set(keys) for row in read.all(BY_KEY, named=slug, key=key, **asker(identity))]
    counted = {row.key: row.posts for row in found}
    return in_group, {key: counted.get(key, 0) for key in keys}, [row.id for row in found]


def _views(read: Statements, ids: set[int]) -> dict[int, ChannelView]:
    return {row.id: view(row) for id_ in ids for row in read.all(BY_ID, channel=id_, user=0, admin=1)}


changes.carries(["channel.edited"], "edited", _views)
