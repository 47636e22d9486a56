"""The change log: one row for each committed fact that readers should learn of, in commit order.

A row holds references, not copies, so that a removed post's text is gone and a row is small. The numbering is
Kafka's and Centrifugo's idea (offset and epoch), kept in the transaction of the write itself, so that a change is in
the log if and only if its write committed (L1). `prev` chains the changes of one channel, so that everybody, a client
too, can check that nothing is missing.
"""

from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import Any, NamedTuple

from sqlalchemy import Index, String, bindparam, column, delete, func, insert, select, table, update
from sqlalchemy.orm import Mapped, mapped_column

from pottle.store.base import NEVER_REUSE_IDS, Base, Id, Time
from pottle.store.statements import Snapshot


class Change(Base):
    """One committed fact. Kinds without a channel are internal and never reach clients."""

    __tablename__ = "changes"
    __table_args__ = (Index("ix_changes_channel", "channel_id", "seq"), NEVER_REUSE_IDS)

    seq: Mapped[Id]
    prev: Mapped[int]  # the channel's change before this one
    channel_id: Mapped[int | None]
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[int | None]
    tags: Mapped[str]  # what it makes stale, separated by spaces
    created: Mapped[Time]


class Row(NamedTuple):
    """A change as the follower and the hub read it."""

    seq: int
    prev: int
    channel_id: int | None
    kind: str
    subject: int | None
    tags: str


COLUMNS = (Change.seq, Change.prev, Change.channel_id, Change.kind, Change.subject, Change.tags)
OF_CHANNEL = Change.channel_id == bindparam("channel")
AFTER = Change.seq > bindparam("after")

SINCE = select(*COLUMNS).where(AFTER).order_by(Change.seq)
PAGE = (
    select(*COLUMNS)
    .where(OF_CHANNEL, AFTER, Change.seq <= bindparam("until"))
    .order_by(Change.seq)
    .limit(bindparam("limit"))
)
FIRST_PREV = select(Change.prev).where(OF_CHANNEL, AFTER).order_by(Change.seq).limit(1)

# AUTOINCREMENT's own memory: it outlives the pruning of the log.
SEQUENCE = table("sqlite_sequence", column("name"), column("seq"))
HEAD = select(SEQUENCE.c.seq).where(SEQUENCE.c.name == Change.__tablename__)

# The log advances the channel's own seq, which is never pruned; that column is all it knows of channels.
CHANNELS = table("channels", column("id"), column("seq"))
ADD = (
    insert(Change)
    .values(
        prev=func.coalesce(select(CHANNELS.c.seq).where(CHANNELS.c.id == bindparam("channel")).scalar_subquery(), 0),
        channel_id=bindparam("channel"),
        kind=bindparam("kind"),
        subject=bindparam("subject"),
        tags=bindparam("tags"),
        created=bindparam("now"),
    )
    .returning(Change.seq)
)
OWN = select(CHANNELS.c.seq).where(CHANNELS.c.id == bindparam("channel"))
ADVANCE = update(CHANNELS).where(CHANNELS.c.id == bindparam("channel")).values(seq=bindparam("seq"))

UNTIL = select(Change.seq).where(Change.seq <= bindparam("until")).limit(1)
OLDEST = select(Change.seq, Change.created).order_by(Change.seq).limit(1_000)
PRUNE = delete(Change).where(Change.seq <= bindparam("until"))


def head(read: Snapshot) -> int:
    """The seq of the newest change there ever was; 0 in a new database."""
    row = read.one(HEAD)
    return row.seq if row else 0


def add(tx: Snapshot, now: str, kind: str, channel: int | None, subject: int | None, tags: Iterable[str]) -> int:
    """Writes one change, makes it the channel's newest, and returns its seq."""
    seq: int = tx.one(ADD, kind=kind, channel=channel, subject=subject, tags=" ".join(tags), now=now).seq
    if channel is not None:
        tx.run(ADVANCE, channel=channel, seq=seq)
    return seq


def prune(tx: Snapshot, before: str, keep: int) -> int:
    """Drops, of the 1,000 oldest changes, those made before that time or beyond the newest `keep`; returns how many.

    It stops at the first one that has to stay: what is left is always all that came after some position, even where
    a clock was wrong for a while.
    """
    beyond = head(tx) - keep
    old = takewhile(lambda row: row.created < before or row.seq <= beyond, tx.all(OLDEST))
    return tx.run(PRUNE, until=max((row.seq for row in old), default=0))


def since(read: Snapshot, after: int) -> list[Row]:
    """Every change after `after`, of all channels, internal kinds too."""
    return [Row(*row) for row in read.all(SINCE, after=after)]


def all_there(read: Snapshot, after: int, rows: list[Row]) -> bool:
    """Whether `rows`, found by `since(read, after)`, are all there were: none was pruned before it was read.

    Seqs follow on one another, but for a deleted channel's. Pruning begins at the log's beginning, so that where
    something older is left, it took nothing newer.
    """
    first = rows[0].seq if rows else head(read) + 1
    return first == after + 1 or read.one(UNTIL, until=after) is not None


def page(read: Snapshot, channel: int, after: int, until: int, limit: int) -> list[Row]:
    """The channel's first `limit` changes with after < seq <= until."""
    return [Row(*row) for row in read.all(PAGE, channel=channel, after=after, until=until, limit=limit)]


def recoverable(read: Snapshot, channel: int, after: int, head: int) -> bool:
    """Whether the log still has every change of the channel after `after`, its newest being `head`.

    The oldest one there is must follow on from `after`: its `prev` is no later than `after`.
    """
    if after >= head:
        return after == head
    first = read.one(FIRST_PREV, channel=channel, after=after)
    return first is not None and first.prev <= after


def whole(read: Snapshot, channel: int, after: int) -> bool:
    """Whether nothing of the channel after `after` was pruned, be it its last change. True of one that is gone."""
    own = read.one(OWN, channel=channel)
    return own is None or recoverable(read, channel, after, own.seq)


Loader = Callable[[Snapshot, set[int]], dict[int, Any]]
# What clients are told of a change: its field in the frame, and how to load what stands there, by kind.
carriers: dict[str, tuple[str, Loader]] = {}


def carries(kinds: Iterable[str], field: str, loader: Loader) -> None:
    """Has changes of `kinds` carry `loader(read, {subject, …})[subject]` (something msgspec encodes) as `field`."""
    carriers.update(dict.fromkeys(kinds, (field, loader)))


def loaded(read: Snapshot, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows as clients see them (`{type, channel, seq, prev, kind, …}`), each with its subject as it is now."""
    rows = list(rows)
    wanted: dict[Loader, set[int]] = {}
    for row in rows:
        if row.kind in carriers and row.subject is not None:
            wanted.setdefault(carriers[row.kind][1], set()).add(row.subject)
    found = {loader: loader(read, ids) for loader, ids in wanted.items()}
    return [_frame(row, found) for row in rows]


def _frame(row: Row, found: dict[Loader, dict[int, Any]]) -> dict[str, Any]:
    frame = {"type": "change", "channel": row.channel_id, "seq": row.seq, "prev": row.prev, "kind": row.kind}
    if row.kind in carriers and row.subject is not None:
        field, loader = carriers[row.kind]
        frame[field] = found[loader].get(row.subject)
    return frame
