"""Deliveries: each change for each hook, in the order of the log, until it was received or given up."""

import secrets
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import and_, bindparam, delete, func, insert, select, update

from model import settings
from model.accounts.session import Identity
from model.talk.channel import Channel
from model.talk.post import Post
from model.webhooks import hook
from model.webhooks.hook import TEST, Delivery, Webhook
from model.webhooks.sending import Outcome
from pottle import times
from pottle.errors import Conflict, NotFound
from pottle.store import Snapshot, Tx, db, reads, writes
from pottle.store.changes import Change
from pottle.store.paging import Cursor, Page, as_nothing, paged
from pottle.translation import _

GONE = 410  # the receiver wants no more
KEPT_DAYS = 7  # what was delivered; what was given up is kept four times as long
SWEPT = 5_000  # at once
MOST_AGAIN = 1_000


class DeliveryView(msgspec.Struct):
    """A delivery as the moderators see it: `position` is the change's place in the log."""

    id: int
    message: str
    kind: str
    position: int
    state: Literal["waiting", "delivered", "dead"]
    attempts: int
    code: int | None
    trouble: str | None
    due: str | None
    created: str
    finished: str | None


class Job(NamedTuple):
    """A delivery that is due, and its hook."""

    delivery: Any
    hook: Any


ACTIVE = select(Webhook.id, Webhook.group_id, Webhook.kinds, Webhook.since).where(Webhook.active)
ANY = ACTIVE.limit(1)
OF_POST = select(Channel.group_id, Channel.state).join(Post, Post.channel_id == Channel.id)
OF_POST = OF_POST.where(Post.id == bindparam("id"))
OF_CHANNEL = select(Channel.group_id, Channel.state).where(Channel.id == bindparam("id"))
ADD = insert(Delivery).returning(Delivery.id)
_waits = Delivery.state == "waiting"
_first = select(func.min(Delivery.id)).where(_waits, Delivery.hook_id == Webhook.id).correlate(Webhook)
HEADS = select(Delivery.hook_id, Delivery.due).join(
    Webhook, and_(Webhook.active, Delivery.id == _first.scalar_subquery())
)
HEAD = select(*Delivery.__table__.c).where(Delivery.hook_id == bindparam("hook"), _waits).order_by(Delivery.id).limit(1)
BY_ID = select(*Delivery.__table__.c).where(Delivery.id == bindparam("id"))
LISTED = select(*Delivery.__table__.c).where(Delivery.hook_id == bindparam("hook"))
CHANGE = update(Delivery).where(Delivery.id == bindparam("id"))
_dead = select(Delivery.id).where(
    Delivery.hook_id == bindparam("hook"), Delivery.state == "dead", Delivery.kind != TEST
)
AGAIN = (
    update(Delivery)
    .where(Delivery.id.in_(_dead.order_by(Delivery.id).limit(MOST_AGAIN)))
    .values(state="waiting", attempts=0, due=bindparam("now"), finished=None)
)
ONE_AGAIN = AGAIN.where(Delivery.id == bindparam("id"))
_old = select(Delivery.id).where(Delivery.state == bindparam("old"), Delivery.finished < bindparam("before"))
FORGET = delete(Delivery).where(Delivery.id.in_(_old.limit(SWEPT)))


def view(row: Any) -> DeliveryView:
    """A delivery as clients see it."""
    due = row.due if row.state == "waiting" else None
    result = row.state, row.attempts, row.code, row.trouble, due, row.created, row.finished
    return DeliveryView(row.id, row.message, row.kind, row.seq, *result)


def take(tx: Tx, rows: list[Change]) -> None:
    """Within a unit: adds a delivery of each change for each hook that is to hear of it."""
    hooks = tx.all(ACTIVE)
    for row in rows:
        of = _group_of(tx, row)
        for one in hooks:
            if of and row.kind in one.kinds and row.seq > one.since and one.group_id in (None, of):
                _add(tx, one.id, row.kind, row.seq, row.subject)


def _group_of(tx: Tx, row: Change) -> int | None:
    """The group that a change is in; None where that is gone, or nobody is to hear of it yet."""
    if row.kind == "channel.deleted":
        return next((int(tag[6:]) for tag in row.tags.split() if tag.startswith("group:")), None)
    found = tx.one(OF_CHANNEL if row.kind.startswith("channel.") else OF_POST, id=row.subject)
    if found is None or (row.kind.startswith("channel.") and found.state != "published"):
        return None
    return int(found.group_id)


def _add(tx: Tx, hook_id: int, kind: str, seq: int, subject: int | None) -> int:
    what = {"hook_id": hook_id, "kind": kind, "seq": seq, "subject": subject, "created": tx.now, "due": tx.now}
    id_: int = tx.one(ADD, message=f"msg_{secrets.token_hex(12)}", state="waiting", attempts=0, **what).id
    return id_


def heads(read: Snapshot) -> dict[int, str]:
    """Of each hook for which something waits, when that is due."""
    return {row.hook_id: row.due for row in read.all(HEADS)}


@reads
def next_of(read: Snapshot, hook_id: int) -> Job | None:
    """What is to be sent to a hook now. Nothing comes before what was told earlier, however often that fails."""
    row, to = read.one(HEAD, hook=hook_id), read.one(hook.FULL, id=hook_id)
    return Job(row, to) if row and to and to.active and row.due <= times.now() else None


@writes
def record(tx: Tx, id_: int, outcome: Outcome, waited: float) -> None:
    """Notes what became of an attempt. The hook is switched off by 410, or where it was the last one.

    `waited` is by how much the next one may come later than planned, as a part: many shall not come at once.
    """
    row = tx.one(BY_ID, id=id_)
    if row is None or row.state != "waiting":  # the hook was deleted or switched off meanwhile
        return
    tried = {"attempts": row.attempts + 1, "code": outcome.code, "trouble": outcome.trouble}
    delays = settings.chosen().webhook_retries
    if outcome.delivered:
        tx.run(CHANGE, id=id_, state="delivered", finished=tx.now, **tried)
    elif outcome.code == GONE or row.attempts + 1 >= len(delays):
        tx.run(CHANGE, id=id_, state="dead", finished=tx.now, **tried)
        why = "It answered 410: it wants no more." if outcome.code == GONE else f"Given up: {outcome.trouble}"
        hook.switch_off(tx, tx.one(hook.BY_ID, id=row.hook_id), why)
    else:
        pause = max(delays[row.attempts + 1] * waited, outcome.wait)
        tx.run(CHANGE, id=id_, due=times.later(seconds=pause), **tried)


@writes
def dismiss(tx: Tx, hook_id: int, why: str) -> None:
    """Switches a hook off."""
    if (row := tx.one(hook.BY_ID, id=hook_id)) and row.active:
        hook.switch_off(tx, row, why)


@writes
def note_test(tx: Tx, identity: Identity, hook_id: int, message: str, outcome: Outcome) -> DeliveryView:
    """Adds what became of a test to the deliveries. Raises NotFound."""
    hook.mine.within(tx, identity, hook_id)
    id_ = _add(tx, hook_id, TEST, 0, None)
    state = "delivered" if outcome.delivered else "dead"
    told = {"code": outcome.code, "trouble": outcome.trouble, "message": message}
    tx.run(CHANGE, id=id_, state=state, attempts=1, finished=tx.now, **told)
    return view(tx.one(BY_ID, id=id_))


@reads
def listed(read: Snapshot, identity: Identity, hook_id: int, cursor: Cursor) -> Page[DeliveryView]:
    """The deliveries of a hook, newest first. Raises NotFound."""
    hook.mine.within(read, identity, hook_id)
    return paged(read, LISTED, Delivery.id, cursor, view, as_nothing, hook=hook_id)


@writes
def again(tx: Tx, identity: Identity, hook_id: int, id_: int | None = None) -> int:
    """Has what was given up be sent again, all of it (the oldest thousand) or one; how many that are.

    Raises NotFound, and Conflict where the hook is off.
    """
    row = hook.mine.within(tx, identity, hook_id)
    if not row.active:
        raise Conflict(_("This webhook is off. Switch it on first."))
    if id_ is None:
        return tx.run(AGAIN, hook=hook_id, now=tx.now)
    if not tx.run(ONE_AGAIN, hook=hook_id, now=tx.now, id=id_):
        raise NotFound(_("There is no delivery %(id)s that was given up.", id=id_))
    return 1


def _forget_old(tx: Tx) -> None:
    tx.run(FORGET, old="delivered", before=times.later(days=-KEPT_DAYS))
    tx.run(FORGET, old="dead", before=times.later(days=-KEPT_DAYS * 4))


db.on_sweep(_forget_old)
