"""The pages that list discussions: those of a group, and all that one may read."""

from typing import Annotated, Any

from msgspec import Meta
from quart import Blueprint, Response
from quart_schema import hide

from api.access import asker
from api.talk.pages import PageQuery
from model.accounts.session import Identity
from model.groups import group, people, rules
from model.groups.group import GroupRow
from model.talk import channel
from pottle.errors import Refusal
from pottle.http.answers import asks, cursor, edges, etag
from pottle.http.application import rendered
from pottle.http.asking import anyone
from pottle.http.caching import rule, shown
from pottle.store.paging import Page

blueprint = Blueprint("overviews", __name__)


class OverviewQuery(PageQuery):
    """As of a page, with more at once."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 50


@blueprint.get("/groups/<slug>")
@hide
@anyone
@asks(OverviewQuery)
async def of_group(slug: str, query: OverviewQuery) -> Response:
    """A group, for its readers; beginning with the discussion in which something was said last."""
    who = asker()
    found, page = await channel.listed(who, slug, cursor(query), order="active")
    if who is None:
        shown(f"group:{found.id}", f"channels-of:{found.id}", f"posts-of:{found.id}", "channels", signed_out_only=True)
    knows = who is not None and (found.standing is not None or rules.moderates(found, who))
    return await _page(
        "group.html",
        page,
        group=group.view(found),
        moderates=rules.moderates(found, who),
        may_begin=_may_begin(found, who),
        members=await people.members(found.id) if knows else None,
    )


@blueprint.get("/discussions")
@hide
@anyone
@asks(OverviewQuery)
async def everything(query: OverviewQuery) -> Response:
    """All discussions that one may read; beginning with the one in which something was said last."""
    page = await channel.everywhere(asker(), cursor(query))
    if asker() is None:
        shown("groups", "channels", "posts", signed_out_only=True)
    return await _page("discussions.html", page)


async def _page(template: str, page: Page[Any], **context: object) -> Response:
    view = {"channels": page.items, **edges(page)}
    body = (await rendered(template, me=asker(), page=view, **context)).encode()
    headers = {"Cache-Control": rule(), "Vary": "Cookie", "ETag": etag(body, 0)}
    return Response(body, headers=headers, content_type="text/html; charset=utf-8")


def _may_begin(found: GroupRow, who: Identity | None) -> bool:
    try:
        rules.may_post(found, who, None)
    except Refusal:
        return False
    return who is not None
