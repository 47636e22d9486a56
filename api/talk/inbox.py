"""The page of the inbox: what was addressed to one, readable without JavaScript."""

from quart import Blueprint, Response
from quart_schema import hide

from api.access import me
from model.talk import inbox
from pottle.http.answers import Paging, asks, cursor, edges
from pottle.http.application import rendered
from pottle.http.asking import signed_in
from pottle.http.bodies import Tolerant
from pottle.http.caching import rule

blueprint = Blueprint("inbox", __name__)


class InboxQuery(Tolerant, Paging):
    """Which part of the list."""


@blueprint.get("/inbox")
@hide
@signed_in
@asks(InboxQuery)
async def show(query: InboxQuery) -> Response:
    """Replies to one's posts, and posts that mention one."""
    page = await inbox.listed(me(), cursor(query))
    body = await rendered("inbox.html", me=me(), items=page.items, **edges(page))
    return Response(body, headers={"Cache-Control": rule()}, content_type="text/html; charset=utf-8")
