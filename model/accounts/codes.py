"""Codes for accounts: reset links, a roster's one-time codes, and the link for the first admin.

Whoever makes a code for an account can take it over. So admins may for any account, and a group's moderators only for
one that their own roster made and that is still no more than a member of that group.
"""

import msgspec
from sqlalchemy import bindparam, delete, or_, select

from model import audit, settings
from model.accounts import user
from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group, invitation, roster
from model.groups.group import GroupRow, Membership
from model.groups.invitation import FOR_NOBODY, Invitation, Made
from model.groups.roster import Pupil
from pottle import times
from pottle.errors import Forbidden, Invalid, NotFound
from pottle.store import Tx, instance, writes
from pottle.translation import _

LINK_DAYS = 3
CODE_DAYS = 30  # printed ones are handed out in the next lesson, or to pupils who were ill
FIRST_ADMIN_HOURS = 24
MAILED_HOURS = 2
OFFERED_BY = "first admin"


class ResetCode(msgspec.Struct):
    """A code for one account, shown this once."""

    uid: str
    name: str
    code: str
    expires: str


def _shown(found: User, made: Made) -> ResetCode:
    return ResetCode(found.uid, found.name, made.code, made.expires)


@writes
def link(tx: Tx, by: Identity | None, uid: str) -> ResetCode:
    """A code that sets a new password, once; earlier ones of this kind end. For admins and the operator (None)."""
    found = user.by_uid(tx.session, uid)
    end_links(tx, found.id)
    made = invitation.make(tx, invitation.LONG, times.later(days=LINK_DAYS), "user", user_id=found.id, by=by)
    audit.note(tx, by, "password.link", found.uid)
    return _shown(found, made)


def by_mail(tx: Tx, user_id: int, mail_id: int, again: bool) -> str:
    """Within a unit: a code for a letter to the user's own address, that sets a new password, once."""
    found = user.by_id(tx.session, user_id)
    audit.note(tx, found, "password.mailed", found.uid)
    return invitation.by_mail(tx, mail_id, times.later(hours=MAILED_HOURS), "user", again=again, user_id=user_id)


def end_links(tx: Tx, user_id: int) -> None:
    """Within a unit: ends the links by which a user could set a new password."""
    tx.session.execute(delete(Invitation).where(Invitation.user_id == user_id, Invitation.group_id.is_(None)))


@writes
def renew(tx: Tx, by: Identity, slug: str, uid: str) -> ResetCode:
    """Another code for an account that the group's roster made; the earlier one ends. For its moderators.

    Raises NotFound for an account that is not of the roster, Forbidden for one that has become more than a member.
    """
    row, found = group.moderated.within(tx, by, slug), user.by_uid(tx.session, uid)
    of_roster = Invitation.user_id == found.id, Invitation.group_id == row.id
    if tx.session.scalar(select(Invitation.id).where(*of_roster)) is None:
        raise NotFound(_("%(uid)s is not in this group's roster; an admin can make a reset link.", uid=found.uid))
    if not by.admin and (found.role != "user" or _is_more(tx, found.id, row.id)):
        raise Forbidden(
            _(
                "%(uid)s has become more than a member of %(slug)s; an admin can make a reset link.",
                uid=found.uid,
                slug=slug,
            )
        )
    tx.session.execute(delete(Invitation).where(*of_roster))
    made = _roster_code(tx, by, row, found.id)
    audit.note(tx, by, "password.code", found.uid, group=slug)
    return _shown(found, made)


def _roster_code(tx: Tx, by: Identity | None, row: GroupRow, user_id: int) -> Made:
    expires = times.later(days=CODE_DAYS)
    return invitation.make(tx, invitation.SHORT, expires, "member", group_id=row.id, user_id=user_id, by=by)


def _is_more(tx: Tx, user_id: int, group_id: int) -> bool:
    """Whether a user moderates the group, or belongs to another."""
    more = or_(Membership.group_id != group_id, Membership.role != "member")
    return tx.session.scalar(select(Membership.role).where(Membership.user_id == user_id, more).limit(1)) is not None


@writes
def enrol(tx: Tx, by: Identity | None, slug: str, pupils: list[Pupil]) -> list[ResetCode]:
    """Makes an account for each pupil, or for none. For the group's moderators and the operator (None).

    Raises Invalid, naming each line, for uids that are taken and names that the group has already; Forbidden for
    moderators where sign-up is closed.
    """
    row = group.managed(tx, by, slug)
    if settings.chosen().sign_up == "closed" and by and not by.admin:
        raise Forbidden(_("Sign-up is closed here: only an admin can enrol a roster."))
    uids = _uids(tx, pupils)
    _check_free(tx, row.id, pupils)
    return [_enrol(tx, by, row, pupil, uid) for pupil, uid in zip(pupils, uids, strict=True)]


def _check_free(tx: Tx, group_id: int, pupils: list[Pupil]) -> None:
    names = {row.name.casefold() for row in tx.all(group.MEMBERS, group_id=group_id)}
    wrong: dict[str, str] = {}
    for pupil in pupils:
        if group.has_namesake(tx, pupil.name, group_id):
            wrong[pupil.where] = _(
                "is %(name)s, a name that looks like that of somebody who looks after the group", name=pupil.name
            )
        elif pupil.uid is None and pupil.name.casefold() in names:
            wrong[pupil.where] = _("is %(name)s, a name that the group has already", name=pupil.name)
        elif pupil.uid is not None and tx.one(user.TAKEN, uid_folded=pupil.uid.lower()):
            wrong[pupil.where] = _("has the user name %(uid)s, which is taken", uid=pupil.uid)
    if wrong:
        raise Invalid(wrong)


BEGINNING = select(User.uid_folded).where(User.uid_folded >= bindparam("first"), User.uid_folded < bindparam("beyond"))


def _uids(tx: Tx, pupils: list[Pupil]) -> list[str]:
    """A free uid for each, in their order; those that the roster says come first."""
    taken = {pupil.uid.lower() for pupil in pupils if pupil.uid}
    for base in {roster.uid_from(pupil.name) for pupil in pupils if pupil.uid is None}:
        taken |= {row.uid_folded for row in tx.all(BEGINNING, first=base, beyond=f"{base}\x7f")}
    return [pupil.uid or roster.free(roster.uid_from(pupil.name), taken) for pupil in pupils]


def _enrol(tx: Tx, by: Identity | None, row: GroupRow, pupil: Pupil, uid: str) -> ResetCode:
    id_ = user.add(tx, uid, pupil.name, None)
    group.join(tx, row.id, id_, "member")
    made = _roster_code(tx, by, row, id_)
    audit.note(tx, by, "user.created", uid, group=row.slug, detail="by a roster")
    return ResetCode(uid, pupil.name, made.code, made.expires)


@writes
def offer_admin(tx: Tx, start: str) -> str | None:
    """The code of a new link for the first admin, which ends earlier ones: there is no default password.

    None where there is an admin (then no such link works), and where this start of the server has offered one already.
    """
    there = tx.session.scalar(select(User.id).where(User.role == "admin").limit(1)) is not None
    if not there and instance.fact(tx, OFFERED_BY) == start:
        return None
    tx.session.execute(delete(Invitation).where(FOR_NOBODY))
    if there:
        return None
    instance.put(tx, OFFERED_BY, start)
    return invitation.make(tx, invitation.LONG, times.later(hours=FIRST_ADMIN_HOURS), "admin").code
