"""Codes: `/api/groups/…/invitations` and `/roster` make them, `/api/invitations` and `/api/me/invitations` take them.

A code is shown once, in the answer that makes it, so these routes keep no answer for an Idempotency-Key: a code in
there would be one that is stored.
"""

import msgspec
from quart import Blueprint

from api.access import EDITING, SIGN_IN, admins, by_session, confirmed, me
from api.joining import AccountCode, account_code, link
from model.accounts import codes, session
from model.groups import invitation, joining
from model.groups.group import Standing
from model.groups.invitation import Code, Days, InvitationView, Uses
from model.groups.joining import GroupName, Joined
from pottle.http.answers import gives, takes
from pottle.http.asking import address, anyone, signed_in
from pottle.http.limits import limited

blueprint = Blueprint("invitations", __name__, url_prefix="/api")


class NewInvitation(msgspec.Struct):
    """An invitation to make. It ends after so many `days`, and, if `uses` is given, after so many uses."""

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
    """Invite to a group: with the code one becomes a member (or moderator). The group's moderators may."""
    if data.role == "moderator":
        session.must_be_confirmed(me())
    made = await invitation.invite(me(), slug, data.role, data.uses, data.days)
    return MadeView(made.id, made.code, link(made.code), data.role, made.uses, made.expires)


@blueprint.get("/groups/<slug>/invitations")
@signed_in
@gives(InvitationsView)
async def index(slug: str) -> InvitationsView:
    """The invitations to a group that still work, without their codes. Its moderators may see them."""
    return InvitationsView(await invitation.listed(me(), slug))


@blueprint.delete("/groups/<slug>/invitations/<id:invitation_id>")
@limited(EDITING)
@signed_in
@gives(None, 204)
async def delete(slug: str, invitation_id: int) -> None:
    """Revoke an invitation, at once. Who joined by it stays. The group's moderators may."""
    await invitation.revoke(me(), slug, invitation_id)


class Presented(msgspec.Struct):
    """A code that somebody has. Case, hyphens and blanks do not count; I and L are 1, O is 0."""

    code: Code


class UserName(msgspec.Struct):
    """Whose account."""

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
    """What a code is for. Every code that is unknown, expired, used up or revoked is 404; a guesser gets 429."""
    held = await invitation.find(data.code, address())
    kind = "password" if held.user_id else "group" if held.group_id else "admin"
    group = GroupName(held.slug, held.group_name) if held.group_id else None
    return MeaningView(kind, held.role, group, UserName(held.uid, held.user_name) if held.user_id else None)


@blueprint.post("/me/invitations")
@limited(EDITING)
@signed_in
@takes(Presented)
@gives(Joined, 201)
async def accept(data: Presented) -> Joined:
    """Join a group by a code, with the account that one has. Twice is once."""
    return await joining.accept(me(), data.code, address())


@blueprint.post("/users/<uid>/invitations")
@limited(EDITING)
@admins
@confirmed
@gives(AccountCode, 201)
async def create_reset(uid: str) -> AccountCode:
    """Make a link by which somebody sets a new password. Earlier links of the account end. Admins may."""
    return account_code(await codes.link(me(), uid))
