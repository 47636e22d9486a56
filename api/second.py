"""`/api/me/second`: one's second factor, and forms for it without JavaScript; for admins that of others."""

import msgspec
import segno
from markupsafe import Markup
from quart import Blueprint, Response
from quart_schema import hide

from api.access import EDITING, admins, by_session, confirmed, me
from api.account_page import own_access
from api.arriving import SET_UP, or_confirm_first, private
from model.accounts import second
from model.accounts.second import RecoveryCodes, SecondFactor, SetUp
from model.groups.invitation import Code
from pottle.http.answers import Answer, gives, takes
from pottle.http.asking import signed_in
from pottle.http.forms import Trouble, fills, go_to, or_again
from pottle.http.limits import limited

blueprint = Blueprint("second", __name__)


class AppCode(msgspec.Struct):
    """A code that the authenticator app shows."""

    code: Code


@blueprint.get("/api/me/second")
@signed_in
@by_session
@gives(SecondFactor)
async def show() -> SecondFactor:
    """One's second factor: whether there is one, and whether there has to be."""
    return await second.show(me())


@blueprint.post("/api/me/second")
@limited(EDITING)
@signed_in
@confirmed
@gives(SetUp, 201)
async def begin() -> Answer:
    """Begin to set up an authenticator app: a secret for it, which is shown this once. It counts when a code of the app
    was sent by PUT."""
    return Answer(await second.begin(me()))


@blueprint.put("/api/me/second")
@limited(EDITING)
@signed_in
@confirmed
@takes(AppCode)
@gives(RecoveryCodes)
async def turn_on(data: AppCode) -> RecoveryCodes:
    """Have the app count from now on, by a code that it shows. The answer has the recovery codes, this once. One is
    signed out everywhere else."""
    return await second.turn_on(me(), data.code)


@blueprint.post("/api/me/second/codes")
@limited(EDITING)
@signed_in
@confirmed
@gives(RecoveryCodes, 201)
async def renew() -> Answer:
    """Make new recovery codes; those from before end."""
    return Answer(await second.renew(me()))


@blueprint.delete("/api/me/second")
@limited(EDITING)
@signed_in
@confirmed
@gives(None, 204)
async def turn_off() -> None:
    """Switch one's second factor off. One is signed out everywhere else."""
    await second.turn_off(me())


@blueprint.delete("/api/users/<uid>/second")
@limited(EDITING)
@admins
@confirmed
@gives(None, 204)
async def reset(uid: str) -> None:
    """Take somebody's second factor off, who has lost it. Their sessions end, and they are told."""
    await second.reset(me(), uid)


@blueprint.post("/account/second")
@hide
@or_again(own_access)
@or_confirm_first(SET_UP)
@limited(EDITING)
@signed_in
@confirmed
async def begin_by_form() -> Response:
    """Begin to set up an authenticator app, by a form."""
    await second.begin(me())
    return go_to("/account/second")


@blueprint.get("/account/second")
@hide
@or_confirm_first(SET_UP)
@signed_in
@confirmed
async def show_set_up(trouble: Trouble | None = None) -> Response:
    """Where the authenticator app gets its secret, and the first code of it is entered."""
    made = await second.pending(me())
    if made is None:
        return go_to(SET_UP)
    picture = Markup(segno.make(made.address).svg_inline(scale=5, border=3, light="#fff"))  # noqa: S704  # of ours
    said = {"trouble": trouble, "secret": made.secret, "address": made.address, "picture": picture}
    return await private("set-up.html", me=me(), **said)


@blueprint.post("/account/second/on")
@hide
@or_again(show_set_up)
@or_confirm_first(SET_UP)
@limited(EDITING)
@signed_in
@confirmed
@fills(AppCode)
async def turn_on_by_form(data: AppCode) -> Response:
    """Have the app count from now on, by a form."""
    return await private("recovery.html", me=me(), codes=(await second.turn_on(me(), data.code)).codes)


@blueprint.post("/account/second/codes")
@hide
@or_again(own_access)
@or_confirm_first(SET_UP)
@limited(EDITING)
@signed_in
@confirmed
async def renew_by_form() -> Response:
    """Make new recovery codes, by a form."""
    return await private("recovery.html", me=me(), codes=(await second.renew(me())).codes)


@blueprint.post("/account/second/off")
@hide
@or_again(own_access)
@or_confirm_first(SET_UP)
@limited(EDITING)
@signed_in
@confirmed
async def turn_off_by_form() -> Response:
    """Switch one's second factor off, by a form."""
    await second.turn_off(me())
    return go_to(SET_UP)
