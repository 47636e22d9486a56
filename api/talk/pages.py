"""The pages of discussions: readable without JavaScript, and live with it."""

from typing import Any

from markupsafe import Markup
from quart import Blueprint, Response, url_for
from quart.blueprints import BlueprintSetupState
from quart_schema import hide

from api.access import asker
from api.talk.access import shown_in
from api.talk.posts import authors_of, page_view
from model.accounts.session import Identity
from model.groups import group
from model.settings import Settings
from model.talk import channel, post, sidebar, welcome
from model.talk.post import PostsPage
from pottle.errors import NotFound
from pottle.http.answers import Paging, asks, cursor, etag
from pottle.http.application import rendered, rendered_once
from pottle.http.asking import anyone
from pottle.http.bodies import Tolerant
from pottle.http.caching import rule, shown
from pottle.http.cross_origin import framed_by
from pottle.store.paging import Cursor

blueprint = Blueprint("talk", __name__)

HUES = 6


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
    """As of a list; what else is in a link (`utm_source`, `fbclid`) counts for nothing."""


@hide
@anyone
@asks(PageQuery)
async def home(query: PageQuery) -> Response:
    """The lobby; but whoever is in one group alone is led there."""
    who = asker()
    if who and not who.admin and len(own := await group.of_user(who)) == 1:
        there = url_for("overviews.of_group", slug=own[0])
        return Response(status=303, headers={"Location": there, "Cache-Control": rule()})
    slug, key = sidebar.FRONT
    _, lobby = await channel.listed(who, slug, Cursor(1), key)
    if not lobby.items:
        raise NotFound("The lobby was deleted.")
    steps = await welcome.steps() if who and who.admin else None
    return await _page("home.html", who, await post.listed(who, lobby.items[0].id, cursor(query)), set(), steps=steps)


@blueprint.get("/channels/<id:channel_id>", endpoint="channel")
@hide
@anyone
@asks(PageQuery)
async def discussion(channel_id: int, query: PageQuery) -> Response:
    """A channel."""
    who = asker()
    listed = await post.listed(who, channel_id, cursor(query))
    response = await _page("channel.html", who, listed, set())
    framed_by(response, listed.channel.origins)
    return response


@blueprint.get("/posts/<id:post_id>", endpoint="post")
@hide
@anyone
async def conversation(post_id: int) -> Response:
    """A post in its conversation, wherever in its channel that is: what a link to a post leads to."""
    found = await post.conversation(asker(), post_id)
    response = await _page("channel.html", asker(), found, set(), named=post_id)
    framed_by(response, found.channel.origins)
    return response


async def _page(
    template: str, who: Identity | None, listed: PostsPage, tags: set[str], named: int | None = None, **context: object
) -> Response:
    """A page, kept by the response cache for those who are not signed in. `named` is the post that a link leads to."""
    if who is None:
        shown_in(listed.channel, *tags, *authors_of(listed.page.items))
        shown(signed_out_only=True)
    own_view, page = channel.own_view(who, listed.channel), page_view(listed.page, listed.seq)
    common = {"me": who, "group": _group(listed.channel), "channel": own_view, "page": page}
    talk = await _talk(listed.page.items, named)
    body = (await rendered(template, **common, talk=talk, named=named, **context)).encode()
    headers = {"Cache-Control": rule(), "Vary": "Cookie", "ETag": etag(body, listed.seq)}
    return Response(body, headers=headers, content_type="text/html; charset=utf-8")


async def _talk(posts: list[post.PostView], named: int | None) -> Markup:
    """The posts as HTML, the same for everybody: three quarters of the work of a page."""
    return await rendered_once("_talk.html", posts=posts, named=named)


def _group(row: channel.ChannelRow) -> dict[str, Any]:
    """The group of a channel, and the reader's standing in it, as templates get them."""
    rules = {name: getattr(row, name) for name in ("reading", "posting", "review", "anonymous", "standing")}
    return {"slug": row.group, "name": row.group_name, **rules}
