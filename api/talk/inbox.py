"""The page of the inbox: what was addressed to one, readable without JavaScript."""

from quart import Blueprint, Response
from quart_schema import hide

from api.access import me
from model.accounts.session import Identity
from model.talk import inbox
from model.talk.desk import statement
from model.talk.desk.statement import StatementView
from pottle.http.answers import Paging, asks, cursor, edges
from pottle.http.application import rendered
from pottle.http.asking import signed_in
from pottle.http.bodies import Tolerant
from pottle.http.caching import rule
from pottle.store.paging import Cursor

blueprint = Blueprint("inbox", __name__)

TOLD = 10  # decisions that an inbox begins with


class InboxQuery(Tolerant, Paging):
    """Which part of the list."""


@blueprint.get("/inbox")
@hide
@signed_in
@asks(InboxQuery)
async def show(query: InboxQuery) -> Response:
    """Replies to one's posts, and posts that mention one."""
    page = await inbox.listed(me(), cursor(query))
    body = await rendered("inbox.html", me=me(), items=page.items, decided=await _decided(me()), **edges(page))
    return Response(body, headers={"Cache-Control": rule()}, content_type="text/html; charset=utf-8")


async def _decided(identity: Identity) -> list[StatementView]:
    """What was decided last against posts of somebody's own, as far as it still holds or they appealed."""
    found = await statement.own(identity, Cursor(TOLD))
    return [one for one in found.items if one.appeal or not one.ended]
