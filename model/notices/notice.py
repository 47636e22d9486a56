"""Notices: one for each person and post. They are what is sent by mail and push, and of decisions the bell's list.

Replies and mentions are listed from the posts themselves (model/talk/inbox.py), so that nothing can be in one and not
in the other. A notice of what waits for moderators is one for each person and group, of new posts in a discussion that
somebody follows one for each person and discussion: it covers all that comes until it is sent.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from sqlalchemy import ForeignKey, Index, Integer, String, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from pottle import times
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db, partial_index
from pottle.store.changes import Change

Kind = Literal["reply", "mention", "post", "decided", "waiting", "report", "appeal"]
Way = Literal["soon", "digest"]
KEPT_DAYS = 60
SWEPT = 5_000  # at once
TO_ONE = ("reply", "mention")  # of which there is one for a person and post
APART_SECONDS: dict[Kind, int] = {
    "post": 900,
    "waiting": 3_600,
    "report": 3_600,
    "appeal": 3_600,
}  # of two that nobody is mailed
FOR_MODERATORS: tuple[Kind, ...] = ("waiting", "report", "appeal")


class Notice(Base):
    """Something that a user is told. `due` is when it is to be mailed, None where it is not, or was."""

    __tablename__ = "notices"
    __table_args__ = (
        Index("ix_notices_user_id", "user_id", "post_id"),
        partial_index("ix_notices_due", "due", where="due IS NOT NULL"),
        partial_index("ix_notices_bundle", "bundle", where="bundle IS NOT NULL"),
        partial_index("ix_notices_decided", "user_id", "id", where="kind = 'decided'"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[Kind] = mapped_column(String(10))
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    channel_id: Mapped[int | None] = mapped_column(ForeignKey("channels.id", ondelete="CASCADE"), index=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    created: Mapped[Time]
    way: Mapped[Way | None] = mapped_column(String(10))
    due: Mapped[Time | None]
    bundle: Mapped[int | None]  # the mail that it is in: the id of the newest notice there
    told: Mapped[Time | None]  # when that was made
    seen: Mapped[Time | None]  # of a decision: when its author had read that


class Told(NamedTuple):
    """That somebody is to be told something, whether they want that or not."""

    user_id: int
    kind: Kind
    post_id: int | None
    channel_id: int | None
    group_id: int


class Noticed(NamedTuple):
    """A new notice, as `on_notice` gets it: when it may be shown, and whether the person wants it as a push."""

    id: int
    user_id: int
    kind: Kind
    post_id: int | None
    channel_id: int | None
    group_id: int
    due: str
    push: bool


Find = Callable[[Tx, Change], list[Told]]
finders: dict[str, Find] = {}
listeners: list[Callable[[Tx, list[Noticed]], None]] = []
reaching: list[Callable[[Snapshot], bool]] = []


def of_change(kind: str, find: Find) -> None:
    """Has changes of a kind, in the log, tell those whom `find` names."""
    finders[kind] = find


def on_notice(do: Callable[[Tx, list[Noticed]], None]) -> None:
    """Has `do` be called with new notices, in the unit that makes them."""
    listeners.append(do)


def reached_by(anybody: Callable[[Snapshot], bool]) -> None:
    """A way by which people may be told; without anybody who is reached by one, only decisions are noted."""
    reaching.append(anybody)


def reaches(read: Snapshot) -> bool:
    """Whether anybody can be told anything beside the page."""
    return any(anybody(read) for anybody in reaching)


_user = Notice.user_id == bindparam("user_id")
_one = _user & (Notice.kind == bindparam("kind"))
ADD = insert(Notice).returning(Notice.id)
TOLD_OF = select(Notice.id).where(_user, Notice.post_id == bindparam("post_id"), Notice.kind.in_(TO_ONE))
OPEN = Notice.told.is_(None), or_(Notice.due.is_not(None), Notice.created > bindparam("since"))
COVERS_GROUP = select(Notice.id).where(_one, Notice.group_id == bindparam("group_id"), *OPEN)
LAST_IN_CHANNEL = select(func.max(Notice.told).label("told")).where(
    _user, Notice.channel_id == bindparam("channel_id"), Notice.way == "soon"
)
LAST_IN_GROUP = select(func.max(Notice.told).label("told")).where(
    _user, Notice.kind.in_(FOR_MODERATORS), Notice.group_id == bindparam("group_id")
)
NEXT_DUE = select(func.min(Notice.due).label("due")).where(Notice.due.is_not(None))
DROP_DECIDED = delete(Notice).where(_one, Notice.post_id == bindparam("post_id"))
_due = Notice.due <= bindparam("now")
DUE_USERS = select(Notice.user_id).where(_due).distinct().limit(bindparam("limit", type_=Integer))
OPEN_OF = select(*Notice.__table__.c).where(_user, Notice.due.is_not(None)).order_by(Notice.id)
OF_BUNDLE = select(*Notice.__table__.c).where(_user, Notice.bundle == bindparam("bundle")).order_by(Notice.id)
SETTLE = update(Notice).where(Notice.id.in_(bindparam("ids", expanding=True)))
LAST_OF_POSTS = select(func.max(Notice.told).label("told")).where(
    _user, Notice.kind == "post", Notice.channel_id == bindparam("channel_id"), Notice.id < bindparam("id")
)
_old = select(Notice.id).where(Notice.created < bindparam("before"))
FORGET = delete(Notice).where(Notice.id.in_(_old.limit(SWEPT)))


def add(tx: Tx, told: Told, way: Way | None, due: str | None) -> int | None:
    """Within a unit: adds a notice, unless there is one that covers it; returns its id."""
    if _is_covered(tx, told):
        return None
    if told.kind == "decided":
        tx.run(DROP_DECIDED, user_id=told.user_id, kind="decided", post_id=told.post_id)
    values: dict[str, Any] = {**told._asdict(), "created": tx.now, "way": way, "due": due}
    made: int = tx.one(ADD, **values).id
    return made


def _is_covered(tx: Tx, told: Told) -> bool:
    if told.kind in TO_ONE:
        return tx.one(TOLD_OF, user_id=told.user_id, post_id=told.post_id) is not None
    if told.kind not in FOR_MODERATORS:
        return False
    whose = {"user_id": told.user_id, "kind": told.kind, "group_id": told.group_id}
    return tx.one(COVERS_GROUP, since=open_since(tx.now, told.kind), **whose) is not None


def open_since(now: str, kind: Kind) -> str:
    """Since when a notice that nobody is mailed covers what comes after it."""
    return times.at(times.milliseconds(now) - APART_SECONDS[kind] * 1_000)


def _forget_old(tx: Tx) -> None:
    tx.run(FORGET, before=times.later(days=-KEPT_DAYS))


db.on_sweep(_forget_old)
