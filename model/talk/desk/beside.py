"""What moderators are shown beside a post in their queue: what its group's rules say of it, who reported it and why,
and how many notes there are on it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BindParameter, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from model.accounts.user import User
from model.talk.desk.note import ModeratorNote
from model.talk.judging import report, verdict
from model.talk.judging.report import Report
from model.talk.judging.verdict import Judged

MOST_REPORTS = 20  # of one post that are shown; the newest


class VerdictView(msgspec.Struct):
    """What the rules of a group say of a text: a score, from 1 of which on it waits, and why, in sentences."""

    score: float
    reasons: list[str]


class ReportBeside(msgspec.Struct):
    """An open report. `by` is null where that one has left."""

    by: str | None
    reason: report.Why
    note: str | None
    created: str


_ids: BindParameter[int] = bindparam("ids", expanding=True)
VERDICTS = select(Judged.post_id, Judged.about, Judged.score, Judged.reasons).where(Judged.post_id.in_(_ids))
_number = func.row_number().over(partition_by=Report.post_id, order_by=Report.id.desc())
_ranked = (
    select(Report.post_id, Report.by_id, Report.reason, Report.note, Report.created, _number.label("number"))
    .add_columns(func.count().over(partition_by=Report.post_id).label("many"))
    .where(Report.post_id.in_(_ids), report.OPEN)
    .cte("ranked")
)
REPORTS = (
    select(_ranked, User.uid)
    .outerjoin(User, User.id == _ranked.c.by_id)
    .where(_ranked.c.number <= MOST_REPORTS)
    .order_by(_ranked.c.post_id, _ranked.c.number)
)
NOTES = (
    select(ModeratorNote.post_id, func.count().label("many"))
    .where(ModeratorNote.post_id.in_(_ids))
    .group_by(ModeratorNote.post_id)
)


async def put(session: AsyncSession, posts: Sequence[Any]) -> None:
    """Puts what there is into the posts of a queue; the verdict is on the edit, where that waits."""
    found = {post.id: post for post in posts}
    ids = {"ids": [*found]}
    for row in await session.execute(VERDICTS, ids):
        post = found[row.post_id]
        if row.about == ("edit" if post.state == "published" and post.edit else "post"):
            post.verdict = VerdictView(row.score, [*verdict.in_words(verdict.of_column(row.reasons))])
    for row in await session.execute(REPORTS, ids):
        post = found[row.post_id]
        post.reported = row.many
        post.reports = [*(post.reports or []), ReportBeside(row.uid, row.reason, row.note, row.created)]
    for row in await session.execute(NOTES, ids):
        found[row.post_id].notes = row.many
