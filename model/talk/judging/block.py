"""Blocks: people and networks that read and do not write, in a group or everywhere, for a time or for good.

A network's block holds for guests, and for people whom the group does not trust yet: a school is one address.
"""

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    ForeignKey,
    SQLColumnExpression,
    String,
    and_,
    bindparam,
    column,
    delete,
    func,
    insert,
    or_,
    select,
    table,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from model import audit
from model.accounts.session import Identity
from model.accounts.user import User, by_uid, skeleton
from model.groups import group, rules
from model.groups.group import Group, Membership
from model.talk import channel as channels
from model.talk.channel import Channel
from model.talk.judging import ruleset
from model.talk.judging.judge import Rules
from model.talk.judging.source import Source
from model.talk.judging.trust import Level, Trust
from model.talk.post import Post
from pottle import times
from pottle.errors import Conflict, Forbidden, Invalid, NotFound
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, partial_index, reads, writes
from pottle.store.paging import Cursor, Page, as_nothing, paged
from pottle.store.unit import envelope
from pottle.translation import Text, _
from pottle.values import line

Why = Annotated[str, line(500)]
Network = Annotated[str, line(50)]
Until = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$(?!\n)",
        extra={"tidies": None, "says": _("must be a time in UTC such as 2026-12-24T08:30:00.000Z")},
    ),
]
WIDEST = {4: 8, 6: 19}  # bits of a prefix: nobody blocks the internet by a slip
DAY = 86_400  # seconds
REMOVED_DAYS = 7  # that a removal counts
NOBODY = {"user_id": 0, "likeness": None}
NARROWEST = 64  # bits of IPv6: whoever has one address there has all of these


class Blocked(Forbidden):
    """Whoever asks may not write there now: `until` says how long, `why` for what."""

    status = 403
    title = "Blocked"


class Block(Base):
    """One of them: of a user, or of a network, which is kept as the range of its addresses too (as IPv6, in hex)."""

    __tablename__ = "blocks"
    __table_args__ = (
        partial_index("ix_blocks_range", "first", where="first IS NOT NULL"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[Id]
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)  # None: all
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    network: Mapped[str | None] = mapped_column(String(50))
    first: Mapped[str | None] = mapped_column(String(32))
    last: Mapped[str | None] = mapped_column(String(32))
    until: Mapped[Time | None]  # None: for good
    why: Mapped[str] = mapped_column(String(500))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    created: Mapped[Time]


class BlockView(msgspec.Struct):
    """A block as moderators see it: of `user` (called `name`) or of a `network`; everywhere without a `group`."""

    id: int
    group: str | None
    user: str | None
    name: str | None
    network: str | None
    until: str | None
    why: str
    by: str | None
    created: str


_by = aliased(User)
_group_id: BindParameter[int] = bindparam("group_id")
_now: BindParameter[str] = bindparam("now")
HOLDS = or_(Block.until.is_(None), Block.until > _now)
_user_id: BindParameter[int] = bindparam("user_id")
_address: BindParameter[str] = bindparam("address")
# Of model/talk/desk/statement.py, which imports this: what moderators decided against somebody's posts.
_against = table("statements", *map(column, ("user_id", "group_id", "about", "created", "ended")))


def _known(group_id: SQLColumnExpression[int]) -> Iterator[ColumnElement[Any]]:
    """What a group knows of somebody, in one question: to ask several takes longer."""
    there = or_(Block.group_id == group_id, Block.group_id.is_(None)), HOLDS
    removals = _against.c.about == "post", _against.c.ended.is_(None), _against.c.created > bindparam("since")
    trust = Trust.group_id == group_id, Trust.user_id == _user_id
    questions = {
        "level": select(Trust.level).where(*trust),
        "approved": select(Trust.approved).where(*trust),
        "person": select(func.max(Block.id)).where(Block.user_id == _user_id, *there),
        "network": select(func.max(Block.id)).where(Block.first <= _address, Block.last >= _address, *there),
        "removed": select(func.count())
        .select_from(_against)
        .where(_against.c.user_id == _user_id, _against.c.group_id == group_id, *removals),
        "account": select(User.created).where(User.id == _user_id),
        "namesake": group.namesake(Membership.group_id == group_id),
    }
    return (question.scalar_subquery().label(name) for name, question in questions.items())


KNOWN = select(*_known(_group_id))
CHANNEL = channels.BY_ID.add_columns(*_known(Group.id))  # and what its group knows
SHOWN = (
    select(
        *(Block.id, Block.group_id, Group.slug.label("group"), User.uid.label("user"), User.name, Block.network),
        *(Block.user_id, Block.until, Block.why, _by.uid.label("by"), Block.created),
    )
    .outerjoin(Group, Group.id == Block.group_id)
    .outerjoin(User, User.id == Block.user_id)
    .outerjoin(_by, _by.id == Block.by_id)
)
BY_ID = SHOWN.where(Block.id == bindparam("id"))
OF_GROUP = SHOWN.where(Block.group_id == _group_id, HOLDS)
EVERYWHERE = SHOWN.where(Block.group_id.is_(None), HOLDS)
ADD = insert(Block).returning(Block.id)
DROP = delete(Block).where(Block.id == bindparam("id"))
_same_place = or_(Block.group_id == _group_id, and_(_group_id.is_(None), Block.group_id.is_(None)))
DROP_OF_USER = delete(Block).where(Block.user_id == bindparam("user_id"), _same_place)
DROP_OF_NETWORK = delete(Block).where(Block.network == bindparam("network"), _same_place)
ROLE = select(User.role, Membership.role.label("standing")).outerjoin(
    Membership, and_(Membership.user_id == User.id, Membership.group_id == _group_id)
)
SOURCE = (
    select(Channel.group_id, Source.address)
    .join(Post, Post.channel_id == Channel.id)
    .outerjoin(Source, (Source.post_id == Post.id) & Post.author_id.is_(None))
    .where(Post.id == bindparam("id"))
)
ROLE = ROLE.where(User.id == bindparam("user_id"))


class Here(NamedTuple):
    """What a group knows of whoever asks, and its rules."""

    rules: Rules
    level: Level = "new"
    looks_after: bool = False
    approved: int = 0
    removed: int = 0  # by moderators, in 7 days
    account: str = ""  # when the account was made
    namesake: bool = False  # whether their name can be taken for that of somebody who looks after the group

    @property
    def trusted(self) -> bool:
        """Whether nothing that they post is held back."""
        return self.level == "trusted" or (self.level == "new" and self.approved >= self.rules.trusted_after)


def here(read: Snapshot, there: rules.Rules, identity: Identity | None) -> Here:
    """What is known of whoever asks, as far as it is of use to judge them. Raises Blocked where they may not write."""
    known = None if rules.moderates(there, identity) else read.one(KNOWN, group_id=there.group_id, **asking(identity))
    return here_by(read, there, identity, known)


def asking(identity: Identity | None) -> dict[str, Any]:
    """Who asks, as bind parameters of KNOWN."""
    now = times.now()
    who = {"user_id": identity.user, "likeness": skeleton(identity.name)} if identity else NOBODY
    return {**who, "address": _asking_from(), "now": now, "since": before(now, REMOVED_DAYS * DAY)}


def here_by(read: Snapshot, there: rules.Rules, identity: Identity | None, row: Any) -> Here:
    """As `here`, by what was found: a row of KNOWN, or of CHANNEL."""
    chosen = ruleset.of(read, there.group_id, there.rules_version)
    if rules.moderates(there, identity):
        return Here(chosen, looks_after=True)
    level: Level = row.level or "new"
    approved = row.approved or 0
    found = Here(chosen, level, False, approved, row.removed, row.account or times.now(), row.namesake is not None)
    if held := row.person or (row.network if not found.trusted else None):
        block = read.one(BY_ID, id=held)
        raise Blocked(_said(block), until=block.until, why=block.why)
    return found


def before(now: str, seconds: int) -> str:
    """The time so many seconds before `now`, to the minute."""
    return _before(now[:16], seconds)


@lru_cache(maxsize=16)
def _before(minute: str, seconds: int) -> str:
    return times.at(times.milliseconds(f"{minute}:00.000Z") - seconds * 1_000)


def _said(row: Any) -> Text:
    said = {"why": row.why, "until": row.until and in_words(row.until)}
    if row.user is None and row.until:
        return _("Nobody can write here from your network until %(until)s: %(why)s", **said)
    if row.user is None:
        return _("Nobody can write here from your network: %(why)s", **said)
    if row.until:
        return _("You cannot write here until %(until)s: %(why)s", **said)
    return _("You cannot write here any more: %(why)s", **said)


def in_words(stamp: str) -> str:
    """A stored time for people."""
    return f"{stamp[:10]} {stamp[11:16]} UTC"


def _asking_from() -> str:
    """The address that asks, as blocks have it; "" where there is none, as in commands."""
    around = envelope.get()
    return as_hex(around.address) if around and around.address else ""


@lru_cache(maxsize=1_000)
def as_hex(address: str) -> str:
    """An address (or a network's first) as blocks compare it; "" for what is none."""
    try:
        found = ip_address(address.partition("/")[0])
    except ValueError:
        return ""
    return f"{int(found) if isinstance(found, IPv6Address) else 0xFFFF << 32 | int(found):032x}"


def _network_of(text: str) -> IPv4Network | IPv6Network:
    """A network that may be blocked. Raises Invalid."""
    try:
        found = ip_network(text.strip(), strict=False)
    except ValueError:
        raise Invalid({"network": _("must be an address or network, such as 203.0.113.7 or 2001:db8::/48")}) from None
    if isinstance(found, IPv6Network) and found.prefixlen > NARROWEST:
        found = found.supernet(new_prefix=NARROWEST)
    if found.prefixlen < WIDEST[found.version]:
        raise Invalid({"network": _("is too wide; the widest is /%(bits)s", bits=WIDEST[found.version])})
    return found


@writes
def put(
    tx: Tx,
    identity: Identity,
    slug: str | None,
    uid: str | None,
    until: str | None,
    why: str,
    network: str | None = None,
    post_id: int | None = None,
) -> BlockView:
    """Blocks a user or a network instead of the block before, in a group (its moderators) or everywhere (admins).

    With `post_id` the network that a guest's post came from, as long as that is known.
    Raises NotFound, Forbidden, Invalid; Conflict for those who look after the group.
    """
    group_id = _place(tx, identity, slug)
    if post_id is not None:
        network = _network_of_post(tx, group_id, post_id)
    if until is not None and until <= tx.now:
        raise Invalid({"until": _("must be later than now")})
    what: dict[str, Any] = {"user_id": None, "network": None, "first": None, "last": None}
    if uid is not None:
        what["user_id"] = _person_to_block(tx, identity, uid, group_id)
        tx.run(DROP_OF_USER, user_id=what["user_id"], group_id=group_id)
    else:
        found = _network_of(network or "")
        ends = {"first": as_hex(str(found[0])), "last": as_hex(str(found[-1]))}
        what |= {"network": str(found), **ends}
        tx.run(DROP_OF_NETWORK, network=what["network"], group_id=group_id)
    id_ = tx.one(ADD, group_id=group_id, **what, until=until, why=why, by_id=identity.user, created=tx.now).id
    row = tx.one(BY_ID, id=id_)
    _note(tx, identity, "block.made", row)
    return view(row)


def _place(read: Snapshot, identity: Identity, slug: str | None) -> int | None:
    if slug is not None:
        return int(group.moderated.within(read, identity, slug).id)
    if not identity.admin:
        raise Forbidden(_("Only an admin may do that."))
    return None


def _network_of_post(read: Snapshot, group_id: int | None, post_id: int) -> str:
    row = read.one(SOURCE, id=post_id)
    if row is None or group_id not in (None, row.group_id):
        raise NotFound(_("There is no post %(id)s.", id=post_id))
    if row.address is None:
        raise Conflict(_("It is not known any more where this post came from."))
    return str(row.address)


def _person_to_block(tx: Tx, identity: Identity, uid: str, group_id: int | None) -> int:
    user = by_uid(tx.session, uid)
    role = tx.one(ROLE, user_id=user.id, group_id=group_id or 0)
    if user.id == identity.user or role.role == "admin" or role.standing == "moderator":
        raise Conflict(_("%(name)s looks after this group and cannot be blocked.", name=user.name))
    return user.id


@writes
def end(tx: Tx, identity: Identity, slug: str | None, id_: int) -> None:
    """Ends a block before its time. Raises NotFound, Forbidden."""
    group_id, row = _place(tx, identity, slug), tx.one(BY_ID, id=id_)
    if row is None or row.group_id != group_id:
        raise NotFound(_("There is no such block."))
    tx.run(DROP, id=id_)
    _note(tx, identity, "block.ended", row)


@reads
def listed(read: Snapshot, identity: Identity, slug: str | None, cursor: Cursor) -> Page[BlockView]:
    """The blocks that hold in a group, or everywhere, newest first. Raises NotFound, Forbidden."""
    group_id = _place(read, identity, slug)
    if group_id is None:
        return paged(read, EVERYWHERE, Block.id, cursor, view, as_nothing, now=times.now())
    return paged(read, OF_GROUP, Block.id, cursor, view, as_nothing, now=times.now(), group_id=group_id)


def view(row: Any) -> BlockView:
    """A block as moderators see it."""
    whom = row.user, row.name, row.network
    return BlockView(row.id, row.group, *whom, row.until, row.why, row.by, row.created)


def _note(tx: Tx, identity: Identity, action: audit.Action, row: Any) -> None:
    until = f"until {in_words(row.until)}, " if row.until else ""
    subject = row.user or f"block {row.id}"  # addresses do not stay in the log
    audit.note(tx, identity, action, subject, group=row.group, detail=f"{until}{row.why}")
