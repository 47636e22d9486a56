"""What pages of other sites show: threads as fragments of HTML, and the script of the tag."""

import time
from functools import cache
from typing import Literal

from quart import Blueprint, Response, abort
from quart_schema import hide

from api.access import asker
from model.accounts.session import Identity
from model.talk import thread
from model.talk.channel import Key
from pottle.http import assets, caching
from pottle.http.answers import Opaque, Paging, asks, cursor, edges, etag
from pottle.http.application import rendered
from pottle.http.asking import anyone
from pottle.http.bodies import Tolerant
from pottle.http.bundles import joined
from pottle.http.caching import shown
from pottle.http.cross_origin import opened
from pottle.http.minifying import minified_js
from pottle.store import db

blueprint = Blueprint("embed", __name__)
opened("/embed\\.js|/embed/.+\\.js|/groups/[^/]+/(thread|recent)")

EMBED = assets.FOLDER / "embed"
SCRIPT = "public, max-age=300, stale-while-revalidate=600"  # minutes: it asks for another file of its release


class ThreadQuery(Tolerant):
    """The page, and which part of its thread; what else is in a link counts for nothing."""

    key: Key
    order: Literal["newest", "oldest"] = "newest"
    before: Opaque | None = None
    after: Opaque | None = None


@blueprint.get("/groups/<slug>/thread", endpoint="thread")
@hide
@anyone
@asks(ThreadQuery)
async def show(slug: str, query: ThreadQuery) -> Response:
    """The thread of a page, as a fragment of HTML."""
    who = asker()
    found = await thread.of_page(who, slug, query.key, cursor(Paging(20, query.before, query.after)))
    if who is None:
        of_channel = [f"channel:{found.channel.id}"] if found.channel else [f"channels-of:{found.group.id}"]
        authors = [f"user:{item.author.uid}" for item in found.page.items]
        shown(f"group:{found.group.id}", *of_channel, *authors, signed_out_only=True)
    body = await rendered(
        "thread.html",
        group=found.group,
        key=query.key,
        channel=found.channel,
        order=query.order,
        posts=found.page.items,
        page={"epoch": db.instance.epoch, "seq": found.seq, **edges(found.page)},
    )
    return _fragment(body, who, found.seq)


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


@blueprint.get("/embed/<release_hash>/<any(more, part, count, recent):name>.js", endpoint="later")
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
        code = joined(EMBED / f"{name}.js", beside=main)
    return assets.ready((minified_js(code) if small else code).encode(), "text/javascript", time.time())
