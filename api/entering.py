"""Signing in, up and out, one's language, and leaving: forms without JavaScript, by units and limits of the API."""

from contextlib import suppress
from functools import partial
from typing import Annotated

import msgspec
from quart import Blueprint, Response
from quart_schema import hide
from werkzeug.exceptions import HTTPException

from api.access import (
    BY_CODE,
    EDITING,
    EXPORTS,
    SIGN_IN,
    SIGN_UP,
    asker,
    attempt,
    by_session,
    device,
    me,
    on_our_pages,
    saved,
    signed_out,
)
from api.account_page import own
from api.arriving import Way, arrived, must_be_ours, or_confirm_first, ours, private, show_second
from model.accounts import account, belongings, second, session, user
from model.accounts.ticket import TicketText
from model.accounts.user import Language, Name, Password, SomeUid, Uid
from model.groups import joining
from model.groups.invitation import Code
from pottle.errors import Invalid
from pottle.http import bodies
from pottle.http.answers import asks
from pottle.http.asking import address, anyone, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.forms import Trouble, fills, fresh_key, go_to, or_again
from pottle.http.limits import Party, idempotent, limited
from pottle.values import line

blueprint = Blueprint("entering", __name__)


class Entry(Tolerant):
    """Where to go once somebody is signed in."""

    next: Way = "/"


class Credentials(msgspec.Struct):
    """What one signs in with."""

    uid: SomeUid
    password: Password
    next: Way = "/"


class SecondCode(msgspec.Struct):
    """A code of one's authenticator app, or a recovery code, and the ticket for it."""

    ticket: TicketText
    code: Code
    next: Way = "/"


class NewAccount(msgspec.Struct):
    """An account to make."""

    uid: Uid
    name: Name
    password: Password
    invitation: Annotated[str, line(80, shortest=0)] | None = None
    next: Way = "/"


class Choice(msgspec.Struct):
    """The language to read in; none is the browser's."""

    language: Language | None = None


class Proof(msgspec.Struct):
    """One's password, again. Whoever has none has proven within the last minutes who they are."""

    password: Password | None = None


class Leaving(Proof):
    """Who leaves may take along what they wrote."""

    everything: bool = False


async def _entry(new: bool, trouble: Trouble | None, way: str) -> Response:
    way = trouble.typed.get("next", way) if trouble else way
    said = {"me": asker(), "new": new, "trouble": trouble, "key": fresh_key(), "next": ours(way)}
    return await private("enter.html", **said)


@blueprint.get("/account/sign-in", endpoint="sign_in")
@hide
@anyone
@asks(Entry)
async def show_sign_in(query: Entry, trouble: Trouble | None = None) -> Response:
    """Where one signs in without JavaScript."""
    return await _entry(False, trouble, query.next)


@blueprint.get("/account/sign-up", endpoint="sign_up")
@hide
@anyone
@asks(Entry)
async def show_sign_up(query: Entry, trouble: Trouble | None = None) -> Response:
    """Where one makes an account without JavaScript."""
    return await _entry(True, trouble, query.next)


@blueprint.post("/account/sign-in", endpoint="signed_in")
@hide
@or_again(show_sign_in)
@limited(SIGN_IN)
@anyone
@fills(Credentials)
async def sign_in(data: Credentials) -> Response:
    """Sign in, by a form."""
    must_be_ours()
    return await arrived(account.sign_in(data.uid, data.password, address(), device()), data.next, data.uid)


async def _by_code() -> Party | None:
    """As of a sign-up by the API."""
    code = None
    with suppress(HTTPException, Invalid):
        code = (await bodies.form()).get("invitation")
    held = await joining.good(code, address()) if code else None
    return None if held is None else (f"code {held} address {address()}", BY_CODE)


@blueprint.post("/account/sign-up", endpoint="signed_up")
@hide
@or_again(show_sign_up)
@limited(SIGN_UP, instead=_by_code)
@anyone
@idempotent
@fills(NewAccount)
async def sign_up(data: NewAccount) -> Response:
    """Sign up, by a form, and in."""
    must_be_ours()
    await joining.sign_up(data.uid, data.name, data.password, None, data.invitation)
    return await arrived(account.sign_in(data.uid, data.password, address(), device()), data.next, data.uid)


@blueprint.post("/account/sign-in/second")
@hide
@or_again(show_second)
@limited(SIGN_IN)
@anyone
@fills(SecondCode)
async def give_second(data: SecondCode) -> Response:
    """Give the second factor, by a form."""
    must_be_ours()
    return await arrived(second.finish(data.ticket, data.code), data.next)


async def _left(trouble: Trouble) -> Response:
    """Whoever has no session any more has signed out."""
    return go_to("/")


@blueprint.post("/account/sign-out")
@hide
@or_again(_left)
@limited(EDITING)
@signed_in
async def sign_out() -> Response:
    """Sign out, by a form."""
    await session.end(me())
    return signed_out(go_to("/"))


@blueprint.post("/account/language")
@hide
@or_again(own)
@limited(EDITING)
@signed_in
@on_our_pages
@fills(Choice)
async def choose_language(data: Choice) -> Response:
    """Choose the language to read in, by a form."""
    chosen = user.known_language(data.language) if data.language else None
    await account.edit(me(), None, {"language": chosen}, None)
    return go_to("/account#language")


@blueprint.post("/account/export")
@hide
@or_again(partial(own, "data"))
@or_confirm_first("/account/data")
@limited(EXPORTS)
@signed_in
@by_session
@fills(Proof)
async def export(data: Proof) -> Response:
    """Everything of one's account as a file, by a form."""
    return saved(await attempt(belongings.take(me(), data.password), me().uid))


@blueprint.post("/account/delete")
@hide
@or_again(partial(own, "data"))
@or_confirm_first("/account/data")
@limited(EDITING)
@signed_in
@by_session
@fills(Leaving)
async def delete(data: Leaving) -> Response:
    """Delete one's account, by a form."""
    await attempt(account.leave(me(), data.password, None, data.everything), me().uid)
    return signed_out(go_to("/"))
