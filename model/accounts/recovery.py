"""Getting into an account by a code instead of its password: reset links, and the codes of a group's roster.

Who may make such a code can take the account over. So an admin may for any account; a group's moderators only for one
that their own roster made, that has no rights but this group's, and no more than a member's there.
"""

import msgspec
from sqlalchemy import Row, bindparam, delete, or_, select, update

from model import audit
from model.accounts import passwords, session, user
from model.accounts.session import Identity, Signed
from model.accounts.user import User
from model.groups import group, invitation
from model.groups.group import Membership
from model.groups.invitation import Invitation
from pottle import times
from pottle.errors import Forbidden, NotFound
from pottle.store import Tx, db

LINK_DAYS = 3
CODE_DAYS = 30  # a printed one is handed out in the next lesson, or to whoever was ill


class ResetCode(msgspec.Struct):
    """A code for one account, shown this once."""

    uid: str
    name: str
    code: str
    expires: str


USER = select(User.id, User.uid, User.name, User.role).where(User.uid_folded == bindparam("folded"))
EARLIER = delete(Invitation).where(Invitation.user_id == bindparam("user"), Invitation.group_id.is_(None))
LINE = select(Invitation.id).where(Invitation.user_id == bindparam("user"), Invitation.group_id == bindparam("group"))
RENEW = (
    update(Invitation)
    .where(Invitation.id == bindparam("named"))
    .values(code_hash=bindparam("digest"), uses_left=1, made_by=bindparam("by"), expires=bindparam("until"))
)
MORE = select(Membership.role).where(
    Membership.user_id == bindparam("user"),
    or_(Membership.group_id != bindparam("group"), Membership.role != "member"),
)
END_LINES = update(Invitation).where(Invitation.user_id == bindparam("user")).values(uses_left=0)


def link(tx: Tx, by: Identity | None, uid: str) -> ResetCode:
    """Unit: a code that lets its holder set a new password, once; earlier links end. For admins and the operator."""
    found = _found(tx, uid)
    tx.run(EARLIER, user=found.id)
    code, until = invitation.fresh(invitation.LONG), times.later(days=LINK_DAYS)
    invitation.add(tx, code, until, "user", user=found.id, by=by.user if by else None)
    audit.note(tx, by, "password.link", found.uid)
    return ResetCode(found.uid, found.name, code, until)


def _found(tx: Tx, uid: str) -> "Row[tuple[int, str, str, str]]":
    found: Row[tuple[int, str, str, str]] | None = tx.one(USER, folded=uid.lower())
    if found is None:
        raise NotFound(f"There is no user {uid}.")
    return found


def renew(tx: Tx, by: Identity, slug: str, uid: str) -> ResetCode:
    """Unit: another code for an account that the group's roster made; the one before ends. For its moderators.

    Raises NotFound for an account that is not of the roster, Forbidden for one that has since become more.
    """
    row, found = group.managed(tx, by, slug), _found(tx, uid)
    line = tx.one(LINE, user=found.id, group=row.id)
    if line is None:
        raise NotFound(f"{found.uid} is not of this group's roster; an admin can make a reset link.")
    if not by.admin and (found.role != "user" or tx.one(MORE, user=found.id, group=row.id)):
        raise Forbidden(f"{found.uid} has become more than a member of {slug}; an admin can make a reset link.")
    code, until = invitation.fresh(invitation.SHORT), times.later(days=CODE_DAYS)
    tx.run(RENEW, named=line.id, digest=invitation.digest(code), by=by.user, until=until)
    audit.note(tx, by, "password.code", found.uid, group=slug)
    return ResetCode(found.uid, found.name, code, until)


async def set_password(code: str, password: str, address: str, device: str = "") -> Signed:
    """Sets the password of the account that a code is for, ends all its sessions and tokens, and begins a new session.

    Raises NotFound for a wrong code, TooMany for a guesser, Invalid for too short a password.
    """
    held = await invitation.find(code, address)
    if held.user_id is None:
        raise invitation.unknown()
    user.check_password(password, held.uid, held.user_name)
    return await db.write(_set_password, code, await passwords.hashed(password), device)


def _set_password(tx: Tx, code: str, kept: str, device: str) -> Signed:
    held = invitation.held(tx, code, tx.now)
    if held is None:
        raise invitation.unknown()  # somebody else was quicker
    user.edit(tx, held.user_id, None, {"password_hash": kept})
    tx.run(EARLIER, user=held.user_id)
    tx.run(END_LINES, user=held.user_id)
    signed = session.restart(tx, held.user_id, held.uid, device)
    audit.note(tx, signed.identity, "password.reset", held.uid, group=held.slug)
    return signed
