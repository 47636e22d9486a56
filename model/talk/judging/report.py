"""Reports: what people tell moderators about posts of others. Each is open until a moderator has looked."""

from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import (
    ForeignKey,
    String,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import rules
from model.talk.post import visible_to
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, partial_index, reads
from pottle.store.paging import Cursor, Page, as_nothing, paged
from pottle.values import line

Why = Literal["spam", "rude", "off-topic", "private", "illegal", "other"]
Note = Annotated[str, line(500)]
Outcome = Literal["kept", "removed"]
MOST_SHOWN = 100  # reports of one post


class Report(Base):
    """What one person said about one post. It is open until a moderator has looked (`closed`)."""

    __tablename__ = "reports"
    __table_args__ = (
        UniqueConstraint("post_id", "by_id"),
        partial_index("ix_reports_open", "post_id", where="closed IS NULL"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[Id]
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    reason: Mapped[Why] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(String(500))
    created: Mapped[Time]
    closed: Mapped[Time | None]
    outcome: Mapped[Outcome | None] = mapped_column(String(10))


class ReportView(msgspec.Struct):
    """A report, for whoever made it; `outcome` is what moderators did about the post, once they looked (`closed`)."""

    id: int
    post: int
    reason: Why
    note: str | None
    created: str
    closed: str | None
    outcome: Outcome | None


class ReportOfPost(ReportView, kw_only=True):
    """A report, for moderators: `by` is the uid of who made it, null once they are gone."""

    by: str | None


OPEN: Any = literal_column("reports.closed IS NULL")  # spelt as in the index, which it is found by
_shown = Report.id, Report.post_id, Report.reason, Report.note, Report.created, Report.closed, Report.outcome
ADD = insert(Report).returning(Report.id)
_its = Report.post_id == bindparam("post_id"), Report.by_id == bindparam("by_id")
FIND = select(*_shown).where(*_its)
DROP = delete(Report).where(Report.id == bindparam("id"))
MINE = select(*_shown).where(Report.by_id == bindparam("by_id"))
OF_POST = (
    select(*_shown, User.uid.label("by"))
    .outerjoin(User, User.id == Report.by_id)
    .where(Report.post_id == bindparam("post_id"))
    .order_by(Report.id.desc())
    .limit(MOST_SHOWN)
)
ALL_OPEN = select(Report.id).where(Report.post_id == bindparam("post_id"), OPEN)
ANY_OPEN = ALL_OPEN.limit(1)
CLOSE = (
    update(Report)
    .where(Report.post_id == bindparam("post_id"), OPEN)
    .values(closed=bindparam("closed"), outcome=bindparam("outcome"))
)

REOPEN = (
    update(Report)
    .where(Report.post_id == bindparam("post_id"), Report.closed == bindparam("at"))
    .values(closed=None, outcome=None)
)


def close(tx: Tx, post_id: int, outcome: Outcome) -> int:
    """Within a unit: closes what was reported of a post, and has its reporters told; how many reports that were."""
    found = tx.all(ALL_OPEN, post_id=post_id)
    if found:
        tx.run(CLOSE, post_id=post_id, closed=tx.now, outcome=outcome)
    for row in found:
        tx.changed("report.closed", subject=row.id)
    return len(found)


def reopen(tx: Tx, post_id: int, at: str) -> None:
    """Within a unit: what was decided at that time is undone, so that the reports it closed are open again."""
    tx.run(REOPEN, post_id=post_id, at=at)


@reads
def of_post(read: Snapshot, identity: Identity, post_id: int) -> list[ReportOfPost]:
    """What was reported of a post, newest first, for moderators. Raises NotFound, Forbidden."""
    _row, channel = visible_to.within(read, identity, post_id)
    rules.must_moderate(channel, identity)
    return [ReportOfPost(*_fields(row), by=row.by) for row in read.all(OF_POST, post_id=post_id)]


@reads
def mine(read: Snapshot, identity: Identity, cursor: Cursor) -> Page[ReportView]:
    """What somebody reported, newest first, and what became of it."""
    return paged(read, MINE, Report.id, cursor, lambda row: ReportView(*_fields(row)), as_nothing, by_id=identity.user)


def _fields(row: Any) -> tuple[Any, ...]:
    return row.id, row.post_id, row.reason, row.note, row.created, row.closed, row.outcome
