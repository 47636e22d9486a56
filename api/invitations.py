"""Codes: `/api/groups/…/invitations` and `/roster` make them, `/api/invitations` and `/api/me/invitations` take them.

A code is shown once, in the answer that makes it; these routes take no Idempotency-Key, which would store the answer.
In its link, `/join#K7QD-29XM`, it is the fragment, which browsers send to nobody: no log and no Referer has it.
"""

import logging
from typing import Annotated

import msgspec
from quart import Blueprint

from api.access import EDITING, ROSTERS, SIGN_IN, admins, by_session, confirmed, me, on_our_pages
from api.addresses import here
from model.accounts import codes, session
from model.accounts.codes import ResetCode
from model.groups import group, invitation, joining, roster
from model.groups.invitation import Code, Days, InvitationView, Uses
from model.groups.joining import GroupName, Joined
from model.groups.rules import Standing
from pottle import server
from pottle.errors import Invalid, StorageFull
from pottle.http.answers import gives, takes
from pottle.http.asking import address, anyone, signed_in
from pottle.http.limits import limited
from pottle.store import db
from pottle.translation import _
from pottle.values import as_it_is

blueprint = Blueprint("invitations", __name__, url_prefix="/api")
rosters = Blueprint("rosters", __name__, url_prefix="/api/groups/<slug>/roster")
blueprint.record_once(lambda state: state.app.register_blueprint(rosters))
log = logging.getLogger("pottle")


def link(code: str) -> str:
    """The link with a code."""
    return f"{here()}/join#{code}"


class AccountCode(msgspec.Struct):
    """A code, and its link, for choosing an account's password once. Both are shown this once."""

    uid: str
    name: str
    code: str
    url: str
    expires: str


def account_code(made: ResetCode) -> AccountCode:
    """An account's code with its link."""
    return AccountCode(made.uid, made.name, made.code, link(made.code), made.expires)


class NewInvitation(msgspec.Struct):
    """An invitation to make. It expires after so many `days`, or after so many `uses` if given."""

    role: Standing = "member"
    uses: Uses | None = None
    days: Days = 7


class MadeView(msgspec.Struct):
    """A new invitation: its code, to write on the board, and its link. Both are shown this once."""

    id: int
    code: str
    url: str
    role: Standing
    uses: int | None
    expires: str


class InvitationsView(msgspec.Struct):
    """Invitations, newest first."""

    invitations: list[InvitationView]


@blueprint.post("/groups/<slug>/invitations")
@limited(EDITING)
@signed_in
@by_session
@takes(NewInvitation)
@gives(MadeView, 201)
async def create(slug: str, data: NewInvitation) -> MadeView:
    """Invite to a group: whoever uses the code becomes a member (or moderator). The group's moderators may."""
    if data.role == "moderator":
        await session.must_be_confirmed(me())
    made = await invitation.invite(me(), slug, data.role, data.uses, data.days)
    return MadeView(made.id, made.code, link(made.code), data.role, made.uses, made.expires)


@blueprint.get("/groups/<slug>/invitations")
@signed_in
@on_our_pages
@gives(InvitationsView)
async def index(slug: str) -> InvitationsView:
    """A group's valid invitations, without their codes. Its moderators may see them."""
    return InvitationsView(await invitation.listed(me(), slug))


@blueprint.delete("/groups/<slug>/invitations/<id:invitation_id>")
@limited(EDITING)
@signed_in
@on_our_pages
@gives(None, 204)
async def delete(slug: str, invitation_id: int) -> None:
    """Revoke an invitation, at once. Those who joined by it stay. The group's moderators may."""
    await invitation.revoke(me(), slug, invitation_id)


class Presented(msgspec.Struct):
    """A code. Case, hyphens and blanks do not count; I and L are 1, O is 0."""

    code: Code


class UserName(msgspec.Struct):
    """The account that a code is for."""

    uid: str
    name: str


class MeaningView(msgspec.Struct):
    """What a code is for.

    `group`: joining the group in that role, by signing up or as the user one is. `password`: choosing a password for
    the user's account. `admin`: signing up as the first admin.
    """

    kind: str
    role: str
    group: GroupName | None
    user: UserName | None


@blueprint.post("/invitations/look-up")
@limited(SIGN_IN)
@anyone
@takes(Presented)
@gives(MeaningView)
async def look_up(data: Presented) -> MeaningView:
    """What a code is for. 404 for one that is unknown, expired, used up or revoked; 429 for a guesser."""
    held = await invitation.find(data.code, address())
    kind = "password" if held.user_id else "group" if held.group_id else "admin"
    group = GroupName(held.slug, held.group_name) if held.group_id else None
    return MeaningView(kind, held.role, group, UserName(held.uid, held.user_name) if held.user_id else None)


@blueprint.post("/me/invitations")
@limited(EDITING)
@signed_in
@on_our_pages
@takes(Presented)
@gives(Joined, 201)
async def accept(data: Presented) -> Joined:
    """Join a group by a code, with your own account. Twice is once."""
    return await joining.accept(me(), data.code, address())


@blueprint.post("/users/<uid>/invitations")
@limited(EDITING)
@admins
@confirmed
@gives(AccountCode, 201)
async def create_reset(uid: str) -> AccountCode:
    """Make a link for setting a new password. The account's earlier links end. Admins may."""
    return account_code(await codes.link(me(), uid))


Lines = Annotated[str, as_it_is("model/groups/roster.py tells what is wrong with each line")]


class NewRoster(msgspec.Struct):
    """Who is in the class: `names`, or the text of a `csv` with one column (the name) or two (first, last name).

    A CSV whose first line has headings (`name`; `first name`, `last name`; `uid`) may have more columns.
    """

    names: list[Lines] | None = None
    csv: Lines | None = None


class RosterView(msgspec.Struct):
    """The accounts that were made, in the roster's order."""

    accounts: list[AccountCode]


@rosters.post("", endpoint="create")
@limited(ROSTERS)
@signed_in
@by_session
@takes(NewRoster)
@gives(RosterView, 201)
async def enrol(slug: str, data: NewRoster) -> RosterView:
    """Make accounts for up to 500 people, all or none, as members of the group. Its moderators may."""
    await group.moderated(me(), slug)
    if (data.names is None) == (data.csv is None):
        raise Invalid({"": _("send either names or csv")})
    pupils = roster.from_names(data.names) if data.names is not None else roster.from_csv(data.csv or "")
    return RosterView([account_code(made) for made in await codes.enrol(me(), slug, pupils)])


@rosters.post("/<uid>")
@limited(EDITING)
@signed_in
@confirmed
@gives(AccountCode, 201)
async def renew(slug: str, uid: str) -> AccountCode:
    """Make another code for an account of the roster whose owner lost it or forgot the password; the old one ends.

    The group's moderators may, as long as the account is no more than a member of this one group; admins always.
    """
    return account_code(await codes.renew(me(), slug, uid))


async def welcome() -> None:
    """Logs the link for the first admin, once for each start of a server without an admin.

    A replaced worker is no start: the link stays valid. Under other servers than gunicorn, only the first process logs.
    """
    if not db.first_of_start:
        return
    try:
        code = await codes.offer_admin(server.START)
    except StorageFull:  # reading works without it
        log.warning("Whether there is an admin was not looked at: the disk is full. The next start does.")
        return
    if code:
        log.warning(
            "There is no admin yet. Whoever opens %s within %d hours becomes it; a restart makes a new link.%s",
            link(code),
            codes.FIRST_ADMIN_HOURS,
            "" if here() else " (That is a path on this server: POTTLE_URL is not set.)",
        )
