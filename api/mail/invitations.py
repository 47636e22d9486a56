"""`/api/groups/…/invitations/mails`: invitations to a group, by mail."""

import msgspec
from quart import Blueprint

from api.access import EDITING, by_session, me, on_our_pages
from model.mail import inviting
from model.mail.inviting import Addresses, MailedView
from pottle.http.answers import gives, takes
from pottle.http.asking import signed_in
from pottle.http.limits import idempotent, limited

blueprint = Blueprint("mailed", __name__, url_prefix="/api/groups/<slug>/invitations/mails")


class Invited(msgspec.Struct):
    """Whom to invite: up to fifty mail addresses."""

    addresses: Addresses


class MailedsView(msgspec.Struct):
    """Invitations by mail, newest first."""

    mails: list[MailedView]


@blueprint.post("")
@limited(EDITING)
@signed_in
@by_session
@idempotent
@takes(Invited)
@gives(MailedsView, 201)
async def create(slug: str, data: Invited) -> MailedsView:
    """Send an invitation to each address: a link by which one person joins, for a week. The group's moderators may.

    To an address that has been sent one this week nothing more is sent.
    """
    return MailedsView(await inviting.invite(me(), slug, data.addresses))


@blueprint.get("")
@signed_in
@on_our_pages
@gives(MailedsView)
async def index(slug: str) -> MailedsView:
    """A group's invitations by mail of the last week. Its moderators may see them."""
    return MailedsView(await inviting.listed(me(), slug))


@blueprint.delete("/<id:mail_id>")
@limited(EDITING)
@signed_in
@on_our_pages
@gives(None, 204)
async def delete(slug: str, mail_id: int) -> None:
    """Take an invitation back: it is not sent, or its link works no more. The group's moderators may."""
    await inviting.revoke(me(), slug, mail_id)
