"""`/api/password/forgotten`: a link by mail for whoever forgot their password, and the page that asks for one."""

from typing import Annotated

import msgspec
from quart import Blueprint, Response
from quart_schema import hide

from api.access import asker
from model.mail import forgotten, outbox
from pottle.errors import NotFound
from pottle.http.answers import gives, takes
from pottle.http.application import rendered
from pottle.http.asking import anyone
from pottle.http.forms import Trouble, fills, or_again
from pottle.http.languages import language
from pottle.http.limits import limited
from pottle.rates import Rate
from pottle.translation import _
from pottle.values import line

blueprint = Blueprint("forgotten", __name__)

FORGOTTEN = Rate("forgotten passwords of an address", 60, per=3600)  # a school is one


class Forgotten(msgspec.Struct):
    """Whose password: a user name, or a mail address."""

    who: Annotated[str, line(254)]


@blueprint.post("/api/password/forgotten")
@limited(FORGOTTEN)
@anyone
@takes(Forgotten)
@gives(None, 204)
async def create(data: Forgotten) -> None:
    """Have a link for choosing a new password be mailed to an account's confirmed address.

    The answer is the same, and takes the same time, whether there is such an account or not. 404 on a server without
    mail.
    """
    await _ask(data.who)


async def _ask(who: str) -> None:
    if not outbox.on():
        raise NotFound(_("This server sends no mail (POTTLE_MAIL)."))
    await forgotten.ask(who, language())


@blueprint.get("/account/forgotten", endpoint="page")
@hide
@anyone
async def show(trouble: Trouble | None = None, sent: bool = False) -> Response:
    """Where one asks for a link."""
    if not outbox.on():
        raise NotFound(_("There is no such page."))
    body = await rendered("forgotten.html", me=asker(), trouble=trouble, sent=sent)
    return Response(body, headers={"Cache-Control": "no-store"}, content_type="text/html; charset=utf-8")


@blueprint.post("/account/forgotten", endpoint="asked")
@hide
@or_again(show)
@limited(FORGOTTEN)
@anyone
@fills(Forgotten)
async def ask(data: Forgotten) -> Response:
    """Ask for a link, by a form."""
    await _ask(data.who)
    response: Response = await show(sent=True)
    return response
