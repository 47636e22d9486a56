"""The outbox: what is to be told to which browser, until it was, or is old."""

from typing import Any, NamedTuple

from sqlalchemy import ForeignKey, Integer, String, bindparam, delete, func, insert, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from model import settings
from model.accounts.session import Identity
from model.push import subscription
from model.push.subscription import Subscription
from model.push.words import TEST
from model.webhooks.sending import Outcome
from pottle import times
from pottle.errors import NotFound
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, reads, writes
from pottle.translation import _

OLD_HOURS = 24  # what was not delivered by then is no news
MOST_WAITING = 50  # for one browser: another one drops the oldest
MOST_FAILURES = 30  # in a row, which take a day: then the browser is given up
GONE = (404, 410)  # the browser wants no more
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 3_600.0  # seconds, after a failure and after many


class Push(Base):
    """One thing to tell one browser. It holds references, as the change log does."""

    __tablename__ = "pushes"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    subscription_id: Mapped[int] = mapped_column(ForeignKey("push_subscriptions.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[int | None]
    group_id: Mapped[int | None]
    due: Mapped[Time] = mapped_column(index=True)


class Job(NamedTuple):
    """A push that is due, and the browser; None where that may be told nothing any more."""

    push: Any
    to: Any


_ready = (
    Push.due <= bindparam("now"),
    or_(Subscription.paused.is_(None), Subscription.paused <= bindparam("now")),
)
_waiting = select(*Push.__table__.c, Subscription.user_id).join(Subscription, Subscription.id == Push.subscription_id)
_in_order = _waiting.where(*_ready).order_by(Push.due, Push.id).limit(bindparam("limit", type_=Integer))
DUE = _in_order.where(Subscription.user_id.not_in(bindparam("served", expanding=True)))
DUE_OF = _in_order.where(Subscription.user_id == bindparam("user_id"))
NEXT_DUE = select(func.min(Push.due).label("at")).where(Push.due > bindparam("now"))
NEXT_TRY = select(func.min(Subscription.paused).label("at")).where(Subscription.paused > bindparam("now"))
OF_SESSION = select(Subscription.id).where(Subscription.session_id == bindparam("session_id"))
ADD = insert(Push)
DROP = delete(Push).where(Push.id == bindparam("id"))
_newest = select(Push.id).where(Push.subscription_id == bindparam("subscription_id")).order_by(Push.id.desc())
DROP_OLDEST = delete(Push).where(Push.id.in_(_newest.offset(bindparam("kept"))))


def put(
    tx: Tx, user_id: int, kind: str, subject: int | None = None, group_id: int | None = None, due: str | None = None
) -> None:
    """Within a unit: has somebody be told, in each of their browsers that want that, at once or when it is `due`."""
    for row in tx.all(subscription.ALIVE, user_id=user_id, now=tx.now) if settings.chosen().push else ():
        _add(tx, row.id, kind, subject, group_id, due)


@writes
def test(tx: Tx, identity: Identity) -> None:
    """Has the session's own browser be told how that looks. Raises NotFound."""
    row = tx.one(OF_SESSION, session_id=identity.session)
    if row is None:
        raise NotFound(_("This browser is not told of anything."))
    _add(tx, row.id, TEST, None, None, None)


def _add(tx: Tx, subscription_id: int, kind: str, subject: int | None, group_id: int | None, due: str | None) -> None:
    what = {"kind": kind, "subject": subject, "group_id": group_id, "due": due or tx.now}
    tx.run(ADD, subscription_id=subscription_id, **what)
    tx.run(DROP_OLDEST, subscription_id=subscription_id, kept=MOST_WAITING)


@reads
def due(read: Snapshot, now: str, served: set[int], limit: int) -> list[int]:
    """Whom to tell something `now`, those first who wait for longest, but for those that are `served` already."""
    if not settings.chosen().push:
        return []
    rows = read.all(DUE, now=now, served=[*served], limit=4 * limit)
    return [*dict.fromkeys(row.user_id for row in rows)][:limit]


@reads
def next_due(read: Snapshot, after: str) -> str | None:
    """When there is something to send that was not due at `after`; None where nothing waits."""
    found = (read.one(statement, now=after).at for statement in (NEXT_DUE, NEXT_TRY))
    return min(filter(None, found), default=None)


@reads
def next_of(read: Snapshot, user_id: int) -> Job | None:
    """What is to be told to somebody next."""
    now = times.now()
    push = read.one(DUE_OF, now=now, user_id=user_id, limit=1)
    return Job(push, read.one(subscription.FULL, id=push.subscription_id, now=now)) if push else None


def is_old(push: Any) -> bool:
    """Whether it is no news any more."""
    return bool(push.due < times.later(hours=-OLD_HOURS))


@writes
def drop(tx: Tx, id_: int) -> None:
    """Tells nothing."""
    tx.run(DROP, id=id_)


@writes
def end(tx: Tx, subscription_id: int) -> None:
    """Tells a browser nothing any more, nor what waits for it."""
    tx.run(subscription.DROP, id=subscription_id)


@writes
def record(tx: Tx, id_: int, subscription_id: int, outcome: Outcome, waited: float) -> None:
    """Notes what became of an attempt. What was received goes; so does a browser that wants no more, or never answers.

    `waited` is by how much the next attempt may come later than planned, as a part: many shall not come at once.
    """
    to = tx.one(subscription.BY_ID, id=subscription_id)
    if to is None:  # it ended meanwhile
        return
    final = outcome.code is not None and 400 <= outcome.code < 500 and outcome.code != 429
    if outcome.delivered or final:
        tx.run(DROP, id=id_)
    if outcome.delivered:
        if to.failures:
            tx.run(subscription.CHANGE, id=to.id, failures=0, paused=None)
        return
    failures = to.failures + 1
    if outcome.code in GONE or failures >= MOST_FAILURES:
        tx.run(subscription.DROP, id=to.id)
        return
    pause = min(FIRST_PAUSE * 2**failures, LONGEST_PAUSE) * waited
    tx.run(subscription.CHANGE, id=to.id, failures=failures, paused=times.later(seconds=max(pause, outcome.wait)))
