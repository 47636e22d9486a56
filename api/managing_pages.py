"""The pages of those who look after things: `/account` one's own, `/groups/…` for moderators, `/admin` for admins."""

from quart import Blueprint, Response, render_template
from quart_schema import hide

from api.access import me
from api.joining import link
from model.groups import group, rules
from pottle.errors import NotFound
from pottle.http.asking import signed_in
from pottle.http.caching import rule

blueprint = Blueprint("managing_pages", __name__)


@blueprint.get("/groups/<slug>", endpoint="group")
@hide
@signed_in
async def manage(slug: str) -> Response:
    """A group's rules, members, invitations and posts, for its moderators; to others there is no such page."""
    found = await group.visible_to(me(), slug)
    if not rules.moderates(found, me()):
        raise NotFound("There is no such page.")
    board = link("").partition("://")[2].rstrip("#")
    return await _page("group.html", group=group.view(found), join_at=board)


@blueprint.get("/account")
@hide
@signed_in
async def account() -> Response:
    """One's own account: another password, and where one is signed in."""
    return await _page("account.html")


@blueprint.get("/admin")
@hide
@signed_in
async def admin() -> Response:
    """Accounts, groups and the audit trail, for admins; to others there is no such page."""
    if not me().admin:
        raise NotFound("There is no such page.")
    return await _page("admin.html")


async def _page(template: str, **context: object) -> Response:
    body = await render_template(template, me=me(), **context)
    return Response(body, headers={"Cache-Control": rule()}, content_type="text/html; charset=utf-8")
