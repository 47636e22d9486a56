"""What users chose to be told: each kind at once, daily or not at all; in a group otherwise; in quiet hours nothing."""

from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import JSON, ForeignKey, String, bindparam, delete, false, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model import settings
from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group, rules
from model.groups.group import Group
from model.mail import address, outbox
from model.notices import timing
from model.notices.notice import FOR_MODERATORS, Kind
from model.talk import channel as channels
from pottle.errors import Invalid
from pottle.store import Base, Snapshot, Tx, reads, writes
from pottle.translation import _
from pottle.values import line

Choosable = Literal["reply", "mention", "post", "decided", "waiting"]
How = Literal["now", "daily", "off"]
Attention = Literal["usual", "follow", "mute"]
Clock = Annotated[
    str, line(5, 5, pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)", says=_("must be a time such as 21:30"))
]
Zone = Annotated[str, line(40)]
KINDS: tuple[Choosable, ...] = ("reply", "mention", "post", "decided", "waiting")
USUAL: dict[Choosable, How] = dict.fromkeys(KINDS, "now")
PUSHED: list[Choosable] = ["reply", "mention", "decided"]
DIGEST_AT = "08:00"


class NoticeSettings(Base):
    """What a user chose for everything: how each kind is mailed, which come as a push, and when."""

    __tablename__ = "notice_settings"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    mail: Mapped[dict[str, str]] = mapped_column(JSON)
    push: Mapped[list[str]] = mapped_column(JSON)
    zone: Mapped[str | None] = mapped_column(String(40))
    quiet_from: Mapped[str | None] = mapped_column(String(5))
    quiet_until: Mapped[str | None] = mapped_column(String(5))
    digest_at: Mapped[str] = mapped_column(String(5))


class NoticeRule(Base):
    """What a user chose for one group: nothing from there (`muted`), or how some kinds are mailed."""

    __tablename__ = "notice_rules"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True, index=True)
    muted: Mapped[bool] = mapped_column(server_default=false())
    mail: Mapped[dict[str, str]] = mapped_column(JSON)


class Follow(Base):
    """That a user follows a discussion, and is told of each new post there, or that nothing from it is sent."""

    __tablename__ = "follows"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"), primary_key=True, index=True)
    how: Mapped[Literal["follow", "mute"]] = mapped_column(String(10))


class Quiet(msgspec.Struct):
    """Between which times of the day nothing is sent; what comes then comes afterwards, as one."""

    start: Clock
    end: Clock


class KindsView(msgspec.Struct):
    """How each kind is mailed: `now`, in the `daily` summary, or not (`off`). What is left out stays as it is."""

    reply: How | UnsetType = UNSET
    mention: How | UnsetType = UNSET
    post: How | UnsetType = UNSET
    decided: How | UnsetType = UNSET
    waiting: How | UnsetType = UNSET


class GroupNotices(msgspec.Struct):
    """What one chose for a group. `mail` has only the kinds for which that is something else than elsewhere."""

    group: str
    name: str
    muted: bool
    mail: KindsView


class NoticesView(msgspec.Struct):
    """What one is told, and when. `zone` is that of the times; null is the server's, `usual_zone`.

    `address` says whether mail comes at all: `nowhere` is a server that sends none, `none` that one gave no address,
    and of one that one gave, that it is not confirmed (`unproven`), takes no mail (`off`), or does (`proven`).
    """

    mail: KindsView
    push: list[Choosable]
    zone: str | None
    usual_zone: str
    quiet: Quiet | None
    digest_at: str
    groups: list[GroupNotices]
    address: Literal["nowhere", "none", "unproven", "off", "proven"]


class Choice(NamedTuple):
    """What a user wants to be told of a group and a discussion."""

    mail: dict[Choosable, How]
    push: frozenset[str]
    muted: bool
    clock: timing.Clocks

    def how(self, kind: Kind) -> How:
        """How a kind is mailed."""
        return "off" if self.muted else self.mail[as_chosen(kind)]

    def pushes(self, kind: Kind) -> bool:
        """Whether a kind is sent as a push."""
        return not self.muted and as_chosen(kind) in self.push


_own, _its = NoticeSettings.user_id == bindparam("user_id"), NoticeRule.user_id == bindparam("user_id")
SETTINGS = select(*NoticeSettings.__table__.c).where(_own)
ADD, CHANGE = insert(NoticeSettings), update(NoticeSettings).where(_own)
RULES = (
    select(Group.id, Group.slug, Group.name, NoticeRule.muted, NoticeRule.mail)
    .join(Group, Group.id == NoticeRule.group_id)
    .where(_its)
    .order_by(Group.name)
)
ADD_RULE = insert(NoticeRule)
DROP_RULE = delete(NoticeRule).where(_its, NoticeRule.group_id == bindparam("group_id"))
_follow = Follow.user_id == bindparam("user_id"), Follow.channel_id == bindparam("channel_id")
FOLLOW = select(Follow.how).where(*_follow)
ADD_FOLLOW, DROP_FOLLOW = insert(Follow), delete(Follow).where(*_follow)
CHOSEN = (
    select(
        *(column for column in NoticeSettings.__table__.c if column.name != "user_id"),
        *(NoticeRule.muted, NoticeRule.mail.label("group_mail"), Follow.how),
    )
    .select_from(User)
    .outerjoin(NoticeSettings, NoticeSettings.user_id == User.id)
    .outerjoin(NoticeRule, (NoticeRule.user_id == User.id) & (NoticeRule.group_id == bindparam("group_id")))
    .outerjoin(Follow, (Follow.user_id == User.id) & (Follow.channel_id == bindparam("channel_id")))
    .where(User.id == bindparam("user_id"))
)


def as_chosen(kind: Kind) -> Choosable:
    """Under which name a kind is chosen: all that waits for moderators is one."""
    return "waiting" if kind in FOR_MODERATORS else kind  # type: ignore[return-value]


def of(read: Snapshot, user_id: int, group_id: int, channel_id: int | None) -> Choice:
    """What a user wants to be told of a group, and of a discussion in it."""
    row = read.one(CHOSEN, user_id=user_id, group_id=group_id, channel_id=channel_id or 0)
    mail = {**USUAL, **(row.mail or {}), **(row.group_mail or {})}
    push = frozenset(PUSHED if row.push is None else row.push)
    return Choice(mail, push, bool(row.muted) or row.how == "mute", _clocks(row))


def _clocks(row: Any) -> timing.Clocks:
    quiet = (row.quiet_from, row.quiet_until) if row.quiet_from else None
    return timing.Clocks(row.zone or settings.chosen().time_zone, quiet, row.digest_at or DIGEST_AT)


@reads
def chosen(read: Snapshot, identity: Identity) -> NoticesView:
    """What somebody chose."""
    row = read.one(SETTINGS, user_id=identity.user)
    usual = settings.chosen().time_zone
    of_groups = [
        GroupNotices(one.slug, one.name, bool(one.muted), KindsView(**one.mail))
        for one in read.all(RULES, user_id=identity.user)
    ]
    state = address.known(read, identity.user).state if outbox.on() else "nowhere"
    if row is None:
        return NoticesView(KindsView(**USUAL), PUSHED, None, usual, None, DIGEST_AT, of_groups, state)
    quiet = Quiet(row.quiet_from, row.quiet_until) if row.quiet_from else None
    mail = KindsView(**{**USUAL, **row.mail})
    return NoticesView(mail, row.push, row.zone, usual, quiet, row.digest_at, of_groups, state)


@writes
def choose(tx: Tx, identity: Identity, fields: dict[str, Any]) -> NoticesView:
    """Changes what somebody is told; what is not among the `fields` stays. Raises Invalid."""
    set_fields(tx, identity.user, fields)
    return chosen.within(tx, identity)


def set_fields(tx: Tx, user_id: int, fields: dict[str, Any]) -> None:
    """Within a unit: as `choose`, for whoever was told by a link in a mail. Raises Invalid, before it writes."""
    if fields.get("zone") is not None and not timing.is_zone(fields["zone"]):
        raise Invalid({"zone": _("must be the name of a time zone, such as Europe/Berlin")})
    row = tx.one(SETTINGS, user_id=user_id)
    now: dict[str, Any] = {
        "mail": {},
        "push": PUSHED,
        "zone": None,
        "quiet_from": None,
        "quiet_until": None,
        "digest_at": DIGEST_AT,
    }
    if row:
        now = {name: getattr(row, name) for name in now}
    if "quiet" in fields:
        quiet = fields.pop("quiet")
        now |= {"quiet_from": quiet and quiet.start, "quiet_until": quiet and quiet.end}
    now = {**now, **fields, "mail": {**now["mail"], **fields.get("mail", {})}}
    if not tx.run(CHANGE, user_id=user_id, **now):
        tx.run(ADD, user_id=user_id, **now)


@writes
def choose_in_group(tx: Tx, identity: Identity, slug: str, muted: bool, mail: dict[str, How]) -> NoticesView:
    """Chooses for one group; nothing there (not muted, no kinds) is what one chose for everything. Raises NotFound."""
    set_rule(tx, identity.user, group.visible_to.within(tx, identity, slug).id, muted, mail)
    return chosen.within(tx, identity)


def turn_off(tx: Tx, user_id: int, kinds: list[Choosable]) -> None:
    """Within a unit: nothing of these kinds is mailed to a user any more, from no group."""
    for row in tx.all(RULES, user_id=user_id):
        set_rule(tx, user_id, row.id, bool(row.muted), {k: how for k, how in row.mail.items() if k not in kinds})
    set_fields(tx, user_id, {"mail": dict.fromkeys(kinds, "off")})


def set_rule(tx: Tx, user_id: int, group_id: int, muted: bool, mail: dict[str, How]) -> None:
    """Within a unit: what a user chose for a group, in place of what was."""
    tx.run(DROP_RULE, user_id=user_id, group_id=group_id)
    if muted or mail:
        tx.run(ADD_RULE, user_id=user_id, group_id=group_id, muted=muted, mail=mail)


@reads
def attention(read: Snapshot, identity: Identity, channel_id: int) -> Attention:
    """Whether somebody follows a discussion that they may see, or wants nothing of it."""
    row = read.one(FOLLOW, user_id=identity.user, channel_id=channel_id)
    return row.how if row else "usual"


@writes
def attend(tx: Tx, identity: Identity, channel_id: int, how: Attention) -> Attention:
    """Follows a discussion, or has nothing sent from it. Raises NotFound, SessionNeeded."""
    rules.must_be_good_in(channels.visible_to.within(tx, identity, channel_id), identity)
    set_attention(tx, identity.user, channel_id, how)
    return how


def set_attention(tx: Tx, user_id: int, channel_id: int, how: Attention) -> None:
    """Within a unit: as `attend`."""
    tx.run(DROP_FOLLOW, user_id=user_id, channel_id=channel_id)
    if how != "usual":
        tx.run(ADD_FOLLOW, user_id=user_id, channel_id=channel_id, how=how)
