"""`/api/posts/…/reports`, `/api/groups/…/blocks` and `/api/blocks`: what is reported, and who may not write."""

import msgspec
from quart import Blueprint

from api.access import EDITING, admins, me, on_our_pages
from model.accounts.user import SomeUid
from model.talk.judging import block, report
from model.talk.judging.block import BlockView, Network
from model.talk.judging.report import ReportOfPost, ReportView
from pottle.errors import Invalid
from pottle.http.answers import Answer, Paging, asks, cursor, gives, listed, takes
from pottle.http.asking import signed_in
from pottle.http.limits import idempotent, limited
from pottle.rates import Rate
from pottle.translation import _

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
    """Whom to block: a `user` (a uid) or a `network`; `until` when (null: for good), and `why`, which they are told."""

    why: block.Why
    user: SomeUid | None = None
    network: Network | None = None
    until: block.Until | None = None


class BlocksView(msgspec.Struct):
    """Blocks that hold, newest first."""

    blocks: list[BlockView]
    next: str | None
    prev: str | None


@blueprint.post("/posts/<id:post_id>/reports")
@limited(REPORTING)
@signed_in
@idempotent
@takes(NewReport)
@gives(ReportView, 201)
async def make_report(post_id: int, data: NewReport) -> Answer:
    """Report somebody's post to the moderators, once. Its author is not told who did."""
    return Answer(await report.make(me(), post_id, data.reason, data.note))


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
@idempotent
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
@idempotent
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
    if (data.user is None) == (data.network is None):
        raise Invalid({"user": _("or a network has to be given, and not both")})
    return await block.put(me(), slug, data.user, data.until, data.why, data.network)
