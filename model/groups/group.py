"""Groups: a class, club or site, with its rules and its members."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from sqlalchemy import (
    JSON,
    ColumnElement,
    ForeignKey,
    Select,
    String,
    bindparam,
    case,
    delete,
    false,
    insert,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from model import audit
from model.accounts import session
from model.accounts.session import Identity
from model.accounts.user import User, by_uid, skeleton
from model.groups import rules
from model.groups.rules import Posting, Reading, Review, Standing
from pottle.errors import Invalid, NotFound, Versions, check_version, taken
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, reads, writes
from pottle.store.paging import Cursor, Page, paged
from pottle.translation import _
from pottle.values import line

Slug = Annotated[
    str,
    line(
        60,
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$(?!\n)",
        says=_("must have 1 to 60 small letters a to z, digits and single hyphens between them, such as class-5b"),
    ),
]
SomeSlug = Annotated[str, line(254)]  # to look for; no group has one of another form
Origin = Annotated[
    str,
    line(
        200,
        pattern=r"^https?://[a-z0-9.\-]+(:[0-9]{1,5})?$(?!\n)",
        says=_("must be an address in small letters with nothing behind it, such as https://class.example"),
    ),
]
MOST_ORIGINS = 50  # of one group
Origins = Annotated[list[Origin], msgspec.Meta(max_length=MOST_ORIGINS)]


class Group(Base):
    """A class, club or site."""

    __tablename__ = "groups"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    origins: Mapped[list[str]] = mapped_column(JSON)
    reading: Mapped[Reading] = mapped_column(String(10))
    posting: Mapped[Posting] = mapped_column(String(10))
    review: Mapped[Review] = mapped_column(String(10))
    anonymous: Mapped[bool] = mapped_column(server_default=false())
    images: Mapped[bool] = mapped_column(server_default=false())
    created: Mapped[Time]
    version: Mapped[int]
    rules_version: Mapped[int] = mapped_column(server_default="0")  # of model/talk/judging/rules.py; 0: the usual ones


class Membership(Base):
    """A user's role in a group."""

    __tablename__ = "memberships"

    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[Standing] = mapped_column(String(10))
    created: Mapped[Time]


class GroupView(msgspec.Struct):
    """A group as its readers see it."""

    slug: str
    name: str
    origins: list[str]
    reading: Reading
    posting: Posting
    review: Review
    anonymous: bool
    images: bool
    created: str
    version: int


class MemberView(msgspec.Struct):
    """One member."""

    uid: str
    name: str
    role: Standing


class GroupRow(Group):
    """A group with the asker's standing in it, as its queries return it. Only a type: never made."""

    __abstract__ = True

    group_id: int
    standing: Standing | None


# Of the asker: `user` is the id, 0 for nobody; `only` the group of a session for its sites; `admin` is 1 for admins,
# and UNPROVEN for who has no moderator's rights anywhere, for want of a second factor.
UNPROVEN = -1
HERE = or_(bindparam("only") == 0, Group.id == bindparam("only"))
_own = Membership.group_id == Group.id, Membership.user_id == bindparam("user"), HERE
_role = case((bindparam("admin") == UNPROVEN, literal_column("'member'")), else_=Membership.role)
STANDING = select(_role).where(*_own).scalar_subquery().label("standing")
VISIBLE = or_(Group.reading == "public", bindparam("admin") == 1, select(Membership.user_id).where(*_own).exists())
_shown = *Group.__table__.c, Group.id.label("group_id"), STANDING
BY_SLUG = select(*_shown).where(Group.slug == bindparam("slug"), VISIBLE)
LISTED = select(*Group.__table__.c).where(VISIBLE)
OWN = select(Group.slug).join(Membership, Membership.group_id == Group.id).where(_own[1], HERE).limit(2)
TAKEN = select(Group.id).where(Group.slug == bindparam("slug"))
MEMBERS = (
    select(User.id, User.uid, User.name, Membership.role)
    .join(Membership, Membership.user_id == User.id)
    .where(Membership.group_id == bindparam("group_id"))
)
MEMBER = MEMBERS.where(User.uid_folded == bindparam("uid_folded"))
JOIN = insert(Membership)
_its = Membership.group_id == bindparam("group_id"), Membership.user_id == bindparam("user_id")
LEAVE = delete(Membership).where(*_its)
UID = select(User.uid).where(User.id == bindparam("id"))


_at_the_end: list[Callable[[Tx, int], None]] = []


def on_end(do: Callable[[Tx, int], None]) -> None:
    """Has `do` be called within each unit that deletes a group, with its id, before its row goes."""
    _at_the_end.append(do)


OPERATOR = {"user": 0, "admin": 1, "only": 0}


def asker(identity: Identity | None) -> dict[str, int]:
    """The asker, as bind parameters of VISIBLE and STANDING."""
    if identity is None:
        return {"user": 0, "admin": 0, "only": 0}
    admin = int(identity.admin) if identity.may_moderate else UNPROVEN
    return {"user": identity.user, "admin": admin, "only": identity.group or 0}


def _found(read: Snapshot, slug: str, **who: int) -> GroupRow:
    row: GroupRow | None = read.one(BY_SLUG, slug=slug, **who)
    if row is None:
        raise NotFound(_("There is no group %(slug)s.", slug=slug))
    return row


@reads
def visible_to(read: Snapshot, identity: Identity | None, slug: str) -> GroupRow:
    """A group that the asker may see. Raises NotFound."""
    return _found(read, slug, **asker(identity))


@reads
def moderated(read: Snapshot, identity: Identity | None, slug: str) -> GroupRow:
    """A group that the asker moderates. Raises NotFound, Unauthenticated, Forbidden."""
    row = visible_to.within(read, identity, slug)
    rules.must_moderate(row, identity)
    return row


def managed(read: Snapshot, by: Identity | None, slug: str) -> GroupRow:
    """A group that `by` moderates, or any group for the operator (None). Raises NotFound, Forbidden."""
    return moderated.within(read, by, slug) if by else _found(read, slug, **OPERATOR)


def view(row: GroupRow | Group) -> GroupView:
    """A group as clients see it."""
    rules = row.reading, row.posting, row.review, bool(row.anonymous), bool(row.images)
    return GroupView(row.slug, row.name, row.origins, *rules, row.created, row.version)


def _weight(row: GroupRow) -> int:
    """Bytes of a group's texts as JSON."""
    return len(msgspec.json.encode((row.name, row.origins)))


@reads
def listed(read: Snapshot, identity: Identity | None, cursor: Cursor) -> Page[GroupView]:
    """The groups that the asker may see, newest first."""
    return paged(read, LISTED, Group.id, cursor, view, _weight, **asker(identity))


@reads
def of_user(read: Snapshot, identity: Identity) -> list[str]:
    """The short names of the groups that somebody belongs to; of two at most, for nobody wants to know more."""
    return [row.slug for row in read.all(OWN, user=identity.user, only=identity.group or 0)]


@reads
def everything(read: Snapshot, cursor: Cursor) -> Page[GroupView]:
    """All groups, newest first, for the operator."""
    return paged(read, LISTED, Group.id, cursor, view, _weight, **OPERATOR)


@writes
def create(tx: Tx, identity: Identity | None, fields: dict[str, Any]) -> GroupView:
    """Makes a group; whoever makes it (None: the operator) becomes its moderator. Raises Conflict for a taken slug."""
    if tx.one(TAKEN, slug=fields["slug"]):
        raise taken("slug", fields["slug"])
    group = Group(**fields, created=tx.now, version=1)
    tx.session.add(group)
    tx.session.flush()
    if identity:
        join(tx, group.id, identity.user, "moderator")
    tx.changed("group.created", subject=group.id, tags=["groups"])
    audit.note(tx, identity, "group.created", group.slug, group=group.slug, detail=_described(fields))
    return view(group)


@writes
def edit(tx: Tx, identity: Identity, slug: str, versions: Versions, fields: dict[str, Any]) -> GroupView:
    """Changes a group's name and rules. Its moderators may. Raises NotFound, Forbidden, Stale."""
    group = tx.session.get_one(Group, moderated.within(tx, identity, slug).id)
    check_version(group.version, versions)
    closed = group.reading == "public" and fields.get("reading") == "members"
    for field, value in fields.items():
        setattr(group, field, value)
    group.version += 1
    tx.session.flush()
    if "origins" in fields:
        session.end_of_site(tx, group.id, origins=group.origins)
    kind = "group.closed" if closed else "group.edited"
    tx.changed(kind, subject=group.id, tags=["groups", f"group:{group.id}"])
    audit.note(tx, identity, "group.edited", slug, group=slug, detail=_described(fields))
    return view(group)


def _described(fields: dict[str, Any]) -> str:
    return ", ".join(f"{name}: {_in_words(value)}" for name, value in fields.items() if name != "slug")


def _in_words(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(value) or "none"
    return ("no", "yes")[value] if isinstance(value, bool) else value


@writes
def remove(tx: Tx, identity: Identity, slug: str, versions: Versions) -> None:
    """Deletes a group with everything in it. Raises Stale, NotFound."""
    group = tx.session.get_one(Group, visible_to.within(tx, identity, slug).id)
    check_version(group.version, versions)
    for do in _at_the_end:
        do(tx, group.id)
    session.end_of_site(tx, group.id)
    tx.session.delete(group)
    tx.session.flush()
    tx.changed("group.closed", subject=group.id, tags=["groups", f"group:{group.id}"])
    audit.note(tx, identity, "group.removed", slug, group=slug)


@reads
def members(read: Snapshot, identity: Identity, slug: str, cursor: Cursor) -> Page[MemberView]:
    """The members of a group, newest account first. Its moderators may see them."""
    row = moderated.within(read, identity, slug)
    return paged(read, MEMBERS, User.id, cursor, lambda row: MemberView(row.uid, row.name, row.role), group_id=row.id)


@writes
def put_member(tx: Tx, identity: Identity, slug: str, uid: str, role: Standing) -> MemberView:
    """Makes a user a member or moderator of a group. Its moderators may. Raises NotFound for an unknown uid."""
    row, user = moderated.within(tx, identity, slug), by_uid(tx.session, uid)
    tx.session.merge(Membership(group_id=row.id, user_id=user.id, role=role, created=tx.now))
    tell_standing(tx, user.id)
    audit.note(tx, identity, "member.put", user.uid, group=slug, detail=role)
    return MemberView(user.uid, user.name, role)


@writes
def remove_member(tx: Tx, identity: Identity, slug: str, uid: str) -> None:
    """Ends a membership, and with it what the member follows in the group. Raises NotFound."""
    row = moderated.within(tx, identity, slug)
    found = tx.one(MEMBER, group_id=row.id, uid_folded=uid.lower())
    if found is None:
        raise NotFound(_("%(uid)s is not a member.", uid=uid))
    tx.run(LEAVE, group_id=row.id, user_id=found.id)
    tx.changed("member.removed", subject=found.id, tags=[f"group:{row.id}", f"user:{found.uid}"])
    audit.note(tx, identity, "member.removed", found.uid, group=slug)


def join(tx: Tx, group_id: int, user_id: int, role: str) -> None:
    """Within a unit: makes a user a member who is none."""
    tx.run(JOIN, group_id=group_id, user_id=user_id, role=role, created=tx.now)


def tell_standing(tx: Tx, user_id: int) -> None:
    """Within a unit: records that a user's role changed, which the badge on their posts shows."""
    tx.changed("member.changed", subject=user_id, tags=[f"user:{tx.one(UID, id=user_id).uid}"])


ALIKE = _("can be taken for that of somebody who looks after this group; please add something, such as a last name")
_mine = aliased(Membership)


def namesake(group: ColumnElement[bool]) -> Select[Any]:
    """Another user whose name looks the same, who is an admin or moderates the group: a condition on Membership."""
    moderates = select(Membership.user_id).where(Membership.user_id == User.id, Membership.role == "moderator", group)
    moderates = moderates.correlate_except(Membership)
    alike = User.likeness == bindparam("likeness"), User.id != bindparam("user_id")
    return select(User.id).where(*alike, or_(User.role == "admin", moderates.exists())).limit(1)


_own_groups = select(_mine.group_id).where(_mine.user_id == bindparam("user_id"))
NAMESAKE = namesake(Membership.group_id == bindparam("group_id"))
NAMESAKE_IN_OWN_GROUPS = namesake(Membership.group_id.in_(_own_groups))


def has_namesake(read: Snapshot, name: str, group_id: int, user_id: int = 0) -> bool:
    """Whether another user than `user_id` looks after a group whose name that one can be taken for."""
    values = {"likeness": skeleton(name), "group_id": group_id, "user_id": user_id}
    return read.one(NAMESAKE, **values) is not None


def check_name(read: Snapshot, name: str, group_id: int, field: str = "name", user_id: int = 0) -> None:
    """Raises Invalid for a name that has a namesake who looks after the group."""
    if has_namesake(read, name, group_id, user_id):
        raise Invalid({field: ALIKE})


def check_own_name(read: Snapshot, name: str, user_id: int) -> None:
    """Raises Invalid for a name that has a namesake who looks after one of the user's own groups."""
    if read.one(NAMESAKE_IN_OWN_GROUPS, likeness=skeleton(name), user_id=user_id):
        raise Invalid({"name": ALIKE})
