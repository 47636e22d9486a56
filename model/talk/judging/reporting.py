"""Reporting a post; and hiding it until moderators have looked, where enough people whom the group trusts report it."""

from typing import Any

from sqlalchemy import bindparam, func, or_, select

from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import rules
from model.groups.group import Membership
from model.talk import posting
from model.talk.judging import block, report, verdict
from model.talk.judging.block import Here
from model.talk.judging.report import OPEN, Note, Report, ReportView, Why
from model.talk.judging.trust import Trust
from model.talk.judging.verdict import HELD_AT, Reason, Verdict
from model.talk.post import visible_to
from pottle.errors import Conflict
from pottle.store import Tx, writes
from pottle.translation import _

# Those who reported a post and whom its group trusts; new accounts, and those that moderators watch, do not count.
TRUSTED = (
    select(func.count().label("n"))
    .select_from(Report)
    .join(User, User.id == Report.by_id)
    .outerjoin(Trust, (Trust.user_id == Report.by_id) & (Trust.group_id == bindparam("group_id")))
    .outerjoin(Membership, (Membership.user_id == Report.by_id) & (Membership.group_id == bindparam("group_id")))
    .where(Report.post_id == bindparam("post_id"), OPEN, User.disabled.is_(None))
    .where(
        or_(
            Membership.role == "moderator",
            User.role == "admin",
            Trust.level == "trusted",
            (Trust.level == "new") & (Trust.approved >= bindparam("enough")),
        )
    )
)
KEPT = select(Report.id).where(Report.post_id == bindparam("post_id"), Report.outcome == "kept").limit(1)


@writes
def make(tx: Tx, identity: Identity, post_id: int, reason: Why, note: Note | None) -> ReportView:
    """Reports a post, once; again where it was edited after moderators had looked.

    Raises NotFound, Conflict; Blocked where one may not write.
    """
    row, channel = visible_to.within(tx, identity, post_id)
    rules.must_be_good_in(channel, identity)
    here = block.here(tx, channel, identity)
    if row.author_id == identity.user:
        raise Conflict(_("It is your own post. You can delete it."))
    if row.state != "published":
        raise Conflict(_("Moderators are looking at this post already."))
    before = tx.one(report.FIND, post_id=post_id, by_id=identity.user)
    if before and not (before.closed and row.edited and row.edited > before.closed):
        raise Conflict(_("You have reported this post already."))
    if before:
        tx.run(report.DROP, id=before.id)
    what = {"reason": reason, "note": note, "created": tx.now, "closed": None, "outcome": None}
    id_: int = tx.one(report.ADD, post_id=post_id, by_id=identity.user, **what).id
    tx.changed("report.made", subject=post_id, tags=[f"reports-of:{channel.group_id}"])
    _hide_if_enough(tx, row, channel.group_id, here)
    return ReportView(id_, post_id, reason, note, tx.now, None, None)


def _hide_if_enough(tx: Tx, row: Any, group_id: int, here: Here) -> None:
    """Not what moderators wrote, or decided to keep: nobody shall be able to hide that by asking friends."""
    needed = here.rules.hide_after
    if not needed or row.badge or tx.one(KEPT, post_id=row.id):
        return
    reports = tx.one(TRUSTED, post_id=row.id, group_id=group_id, enough=here.rules.trusted_after).n
    if reports >= needed:
        found = verdict.of(tx, row.id, "post") or Verdict()
        posting.hide(tx, row, Verdict((*found.reasons, Reason("reports", HELD_AT, str(reports)))))
