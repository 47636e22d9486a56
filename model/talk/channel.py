"""Channels: discussions in a group, each found by its key (a room's name, or a page's path)."""

from random import random
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict, replace
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    bindparam,
    case,
    delete,
    false,
    insert,
    select,
    update,
)
from sqlalchemy import literal_column as sql
from sqlalchemy.orm import Mapped, mapped_column

from model import audit
from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group, rules
from model.groups.group import OPERATOR, STANDING, VISIBLE, Group, GroupRow, asker
from model.groups.rules import Posting, Reading, Review, Standing
from model.talk import keys
from pottle import times
from pottle.errors import NotFound, Versions, check_version
from pottle.rates import Rate
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, changes, db, partial_index, reads, writes
from pottle.store.paging import Cursor, Page, paged, paged_aside
from pottle.store.unit import envelope
from pottle.translation import _
from pottle.values import line

State = Literal["published", "pending"]
Order = Literal["newest", "active"]  # by when they began, or by when something was last said; then pinned ones first
Key = Annotated[str, line(300, tidies=keys.normal)]
Title = Annotated[str, line(200)]
Url = Annotated[
    str,
    line(2_000, pattern=r"^https?://[^\s]+$(?!\n)", says=_("must be an address that begins with http:// or https://")),
]
DAY = 86_400  # seconds
ADDED = Rate("kilobytes", 32 * 1024, per=DAY)  # 28,800 short posts, 20 a minute, or 450 of the largest there are
ADDED_FROM_ADDRESS = Rate("kilobytes of an address", 256 * 1024, per=DAY)
BEGUN = Rate("discussions", 120, per=3600)  # three for each of a class of guests behind one address
SAMPLED = 16 * 1024  # bytes: of what is smaller, one in so many counts for that much; to count each is work
UNTITLED = "New discussion"  # the title that others see while one is pending


class Channel(Base):
    """One discussion. While it is pending, others may talk in it but do not see its key, title and url."""

    __tablename__ = "channels"
    __table_args__ = (
        UniqueConstraint("group_id", "key"),
        partial_index("ix_channels_pending", "group_id", where="'pending' = state"),
        partial_index(
            "ix_channels_waits",
            "group_id",
            where="state IS 'pending'",
            postgresql="state IS NOT DISTINCT FROM 'pending'",
        ),  # as in post.py
        Index("ix_channels_active", "group_id", "active"),
        Index("ix_channels_begun", "group_id", "id"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[Id]
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(300))
    title: Mapped[str] = mapped_column(String(200))
    url: Mapped[str | None] = mapped_column(String(2_000))
    locked: Mapped[bool]
    pinned: Mapped[bool] = mapped_column(server_default=false())  # comes first in its group
    active: Mapped[int] = mapped_column(BigInteger, server_default="0")  # see `activity`
    posts: Mapped[int]  # published ones
    seq: Mapped[int] = mapped_column(default=int)  # not used since revision 0011: its stream knows
    created: Mapped[Time]
    version: Mapped[int]
    state: Mapped[State] = mapped_column(String(10), server_default="published")
    begun_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))  # while it is pending
    slow: Mapped[int] = mapped_column(server_default="0")  # seconds between two posts of one person


class ChannelRow(Channel):
    """A channel with its group's rules and the asker's standing, as its queries return it. Only a type: never made.

    Of a pending channel `key`, `title` and `url` are hidden; `given_key` and so on are not.
    """

    __abstract__ = True

    group: str  # its slug
    group_name: str
    reading: Reading
    posting: Posting
    review: Review
    anonymous: bool
    images: bool
    origins: list[str]
    rules_version: int
    standing: Standing | None
    given_key: str
    given_title: str
    given_url: str | None


class ChannelView(msgspec.Struct):
    """A channel as its readers see it. A pending one is in no list of theirs, and hides its key, title and url.

    `active` is when its newest post appeared, or it began. `by` is there only in the moderators' list of pending ones:
    the uid of who began it, null for a guest. `slow` is there only in slow mode: seconds between two posts of somebody.
    """

    id: int
    group: str
    key: str
    title: str
    url: str | None
    locked: bool
    pinned: bool
    posts: int
    state: State
    created: str
    version: int
    active: str
    by: str | UnsetType | None = UNSET
    slow: int | UnsetType = UNSET


class NamedChannelView(ChannelView, kw_only=True):
    """A channel, and what its group is called."""

    group_name: str


PINNED = 1 << 62  # more than any moment, so that one key sorts pinned channels first, and then by what is newest


def activity(stamp: str, id_: int) -> int:
    """What a group's channels are sorted by: when the newest post appeared (or it began), and then its own number."""
    return times.milliseconds(stamp) << 20 | id_ & 0xFFFFF


def _unless_pending(column: Any, instead: str) -> Any:
    # Written out, not bound: a channel is looked up for every request, and that takes 7.6 us so, else 11.
    return case((Channel.state == sql("'published'"), column), else_=sql(instead)).label(column.name)


def is_pending(state: Any) -> ColumnElement[bool]:
    """Whether a channel or post waits; spelled as in the indexes of those, which SQLite finds by that."""
    return cast(ColumnElement[bool], state.is_not_distinct_from(sql("'pending'")))


SHOWN_TITLE = _unless_pending(Channel.title, f"'{UNTITLED}'")
SHOWN_KEY = _unless_pending(Channel.key, "''")
CHANNELS = (  # that the asker may see, as ChannelRow
    select(
        *(column for column in Channel.__table__.c if column.name not in ("group_id", "seq", "key", "title", "url")),
        *(SHOWN_KEY, SHOWN_TITLE, _unless_pending(Channel.url, "NULL")),
        *(column.label(f"given_{column.name}") for column in (Channel.key, Channel.title, Channel.url)),
        *(Group.id.label("group_id"), Group.slug.label("group"), Group.name.label("group_name"), Group.reading),
        *(Group.posting, Group.review, Group.anonymous, Group.images, Group.origins, Group.rules_version, STANDING),
    )
    .join(Group, Group.id == Channel.group_id)
    .where(VISIBLE)
)
BY_ID = CHANNELS.where(Channel.id == bindparam("id"))
BY_KEY = CHANNELS.where(Group.slug == bindparam("slug"), Channel.key == bindparam("key"))
LISTED = CHANNELS.where(Channel.state == "published")
IN_GROUP = LISTED.where(Group.slug == bindparam("slug"))
MOMENT = (Channel.active % PINNED).label("moment")
EVERYWHERE = LISTED.add_columns(MOMENT)
OF_GROUP = LISTED.where(Channel.group_id == bindparam("of"))
BY_TITLE = IN_GROUP.where(Channel.title == bindparam("title")).order_by(Channel.id).limit(1)
ADD = insert(Channel).returning(Channel.id)
CHANGE = update(Channel).where(Channel.id == bindparam("id"))
DROP = delete(Channel).where(Channel.id == bindparam("id"))
PENDING_ANYWHERE = (
    CHANNELS.outerjoin(User, User.id == Channel.begun_by)
    .add_columns(User.uid.label("by"))
    .where(is_pending(Channel.state))
)
PENDING = PENDING_ANYWHERE.where(Channel.group_id == bindparam("group_id"))


def stream(id_: int) -> str:
    """The name of a channel's stream."""
    return f"channel:{id_}"


def position(read: Snapshot, id_: int) -> int:
    """The seq of a channel's newest change."""
    return changes.position(read, stream(id_))


def view(row: ChannelRow, given: bool = False) -> ChannelView:
    """A channel as clients see it. `given` shows the texts of a pending one: for moderators and who began it."""
    texts = (row.given_key, row.given_title, row.given_url) if given else (row.key, row.title, row.url)
    marks = bool(row.locked), bool(row.pinned)
    about = row.id, row.group, *texts, *marks, row.posts, row.state, row.created, row.version
    return ChannelView(*about, times.at(row.active % PINNED >> 20), slow=row.slow or UNSET)


def own_view(identity: Identity | None, row: ChannelRow) -> ChannelView:
    """A channel as the asker sees it, for answers to nobody else."""
    own = identity is not None and row.begun_by == identity.user
    return view(row, given=own or rules.moderates(row, identity))


def _view_with_group(row: ChannelRow) -> NamedChannelView:
    return NamedChannelView(**asdict(view(row)), group_name=row.group_name)


def view_with_beginner(row: Any) -> ChannelView:
    """A pending channel as moderators see it."""
    return replace(view(row, given=True), by=row.by)


def weight(row: ChannelRow) -> int:
    """Bytes of a channel's texts as JSON."""
    return len(msgspec.json.encode((row.given_key, row.given_title, row.given_url)))


def seen_by(read: Snapshot, identity: Identity | None, id_: int) -> ChannelRow | None:
    """As visible_to, but None instead of NotFound."""
    row: ChannelRow | None = read.one(BY_ID, id=id_, **asker(identity))
    return row


@reads
def visible_to(read: Snapshot, identity: Identity | None, id_: int) -> ChannelRow:
    """A channel that the asker may see. It, and block.CHANNEL, are the only ways to get one. Raises NotFound."""
    return there(seen_by(read, identity, id_), id_)


def there(row: ChannelRow | None, id_: int) -> ChannelRow:
    """A channel that was found. Raises NotFound for none."""
    if row is None:
        raise NotFound(_("There is no channel %(id)s.", id=id_))
    return row


@reads
def listed(
    read: Snapshot,
    identity: Identity | None,
    slug: str,
    cursor: Cursor,
    key: str | None = None,
    order: Order = "newest",
) -> tuple[GroupRow, Page[ChannelView]]:
    """A group and its channels in an order, or only the one with `key`. Raises NotFound for the group."""
    who = asker(identity)
    in_group = group.visible_to.within(read, identity, slug)
    if key is not None:
        found = read.all(BY_KEY, slug=slug, key=key, **who)
        return in_group, Page([replace(view(row), key=key) for row in found], None, None)
    if order == "active":
        return in_group, paged(read, OF_GROUP, Channel.active, cursor, view, weight, of=in_group.id, **who)
    return in_group, paged(read, IN_GROUP, Channel.id, cursor, view, weight, slug=slug, **who)


async def everywhere(identity: Identity | None, cursor: Cursor) -> Page[NamedChannelView]:
    """The channels of all groups that the asker may see, beginning with the one in which something was said last."""
    async with db.session() as session:
        return await paged_aside(session, EVERYWHERE, MOMENT, cursor, _view_with_group, weight, **asker(identity))


@reads
def pending(read: Snapshot, identity: Identity | None, slug: str, cursor: Cursor) -> Page[ChannelView]:
    """A group's pending channels, newest first, for moderators. Raises NotFound, Unauthenticated, Forbidden."""
    in_group = group.moderated.within(read, identity, slug).id
    return paged(read, PENDING, Channel.id, cursor, view_with_beginner, weight, group_id=in_group, **asker(identity))


@reads
def counts(
    read: Snapshot, identity: Identity | None, slug: str, keys: list[str]
) -> tuple[GroupRow, dict[str, int], list[int]]:
    """A group, the number of published posts for each key, and the ids of the channels found. Raises NotFound."""
    in_group = group.visible_to.within(read, identity, slug)
    found = {key: row for key in set(keys) for row in read.all(BY_KEY, slug=slug, key=key, **asker(identity))}
    return in_group, {key: found[key].posts if key in found else 0 for key in keys}, [row.id for row in found.values()]


def uses(size: int, *more: Rate) -> list[tuple[str, Rate, int]]:
    """What it uses up of the asker's and the address's rates to add `size` bytes; and `more`, once each.

    The limits of a day hold whatever accounts are used at an address. Commands and imports use up nothing.
    """
    around = envelope.get()
    if around is None or around.limit is None:
        return []
    if size < SAMPLED:
        size = SAMPLED if random() * SAMPLED < size else 0  # noqa: S311  # no secret
    kilobytes, who = -(-size // 1024), around.limit[0]
    of_bytes = [(who, ADDED, kilobytes), (f"address {around.address}", ADDED_FROM_ADDRESS, kilobytes)]
    return [*(of_bytes if kilobytes else []), *((who, rate, 1) for rate in more)]


def add(
    tx: Tx, group_id: int, key: str, title: str, url: str | None, state: State = "published", by: int | None = None
) -> int:
    """Within a unit: makes a channel whose key is new in the group; returns its id."""
    texts = {"key": key, "title": title, "url": url, "state": state, "begun_by": by}
    new = {"locked": False, "posts": 0, "seq": 0, "created": tx.now, "version": 1, "active": 0}
    id_: int = tx.one(ADD, group_id=group_id, **texts, **new).id
    tx.run(CHANGE, id=id_, active=activity(tx.now, id_))
    tx.changed("channel.created", subject=id_, tags=["channels", f"channels-of:{group_id}"])
    return id_


@writes
def edit(tx: Tx, identity: Identity, id_: int, versions: Versions, fields: dict[str, Any]) -> ChannelView:
    """Retitles, locks, pins or approves (`state`) a channel. Only moderators may. Raises Stale."""
    row = _moderated(tx, identity, id_, versions)
    approved = fields.get("state", row.state) != row.state
    more: dict[str, Any] = {"begun_by": None} if approved else {}
    pinned = fields.get("pinned", row.pinned) != row.pinned
    if pinned:
        more["active"] = row.active % PINNED + (PINNED if fields["pinned"] else 0)
    tx.run(CHANGE, id=id_, version=row.version + 1, **more, **fields)
    if approved:
        _note(tx, identity, "channel.approved", row)
    if fields.get("locked", row.locked) != row.locked:
        _note(tx, identity, "channel.locked" if fields["locked"] else "channel.unlocked", row)
    if pinned:
        _note(tx, identity, "channel.pinned" if fields["pinned"] else "channel.unpinned", row)
    tags = ["channels", f"channels-of:{row.group_id}"] if approved or pinned else ["channels"]
    tx.changed("channel.edited", stream=stream(id_), subject=id_, tags=tags)
    return view(visible_to.within(tx, identity, id_), given=True)


@writes
def remove(tx: Tx, identity: Identity, id_: int, versions: Versions) -> None:
    """Deletes a channel with its posts. Only moderators may. Raises Stale."""
    row = _moderated(tx, identity, id_, versions)
    tx.run(DROP, id=id_)
    changes.drop(tx, stream(id_))
    tx.changed("channel.deleted", subject=id_, tags=["channels", f"group:{row.group_id}"])  # each post's page, too
    _note(tx, identity, "channel.deleted", row)


def _drop_streams(tx: Tx, group_id: int) -> None:
    for id_ in tx.session.scalars(select(Channel.id).where(Channel.group_id == group_id)):
        changes.drop(tx, stream(id_))


group.on_end(_drop_streams)


def _moderated(tx: Tx, identity: Identity, id_: int, versions: Versions) -> ChannelRow:
    row = visible_to.within(tx, identity, id_)
    rules.must_moderate(row, identity)
    check_version(row.version, versions)
    return row


def _note(tx: Tx, identity: Identity, action: audit.Action, row: ChannelRow) -> None:
    audit.note(tx, identity, action, f"channel {row.id}", group=row.group, detail=row.given_title)


def _views(read: Snapshot, ids: set[int]) -> dict[int, ChannelView]:
    return {row.id: view(row) for id_ in ids for row in read.all(BY_ID, id=id_, **OPERATOR)}


changes.carries(["channel.edited"], "edited", _views)
