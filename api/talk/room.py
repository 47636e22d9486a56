"""`/api/groups/…/room`: who of a group has written how much; and the page and the table that show it to moderators."""

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Blueprint, Response
from quart_schema import hide

from api.access import asker, me, on_our_pages
from model.talk import channel, room, selection
from model.talk.room import Order, Present
from pottle.errors import Forbidden, NotFound
from pottle.http.answers import asks, gives
from pottle.http.application import rendered
from pottle.http.asking import signed_in
from pottle.http.bodies import Tolerant
from pottle.http.caching import rule
from pottle.http.languages import language
from pottle.store.paging import Cursor
from pottle.translation import _, translated

blueprint = Blueprint("room", __name__)
CHANNELS, QUESTIONS = 100, 5  # to choose from; to be reminded of
HEADINGS = [
    *(_("Name"), _("User name"), _("Role"), _("Posts"), _("Replies"), _("Answers")),
    *(_("Last post (UTC)"), _("Last read (UTC)")),
]

ChannelId = Annotated[int, Meta(ge=1, le=10**18 - 1)]


class RoomQuery(msgspec.Struct):
    """Of one channel, or of all; and in which order: by name, or first who has written least, or not for longest."""

    channel: ChannelId | None = None
    order: Order = "name"


class RoomView(msgspec.Struct):
    """The people of a group, the newest 2,000 accounts."""

    people: list[Present]


@blueprint.get("/api/groups/<slug>/room")
@signed_in
@on_our_pages
@asks(RoomQuery)
@gives(RoomView)
async def index(slug: str, query: RoomQuery) -> RoomView:
    """Who of a group has written how much. Its moderators may see it."""
    return RoomView((await room.at_a_glance(me(), slug, query.channel, query.order)).people)


class PageQuery(Tolerant, RoomQuery):
    """As above; what else is in a link counts for nothing."""


@blueprint.get("/groups/<slug>/room", endpoint="page")
@hide
@signed_in
@on_our_pages
@asks(PageQuery)
async def show(slug: str, query: PageQuery) -> Response:
    """The room at a glance, for moderators; to others there is no such page."""
    found = await _found(slug, query)
    _group, channels = await channel.listed(me(), slug, Cursor(CHANNELS))
    _group, questions = await selection.unanswered(me(), slug, Cursor(QUESTIONS))
    pupils = [one for one in found.people if one.role == "member"]
    shown = {"people": found.people, "pupils": pupils, "quiet": [one for one in pupils if not one.posts]}
    chosen = channel.view(await channel.visible_to(me(), query.channel)) if query.channel else None
    about = {"group": found.group, "channels": channels.items, "chosen": chosen, "questions": questions.items}
    body = await rendered("room.html", me=asker(), asked=query, **shown, **about)
    return Response(body, headers={"Cache-Control": rule()}, content_type="text/html; charset=utf-8")


@blueprint.get("/groups/<slug>/room.csv", endpoint="table")
@hide
@signed_in
@on_our_pages
@asks(PageQuery)
async def table(slug: str, query: PageQuery) -> Response:
    """The same as CSV, for spreadsheets."""
    people = (await _found(slug, query)).people
    data = room.as_csv(people, translated([*HEADINGS], language()))
    headers = {"Content-Disposition": f'attachment; filename="{slug}.csv"', "Cache-Control": "no-store"}
    return Response(data, headers=headers, content_type="text/csv; charset=utf-8")


async def _found(slug: str, query: PageQuery) -> room.Room:
    try:
        return await room.at_a_glance(me(), slug, query.channel, query.order)
    except Forbidden as error:
        raise NotFound(_("There is no such page.")) from error
