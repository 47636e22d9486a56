"""`/api/session/confirm`: proving again who one is, for what could take an account over; and a form for it."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType
from quart import Blueprint, Response
from quart_schema import hide

from api.access import EDITING, attempt, by_session, me
from api.arriving import PasskeyCredential, Way, ours, place, renewed, sent, show_confirm
from model.accounts import account, passkey, second, session
from model.accounts.user import Password
from model.groups.invitation import Code
from pottle.errors import Invalid
from pottle.http.answers import asks, gives, respond, takes
from pottle.http.asking import signed_in
from pottle.http.bodies import Tolerant
from pottle.http.forms import fills, go_to, or_again
from pottle.http.limits import limited
from pottle.translation import _
from pottle.values import as_it_is

blueprint = Blueprint("confirming", __name__)

Handler = Callable[..., Awaitable[Any]]


class Ways(msgspec.Struct):
    """How many ways of each kind there are to prove who one is: `password`, `code`, `passkey`, `provider`."""

    ways: dict[str, int]


class Confirmation(msgspec.Struct):
    """One's own password, again; or a code of one's authenticator app, or a recovery code; or a passkey's answer."""

    password: Password | UnsetType = UNSET
    code: Code | UnsetType = UNSET
    passkey: PasskeyCredential | UnsetType = UNSET


class Proof(msgspec.Struct):
    """The same in a form, where a field may be empty."""

    password: Annotated[str, as_it_is("every character of a password counts", 1_000)] = ""
    code: Annotated[str, as_it_is("`plain` leaves out what does not count", 80)] = ""
    next: Way = "/"


class Next(Tolerant):
    """Where to go then."""

    next: Way = "/account"


@blueprint.get("/api/session/confirm")
@signed_in
@by_session
@gives(Ways)
async def show_ways() -> Ways:
    """By what one can prove again who one is."""
    return Ways(await second.proofs(me()))


@blueprint.post("/api/session/confirm")
@limited(EDITING)
@signed_in
@by_session
@takes(Confirmation)
@gives(None, 204)
async def confirm(data: Confirmation) -> Response:
    """Enter the password again, or a code of the authenticator app, or show a passkey (by the options of
    `POST /api/session/confirm/options`): for ten minutes this session may then do what a
    refusal of the type `urn:pottle:confirmation-needed` asks it for. Signing in counts as well."""
    if data.passkey:
        await attempt(passkey.confirm(me(), sent(data.passkey), place()), me().uid)
    else:
        await _prove(data.password or "", data.code or "")
    return await renewed(respond(None, 204))


async def _prove(password: str, code: str) -> None:
    if password:
        await attempt(account.prove(me(), password), me().uid)
        await session.confirmed(me())
    elif code:
        await attempt(second.confirm(me(), code), me().uid)
    else:
        raise Invalid({"password": _("is missing")})


@blueprint.get("/account/confirm")
@hide
@signed_in
@by_session
@asks(Next)
async def show(query: Next) -> Response:
    """Where one proves again who one is."""
    return await show_confirm(None, query.next)


@blueprint.post("/account/confirm")
@hide
@or_again(show_confirm)
@limited(EDITING)
@signed_in
@by_session
@fills(Proof)
async def confirm_by_form(data: Proof) -> Response:
    """Prove again who one is, by a form."""
    await _prove(data.password, data.code)
    return await renewed(go_to(ours(data.next)))
