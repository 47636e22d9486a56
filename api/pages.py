"""The pages: the front page, joining, one's account, and those of who looks after things."""

from quart import Blueprint, Response, current_app
from quart.blueprints import BlueprintSetupState
from quart_schema import hide

from api.access import asker, me
from api.account_page import own
from api.addresses import tag
from api.arriving import SET_UP
from api.invitations import link, welcome
from model.accounts import second
from model.groups import group, rules
from model.operating import glance
from model.settings import Settings
from pottle.errors import NotFound
from pottle.http.application import rendered
from pottle.http.asking import anyone, signed_in
from pottle.http.caching import rule
from pottle.http.forms import go_to
from pottle.translation import _

blueprint = Blueprint("pages", __name__)

TABS = ("people", "discussions", "rules", "blocks", "site", "webhooks", "log")  # the pages of a group's moderators
ADMINS_TABS = ("overview", "accounts", "groups", "webhooks", "import", "log")
OWN_TABS = ("profile", "access", "messages", "data")  # of one's own account
OF_DISCUSSIONS = ("discussions", "blocks", "webhooks", "import", "messages")


@blueprint.record_once
def _tell_templates(state: BlueprintSetupState) -> None:
    chosen: Settings = state.app.config["POTTLE"]
    state.app.jinja_env.globals.update(
        sign_up=chosen.sign_up,
        pushes=chosen.push,
        footer_links=chosen.links,
        unused_days=chosen.retention_accounts,
        asker=asker,
    )


@blueprint.record_once
def _have_a_front_page(state: BlueprintSetupState) -> None:
    """`/` is the lobby, where there are discussions (api/talk/pages.py)."""
    state.add_url_rule("/", "home", state.app.view_functions.get("pages.home", start))


blueprint.before_app_serving(welcome)


@hide
@anyone
async def start() -> Response:
    """Who one is here, and the way to all else."""
    body = await rendered("start.html", me=asker())
    headers = {"Cache-Control": rule(), "Vary": "Cookie"}
    return Response(body, headers=headers, content_type="text/html; charset=utf-8")


@blueprint.get("/join")
@hide
@anyone
async def join() -> Response:
    """Where a code is typed, or a link with one leads; the code is in the link's fragment, which we never see."""
    body = await rendered("join.html", me=asker())
    headers = {"Cache-Control": rule(), "Vary": "Cookie", "Referrer-Policy": "no-referrer"}
    return Response(body, headers=headers, content_type="text/html; charset=utf-8")


@blueprint.get("/groups/<slug>/manage", defaults={"tab": TABS[0]})
@blueprint.get(f"/groups/<slug>/manage/<any({', '.join(TABS)}):tab>")
@hide
@signed_in
async def manage(slug: str, tab: str) -> Response:
    """What moderators look after in a group, on a page for each `tab`; to others there is no such page."""
    found = await group.visible_to(me(), slug)
    if not me().may_moderate and await second.is_missing(me()):
        return go_to(SET_UP)
    if not rules.moderates(found, me()) or not _is_there(tab):
        raise NotFound(_("There is no such page."))
    board = link("").partition("://")[2].rstrip("#")
    return await _managing("manage.html", group=group.view(found), tab=tab, join_at=board, tag=tag(slug))


@blueprint.get("/account", defaults={"tab": OWN_TABS[0]})
@blueprint.get(f"/account/<any({', '.join(OWN_TABS)}):tab>")
@hide
@signed_in
async def account(tab: str) -> Response:
    """One's own account: name and picture, how one signs in, how one hears of what is new, one's data."""
    if not _is_there(tab):
        raise NotFound(_("There is no such page."))
    return await own(tab)


@blueprint.get("/admin", defaults={"tab": ADMINS_TABS[0]})
@blueprint.get(f"/admin/<any({', '.join(ADMINS_TABS)}):tab>")
@hide
@signed_in
async def admin(tab: str) -> Response:
    """How the server is, accounts, groups, imports, the activity log: for admins; to others there is no such page."""
    if me().lacks_second:
        return go_to(SET_UP)
    if not me().admin or not _is_there(tab):
        raise NotFound(_("There is no such page."))
    shown = {"server": await glance.glance()} if tab == "overview" else {}
    return await _managing("admin.html", tab=tab, **shown)


def _is_there(tab: str) -> bool:
    return "discussions" in current_app.jinja_env.globals or tab not in OF_DISCUSSIONS


async def _managing(template: str, **context: object) -> Response:
    body = await rendered(template, me=me(), **context)
    return Response(body, headers={"Cache-Control": rule()}, content_type="text/html; charset=utf-8")
