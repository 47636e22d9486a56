"""What pages of other sites show: threads as fragments of HTML, and the script of the tag."""

import time
from functools import cache
from typing import Annotated, Literal

from markupsafe import Markup
from msgspec import Meta
from quart import Blueprint, Response, abort, url_for
from quart_schema import hide

from api.access import asker
from api.talk.linked_data import described
from api.talk.pages import as_shown
from api.talk.posts import authors_of
from model.accounts.session import Identity
from model.groups import group
from model.talk import thread
from model.talk.channel import Key
from model.talk.thread import Part, RecentPost, Thread
from pottle.http import assets, caching
from pottle.http.answers import Opaque, Paging, asks, cursor, edges, etag
from pottle.http.application import rendered_alone, rendered_once
from pottle.http.asking import anyone
from pottle.http.bodies import Tolerant
from pottle.http.bundles import joined
from pottle.http.caching import shown
from pottle.http.cross_origin import opened
from pottle.http.minifying import minified_js
from pottle.store import db

blueprint = Blueprint("embed", __name__)
opened("/embed\\.js|/embed/.+\\.js|/groups/[^/]+/(thread|recent|search)")

EMBED = assets.FOLDER / "embed"
SCRIPT = "public, max-age=300, stale-while-revalidate=600"  # minutes: it asks for another file of its release
LATER = "more, part, menu, bell, count, recent, polling, search, proof"  # modules
ANCHORS = "pottle-"  # what the ids of posts begin with in pages of other sites


class ThreadQuery(Tolerant):
    """The page, and which part of its thread; what else is in a link counts for nothing."""

    key: Key
    order: Literal["newest", "oldest"] = "newest"
    at: Annotated[int, Meta(ge=1, le=10**18 - 1)] | None = None
    before: Opaque | None = None
    after: Opaque | None = None


@blueprint.get("/groups/<slug>/thread", endpoint="thread")
@hide
@anyone
@asks(ThreadQuery)
async def show(slug: str, query: ThreadQuery) -> Response:
    """The thread of a page, as a fragment of HTML."""
    who, edge = asker(), cursor(Paging(before=query.before, after=query.after))
    part = Part(query.order, query.at, edge.before, edge.after)
    found = await thread.of_page(who, slug, query.key, part)
    if who is None:
        of_channel = f"channel:{found.channel.id}" if found.channel else f"channels-of:{found.group.id}"
        shown(f"group:{found.group.id}", of_channel, *authors_of(found.posts), signed_out_only=True)
    common = {"order": query.order, "base": _base(), "links_at": f"#{ANCHORS}", "anchors": ANCHORS}
    talk = rendered_once("_thread.html", conversations=[*map(as_shown, found.page.items)], **common)
    page = {"epoch": db.instance.epoch, "seq": found.seq, **edges(found.page)}
    about = {"group": found.group, "key": query.key, "channel": found.channel, "named": found.named}
    linked = _linked_data(found, query.key)
    body = rendered_alone("thread.html", **about, **common, page=page, talk=talk, shown=found.posts, linked_data=linked)
    return _fragment(body, who, found.seq)


def _linked_data(found: Thread, key: str) -> Markup:
    title = found.channel.title if found.channel else key
    page = _page(found.channel.url, found.channel.id) if found.channel else _base()
    return described(found.page.items, title, page, f"{page}#{ANCHORS}")


class RecentQuery(Tolerant):
    """How many posts."""

    limit: Annotated[int, Meta(ge=1, le=50)] = 10


@blueprint.get("/groups/<slug>/recent", endpoint="recent")
@hide
@anyone
@asks(RecentQuery)
async def newest(slug: str, query: RecentQuery) -> Response:
    """The newest posts of a group over all its pages, as a fragment of HTML."""
    who = asker()
    group, found = await thread.recent(who, slug, query.limit)
    posts = [one.post for one in found]
    if who is None:
        lists = f"group:{group.id}", f"posts-of:{group.id}", "channels"
        shown(*lists, *(f"post:{post.id}" for post in posts), *authors_of(posts), signed_out_only=True)
    recent = [{"post": one.post, "title": one.title, "at": _address(one)} for one in found]
    common = {"base": _base(), "anchors": ANCHORS, "epoch": db.instance.epoch}
    return _fragment(rendered_alone("recent.html", group=group, recent=recent, **common), who, 0)


@blueprint.get("/groups/<slug>/search", endpoint="search")
@hide
@anyone
async def field(slug: str) -> Response:
    """A field to search a group with, in the reader's language, for whoever may read it."""
    who = asker()
    found = await group.visible_to(who, slug)
    if who is None:
        shown(f"group:{found.id}", signed_out_only=True)
    return _fragment(rendered_alone("field.html", group=found, base=_base()), who, 0)


def _address(found: RecentPost) -> str:
    if found.url is None:
        return _base() + url_for("talk.post", post_id=found.post.id)
    return f"{_page(found.url, found.post.channel)}#{ANCHORS}{found.post.id}"


def _page(url: str | None, channel_id: int) -> str:
    """Where a channel is found: the page that it is about, else its own."""
    return url.partition("#")[0] if url else _base() + url_for("talk.channel", channel_id=channel_id)


def _base() -> str:
    """What our paths begin with in pages of other sites; "" where nobody has said what our address is.

    Not what the request calls us: its answer is kept for everybody.
    """
    return db.settings.url.removesuffix(db.settings.prefix)


def _fragment(body: str, who: Identity | None, version: int) -> Response:
    data = body.encode()
    rule = caching.PERSONAL if who else caching.SHARED
    headers = {"Cache-Control": rule, "Vary": "Authorization, Cookie", "ETag": etag(data, version)}
    return Response(data, headers=headers, content_type="text/html; charset=utf-8")


@blueprint.get("/embed.js", endpoint="script")
@hide
async def script() -> Response:
    """The script of the tag, in one file: what it takes to read and follow."""
    return assets.answer(_made("main"), SCRIPT)


@blueprint.get(f"/embed/<release_hash>/<any({LATER}):name>.js", endpoint="later")
@hide
async def later(release_hash: str, name: str) -> Response:
    """What the script of the tag asks for when it is needed: that of the same release, for it stands on its modules."""
    if release_hash != assets.release():
        abort(404)
    return assets.answer(_made(name), assets.YEAR)


def _made(name: str) -> assets.Ready:
    """Made once in a worker; in development each time, and to be read by people."""
    return _join.__wrapped__(name, False) if db.settings.development else _join(name, True)


@cache
def _join(name: str, small: bool) -> assets.Ready:
    main, hashed = EMBED / "main.js", assets.release()
    if name == "main":
        code = joined(main, f"./embed/{hashed}", f"./static/~{hashed}/embed")
    else:
        folder = EMBED.parent / "pottle" if name == "polling" else EMBED
        code = joined(folder / f"{name}.js", beside=main)
    return assets.ready((minified_js(code) if small else code).encode(), "text/javascript", time.time())
