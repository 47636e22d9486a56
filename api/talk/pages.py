"""The pages of discussions: readable without JavaScript, and live with it."""

from typing import Annotated, Any

from msgspec import Meta
from quart import Blueprint, Response, url_for
from quart.blueprints import BlueprintSetupState
from quart_schema import hide

from api.access import asker
from api.talk.access import shown_in
from api.talk.posts import authors_of
from model.accounts.session import Identity
from model.groups import group
from model.notices import choices
from model.settings import Settings
from model.talk import channel, marks, post, selection, sidebar, thread, welcome
from model.talk.selection import Only
from model.talk.thread import Conversation, Discussion, Order, Part
from pottle.errors import NotFound
from pottle.http.answers import Paging, asks, cursor, edges, encoded, etag
from pottle.http.application import rendered, rendered_alone, rendered_once
from pottle.http.asking import anyone
from pottle.http.bodies import Tolerant
from pottle.http.caching import rule, shown
from pottle.http.cross_origin import framed_by
from pottle.store import db
from pottle.store.paging import Cursor
from pottle.translation import _

blueprint = Blueprint("talk", __name__)

HUES = 6
PART = "part.html"  # what is shown of a discussion without the page around it
ABOVE = 2  # conversations that stand above the one of a post that is asked for


def hue(uid: str) -> int:
    """Which of the colours of avatars a user has, by the user name, as in static/view.js."""
    return sum(map(ord, uid.lower())) % HUES


@blueprint.record_once
def _tell_templates(state: BlueprintSetupState) -> None:
    chosen: Settings = state.app.config["POTTLE"]
    state.app.jinja_env.globals.update(discussions=True, hue=hue, post_length=chosen.post_length)


@blueprint.record_once
def _be_the_front_page(state: BlueprintSetupState) -> None:
    state.app.view_functions["pages.home"] = home


class PageQuery(Tolerant, Paging):
    """Which part of a discussion; what else is in a link (`utm_source`, `fbclid`) counts for nothing."""

    order: Order = "newest"
    at: Annotated[int, Meta(ge=1, le=10**18 - 1)] | None = None
    only: Only | None = None

    @property
    def part(self) -> Part:
        """That part of its thread. Raises Invalid for made-up cursors."""
        edge = cursor(self)
        return Part(self.order, self.at, edge.before, edge.after, ABOVE, edge.limit)


@hide
@anyone
@asks(PageQuery)
async def home(query: PageQuery) -> Response:
    """The lobby; but whoever is in one group alone is led there."""
    who = asker()
    own = await group.of_user(who) if who and not who.admin else []
    if len(own) == 1 and own[0] != sidebar.FRONT[0]:
        there = url_for("overviews.of_group", slug=own[0])
        return Response(status=303, headers={"Location": there, "Cache-Control": rule()})
    slug, key = sidebar.FRONT
    _group_row, lobby = await channel.listed(who, slug, Cursor(1), key)
    if not lobby.items:
        raise NotFound(_("The lobby was deleted."))
    steps = await welcome.steps() if who and who.admin else None
    found = await thread.of_channel(who, lobby.items[0].id, query.part)
    return await _page("home.html", who, found, query.order, set(), steps=steps)


@blueprint.get("/channels/<id:channel_id>", endpoint="channel")
@hide
@anyone
@asks(PageQuery)
async def discussion(channel_id: int, query: PageQuery) -> Response:
    """A channel, by conversations; or the page with the post `at`, and what stands around it; or only some of it."""
    who = asker()
    if query.only is not None:
        found = await selection.conversations(who, channel_id, query.only, cursor(query))
        chosen = {"alone": True, "only": query.only, "further": encoded(found.page.next), "edges": None}
        response = await _page("channel.html", who, found, "newest", set(), **chosen)
    else:
        found = await thread.of_channel(who, channel_id, query.part)
        pinned = await marks.pinned(channel_id)
        tags = authors_of(pinned)
        response = await _page("channel.html", who, found, query.order, tags, pinned=pinned)
    framed_by(response, found.channel.origins)
    return response


@blueprint.get("/channels/<id:channel_id>/thread", endpoint="thread")
@hide
@anyone
@asks(PageQuery)
async def part_of(channel_id: int, query: PageQuery) -> Response:
    """More of a page's discussion, for its scripts."""
    who = asker()
    found = await thread.of_channel(who, channel_id, query.part)
    return await _page(PART, who, found, query.order, set())


@blueprint.get("/posts/<id:post_id>", endpoint="post")
@hide
@anyone
async def conversation(post_id: int) -> Response:
    """A post in its conversation, wherever in its channel that is: what a link to a post leads to."""
    who = asker()
    found = await post.conversation(who, post_id)
    items, talk = found.page.items, rendered_once("_talk.html", posts=found.page.items, named=post_id)
    response = await _answer("channel.html", who, found.channel, items, found.seq, talk=talk, alone=True, named=post_id)
    framed_by(response, found.channel.origins)
    return response


async def _page(
    template: str, who: Identity | None, found: Discussion, order: Order, tags: set[str], **context: object
) -> Response:
    """A part of a discussion, whose posts look the same to everybody: three quarters of the work of a page."""
    order = "newest" if found.named and order == "active" else order
    shown_so = {"order": order, "named": found.named}
    talk = rendered_once("_thread.html", conversations=[*map(as_shown, found.page.items)], **shown_so)
    common = {**shown_so, "talk": talk, "edges": edges(found.page), **context}
    return await _answer(template, who, found.channel, found.posts, found.seq, *tags, **common)


async def _answer(
    template: str,
    who: Identity | None,
    row: channel.ChannelRow,
    posts: list[post.PostView],
    seq: int,
    *tags: str,
    **context: object,
) -> Response:
    """A page of a channel, kept by the response cache for those who are not signed in."""
    if who is None:
        shown_in(row, *tags, *authors_of(posts))
        shown(signed_out_only=True)
    attention = await choices.attention(who, row.id) if who else "usual"
    about = {
        "me": who,
        "attention": attention,
        "group": _group(row),
        "channel": channel.own_view(who, row),
        "posts": posts,
    }
    position = {"epoch": db.instance.epoch, "seq": seq}
    shown_so = {**about, **position, **context}
    page = rendered_alone(template, **shown_so) if template == PART else await rendered(template, **shown_so)
    body = page.encode()
    headers = {"Cache-Control": rule(), "Vary": "Cookie", "ETag": etag(body, seq)}
    return Response(body, headers=headers, content_type="text/html; charset=utf-8")


def as_shown(found: Conversation) -> dict[str, Any]:
    """A conversation as templates get it."""
    earlier = str(found.earlier) if found.earlier < thread.MOST_COUNTED else f"{thread.MOST_COUNTED}+"
    left_out = {"before": encoded(found.before), "after": encoded(found.after), "earlier": earlier}
    return {"root": found.root, "replies": found.replies, **left_out}


def _group(row: channel.ChannelRow) -> dict[str, Any]:
    """The group of a channel, and the reader's standing in it, as templates get them."""
    rules = {name: getattr(row, name) for name in ("reading", "posting", "review", "anonymous", "images", "standing")}
    return {"slug": row.group, "name": row.group_name, **rules}
