"""`/api/posts/…/reports`, `/api/groups/…/blocks` and `/api/blocks`: what is reported, and who may not write."""

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Blueprint

from api.access import EDITING, PREVIEWING, admins, me, on_our_pages
from model.accounts.user import SomeUid
from model.groups import group
from model.talk import posting
from model.talk.judging import block, challenge, look, report, reporting, ruleset, trust
from model.talk.judging.block import BlockView, Network
from model.talk.judging.challenge import Challenge
from model.talk.judging.look import Tried
from model.talk.judging.report import ReportOfPost, ReportView
from model.talk.judging.ruleset import RulesEdit, RulesView
from model.talk.judging.trust import TrustView
from model.talk.post import Body
from model.talk.posting import Draft
from pottle.errors import Invalid
from pottle.http.answers import (
    Answer,
    Paging,
    asks,
    changed_fields,
    cursor,
    gives,
    listed,
    takes,
    wanted_versions,
)
from pottle.http.asking import anyone, signed_in
from pottle.http.languages import language
from pottle.http.limits import limited
from pottle.rates import Rate
from pottle.translation import _, translated

blueprint = Blueprint("judging", __name__, url_prefix="/api")

REPORTING = Rate("reports", 20, per=3600)


class NewReport(msgspec.Struct):
    """Why moderators should look at a post."""

    reason: report.Why
    note: report.Note | None = None


class ReportsOfPost(msgspec.Struct):
    """What was reported of a post, newest first; at most 100."""

    reports: list[ReportOfPost]
    next: str | None = None  # there is one page


class OwnReports(msgspec.Struct):
    """What one reported, newest first."""

    reports: list[ReportView]
    next: str | None
    prev: str | None


class NewBlock(msgspec.Struct):
    """Whom to block: a `user` (a uid), a `network`, or that from which a guest's `post` came.

    `until` when (null: for good), and `why`, which they are told.
    """

    why: block.Why
    user: SomeUid | None = None
    network: Network | None = None
    post: Annotated[int, Meta(ge=1, le=10**18 - 1)] | None = None
    until: block.Until | None = None


class BlocksView(msgspec.Struct):
    """Blocks that hold, newest first."""

    blocks: list[BlockView]
    next: str | None
    prev: str | None


@blueprint.post("/posts/<id:post_id>/reports")
@limited(REPORTING)
@signed_in
@takes(NewReport)
@gives(ReportView, 201)
async def make_report(post_id: int, data: NewReport) -> Answer:
    """Report somebody's post to the moderators, once. Its author is not told who did."""
    return Answer(await reporting.make(me(), post_id, data.reason, data.note))


@blueprint.get("/posts/<id:post_id>/reports")
@signed_in
@gives(ReportsOfPost)
async def reports_of(post_id: int) -> ReportsOfPost:
    """What was reported of a post. The group's moderators may see it."""
    return ReportsOfPost(await report.of_post(me(), post_id))


@blueprint.get("/me/reports")
@signed_in
@asks(Paging)
@gives(OwnReports)
async def own_reports(query: Paging) -> Answer:
    """What you reported, and what became of it."""
    return listed(OwnReports, await report.mine(me(), cursor(query)))


@blueprint.get("/groups/<slug>/blocks")
@signed_in
@on_our_pages
@asks(Paging)
@gives(BlocksView)
async def blocks_of(slug: str, query: Paging) -> Answer:
    """Who may read in a group and not write. Its moderators may see it."""
    return listed(BlocksView, await block.listed(me(), slug, cursor(query)))


@blueprint.post("/groups/<slug>/blocks")
@limited(EDITING)
@signed_in
@on_our_pages
@takes(NewBlock)
@gives(BlockView, 201)
async def block_in(slug: str, data: NewBlock) -> Answer:
    """Let somebody read in a group and not write, instead of a block before. Its moderators may."""
    return Answer(await _put(slug, data))


@blueprint.delete("/groups/<slug>/blocks/<id:block_id>")
@limited(EDITING)
@signed_in
@on_our_pages
@gives(None, 204)
async def unblock_in(slug: str, block_id: int) -> None:
    """End a block."""
    await block.end(me(), slug, block_id)


@blueprint.get("/blocks")
@admins
@asks(Paging)
@gives(BlocksView)
async def blocks(query: Paging) -> Answer:
    """Who may write nowhere."""
    return listed(BlocksView, await block.listed(me(), None, cursor(query)))


@blueprint.post("/blocks")
@limited(EDITING)
@admins
@takes(NewBlock)
@gives(BlockView, 201)
async def block_everywhere(data: NewBlock) -> Answer:
    """Let somebody write nowhere."""
    return Answer(await _put(None, data))


@blueprint.delete("/blocks/<id:block_id>")
@limited(EDITING)
@admins
@gives(None, 204)
async def unblock_everywhere(block_id: int) -> None:
    """End a block that holds everywhere."""
    await block.end(me(), None, block_id)


async def _put(slug: str | None, data: NewBlock) -> BlockView:
    if sum(given is not None for given in (data.user, data.network, data.post)) != 1:
        raise Invalid({"user": _("or a network or a post has to be given, and only one of them")})
    return await block.put(me(), slug, data.user, data.until, data.why, data.network, data.post)


class NewTrust(msgspec.Struct):
    """What to think of somebody's posts: `trusted` are never held back, `watched` always."""

    level: trust.Said


@blueprint.put("/groups/<slug>/trust/<uid>")
@limited(EDITING)
@signed_in
@on_our_pages
@takes(NewTrust)
@gives(TrustView)
async def say_trust(slug: str, uid: str, data: NewTrust) -> TrustView:
    """Have somebody's posts never be held back by the rules of a group, or always. Its moderators may."""
    return await trust.put(me(), slug, uid, data.level)


@blueprint.delete("/groups/<slug>/trust/<uid>")
@limited(EDITING)
@signed_in
@on_our_pages
@gives(None, 204)
async def end_trust(slug: str, uid: str) -> None:
    """Have trust be earned again, by posts that are approved."""
    await trust.end(me(), slug, uid)


@blueprint.get("/groups/<slug>/rules")
@signed_in
@on_our_pages
@gives(RulesView)
async def rules_of(slug: str) -> RulesView:
    """By which rules posts are held back. The group's moderators may see it."""
    return await ruleset.shown(me(), slug)


@blueprint.patch("/groups/<slug>/rules")
@limited(EDITING)
@signed_in
@on_our_pages
@takes(RulesEdit)
@gives(RulesView)
async def edit_rules(slug: str, data: RulesEdit) -> RulesView:
    """Change by which rules posts are held back. The group's moderators may."""
    return await ruleset.edit(me(), slug, wanted_versions(), changed_fields(data))


class ToTry(msgspec.Struct):
    """A text, as if somebody new, or a `guest`, had written it."""

    body: Body
    guest: bool = False


@blueprint.post("/groups/<slug>/rules/try")
@limited(PREVIEWING)
@signed_in
@on_our_pages
@takes(ToTry)
@gives(Tried)
async def try_rules(slug: str, data: ToTry) -> Tried:
    """What the rules would say of a text. Nothing is posted."""
    await group.moderated(me(), slug)  # before there is work
    rendered = await posting.finished(Draft(data.body))
    found = await look.tried(me(), slug, data.body, rendered.html, data.guest)
    for reason in found.reasons:
        reason.says = translated(reason.says, language())
    return found


@blueprint.get("/challenge")
@anyone
@gives(Challenge)
async def new_challenge() -> Challenge:
    """A challenge for a guest who is to post where a group wants proof of work. Each is good once, for ten minutes."""
    return await challenge.make()
