"""`/api/groups/…/statements`: the statements of reasons of a group for a period, as a file for moderators."""

import msgspec
from quart import Blueprint, Response

from api.access import EXPORTS, me, on_our_pages
from model.talk.desk import transparency
from model.talk.desk.transparency import Day, Format, Transparency
from pottle.http.answers import asks, gives
from pottle.http.asking import signed_in
from pottle.http.limits import limited_here

blueprint = Blueprint("statements", __name__)
TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8"}


class StatementsQuery(msgspec.Struct):
    """Which days, the last one too, and which form the file is to have."""

    since: Day
    until: Day
    format: Format = "json"


@blueprint.get("/api/groups/<slug>/statements")
@limited_here(EXPORTS)
@signed_in
@on_our_pages
@asks(StatementsQuery)
@gives(Transparency)
async def export(slug: str, query: StatementsQuery) -> Response:
    """The statements of reasons of a group for a period: what was decided, why, how it was found, what became of it.

    The fields are those of the DSA Transparency Database. Nobody is named. The group's moderators may have it.
    """
    pieces = await transparency.take(me(), slug, query.since, query.until, query.format)
    name = f"{slug}-{query.since}-{query.until}.{query.format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(transparency.until_it_ends(pieces), 200, headers, content_type=TYPES[query.format])
