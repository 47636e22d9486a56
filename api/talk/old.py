"""`/old/…`: where a discussion or a comment of another system is now. docs/importing.md has what web servers say."""

import re
from typing import Annotated

import msgspec
from quart import Blueprint, Response, url_for
from quart_schema import hide

from api.access import asker
from model.arriving import old
from pottle.http.answers import asks
from pottle.http.asking import anyone
from pottle.http.bodies import Tolerant
from pottle.http.caching import rule
from pottle.values import as_it_is

blueprint = Blueprint("old", __name__)
BEFORE = re.compile(r"^[A-Za-z0-9_]*comment[-_]+|^isso-|^#")  # what stands before a comment's id in an address
Id = Annotated[str, as_it_is("an id of another system, which is only compared", longest=200)]


class OldQuery(Tolerant, msgspec.Struct):
    """Which comment of the page, by its id there; or which page, in addresses such as WordPress's `/?p=17`."""

    comment: Id | None = None
    p: Id | None = None
    page_id: Id | None = None


@blueprint.get("/old/<slug>/", defaults={"path": ""})
@blueprint.get("/old/<slug>/<path:path>")
@hide
@anyone
@asks(OldQuery)
async def lead(slug: str, path: str, query: OldQuery) -> Response:
    """Leads to the discussion of a page, by its path on the old site, or to what a comment became there."""
    short = next((f"?{name}={value}" for name in ("p", "page_id") if (value := getattr(query, name))), "")
    comment = BEFORE.sub("", query.comment) if query.comment else None
    found = await old.find(asker(), slug, f"/{path}{short}", comment)
    there = (
        url_for("talk.post", post_id=found.post) if found.post else url_for("talk.channel", channel_id=found.channel)
    )
    return Response(status=301, headers={"Location": there, "Cache-Control": rule()})
