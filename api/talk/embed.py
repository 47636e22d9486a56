"""What pages of other sites show: threads as fragments of HTML, and the script of the tag."""

import time
from functools import cache
from typing import Literal

from quart import Blueprint, Response
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
from pottle.http.caching import shown
from pottle.http.cross_origin import opened
from pottle.store import db

blueprint = Blueprint("embed", __name__)
opened("/embed\\.js|/groups/[^/]+/(thread|recent)")

ENTRY = "embed/main.js"  # the tag's first module, below static/
SCRIPT = "public, max-age=300, stale-while-revalidate=86400"  # minutes: it names the modules of one release


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
    """The script of the tag: names all modules that its first one needs, so that browsers ask for all at once."""
    return assets.answer((_script.__wrapped__ if db.settings.development else _script)(), SCRIPT)


@cache
def _script() -> assets.Ready:
    below = f"./static/~{assets.release()}"
    lines = [f'import "{below}/{name}";' for name in assets.modules(ENTRY)] + [f'export * from "{below}/{ENTRY}";', ""]
    return assets.ready("\n".join(lines).encode(), "text/javascript", time.time())
