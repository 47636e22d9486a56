"""Channels: one discussion in a group, found by its key (a room's name, or a page's path)."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import (
    ForeignKey,
    String,
    UniqueConstraint,
    bindparam,
    case,
    delete,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from model import audit
from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group, rules
from model.groups.group import STANDING, VISIBLE, Group, asker
from model.talk import amounts, keys
from pottle.errors import Conflict, NotFound, Versions, check_version
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, changes, db
from pottle.store.paging import Cursor, Page, paged
from pottle.values import line

State = Literal["published", "pending"]
Key = Annotated[str, line(300, tidies=keys.normal)]
Title = Annotated[str, line(200)]
Url = Annotated[
    str, line(2_000, pattern=r"^https?://[^\s]+$(?!\n)", says="must be an address that begins with http:// or https://")
]
UNTITLED = "New discussion"  # what others see of one that waits, in place of its title


class Channel(Base):
    """One discussion. While it waits for a moderator (`pending`), others may talk in it, and do not see its texts."""

    __tablename__ = "channels"
    __table_args__ = (UniqueConstraint("group_id", "key"), NEVER_REUSE_IDS)

    id: Mapped[Id]
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(300))
    title: Mapped[str] = mapped_column(String(200))
    url: Mapped[str | None] = mapped_column(String(2_000))
    locked: Mapped[bool]
    posts: Mapped[int]  # published ones
    seq: Mapped[int] = mapped_column(default=int)  # not used since revision 0011: its stream knows
    created: Mapped[Time]
    version: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), server_default="published")
    begun_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))  # only while it waits


class ChannelView(msgspec.Struct):
    """A channel as whoever may read it sees it. One that waits for a moderator (`pending`) is in no list for readers.

    They see it without its title, url and key, but for the key that they ask for. `by` is there only in the moderators'
    list of those that wait: the uid of who began it, null for a guest.
    """

    id: int
    group: str
    key: str
    title: str
    url: str | None
    locked: bool
    posts: int
    state: State
    created: str
    version: int
    by: str | UnsetType | None = UNSET


def _for_all(column: Any, instead: str) -> Any:
    """A text that waits with its channel, as everybody sees it; `instead` is SQL."""
    return case((IS_PUBLISHED, column), else_=literal_column(instead)).label(column.name)


# Written out, not bound: a place is looked up for every request, and that takes 7.6 us so, else 11.
IS_PUBLISHED = Channel.state == literal_column("'published'")
TEXTS = ("key", "title", "url")
OWN = [column for column in Channel.__table__.c if column.name not in ("group_id", "seq", *TEXTS)]
SHOWN_TITLE = _for_all(Channel.title, f"'{UNTITLED}'")
SHOWN = {"key": _for_all(Channel.key, "''"), "title": SHOWN_TITLE, "url": _for_all(Channel.url, "NULL")}


def _places(**texts: Any) -> Any:
    """What the rules and views need to know of channels: the `texts`, what else belongs to them, and their group."""
    return (
        select(
            *texts.values(),
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


PLACE = _places(**SHOWN)
AS_GIVEN = _places(key=Channel.key, title=Channel.title, url=Channel.url)  # by who began it
BY_ID = PLACE.where(Channel.id == bindparam("channel"))
GIVEN_BY_ID = AS_GIVEN.where(Channel.id == bindparam("channel"))
BY_KEY = _places(**{**SHOWN, "key": Channel.key}).where(
    Group.slug == bindparam("named"), Channel.key == bindparam("key")
)
LISTED = AS_GIVEN.where(Channel.state == "published")
IN_GROUP = LISTED.where(Group.slug == bindparam("named"))
BY_TITLE = IN_GROUP.where(Channel.title == bindparam("titled")).order_by(Channel.id).limit(1)
WAITING = (
    AS_GIVEN.outerjoin(User, User.id == Channel.begun_by)
    .add_columns(User.uid.label("by"))
    .where(Channel.state == "pending", Channel.group_id == bindparam("group"))
)


def stream(id_: int) -> str:
    """The stream of a channel's changes."""
    return f"channel:{id_}"


def position(read: Snapshot, id_: int) -> int:
    """The seq of a channel's newest change."""
    return changes.position(read, stream(id_))


def visible_to(read: Snapshot, identity: Identity | None, id_: int) -> Any:
    """The place (model/groups/rules.py) of a channel that one may see: the only way to get it. Raises NotFound."""
    place = seen_by(read, identity, id_)
    if place is None:
        raise NotFound(f"There is no channel {id_}.")
    return place


def seen_by(read: Snapshot, identity: Identity | None, id_: int) -> Any:
    """As visible_to, but None where there is nothing that the asker may see."""
    return read.one(BY_ID, channel=id_, **asker(identity))


def view(row: Any) -> ChannelView:
    """A row as clients see it."""
    texts = (row.key, row.title, row.url)
    return ChannelView(row.id, row.group, *texts, bool(row.locked), row.posts, row.state, row.created, row.version)


def weight(row: Any) -> int:
    """Bytes of a channel's texts as JSON."""
    return len(msgspec.json.encode((row.key, row.title, row.url)))


async def find(identity: Identity | None, id_: int) -> Any:
    """As visible_to, for a handler."""
    with db.snapshot() as read:
        return visible_to(read, identity, id_)


async def listed(identity: Identity | None, slug: str, cursor: Cursor, key: str | None = None) -> tuple[Any, Page[Any]]:
    """The row of a group, and the places of its channels, newest first, or the one with `key`. Raises NotFound."""
    who = asker(identity)
    with db.snapshot() as read:
        in_group = group.visible_to.within(read, identity, slug)
        if key is not None:
            return in_group, Page(read.all(BY_KEY, named=slug, key=key, **who), None, None)
        return in_group, paged(read, IN_GROUP, Channel.id, cursor, lambda row: row, weight, named=slug, **who)


async def newest(identity: Identity | None, count: int) -> list[Any]:
    """The places of the newest channels of all groups that whoever asks may see."""
    with db.snapshot() as read:
        return paged(read, LISTED, Channel.id, Cursor(count), lambda row: row, **asker(identity)).items


async def waiting(identity: Identity | None, slug: str, cursor: Cursor) -> Page[ChannelView]:
    """The channels of a group that wait for its moderators, newest first.

    Raises NotFound, Unauthenticated, Forbidden.
    """
    with db.snapshot() as read:
        of = group.moderated.within(read, identity, slug).id
        return paged(read, WAITING, Channel.id, cursor, _with_beginner, weight, group=of, **asker(identity))


def _with_beginner(row: Any) -> ChannelView:
    return msgspec.structs.replace(view(row), by=row.by)


async def own_view(identity: Identity | None, place: Any) -> ChannelView:
    """A place as this one asker sees it: of a channel that waits, who began it and moderators see the texts."""
    own = identity is not None and place.begun_by == identity.user
    if place.state == "pending" and (own or rules.moderates(place, identity)):
        with db.snapshot() as read:
            place = read.one(GIVEN_BY_ID, channel=place.id, **asker(identity)) or place
    return view(place)


ADD = (
    insert(Channel)
    .values(
        group_id=bindparam("in_group"),
        key=bindparam("with_key"),
        title=bindparam("titled"),
        url=bindparam("at"),
        locked=False,
        posts=0,
        created=bindparam("now"),
        version=1,
        state=bindparam("in_state"),
        begun_by=bindparam("beginner"),
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
    in_group = group.visible_to.within(tx, identity, slug)
    rules.may_post(in_group, identity, origin)
    waits = rules.waits(in_group, identity)
    beginner = identity.user if identity and waits else None
    amounts.count(tx, len(msgspec.json.encode((key, title, url))), amounts.BEGUN)
    made = add(tx, in_group.id, key, title or key, url, rules.first_state(in_group, identity), beginner)
    return Opened(view(tx.one(GIVEN_BY_ID, channel=made, **asker(identity))), created=True)


def begin(tx: Tx, identity: Identity | None, slug: str, title: str, url: str | None, origin: str | None) -> Opened:
    """Unit: makes a discussion of a title that the group has none of. Raises Conflict, which names the one it has."""
    in_group = group.visible_to.within(tx, identity, slug)
    rules.may_post(in_group, identity, origin)
    key, who = keys.of_title(title), asker(identity)
    there = tx.one(BY_KEY, named=slug, key=key, **who) or tx.one(BY_TITLE, named=slug, titled=title, **who)
    if there is not None:
        said = "There is a discussion of that title already."
        named = {"id": there.id, "title": there.title}
        raise Conflict(said, channel=named, errors=[{"field": "title", "message": said}])
    return open_(tx, identity, slug, key, title, url, origin)


def add(
    tx: Tx,
    group_id: int,
    key: str,
    title: str,
    url: str | None,
    state: str = "published",
    beginner: int | None = None,
) -> int:
    """Within a unit: makes a channel of a key that the group does not have yet; its id."""
    texts = {"with_key": key, "titled": title, "at": url}
    id_: int = tx.one(ADD, in_group=group_id, **texts, in_state=state, beginner=beginner, now=tx.now).id
    tx.changed("channel.created", subject=id_, tags=["channels", f"channels-of:{group_id}"])
    return id_


EDIT = (
    update(Channel)
    .where(Channel.id == bindparam("channel"))
    .values(title=bindparam("titled"), locked=bindparam("shut"), version=Channel.version + 1)
)
APPROVE = update(Channel).where(Channel.id == bindparam("channel")).values(state="published", begun_by=None)


def edit(
    tx: Tx,
    identity: Identity,
    id_: int,
    versions: Versions,
    title: str | None = None,
    locked: bool | None = None,
    approve: bool = False,
) -> ChannelView:
    """Unit: changes a channel's title, locks it, or approves one that waits. Only moderators may. Raises Stale."""
    place = _moderated(tx, identity, id_, versions)
    titled = place.title if title is None else title
    tx.run(EDIT, channel=id_, titled=titled, shut=place.locked if locked is None else locked)
    tags = ["channels"]
    if approve and place.state == "pending":
        tx.run(APPROVE, channel=id_)
        tags.append(f"channels-of:{place.group_id}")
        _note(tx, identity, "channel.approved", place)
    tx.changed("channel.edited", stream=stream(id_), subject=id_, tags=tags)
    if locked is not None and locked != bool(place.locked):
        _note(tx, identity, "channel.locked" if locked else "channel.unlocked", place)
    return view(_moderated(tx, identity, id_, None))


def remove(tx: Tx, identity: Identity, id_: int, versions: Versions) -> None:
    """Unit: deletes a channel with its posts. Only moderators may. Raises Stale."""
    place = _moderated(tx, identity, id_, versions)
    tx.run(DELETE, channel=id_)
    changes.drop(tx, stream(id_))
    tags = ["channels", f"group:{place.group_id}"]  # its posts too, each by itself
    tx.changed("channel.deleted", subject=id_, tags=tags)
    _note(tx, identity, "channel.deleted", place)


DELETE = delete(Channel).where(Channel.id == bindparam("channel"))
OF_GROUP = select(Channel.id).where(Channel.group_id == bindparam("group"))


def drop_streams(tx: Tx, group_id: int) -> None:
    """Within a unit that deletes a group: forgets the changes of its channels."""
    for row in tx.all(OF_GROUP, group=group_id):
        changes.drop(tx, stream(row.id))


def _note(tx: Tx, identity: Identity, action: audit.Action, place: Any) -> None:
    audit.note(tx, identity, action, f"channel {place.id}", group=place.group, detail=place.title)


def _moderated(tx: Tx, identity: Identity | None, id_: int, versions: Versions) -> Any:
    rules.must_moderate(visible_to(tx, identity, id_), identity)
    place = tx.one(GIVEN_BY_ID, channel=id_, **asker(identity))
    check_version(place.version, versions)
    return place


async def counts(identity: Identity | None, slug: str, keys: list[str]) -> tuple[Any, dict[str, int], list[int]]:
    """(the group's row, the number of published posts by key, the ids of the channels found). Raises NotFound."""
    with db.snapshot() as read:
        in_group = group.visible_to.within(read, identity, slug)
        found = [row for key in set(keys) for row in read.all(BY_KEY, named=slug, key=key, **asker(identity))]
    counted = {row.key: row.posts for row in found}
    return in_group, {key: counted.get(key, 0) for key in keys}, [row.id for row in found]


def _views(read: Snapshot, ids: set[int]) -> dict[int, ChannelView]:
    return {row.id: view(row) for id_ in ids for row in read.all(BY_ID, channel=id_, user=0, admin=1)}


changes.carries(["channel.edited"], "edited", _views)
