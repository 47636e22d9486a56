"""Enrolling a roster: an account for each name, in the group, with a code by which its owner chooses a password."""

from typing import Any

from sqlalchemy import bindparam, select

from model import audit
from model.accounts import user
from model.accounts.recovery import CODE_DAYS, ResetCode
from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group, invitation, roster
from model.groups.group import Membership
from model.groups.roster import Pupil
from pottle import times
from pottle.errors import Forbidden, Invalid
from pottle.store import Tx, db

MEMBERS = (
    select(User.name).join(Membership, Membership.user_id == User.id).where(Membership.group_id == bindparam("group"))
)
UIDS = select(User.uid_folded).where(User.uid_folded >= bindparam("base"), User.uid_folded < bindparam("beyond"))


def enrol(tx: Tx, by: Identity | None, slug: str, pupils: list[Pupil]) -> list[ResetCode]:
    """Unit: makes an account for each pupil, or for none. The group's moderators may, and the operator (None).

    Raises Invalid, naming each line, for uids that are taken and for names that the group has already; Forbidden for
    moderators where sign-up is closed.
    """
    row = group.managed(tx, by, slug)
    if db.settings.sign_up == "closed" and by and not by.admin:
        raise Forbidden("Sign-up is closed here: only an admin can enrol a roster.")
    uids = _uids(tx, pupils)
    _check_free(tx, row.id, pupils)
    return [_enrol(tx, by, row, pupil, uid) for pupil, uid in zip(pupils, uids, strict=True)]


def _check_free(tx: Tx, group_id: int, pupils: list[Pupil]) -> None:
    names = {row.name.casefold() for row in tx.all(MEMBERS, group=group_id)}
    wrong = {
        pupil.where: f"is {pupil.name}, a name that the group has already"
        for pupil in pupils
        if pupil.uid is None and pupil.name.casefold() in names
    }
    wrong |= {
        pupil.where: f"has the user name {pupil.uid}, which is taken"
        for pupil in pupils
        if pupil.uid is not None and tx.one(user.TAKEN, folded=pupil.uid.lower())
    }
    wrong |= {
        pupil.where: f"is {pupil.name}, a name that can be taken for that of somebody who looks after the group"
        for pupil in pupils
        if group.has_namesake(tx, pupil.name, group_id)
    }
    if wrong:
        raise Invalid(wrong)


def _uids(tx: Tx, pupils: list[Pupil]) -> list[str]:
    """A free uid for each, in their order; those that the roster says come first."""
    taken = {pupil.uid.lower() for pupil in pupils if pupil.uid}
    for base in {roster.uid_from(pupil.name) for pupil in pupils if pupil.uid is None}:
        taken |= {row.uid_folded for row in tx.all(UIDS, base=base, beyond=f"{base}\x7f")}
    return [pupil.uid or roster.free(roster.uid_from(pupil.name), taken) for pupil in pupils]


def _enrol(tx: Tx, by: Identity | None, row: Any, pupil: Pupil, uid: str) -> ResetCode:
    user.add(tx, uid, pupil.name, None, None, "user")
    id_ = tx.one(user.TAKEN, folded=uid.lower()).id
    group.join(tx, row.id, id_, "member")
    code, until = invitation.fresh(invitation.SHORT), times.later(days=CODE_DAYS)
    invitation.add(tx, code, until, "member", group=row.id, user=id_, by=by.user if by else None)
    audit.note(tx, by, "user.created", uid, group=row.slug, detail="by a roster")
    return ResetCode(uid, pupil.name, code, until)
