"""`/api/me/address`: one's mail address, and the page on which it is confirmed."""

from typing import Annotated

from quart import Blueprint, Response
from quart_schema import hide

from api.access import EDITING, asker, me, on_our_pages
from model.mail import address, proving
from model.mail.address import AddressView
from pottle.http.answers import asks, gives
from pottle.http.application import rendered
from pottle.http.asking import anyone, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.forms import Trouble, go_to, or_again
from pottle.http.limits import idempotent, limited
from pottle.rates import Rate
from pottle.values import as_it_is

blueprint = Blueprint("addresses", __name__)

ASKED_FOR = Rate("mails asked for", 5, per=3600)
Token = Annotated[str, as_it_is("a token that is none is nobody's", 1_000, 1)]


class Link(Tolerant):
    """What a link in a letter brings."""

    token: Token


@blueprint.get("/account/address", endpoint="page")
@hide
@anyone
@asks(Link)
async def show_confirm(query: Link, trouble: Trouble | None = None) -> Response:
    """Where one confirms an address, once one is signed in."""
    body = await rendered("address.html", me=asker(), token=query.token, trouble=trouble)
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"}  # without any a form is from nowhere
    return Response(body, headers=headers, content_type="text/html; charset=utf-8")


@blueprint.post("/account/address", endpoint="confirm")
@hide
@or_again(show_confirm)
@limited(EDITING)
@signed_in
@on_our_pages
@idempotent
@asks(Link)
async def confirm(query: Link) -> Response:
    """Confirm an address, by a form."""
    await proving.confirm(me(), query.token)
    return go_to("/account#address")


@blueprint.get("/api/me/address")
@signed_in
@on_our_pages
@gives(AddressView)
async def show() -> AddressView:
    """One's mail address: whether it is proven to be one's own, and whether it takes mail."""
    return await address.own(me().user)


@blueprint.post("/api/me/address")
@limited(ASKED_FOR)
@signed_in
@on_our_pages
@idempotent
@gives(AddressView)
async def ask_again() -> AddressView:
    """Have another link sent to one's address, by which to confirm it."""
    return await proving.ask_again(me())
