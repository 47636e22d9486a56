"""Joining a group by a code: its moderators make invitations, and whoever holds one becomes a member.

An invitation is worth its maker's rights: one who no longer moderates the group has none that still work.
"""

from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta
from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import aliased

from model import audit
from model.accounts import passwords, user
from model.accounts.session import Identity
from model.accounts.user import Role, User, UserView
from model.groups import group, invitation
from model.groups.group import Membership, Standing
from model.groups.invitation import VALID, Invitation
from pottle import times
from pottle.errors import Conflict, Forbidden, Invalid, NotFound
from pottle.store import Snapshot, Tx, db
from pottle.store.unit import answered

Uses = Annotated[int, Meta(ge=1, le=10_000)]
Days = Annotated[int, Meta(ge=1, le=365)]
MOST_AT_ONCE = 100  # invitations of one group


class InvitationView(msgspec.Struct):
    """An invitation to a group. `uses` are those that are left, null for any number; `by` is null for the operator."""

    id: int
    role: Standing
    uses: int | None
    expires: str
    created: str
    by: str | None


class Made(msgspec.Struct):
    """A new invitation with its code, which nobody sees a second time."""

    id: int
    code: str
    role: Standing
    uses: int | None
    expires: str


class GroupName(msgspec.Struct):
    """Which group."""

    slug: str
    name: str


class Joined(msgspec.Struct):
    """What one became."""

    group: GroupName
    role: Standing


_maker = aliased(User)
OF_GROUP = (Invitation.group_id == bindparam("group")) & Invitation.user_id.is_(None)
COLUMNS = (Invitation.id, Invitation.role, Invitation.uses_left, Invitation.expires, Invitation.created)
LISTED = (
    select(*COLUMNS, _maker.uid)
    .outerjoin(_maker, _maker.id == Invitation.made_by)
    .outerjoin(User, User.id == Invitation.user_id)
    .where(OF_GROUP, VALID)
    .order_by(Invitation.id.desc())
)
COUNT = select(func.count().label("n")).select_from(Invitation).where(OF_GROUP)
REVOKE = delete(Invitation).where(OF_GROUP, Invitation.id == bindparam("named"))
STANDING = select(Membership.role).where(
    Membership.group_id == bindparam("group"), Membership.user_id == bindparam("user")
)
PROMOTE = (
    update(Membership)
    .where(Membership.group_id == bindparam("group"), Membership.user_id == bindparam("user"))
    .values(role=bindparam("as_"))
)


def invite(tx: Tx, by: Identity | None, slug: str, role: Standing, uses: int | None, days: int) -> Made:
    """Unit: a new invitation. The group's moderators may make it, and the operator (None). Raises Conflict."""
    row = group.managed(tx, by, slug)
    if tx.one(COUNT, group=row.id).n >= MOST_AT_ONCE:
        raise Conflict(f"A group can have {MOST_AT_ONCE} invitations at once; revoke some first.")
    code, until = invitation.fresh(invitation.SHORT), times.later(days=days)
    id_ = invitation.add(tx, code, until, role, group=row.id, uses=uses, by=by.user if by else None)
    how = f"{role}, {uses or 'any number of'} uses, until {until}"
    audit.note(tx, by, "invitation.made", f"invitation {id_}", group=slug, detail=how)
    return Made(id_, code, role, uses, until)


async def listed(identity: Identity, slug: str) -> list[InvitationView]:
    """A group's invitations that are good, newest first, without their codes. Its moderators may see them."""
    with db.snapshot() as read:
        rows = read.all(LISTED, group=group.moderated.within(read, identity, slug).id, now=times.now())
        return [InvitationView(*row) for row in rows]


def revoke(tx: Tx, identity: Identity, slug: str, id_: int) -> None:
    """Unit: ends an invitation at once; who joined by it stays. Raises NotFound."""
    row = group.moderated.within(tx, identity, slug)
    if not tx.run(REVOKE, group=row.id, named=id_):
        raise NotFound(f"There is no invitation {id_} to {slug}.")
    audit.note(tx, identity, "invitation.revoked", f"invitation {id_}", group=slug)


async def accept(identity: Identity, code: str, address: str) -> Joined:
    """Makes a user a member by a code. Raises NotFound for a wrong one, TooMany for a guesser.

    Doing it twice is doing it once, and a moderator stays one.
    """
    joined = await db.write(_accept, identity, code, address)
    if joined is None:
        raise invitation.unknown()
    return joined


def _accept(tx: Tx, identity: Identity, code: str, address: str) -> Joined | None:
    held = invitation.guessed(tx, code, address)
    if held is None or held.group_id is None or held.user_id is not None:
        return None
    had = tx.one(STANDING, group=held.group_id, user=identity.user)
    if had is None:
        if held.role != "moderator":
            group.check_name(tx, identity.name, held.group_id, user_id=identity.user)
        _join(tx, identity.user, identity, held)
    elif had.role == "member" and held.role == "moderator":
        tx.run(PROMOTE, group=held.group_id, user=identity.user, as_=held.role)
        group.tell_standing(tx, identity.user)
        _note(tx, identity, held)
    role = held.role if had is None or had.role == "member" else had.role
    return Joined(GroupName(held.slug, held.group_name), role)


def _join(tx: Tx, user_id: int, who: audit.Actor, held: Any) -> None:
    group.join(tx, held.group_id, user_id, held.role)
    group.tell_standing(tx, user_id)
    _note(tx, who, held)


def _note(tx: Tx, who: audit.Actor, held: Any) -> None:
    invitation.use(tx, held.id)
    audit.note(tx, who, "member.joined", who.uid, group=held.slug, detail=f"{held.role}, by invitation {held.id}")


async def good(code: str, address: str) -> int | None:
    """The id of the invitation by which somebody new may come, None without one. Raises TooMany for a guesser."""
    held = await db.write(invitation.guessed, code, address)
    return held.id if held is not None and held.user_id is None else None


async def sign_up(uid: str, name: str, password: str, email: str | None, code: str) -> UserView:
    """A new account that is at once a member of the code's group, or the first admin.

    Raises Conflict for a uid that is taken; Invalid; Forbidden where nobody signs up, not even by invitation.
    """
    user.check_password(password, uid, name)
    with db.snapshot() as read:
        if (made := answered(read, _sign_up)) is not None:
            return cast(UserView, made)
        _held_by_somebody_new(read, code)
        user.check_free(read, uid)
    return await db.write(_sign_up, uid, name, await passwords.hashed(password), email, code)


def _held_by_somebody_new(read: Snapshot, code: str) -> Any:
    held = invitation.held(read, code, times.now())
    if held is None or held.user_id is not None:
        raise Invalid({"invitation": "is not, or no longer, good"})
    if held.group_id is not None and db.settings.sign_up == "closed":
        raise Forbidden("Sign-up is closed here.")
    return held


def _sign_up(tx: Tx, uid: str, name: str, kept: str, email: str | None, code: str) -> UserView:
    held = _held_by_somebody_new(tx, code)
    if held.group_id is None:
        return _first_admin(tx, uid, name, kept, email, held)
    user.check_uid(uid)
    if held.role != "moderator":
        group.check_name(tx, name, held.group_id)
    made = user.add(tx, uid, name, kept, email, "user")
    _join(tx, tx.one(user.TAKEN, folded=uid.lower()).id, made, held)
    return made


def _first_admin(tx: Tx, uid: str, name: str, kept: str, email: str | None, held: Any) -> UserView:
    role: Role = "admin"
    made = user.add(tx, uid, name, kept, email, role)
    invitation.use(tx, held.id)
    audit.note(tx, made, "user.created", uid, detail="the first admin, by the link in the log")
    return made
