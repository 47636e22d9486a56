"""Somebody new whom a provider sent: whether they may have an account, and how it is made."""

import logging

from sqlalchemy import bindparam, select

from model import audit, settings
from model.accounts import codes, user
from model.accounts.providers.configured import Provider
from model.accounts.providers.id_token import Said
from model.accounts.user import UserView
from model.groups import group, invitation, roster
from model.groups.group import Group
from model.groups.invitation import Held
from pottle import text, times
from pottle.errors import Forbidden
from pottle.store import Snapshot, Tx
from pottle.translation import _

LONGEST_NAME = 80

GROUP = select(Group.id).where(Group.slug == bindparam("slug"))

log = logging.getLogger("pottle")


def may_begin(read: Snapshot, there: Provider, code: str | None) -> Held | None:
    """The invitation of somebody new, if there is one. Raises Forbidden where they may not have an account."""
    held = invitation.held(read, code, times.now()) if code else None
    setting = settings.chosen().sign_up
    if code and (held is None or held.user_id is not None or held.group_id is None):
        raise Forbidden(_("Your code isn't valid any more. Ask for another one."))
    if there.newcomers or (there.newcomers is None and (setting == "open" or (held and setting != "closed"))):
        return held
    first = _("There is no account here yet for your %(provider)s account.", provider=there.label)
    if there.newcomers is None and setting == "invitation":
        raise Forbidden(_("%(first)s Use your code first, or sign in with your password and add it.", first=first))
    raise Forbidden(_("%(first)s If you have one: sign in with your password, and add it.", first=first))


def made(tx: Tx, there: Provider, who: Said, held: Held | None) -> int:
    """Makes the account of somebody new, under a user name that nobody has; returns its id."""
    username = (who.username or who.email).partition("@")[0]
    said = text.made_one_line(who.name or username)
    named = [roster.uid_from(one) for one in (who.username.partition("@")[0], said)]
    base = next((one for one in named if not one.startswith(roster.NAMELESS)), named[0])
    uid = roster.free(base, {row.uid_folded for row in tx.all(codes.BEGINNING, first=base, beyond=f"{base}\x7f")})
    joins = _groups(tx, there, held)
    name = (said or uid)[:LONGEST_NAME].strip()
    if any(group.has_namesake(tx, name, id_) for id_ in (0, *joins)):
        behind = f" ({uid})"
        name = name[: LONGEST_NAME - len(behind)] + behind
    id_ = user.add(tx, uid, name, None, who.email[:254] if who.proven else None)
    made = UserView(uid, name, None, tx.now)
    audit.note(tx, made, "user.created", uid, detail=f"by {there.label}")
    for group_id, (slug, role, by) in joins.items():
        group.join(tx, group_id, id_, role)
        audit.note(tx, made, "member.joined", uid, group=slug, detail=f"{role}, {by}")
    if held is not None:
        invitation.use(tx, held.id)
    return id_


def _groups(read: Snapshot, there: Provider, held: Held | None) -> dict[int, tuple[str, str, str]]:
    """The groups that somebody new becomes a member of: by slug, role, and why."""
    found: dict[int, tuple[str, str, str]] = {}
    if there.group:
        row = read.one(GROUP, slug=there.group)
        if row is None:
            log.warning("%s: there is no group %s for newcomers", there.name, there.group)
        else:
            found[row.id] = (there.group, "member", f"by {there.label}")
    if held is not None and held.group_id is not None:
        found[held.group_id] = (held.slug, held.role, f"by invitation {held.id}")
    return found
