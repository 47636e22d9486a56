"""What was decided on one's posts, and appeals against it: `/api/me/decisions` and `/api/appeals`."""

from dataclasses import replace

import msgspec
from quart import Blueprint, Response
from quart_schema import hide

from api.access import EDITING, me
from model.groups.group import SomeSlug
from model.talk.decision import Note
from model.talk.desk import appeal, statement
from model.talk.desk.appeal import Answer as Said
from model.talk.desk.appeal import OpenAppeal, Plea
from model.talk.desk.statement import StatementView
from pottle.http.answers import Answer, Paging, asks, cursor, gives, listed, takes
from pottle.http.application import rendered
from pottle.http.asking import signed_in
from pottle.http.caching import rule
from pottle.http.languages import language
from pottle.http.limits import limited
from pottle.translation import translated

blueprint = Blueprint("appeals", __name__)


class StatementsView(msgspec.Struct):
    """What was decided on one's own posts, newest first."""

    decisions: list[StatementView]
    next: str | None
    prev: str | None


@blueprint.get("/api/me/decisions")
@signed_in
@asks(Paging)
@gives(StatementsView)
async def index(query: Paging) -> Answer:
    """What moderators decided against your posts in the last year: what, why, how it was found, and what you can do."""
    page = await statement.own(me(), cursor(query))
    return listed(StatementsView, replace(page, items=[*map(_in_words, page.items)]))


def _in_words(found: StatementView) -> StatementView:
    found.rules = translated(found.rules, language())
    return found


@blueprint.get("/api/me/decisions/<id:statement_id>")
@signed_in
@gives(StatementView)
async def show(statement_id: int) -> StatementView:
    """One of those decisions, with its appeal."""
    return _in_words(await statement.own_one(me(), statement_id))


@blueprint.get("/decisions/<id:statement_id>", endpoint="page")
@hide
@signed_in
async def page(statement_id: int) -> Response:
    """A decision on one's own post: what, why, how it was found, what one can do; with the appeal."""
    shown = _in_words(await statement.own_one(me(), statement_id))
    body = await rendered("decision.html", me=me(), told=shown)
    return Response(body, headers={"Cache-Control": rule()}, content_type="text/html; charset=utf-8")


class NewAppeal(msgspec.Struct):
    """Why the decision was wrong."""

    text: Plea


@blueprint.put("/api/me/decisions/<id:statement_id>/appeal")
@limited(EDITING)
@signed_in
@takes(NewAppeal)
@gives(StatementView)
async def make(statement_id: int, data: NewAppeal) -> StatementView:
    """Appeal against a decision, once, within half a year. A moderator answers: another one, where there is one."""
    return _in_words(await appeal.make(me(), statement_id, data.text))


class AppealsQuery(Paging):
    """Which part of the list, and of which group."""

    group: SomeSlug | None = None


class AppealsView(msgspec.Struct):
    """Appeals that wait, those against the newest decisions first."""

    appeals: list[OpenAppeal]
    next: str | None
    prev: str | None


@blueprint.get("/api/appeals")
@signed_in
@asks(AppealsQuery)
@gives(AppealsView)
async def waiting(query: AppealsQuery) -> Answer:
    """The appeals that wait in all groups that you moderate, or in one."""
    return listed(AppealsView, await appeal.waiting(me(), query.group or "", cursor(query)))


class AppealAnswer(msgspec.Struct):
    """Granted or declined, with an answer that its author reads."""

    state: Said
    answer: Note | None = None


@blueprint.patch("/api/appeals/<id:appeal_id>")
@limited(EDITING)
@signed_in
@takes(AppealAnswer)
@gives(None, 204)
async def answer(appeal_id: int, data: AppealAnswer) -> None:
    """Grant or decline an appeal, for good. A granted one brings the post back. Its group's moderators may, but not who
    decided before, where there is another."""
    await appeal.answer(me(), appeal_id, data.state, data.answer)
