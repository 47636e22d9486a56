"""The outbox: letters that are to be sent. They are put in the transaction of what they are about, and sent later.

A row says what a letter is about, not what it says: that is written when it is sent (model/mail/letters.py). One worker
sends. It takes one letter at a time, for as long as a lease; what became of it is noted before the next is taken. So
whatever ends that worker, a letter comes twice only if it was the one that the server had just taken.
"""

from typing import Any, Literal, NamedTuple, cast

import msgspec
from sqlalchemy import JSON, ForeignKey, Index, String, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model import settings
from model.accounts.user import User
from model.mail import address, signing
from pottle import times
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db, instance, reads, writes

State = Literal["waiting", "sent", "failed", "dropped"]
LEASE_SECONDS = 900  # more than the slowest server takes
LONGEST_PAUSE = 4 * 3_600  # seconds
GIVE_UP_DAYS = 4  # after it was due
KEPT_DAYS = {"sent": 7, "dropped": 7, "failed": 30}
SWEPT = 5_000  # at once
SHOWN = 20  # that failed
MOST_COUNTED = 10_000  # that wait
TROUBLE = "mail trouble"  # why the server takes nothing: a fact of the instance


class Letter(NamedTuple):
    """What to put in the outbox. Without an `address` it goes to that of the user, as it is by then.

    Of two with the same `key` only the first counts, for as long as that is kept. In `more` is what else the wording
    needs; never a secret.
    """

    kind: str
    user_id: int | None = None
    address: str | None = None
    subject_id: int | None = None
    group_id: int | None = None
    due: str | None = None  # None: now
    key: str | None = None
    more: dict[str, Any] | None = None
    language: str | None = None  # where the user chose none


class Mail(Base):
    """A letter that waits, or what became of it."""

    __tablename__ = "mails"
    __table_args__ = (
        Index("ix_mails_next", "state", "urgent", "id"),
        Index("ix_mails_due", "state", "due"),
        Index("ix_mails_finished", "state", "finished"),
        NEVER_REUSE_IDS,
    )

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    address: Mapped[str | None] = mapped_column(String(254))
    subject_id: Mapped[int | None]
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    key: Mapped[str | None] = mapped_column(String(100), unique=True)
    more: Mapped[dict[str, Any]] = mapped_column(JSON)
    language: Mapped[str | None] = mapped_column(String(20))
    urgent: Mapped[int]  # 0 before 1
    state: Mapped[State] = mapped_column(String(10))
    attempts: Mapped[int]
    trouble: Mapped[str | None] = mapped_column(String(300))  # why it was not taken
    created: Mapped[Time]
    first_due: Mapped[Time]
    due: Mapped[Time]
    leased: Mapped[Time | None]  # until when somebody is at it
    finished: Mapped[Time | None]


class Waiting(NamedTuple):
    """A letter that is to be sent now, and its reader as they are now (None for an address without an account)."""

    id: int
    kind: str
    user_id: int | None
    address: str | None
    subject_id: int | None
    group_id: int | None
    more: dict[str, Any]
    language: str | None
    attempts: int
    created: str
    uid: str | None
    name: str | None


class FailedView(msgspec.Struct):
    """A letter that could not be sent, and what the server said."""

    kind: str
    to: str | None
    trouble: str | None
    finished: str


class StateView(msgspec.Struct):
    """How many letters that are due wait, since when the oldest; why the server takes nothing; what was given up."""

    waiting: int
    since: str | None
    trouble: str | None
    failed: list[FailedView]


class Outcome(NamedTuple):
    """What became of an attempt, and what the server said.

    `refused`: the address takes no mail. `rejected`: it does not take this letter. `later`: not now. `trouble`: the
    server takes none at all. `dropped`: there was nothing left to say, or nobody to say it to.
    """

    what: Literal["sent", "refused", "rejected", "later", "trouble", "dropped"]
    said: str = ""


KNOWN = select(Mail.id).where(Mail.key == bindparam("key"))
ADD = insert(Mail)
_waits = Mail.state == "waiting"
_free = or_(Mail.leased.is_(None), Mail.leased < bindparam("now"))
NEXT = (
    select(Mail.id, Mail.kind, Mail.user_id, Mail.address, Mail.subject_id, Mail.group_id, Mail.more)
    .add_columns(func.coalesce(User.language, Mail.language).label("language"), Mail.attempts, Mail.created)
    .add_columns(User.uid, User.name)
    .outerjoin(User, User.id == Mail.user_id)
    .where(_waits, Mail.due <= bindparam("now"), _free)
    .order_by(Mail.urgent, Mail.id)
    .limit(1)
)
NEXT_DUE = select(Mail.due).where(_waits, _free).order_by(Mail.due).limit(1)
_due = select(Mail.due).where(_waits, Mail.due <= bindparam("now")).order_by(Mail.due).limit(MOST_COUNTED).subquery()
WAITING = select(func.count().label("n"), func.min(_due.c.due).label("since")).select_from(_due)
FAILED = (
    select(Mail.kind, func.coalesce(Mail.address, User.uid).label("to"), Mail.trouble, Mail.finished)
    .outerjoin(User, User.id == Mail.user_id)
    .where(Mail.state == "failed")
    .order_by(Mail.id.desc())
    .limit(SHOWN)
)
BY_ID = select(*Mail.__table__.c).where(Mail.id == bindparam("id"))
CHANGE = update(Mail).where(Mail.id == bindparam("id"))
LEASE = CHANGE.values(leased=bindparam("until"))
RELEASE = update(Mail).where(_waits, Mail.leased.is_not(None)).values(leased=None)
_old = select(Mail.id).where(Mail.state == bindparam("old"), Mail.finished < bindparam("before"))
FORGET = delete(Mail).where(Mail.id.in_(_old.limit(SWEPT)))
_urgent: set[str] = set()


def is_urgent(kind: str) -> None:
    """Has letters of a kind go before others: somebody waits for them."""
    _urgent.add(kind)


def on() -> bool:
    """Whether there is mail here."""
    return settings.chosen().mail is not None


def put(tx: Tx, letter: Letter) -> bool:
    """Within a unit: has a letter be sent; whether it will be: not where there is no mail, or its key is known."""
    if not on() or (letter.key and tx.one(KNOWN, key=letter.key)):
        return False
    what = letter._asdict() | {"more": letter.more or {}, "due": letter.due or tx.now}
    tx.run(ADD, **what, first_due=what["due"], urgent=int(letter.kind not in _urgent), state="waiting", attempts=0,
           created=tx.now)  # fmt: skip
    return True


@reads
def next_due(read: Snapshot) -> str | None:
    """When the next letter is due; None without one."""
    row = read.one(NEXT_DUE, now=times.now())
    return cast(str, row.due) if row else None


@reads
def waiting(read: Snapshot) -> int:
    """How many letters that are due wait, ten thousand at most."""
    return int(read.one(WAITING, now=times.now()).n)


@reads
def state(read: Snapshot) -> StateView:
    """How sending goes, for admins."""
    failed = [FailedView(*row) for row in read.all(FAILED)]
    row = read.one(WAITING, now=times.now())
    return StateView(row.n, row.since, instance.fact(read, TROUBLE) or None, failed)


@writes
def take(tx: Tx) -> Waiting | None:
    """The next letter that is due, which nobody else takes for as long as the lease."""
    row = tx.one(NEXT, now=tx.now)
    if row is None:
        return None
    tx.run(LEASE, id=row.id, until=times.later(seconds=LEASE_SECONDS))
    return Waiting(*row)


@writes
def release(tx: Tx, trouble: str) -> None:
    """Ends all leases, where the server takes nothing; why that is, is kept to be shown."""
    tx.run(RELEASE)
    instance.put(tx, TROUBLE, trouble)


@writes
def begin(tx: Tx) -> None:
    """For the one worker that sends, when it begins: whoever had a lease has ended."""
    tx.run(RELEASE)
    signing.make_key(tx)


@writes
def record(tx: Tx, id_: int, to: str | None, outcome: Outcome, pause: float) -> None:
    """Notes what became of an attempt to send to an address. `pause` is until the second attempt, in seconds.

    An address that takes no mail is switched off. What was put off is tried again for four days, ever more seldom.
    """
    row = tx.one(BY_ID, id=id_)
    if row is None or row.state != "waiting":
        return
    tried = {"attempts": row.attempts + 1, "trouble": outcome.said[:300] or None, "leased": None}
    if outcome.what == "later" and row.first_due > times.later(days=-GIVE_UP_DAYS):
        wait = min(pause * 2**row.attempts, LONGEST_PAUSE)
        tx.run(CHANGE, id=id_, due=times.later(seconds=wait), **tried)
        return
    if instance.fact(tx, TROUBLE):
        instance.put(tx, TROUBLE, "")
    if outcome.what == "refused" and to:
        address.switch_off(tx, to, outcome.said, row.user_id)
    state = outcome.what if outcome.what in ("sent", "dropped") else "failed"
    tx.run(CHANGE, id=id_, state=state, finished=tx.now, **tried)


def _forget_old(tx: Tx) -> None:
    for state, days in KEPT_DAYS.items():
        tx.run(FORGET, old=state, before=times.later(days=-days))


db.on_sweep(_forget_old)
