"""The queue, its page, and `/api/decisions`: what waits for moderators in all their groups, and what they decide."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from quart import Blueprint, Response
from quart_schema import hide

from api.access import EDITING, me
from api.talk import pages
from model.groups import group, rules
from model.groups.group import SomeSlug
from model.talk import deciding, decision, queue
from model.talk.channel import ChannelView
from model.talk.deciding import MOST_AT_ONCE, Outcome, Text
from model.talk.decision import Note, Reason, Why
from model.talk.desk import appeal
from model.talk.post import PostView
from model.talk.queue import GroupCount, QueuedPost
from pottle.errors import NotFound
from pottle.http.answers import Answer, Paging, asks, cursor, gives, listed, takes
from pottle.http.application import rendered
from pottle.http.asking import signed_in
from pottle.http.bodies import Tolerant
from pottle.http.caching import rule
from pottle.http.languages import language
from pottle.http.limits import limited
from pottle.store.paging import Cursor, Page
from pottle.translation import _, translated

blueprint = Blueprint("queue", __name__, url_prefix="/api/queue")
decisions = Blueprint("decisions", __name__, url_prefix="/api/decisions")

READABLE = 50  # posts that are shown without JavaScript
Number = Annotated[int, Meta(ge=1, le=10**18 - 1)]


class QueueQuery(Paging):
    """Which list, pending, reported or removed posts, of which group, and which part of it."""

    group: SomeSlug | None = None
    state: queue.State = "pending"


class QueueView(msgspec.Struct):
    """Posts that moderators have to look at, newest first, or reported by most people first; each with its place."""

    posts: list[QueuedPost]
    next: str | None
    prev: str | None


@blueprint.get("")
@signed_in
@asks(QueueQuery)
@gives(QueueView)
async def index(query: QueueQuery) -> Answer:
    """What waits in all groups that you moderate, or in one: pending posts and edits, with what the rules say of them;
    public posts that were reported, with who reported them and why; or what was removed."""
    page = await queue.listed(me(), query.group or "", query.state, cursor(query))
    return listed(QueueView, _in_words(page))


def _in_words(page: Page[QueuedPost]) -> Page[QueuedPost]:
    spoken = language()
    for post in page.items:
        if post.verdict:
            post.verdict.reasons = translated(post.verdict.reasons, spoken)
    return page


class BegunView(msgspec.Struct):
    """New discussions that wait for moderators, newest first."""

    channels: list[ChannelView]
    next: str | None
    prev: str | None


class BegunQuery(Paging):
    """Which part of the list, and of which group."""

    group: SomeSlug | None = None


@blueprint.get("/channels")
@signed_in
@asks(BegunQuery)
@gives(BegunView)
async def begun(query: BegunQuery) -> Answer:
    """The new discussions that are pending in all groups that you moderate, or in one."""
    return listed(BegunView, await queue.begun(me(), query.group or "", cursor(query)))


class WaitingView(msgspec.Struct):
    """How much waits: in all, and in each group where something does. Counting stops at 1000."""

    waiting: int
    groups: list[GroupCount]


@blueprint.get("/counts")
@signed_in
@gives(WaitingView)
async def counts() -> WaitingView:
    """How many posts, edits, new discussions, reported posts and appeals wait for you, by group."""
    found = await queue.counts(me())
    return WaitingView(sum(group.waiting for group in found), found)


class Judged(msgspec.Struct):
    """A post, or its pending `edit`, and the version of the text that was read."""

    post: Number
    version: Number
    edit: bool = False


class NewDecisions(msgspec.Struct):
    """What is decided on up to a hundred posts and edits: `published` approves or restores, `removed` removes.

    A `reason` and a `note` for the authors may come with `removed`.
    """

    decisions: Annotated[list[Judged], Meta(min_length=1, max_length=MOST_AT_ONCE)]
    state: Literal["published", "removed"]
    reason: Reason | None = None
    note: Note | None = None


class Undoing(msgspec.Struct):
    """Ids of up to a hundred decisions."""

    decisions: Annotated[list[Number], Meta(min_length=1, max_length=MOST_AT_ONCE)]


class Refused(msgspec.Struct):
    """A decision that could not be made or undone, and why."""

    id: int
    status: int
    detail: str


class DecisionsView(msgspec.Struct):
    """What became of many decisions: the posts since, and what was refused."""

    posts: list[PostView]
    refused: list[Refused]


def _view(outcome: Outcome) -> DecisionsView:
    spoken = language()
    refused = [Refused(id_, why.status, translated(why.detail, spoken)) for id_, why in outcome.refused]
    return DecisionsView(outcome.posts, refused)


@decisions.post("")
@limited(EDITING)
@signed_in
@takes(NewDecisions)
@gives(DecisionsView)
async def decide(data: NewDecisions) -> DecisionsView:
    """Decide on many posts and edits at once. Their moderators may.

    What was refused is named, with the status and the detail that it would be answered with alone; the rest is done.
    Each post has its new `decision`, by whose id it can be undone; of a declined edit it is the edit's.
    """
    why = Why(data.reason, data.note)
    decision.check(data.state, why)
    judged = [Text(one.post, one.version, one.edit) for one in data.decisions]
    return _view(await deciding.decide_all(me(), judged, data.state, why))


@decisions.post("/undo")
@limited(EDITING)
@signed_in
@takes(Undoing)
@gives(DecisionsView)
async def undo(data: Undoing) -> DecisionsView:
    """Undo decisions, by their ids: posts are as they were before. Any moderator of the group may.

    Refused is what has changed since, or was decided anew; approvals can be undone for an hour.
    """
    return _view(await deciding.undo_all(me(), data.decisions))


class PageQuery(Tolerant):
    """Which of the lists."""

    state: queue.State | Literal["appeals"] = "pending"


@pages.blueprint.get("/queue", endpoint="queue", defaults={"slug": ""})
@pages.blueprint.get("/groups/<slug>/queue", endpoint="queue")
@hide
@signed_in
@asks(PageQuery)
async def page(slug: str, query: PageQuery) -> Response:
    """What waits for a moderator, in all groups or in one; for whoever moderates none there is no such page."""
    of_group = await group.visible_to(me(), slug) if slug else None
    if not (rules.moderates(of_group, me()) if of_group else await queue.moderates(me())):
        raise NotFound(_("There is no such page."))
    shown: dict[str, Any] = {"posts": [], "appeals": []}
    if query.state == "appeals":
        shown["appeals"] = (await appeal.waiting(me(), slug, Cursor(READABLE))).items
    else:
        shown["posts"] = _in_words(await queue.listed(me(), slug, query.state, Cursor(READABLE))).items
    shown |= {"group": group.view(of_group) if of_group else None, "counts": await queue.counts(me())}
    body = await rendered("queue.html", me=me(), state=query.state, **shown)
    return Response(body, headers={"Cache-Control": rule()}, content_type="text/html; charset=utf-8")
