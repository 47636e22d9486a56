"""`/api/sidebar`: what stands beside every page, for its script; and the same for the pages themselves."""

from quart import Blueprint
from quart.blueprints import BlueprintSetupState

from api.access import asker
from model.talk import sidebar
from model.talk.sidebar import Sidebar
from pottle.errors import Unauthenticated
from pottle.http.answers import gives
from pottle.http.asking import anyone
from pottle.http.caching import made_of, shown, shown_too
from pottle.store import db

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


def around() -> Sidebar:
    """What the page that is being made shows in its sidebar. Called by templates/base.html."""
    try:
        who = asker()
    except Unauthenticated:  # of which the page that is being made tells
        who = None
    with db.snapshot() as read:
        found, tags = sidebar.of.within(read, who)
    if who is None:
        shown_too(*tags)
    return found


@blueprint.record_once
def _tell_templates(state: BlueprintSetupState) -> None:
    state.app.jinja_env.globals.update(sidebar=around)
