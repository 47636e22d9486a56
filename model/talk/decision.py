"""Decisions: what moderators decided on posts and edits, and why; authors read why, and moderators may undo it.

Of each post only the newest one is kept, and another of its edit. model/talk/deciding.py makes and undoes them. What
an author is told for good is a statement: model/talk/desk/statement.py hears of each decision.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import (
    ColumnClause,
    ForeignKey,
    String,
    UniqueConstraint,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts.session import Identity
from pottle import times
from pottle.errors import Invalid
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db, partial_index
from pottle.translation import _
from pottle.values import line

About = Literal["post", "edit"]
Reason = Literal["off-topic", "unkind", "personal", "solution", "repeated", "spam", "other"]
Note = Annotated[str, line(500)]
UNDONE_WITHIN_HOURS = 1  # an approval; what was removed may be restored for as long as it is there
APPROVED: ColumnClause[Any] = literal_column("'published'")  # spelt as in the index, which it is found by


class Decision(Base):
    """What was decided on a post, or on its edit. `version` is that of the post (of a declined edit: its own) since.

    Of an approved edit it keeps the text that was public before, until it is too late to undo it.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        UniqueConstraint("post_id", "about"),
        partial_index("ix_decisions_approved", "created", where="state = 'published'"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[Id]
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    author_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    about: Mapped[About] = mapped_column(String(10))
    was: Mapped[Literal["published", "pending", "removed"]] = mapped_column(String(10))
    state: Mapped[Literal["published", "removed"]] = mapped_column(String(10))
    version: Mapped[int]
    reason: Mapped[Reason | None] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(String(500))
    by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    created: Mapped[Time]
    body: Mapped[str | None]
    html: Mapped[str | None]
    edited: Mapped[Time | None]


class DecisionView(msgspec.Struct):
    """Why a post was removed, or its edit declined, for its author and moderators. `by` is for moderators only."""

    id: int
    reason: Reason | None
    note: str | None
    created: str
    by: str | UnsetType | None = UNSET


class Why(NamedTuple):
    """Why something is removed or declined: one of the usual reasons, words of one's own, both or neither."""

    reason: Reason | None = None
    note: str | None = None


class Made(NamedTuple):
    """A decision that was just made: its number, what was before and is since, and why."""

    id: int
    was: Literal["published", "pending", "removed"]
    state: Literal["published", "removed"]
    why: Why


UNSAID = Why()
SHOWN = ("id", "reason", "note", "created")
ADD = insert(Decision).returning(Decision.id)
OF_POST = select(*Decision.__table__.c).where(
    Decision.post_id == bindparam("post_id"), Decision.about == bindparam("about")
)
BY_ID = select(*Decision.__table__.c).where(Decision.id == bindparam("id"))
DROP = delete(Decision).where(Decision.post_id == bindparam("post_id"))
DROP_ONE = DROP.where(Decision.about == bindparam("about"))
OLD = delete(Decision).where(Decision.state == APPROVED, Decision.created < bindparam("before"))


def view(row: Any, before: str = "", by: str | UnsetType | None = UNSET) -> DecisionView:
    """A decision as it is shown; the names of its columns may have something `before` them."""
    shown = {name: getattr(row, before + name) for name in SHOWN}
    return DecisionView(**shown, by=by)


def check(state: str, why: Why) -> None:
    """Raises Invalid for a reason where nothing is removed."""
    if state == "published" and why != UNSAID:
        raise Invalid({"reason": _("is only for what is removed or declined")})


def record(tx: Tx, by: Identity, post: Any, about: About, why: Why, **what: Any) -> None:
    """Within a unit: keeps a decision on a post instead of the one before. `what` is the rest of its columns.

    What is restored keeps the reason for which it was removed, in case that is undone.
    """
    before = tx.one(OF_POST, post_id=post.id, about=about)
    if what["was"] == "removed" and before:
        why = Why(before.reason, before.note)
    tx.run(DROP_ONE, post_id=post.id, about=about)
    texts = {"body": None, "html": None, "edited": None, **what, **why._asdict()}
    of = {"post_id": post.id, "author_id": post.author_id, "about": about, "by_id": by.user, "created": tx.now}
    made = Made(tx.one(ADD, **of, **texts).id, what["was"], what["state"], why)
    for do in _on_decision:
        do(tx, by, post, about, made)
    if made.was != made.state:  # what was reported and stays is no news to its author
        tx.changed("post.decided", subject=post.id, tags=[made_on(post.id)])


Hears = Callable[[Tx, Identity, Any, About, Made], None]
_on_decision: list[Hears] = []


def on_decision(do: Hears) -> None:
    """Has `do(tx, by, post, about, made)` be called within each unit that decides on a post, or on its edit."""
    _on_decision.append(do)


def drop(tx: Tx, post_id: int, about: About | None = None) -> None:
    """Within a unit: what was decided on a post, or only that on its edit, holds no longer."""
    gone = tx.run(DROP_ONE, post_id=post_id, about=about) if about else tx.run(DROP, post_id=post_id)
    if gone:
        tx.changed("decision.dropped", subject=post_id, tags=[made_on(post_id)])


def made_on(post_id: int) -> str:
    """The tag of what was decided on a post."""
    return f"decided-on:{post_id}"


def of(read: Snapshot, post_id: int, about: About) -> Any:
    """A post's newest decision, or that on its edit; None without one."""
    return read.one(OF_POST, post_id=post_id, about=about)


def forget_old(tx: Tx) -> None:
    """Sweep: deletes approvals that it is too late to undo, with the texts that were public before."""
    tx.run(OLD, before=times.later(hours=-UNDONE_WITHIN_HOURS))


db.on_sweep(forget_old)
