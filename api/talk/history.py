"""`/api/groups/…/history/…`: somebody's history in a group, for its moderators; and clearing up after them."""

import msgspec
from quart import Blueprint, Response
from quart_schema import hide

from api.access import EDITING, me, on_our_pages
from model.groups import group
from model.talk.decision import Note, Reason, Why
from model.talk.desk import clearing, history
from model.talk.desk.clearing import Cleared, Days, ToClear
from model.talk.desk.history import HistoryView
from model.talk.judging import block
from pottle.errors import Forbidden, NotFound
from pottle.http.answers import asks, gives, takes
from pottle.http.application import rendered
from pottle.http.asking import signed_in
from pottle.http.caching import rule
from pottle.http.limits import limited
from pottle.translation import _

blueprint = Blueprint("history", __name__)


@blueprint.get("/api/groups/<slug>/history/<uid>")
@signed_in
@on_our_pages
@gives(HistoryView)
async def show(slug: str, uid: str) -> HistoryView:
    """Somebody's history in a group: since when, how much was removed, reports, blocks, notes, the newest posts (but no
    anonymous ones). Its moderators may see it, of people who belong to it or have written there."""
    return await history.at_a_glance(me(), slug, uid)


class ClearingQuery(msgspec.Struct):
    """Of how many days."""

    days: Days = 7


@blueprint.get("/api/groups/<slug>/history/<uid>/clearing")
@signed_in
@on_our_pages
@asks(ClearingQuery)
@gives(ToClear)
async def preview(slug: str, uid: str, query: ClearingQuery) -> ToClear:
    """How much `POST` would remove."""
    return await clearing.preview(me(), slug, uid, query.days)


class Blocking(msgspec.Struct):
    """Until when they may not write (null: for good), and why, which they are told."""

    why: block.Why
    until: block.Until | None = None


class NewClearing(msgspec.Struct):
    """Of how many days, why (which they are told), and whether they are blocked too."""

    days: Days
    reason: Reason | None = None
    note: Note | None = None
    block: Blocking | None = None


@blueprint.post("/api/groups/<slug>/history/<uid>/clearing")
@limited(EDITING)
@signed_in
@on_our_pages
@takes(NewClearing)
@gives(Cleared)
async def clear(slug: str, uid: str, data: NewClearing) -> Cleared:
    """Remove all that somebody wrote in a group in the last days, new texts that wait too, and block them if `block` is
    there. Its moderators may; not what moderators of it wrote. To do it twice does no more than once."""
    blocked = (data.block.until, data.block.why) if data.block else None
    return await clearing.clear(me(), slug, uid, data.days, Why(data.reason, data.note), blocked)


@blueprint.get("/groups/<slug>/history/<uid>", endpoint="page")
@hide
@signed_in
@on_our_pages
async def page(slug: str, uid: str) -> Response:
    """Somebody's history, for moderators; to others there is no such page."""
    try:
        found = await history.at_a_glance(me(), slug, uid)
    except Forbidden as error:
        raise NotFound(_("There is no such page.")) from error
    shown = {"group": group.view(await group.visible_to(me(), slug)), "person": found}
    body = await rendered("history.html", me=me(), **shown)
    return Response(body, headers={"Cache-Control": rule()}, content_type="text/html; charset=utf-8")
