"""Hooks: to which address what happens in a group, or in all groups, is told. Its moderators, and admins, may."""

import base64
import re
import secrets
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta
from sqlalchemy import JSON, ForeignKey, Index, String, and_, bindparam, delete, func, insert, select, update
from sqlalchemy import case as when
from sqlalchemy.orm import Mapped, mapped_column

from model import audit
from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group
from model.groups.group import Group, Membership
from pottle import times
from pottle.errors import Conflict, Invalid, NotFound, Versions, check_version
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, changes, reads, writes
from pottle.translation import _
from pottle.values import line

Kind = Literal[
    "post.created", "post.edited", "post.removed", "post.restored", "reactions",
    "channel.created", "channel.edited", "channel.deleted",
]  # fmt: skip
Kinds = Annotated[list[Kind], Meta(min_length=1, max_length=8)]
Format = Literal["standard", "slack", "discord"]
Address = Annotated[
    str,
    line(
        1_000,
        pattern=r"^https?://[^\s#@]+$(?!\n)",
        says=_("must be an address that begins with https://, without a user name, a password or a #"),
    ),
]
TEST = "webhook.test"
MOST = 20  # of one group, and of all groups
OVERLAP_HOURS = 24  # in which two secrets sign


class Webhook(Base):
    """One receiver. The secret is kept as it is, for it signs."""

    __tablename__ = "webhooks"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)  # None: all
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    url: Mapped[str] = mapped_column(String(1_000))
    kinds: Mapped[list[str]] = mapped_column(JSON)
    format: Mapped[Format] = mapped_column(String(10))
    secret: Mapped[str] = mapped_column(String(100))
    old_secret: Mapped[str | None] = mapped_column(String(100))  # signs too, until `overlap`
    overlap: Mapped[Time | None]
    active: Mapped[bool]
    trouble: Mapped[str | None] = mapped_column(String(300))  # why it was switched off
    since: Mapped[int]  # what the change log had then is not told
    created: Mapped[Time]
    version: Mapped[int]


class Delivery(Base):
    """One change to be told to one hook, or that was. It holds references, as the change log does."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        Index("ix_webhook_deliveries_hook", "hook_id", "state", "id"),
        Index("ix_webhook_deliveries_finished", "state", "finished"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[Id]
    hook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    message: Mapped[str] = mapped_column(String(40))  # its `webhook-id`
    seq: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[int | None]
    state: Mapped[Literal["waiting", "delivered", "dead"]] = mapped_column(String(10))
    attempts: Mapped[int]
    code: Mapped[int | None]  # the status of the newest answer
    trouble: Mapped[str | None] = mapped_column(String(300))
    due: Mapped[Time]
    created: Mapped[Time]
    finished: Mapped[Time | None]


class HookView(msgspec.Struct):
    """A hook as its moderators see it; the secret only in the answer that made it. `by` is null once they are gone."""

    id: int
    group: str | None
    url: str
    kinds: list[str]
    format: Format
    active: bool
    trouble: str | None
    by: str | None
    waiting: int
    dead: int
    created: str
    version: int
    secret: str | None = None


def _count(state: str) -> Any:
    return (
        select(func.count())
        .where(Delivery.hook_id == Webhook.id, Delivery.state == state, Delivery.kind != TEST)
        .scalar_subquery()
    )


HOOKS = (
    select(
        *(column for column in Webhook.__table__.c if column.name != "secret"),
        *(Group.slug.label("slug"), User.uid.label("by")),
        *(_count(state).label(state) for state in ("waiting", "dead")),
    )
    .outerjoin(Group, Group.id == Webhook.group_id)
    .outerjoin(User, User.id == Webhook.owner_id)
)
BY_ID = HOOKS.where(Webhook.id == bindparam("id"))
OF_GROUP = HOOKS.where(Webhook.group_id == bindparam("group_id")).order_by(Webhook.id)
OF_ALL = HOOKS.order_by(Webhook.id)
HAS = select(func.count().label("n")).select_from(Webhook).where(Webhook.group_id.is_not_distinct_from(bindparam("of")))
ADD = insert(Webhook).returning(Webhook.id)
CHANGE = update(Webhook).where(Webhook.id == bindparam("id"))
DROP = delete(Webhook).where(Webhook.id == bindparam("id"))
BURY = (
    update(Delivery)
    .where(Delivery.hook_id == bindparam("hook"), Delivery.state == "waiting")
    .values(state="dead", finished=bindparam("now"))
)
# Whoever made it must still have the right to: else they could go on reading by it.
MAY = when(
    (User.role == "admin", 1),
    (and_(Webhook.group_id.is_not(None), Membership.role == "moderator"), 1),
    else_=0,
).label("may")
FULL = (
    select(*Webhook.__table__.c, MAY, Group.slug.label("slug"))
    .outerjoin(Group, Group.id == Webhook.group_id)
    .outerjoin(User, and_(User.id == Webhook.owner_id, User.disabled.is_(None)))
    .outerjoin(Membership, and_(Membership.group_id == Webhook.group_id, Membership.user_id == User.id))
    .where(Webhook.id == bindparam("id"))
)


def view(row: Any, secret: str | None = None) -> HookView:
    """A hook as clients see it."""
    what = row.id, row.slug, row.url, row.kinds, row.format, bool(row.active), row.trouble
    return HookView(*what, row.by, row.waiting, row.dead, row.created, row.version, secret)


@reads
def of_group(read: Snapshot, identity: Identity, slug: str) -> list[HookView]:
    """The hooks of a group that one moderates. Raises NotFound, Forbidden."""
    found = group.moderated.within(read, identity, slug)
    return [view(row) for row in read.all(OF_GROUP, group_id=found.id)]


@reads
def everything(read: Snapshot) -> list[HookView]:
    """All hooks, for admins."""
    return [view(row) for row in read.all(OF_ALL)]


@reads
def mine(read: Snapshot, identity: Identity, id_: int) -> Any:
    """A hook that one may change: as an admin, or as a moderator of its group. Raises NotFound."""
    row = read.one(BY_ID, id=id_)
    if row is None or not (identity.admin or _moderates(read, identity, row.slug)):
        raise NotFound(_("There is no webhook %(id)s.", id=id_))
    return row


def _moderates(read: Snapshot, identity: Identity, slug: str | None) -> bool:
    row = read.one(group.BY_SLUG, slug=slug, **group.asker(identity)) if slug else None
    return row is not None and row.standing == "moderator"


@writes
def create(tx: Tx, identity: Identity, slug: str | None, url: str, kinds: list[Kind], form: Format) -> HookView:
    """Makes a hook, for a group or (None, by an admin) for all. Raises NotFound, Forbidden, Conflict, Invalid."""
    check_address(url)
    of = group.moderated.within(tx, identity, slug).id if slug else None
    if tx.one(HAS, of=of).n >= MOST:
        raise Conflict(_("There are %(most)s webhooks already. Delete one first.", most=MOST))
    secret = new_secret()
    what = {"url": url, "kinds": sorted({*kinds}), "format": form, "secret": secret, "active": True}
    made = tx.one(ADD, group_id=of, owner_id=identity.user, since=changes.head(tx), created=tx.now, version=1, **what)
    _note(tx, identity, "webhook.made", made.id, slug, url)
    return view(tx.one(BY_ID, id=made.id), secret)


@writes
def edit(tx: Tx, identity: Identity, id_: int, versions: Versions, fields: dict[str, Any]) -> HookView:
    """Changes a hook; switching it on makes it that of whoever does so. Raises NotFound, Stale, Invalid."""
    row = mine.within(tx, identity, id_)
    check_version(row.version, versions)
    if "url" in fields:
        check_address(fields["url"])
    if "kinds" in fields:
        fields["kinds"] = sorted({*fields["kinds"]})
    if fields.get("active") and not row.active:
        fields |= {"trouble": None, "since": changes.head(tx), "owner_id": identity.user}
    if fields.get("active") is False:
        tx.run(BURY, hook=id_, now=tx.now)
    tx.run(CHANGE, id=id_, version=row.version + 1, **fields)
    _note(tx, identity, "webhook.edited", id_, row.slug, fields.get("url", row.url))
    return view(tx.one(BY_ID, id=id_))


@writes
def remove(tx: Tx, identity: Identity, id_: int, versions: Versions) -> None:
    """Deletes a hook with its deliveries. Raises NotFound, Stale."""
    row = mine.within(tx, identity, id_)
    check_version(row.version, versions)
    tx.run(DROP, id=id_)
    _note(tx, identity, "webhook.deleted", id_, row.slug, row.url)


@writes
def rotate(tx: Tx, identity: Identity, id_: int) -> HookView:
    """Gives it a new secret. The one before signs too, for a day. Raises NotFound."""
    row = mine.within(tx, identity, id_)
    secret, before = new_secret(), tx.one(FULL, id=id_).secret
    until = times.later(hours=OVERLAP_HOURS)
    tx.run(CHANGE, id=id_, secret=secret, old_secret=before, overlap=until, version=row.version + 1)
    _note(tx, identity, "webhook.rotated", id_, row.slug, row.url)
    return view(tx.one(BY_ID, id=id_), secret)


def switch_off(tx: Tx, row: Any, why: str) -> None:
    """Within a unit: tells a hook nothing more, and its owner why; what waited can be sent again."""
    tx.run(BURY, hook=row.id, now=tx.now)
    tx.run(CHANGE, id=row.id, active=False, trouble=why[:300], version=row.version + 1)
    _note(tx, None, "webhook.disabled", row.id, row.slug, f"{host_of(row.url)}: {why}")


def new_secret() -> str:
    """Of 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def host_of(url: str) -> str:
    """Where a hook leads, without the path, which may be a secret (as Slack's and Discord's are)."""
    return urlsplit(url).netloc


def check_address(url: str) -> None:
    """Raises Invalid for an address that nothing could be sent to."""
    try:
        parts = urlsplit(url)
        fine = bool(parts.hostname) and parts.port != 0 and re.fullmatch(r"[!-~]+", url)
        (parts.hostname or "").encode("idna")
    except ValueError:  # of which UnicodeError is one
        fine = False
    if not fine:
        raise Invalid({"url": _("must be an address that begins with https://")})


def _note(tx: Tx, by: Identity | None, action: audit.Action, id_: int, slug: str | None, detail: str) -> None:
    where = detail if action == "webhook.disabled" else host_of(detail)
    audit.note(tx, by, action, f"webhook {id_}", group=slug, detail=where)
