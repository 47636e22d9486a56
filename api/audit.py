"""`/api/audit` and `/api/groups/…/audit`: who did what, and when."""

from typing import Annotated

import msgspec
from quart import Blueprint

from api.access import admins, me
from model import audit
from model.audit import EntryView
from model.groups import group
from pottle.http.answers import Answer, Paging, asks, cursor, gives, listed
from pottle.http.asking import signed_in
from pottle.values import line

blueprint = Blueprint("audit", __name__, url_prefix="/api")


class AuditQuery(Paging):
    """Which part of the trail: of a group, or what a user did or had done to them."""

    group: Annotated[str, line(60, shortest=0)] = ""
    uid: Annotated[str, line(40, shortest=0)] = ""


class AuditView(msgspec.Struct):
    """What was done, newest first."""

    entries: list[EntryView]
    next: str | None
    prev: str | None


@blueprint.get("/audit")
@admins
@asks(AuditQuery)
@gives(AuditView)
async def index(query: AuditQuery) -> Answer:
    """What was done with special rights, or to credentials, in the last year."""
    return listed(AuditView, await audit.listed(cursor(query), query.group, query.uid))


@blueprint.get("/groups/<slug>/audit")
@signed_in
@asks(Paging)
@gives(AuditView)
async def of_group(slug: str, query: Paging) -> Answer:
    """What was done in a group. Its moderators may see it."""
    found = await group.moderated(me(), slug)
    return listed(AuditView, await audit.of_group(cursor(query), found.slug, found.created))
