"""Signing in, up and out, one's language, and leaving: forms without JavaScript, by units and limits of the API."""

import re
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
    set_cookie,
    signed_out,
)
from model import settings
from model.accounts import account, belongings, session, user
from model.accounts.user import Language, Name, Password, SomeUid, Uid
from model.groups import joining
from pottle.errors import Forbidden, Invalid
from pottle.http import bodies
from pottle.http.answers import asks
from pottle.http.application import rendered
from pottle.http.asking import address, anyone, foreign_origin, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.forms import Trouble, fills, fresh_key, go_to, or_again
from pottle.http.limits import Party, idempotent, limited
from pottle.translation import _, called, languages
from pottle.values import as_it_is, line

blueprint = Blueprint("entering", __name__)

Way = Annotated[str, as_it_is("only a path of ours is gone to", 2_000)]
OURS = re.compile(r"/(?![/\\])[!-\[\]-~]*")


class Entry(Tolerant):
    """Where to go once somebody is signed in."""

    next: Way = "/"


class Credentials(msgspec.Struct):
    """What one signs in with."""

    uid: SomeUid
    password: Password
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
    """One's password, again."""

    password: Password


def _ours(way: str) -> str:
    return way if OURS.fullmatch(way) else "/"


async def _entry(new: bool, trouble: Trouble | None, way: str) -> Response:
    way = trouble.typed.get("next", way) if trouble else way
    said = {"me": asker(), "new": new, "trouble": trouble, "key": fresh_key(), "next": _ours(way)}
    body = await rendered("enter.html", **said)
    return Response(body, headers={"Cache-Control": "no-store"}, content_type="text/html; charset=utf-8")


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
    _must_be_ours()
    return await _enter(data.uid, data.password, data.next)


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
    _must_be_ours()
    await joining.sign_up(data.uid, data.name, data.password, None, data.invitation)
    return await _enter(data.uid, data.password, data.next)


async def _enter(uid: str, password: str, way: str) -> Response:
    signed = await attempt(account.sign_in(uid, password, address(), device()), uid)
    response = go_to(_ours(way))
    set_cookie(response, signed.token, settings.chosen().session_days)
    return response


def _must_be_ours() -> None:
    """A page of another site must not sign anybody in here, as somebody else."""
    if foreign_origin() is not None:
        raise Forbidden(_("That can only be done on our own pages: sign in there."))


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


async def own(tab: str = "profile", trouble: Trouble | None = None) -> Response:
    """A page of one's own account."""
    shown = await user.account(me().user)
    choices = [(tag, called(tag)) for tag in languages()]
    body = await rendered("account.html", tab=tab, me=me(), account=shown, trouble=trouble, languages=choices)
    return Response(body, headers={"Cache-Control": "no-store"}, content_type="text/html; charset=utf-8")


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
@limited(EDITING)
@signed_in
@by_session
@fills(Proof)
async def delete(data: Proof) -> Response:
    """Delete one's account, by a form."""
    await attempt(account.leave(me(), data.password, None), me().uid)
    return signed_out(go_to("/"))
