"""Groups: a class, club or site, with its rules, and who belongs to it."""

from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import JSON, ForeignKey, String, bindparam, delete, insert, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from model import audit
from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import rules
from pottle.errors import NotFound, Versions, check_version, taken
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db
from pottle.store.paging import Cursor, Page, paged
from pottle.values import line

Slug = Annotated[
    str,
    line(
        60,
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)",
        says="must have 1 to 60 small letters a to z, digits and single hyphens between them, such as class-5b",
    ),
]
SomeSlug = Annotated[str, line(254)]  # to look for: what has another form is no group's
Origin = Annotated[
    str,
    line(
        200,
        pattern=r"^https?://[a-z0-9.\-]+(:[0-9]{1,5})?$(?!\n)",
        says="must be an address in small letters with nothing behind it, such as https://class.example",
    ),
]
MOST_ORIGINS = 50  # of one group
Origins = Annotated[list[Origin], msgspec.Meta(max_length=MOST_ORIGINS)]
Reading = Literal["public", "members"]
Posting = Literal["guests", "users", "members"]
Review = Literal["none", "guests", "all"]
Standing = Literal["member", "moderator"]


class Group(Base):
    """A class, club or site."""

    __tablename__ = "groups"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    origins: Mapped[list[str]] = mapped_column(JSON)
    reading: Mapped[str] = mapped_column(String(10))
    posting: Mapped[str] = mapped_column(String(10))
    review: Mapped[str] = mapped_column(String(10))
    created: Mapped[Time]
    version: Mapped[int]


class Membership(Base):
    """What a user is in a group."""

    __tablename__ = "memberships"

    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(10))
    created: Mapped[Time]


class GroupView(msgspec.Struct):
    """A group as whoever may read it sees it."""

    slug: str
    name: str
    origins: list[str]
    reading: Reading
    posting: Posting
    review: Review
    created: str
    version: int


class MemberView(msgspec.Struct):
    """One member."""

    uid: str
    name: str
    role: Standing


STANDING = (
    select(Membership.role)
    .where(Membership.group_id == Group.id, Membership.user_id == bindparam("user"))
    .scalar_subquery()
    .label("standing")
)
VISIBLE = or_(
    Group.reading == "public",
    bindparam("admin") == 1,
    select(Membership.user_id).where(Membership.group_id == Group.id, Membership.user_id == bindparam("user")).exists(),
)
BY_SLUG = select(*Group.__table__.c, STANDING).where(Group.slug == bindparam("named"), VISIBLE)


def asker(identity: Identity | None) -> dict[str, int]:
    """The values of VISIBLE and STANDING for whoever is asking."""
    return {"user": identity.user if identity else 0, "admin": int(bool(identity and identity.admin))}


def visible_to(read: Snapshot, identity: Identity | None, slug: str) -> Any:
    """The row of a group that whoever asks may see, with its `standing` there. Raises NotFound."""
    row = read.one(BY_SLUG, named=slug, **asker(identity))
    if row is None:
        raise NotFound(f"There is no group {slug}.")
    return row


def view(row: Any) -> GroupView:
    """A row as clients see it."""
    return GroupView(row.slug, row.name, row.origins, row.reading, row.posting, row.review, row.created, row.version)


def _weight(row: Any) -> int:
    """Bytes of a group's texts as JSON."""
    return len(msgspec.json.encode((row.name, row.origins)))


async def find(identity: Identity | None, slug: str) -> Any:
    """As visible_to, for a handler."""
    with db.snapshot() as read:
        return visible_to(read, identity, slug)


async def listed(identity: Identity | None, cursor: Cursor) -> Page[GroupView]:
    """The groups that whoever asks may see, newest first."""
    with db.snapshot() as read:
        return paged(read, LISTED, Group.id, cursor, view, _weight, **asker(identity))


LISTED = select(*Group.__table__.c).where(VISIBLE)


async def everything(cursor: Cursor) -> Page[GroupView]:
    """All groups, newest first, for the operator."""
    with db.snapshot() as read:
        return paged(read, LISTED, Group.id, cursor, view, _weight, user=0, admin=1)


def create(tx: Tx, identity: Identity | None, fields: dict[str, Any]) -> GroupView:
    """Unit: a new group, whose maker (None: the operator) is its first moderator. Raises Conflict for a slug taken."""
    if tx.one(TAKEN, named=fields["slug"]):
        raise taken("slug", fields["slug"])
    group = Group(**fields, created=tx.now, version=1)
    tx.session.add(group)
    tx.session.flush()
    if identity:
        tx.run(JOIN, group=group.id, user=identity.user, as_="moderator", now=tx.now)
    tx.changed("group.created", subject=group.id, tags=["groups"])
    audit.note(tx, identity, "group.created", group.slug, group=group.slug, detail=_described(fields))
    return view(group)


TAKEN = select(Group.id).where(Group.slug == bindparam("named"))
JOIN = insert(Membership).values(
    group_id=bindparam("group"), user_id=bindparam("user"), role=bindparam("as_"), created=bindparam("now")
)


def moderated(tx: Snapshot, identity: Identity | None, slug: str) -> Any:
    """The row of a group that whoever asks moderates. Raises NotFound, Forbidden."""
    row = visible_to(tx, identity, slug)
    rules.must_moderate(row, identity)
    return row


def edit(tx: Tx, identity: Identity, slug: str, versions: Versions, fields: dict[str, Any]) -> GroupView:
    """Unit: changes a group's name and rules. Its moderators may. Raises Stale."""
    group = _held(tx, moderated(tx, identity, slug).id, versions)
    closed = group.reading == "public" and fields.get("reading") == "members"
    for field, value in fields.items():
        setattr(group, field, value)
    group.version += 1
    tx.session.flush()
    kind = "group.closed" if closed else "group.edited"
    tx.changed(kind, subject=group.id, tags=["groups", f"group:{group.id}"])
    audit.note(tx, identity, "group.edited", slug, group=slug, detail=_described(fields))
    return view(group)


def _described(fields: dict[str, Any]) -> str:
    said = {name: " ".join(value) or "none" if isinstance(value, list) else value for name, value in fields.items()}
    return ", ".join(f"{name}: {value}" for name, value in said.items() if name != "slug")


def remove(tx: Tx, identity: Identity, slug: str, versions: Versions) -> None:
    """Unit: deletes a group with all that is in it. Raises Stale, NotFound."""
    group = _held(tx, visible_to(tx, identity, slug).id, versions)
    tx.session.delete(group)
    tx.session.flush()
    tx.changed("group.closed", subject=group.id, tags=["groups", f"group:{group.id}"])
    audit.note(tx, identity, "group.removed", slug, group=slug)


def _held(tx: Tx, id_: int, versions: Versions) -> Group:
    group = tx.session.get(Group, id_)
    if group is None:
        raise NotFound("The group is gone.")
    check_version(group.version, versions)
    return group


async def managed(identity: Identity, slug: str) -> Any:
    """As moderated, for a handler."""
    with db.snapshot() as read:
        return moderated(read, identity, slug)


async def members(identity: Identity, slug: str, cursor: Cursor) -> Page[MemberView]:
    """The members of a group, newest account first. Its moderators may see them."""
    with db.snapshot() as read:
        row = moderated(read, identity, slug)
        return paged(read, MEMBERS, User.id, cursor, lambda row: MemberView(row.uid, row.name, row.role), group=row.id)


MEMBERS = (
    select(User.id, User.uid, User.name, Membership.role)
    .join(Membership, Membership.user_id == User.id)
    .where(Membership.group_id == bindparam("group"))
)
USER = select(User.id, User.uid, User.name).where(User.uid_folded == bindparam("folded"))
OUT = delete(Membership).where(Membership.group_id == bindparam("group"), Membership.user_id == bindparam("user"))


def put_member(tx: Tx, identity: Identity, slug: str, uid: str, role: Standing) -> MemberView:
    """Unit: makes a user a member or moderator of a group. Its moderators may. Raises NotFound for an unknown uid."""
    row = moderated(tx, identity, slug)
    user = tx.one(USER, folded=uid.lower())
    if user is None:
        raise NotFound(f"There is no user {uid}.")
    tx.run(OUT, group=row.id, user=user.id)
    tx.run(JOIN, group=row.id, user=user.id, as_=role, now=tx.now)
    tell_standing(tx, user.id)
    audit.note(tx, identity, "member.put", user.uid, group=slug, detail=role)
    return MemberView(user.uid, user.name, role)


UID = select(User.uid).where(User.id == bindparam("user"))


def tell_standing(tx: Tx, user_id: int) -> None:
    """Within a unit: says that a user is something else in a group now, which the user's posts there show."""
    tx.changed("member.changed", subject=user_id, tags=[f"user:{tx.one(UID, user=user_id).uid}"])


def remove_member(tx: Tx, identity: Identity, slug: str, uid: str) -> None:
    """Unit: ends a membership; the user's sockets that it let in are closed. Raises NotFound."""
    row = moderated(tx, identity, slug)
    user = tx.one(USER, folded=uid.lower())
    if user is None or not tx.run(OUT, group=row.id, user=user.id):
        raise NotFound(f"{uid} is not a member.")
    tx.changed("member.removed", subject=user.id, tags=[f"group:{row.id}", f"user:{user.uid}"])
    audit.note(tx, identity, "member.removed", user.uid, group=slug)
