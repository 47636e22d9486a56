"""`/api/sidebar`: what stands beside every page, for its script; and the same for the pages themselves."""

from typing import Any

from quart import Blueprint

from api.access import asker
from model.accounts.session import Identity
from model.talk import queue, sidebar
from model.talk.sidebar import Sidebar
from pottle.errors import Unauthenticated
from pottle.http.answers import gives
from pottle.http.asking import anyone
from pottle.http.caching import made_of, shown, shown_too
from pottle.store import Snapshot, db

blueprint = Blueprint("sidebar", __name__, url_prefix="/api/sidebar")


@blueprint.get("")
@anyone
@gives(Sidebar)
async def show() -> Sidebar:
    """Your groups with the discussions in which something was said last, and groups that everybody may read.

    It is what the pages show beside their content; watched, it says when to show it anew.
    """
    who = asker()
    found, tags = await sidebar.of(who)
    if who is None:
        shown(*tags, signed_out_only=True)
    else:
        made_of(*tags)
    return found


@blueprint.app_context_processor
async def beside_pages() -> dict[str, Any]:
    """What templates/base.html shows beside every page: the `sidebar`, and how much is `waiting` in each group."""
    try:
        who = asker()
    except Unauthenticated:  # of which the page that is being made tells
        who = None
    (found, tags), waiting = await db.read(_beside, who)
    if who is None:
        shown_too(*tags)
    return {"sidebar": found, "waiting": waiting}


def _beside(read: Snapshot, who: Identity | None) -> tuple[tuple[Sidebar, set[str]], dict[str, int] | None]:
    return sidebar.of.within(read, who), queue.waiting(read, who) if who else None
