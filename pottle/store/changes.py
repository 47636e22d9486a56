"""The change log: one row for each committed fact that readers should learn of, in commit order.

A row holds references, not copies, so that a removed post's text is gone and a row is small. The numbering is
Kafka's and Centrifugo's idea (offset and epoch), kept in the transaction of the write itself, so that a change is in
the log if and only if its write committed (L1). A stream is a sequence of changes under a name, such as `jokes` or
`channel:7`; `prev` chains them, so that everybody, a client too, can check that nothing is missing.
"""

import re
from collections.abc import Callable, Iterable
from itertools import takewhile
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Index, String, bindparam, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from pottle.store.base import NEVER_REUSE_IDS, Base, Id, Time, insert
from pottle.store.statements import Snapshot

LONGEST_NAME = 200  # of a stream, in characters
NAME = re.compile(r"[!-~]{1,200}")


class LoggedChange(Base):
    """One committed fact. Changes without a stream are internal and never reach clients."""

    __tablename__ = "changes"
    __table_args__ = (Index("ix_changes_stream", "stream", "seq"), NEVER_REUSE_IDS)

    seq: Mapped[Id]
    prev: Mapped[int]  # the stream's change before this one
    channel_id: Mapped[int | None]  # not used since revision 0011, which gave the streams names
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[int | None]
    tags: Mapped[str]  # what it makes stale, separated by spaces
    created: Mapped[Time]
    stream: Mapped[str | None] = mapped_column(String(LONGEST_NAME))


class Stream(Base):
    """Where a stream is: the seq of its newest change, which stays when the log is pruned."""

    __tablename__ = "streams"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012  # as SQLAlchemy has it

    name: Mapped[str] = mapped_column(String(LONGEST_NAME), primary_key=True)
    seq: Mapped[int]


class Change(NamedTuple):
    """A change as listeners read it."""

    seq: int
    prev: int
    stream: str | None
    kind: str
    subject: int | None
    tags: str


COLUMNS = tuple(LoggedChange.__table__.c[name] for name in Change._fields)
OF_STREAM = LoggedChange.stream == bindparam("stream")
AFTER = LoggedChange.seq > bindparam("after")
UP_TO = LoggedChange.seq <= bindparam("until")

SINCE = select(*COLUMNS).where(AFTER).order_by(LoggedChange.seq)
SOME = SINCE.limit(bindparam("limit"))
PAGE = SINCE.where(OF_STREAM, UP_TO).limit(bindparam("limit"))
FIRST_PREV = select(LoggedChange.prev).where(OF_STREAM, AFTER).order_by(LoggedChange.seq).limit(1)

MADE = select(LoggedChange.seq).where(
    LoggedChange.seq == bindparam("seq"), LoggedChange.created == bindparam("created")
)
HEAD = select(func.max(LoggedChange.seq).label("seq"))

NEWEST = select(Stream.seq).where(Stream.name == bindparam("stream"))
_before: BindParameter[int | None] = bindparam("before")  # the stream's change before, where it is not written yet
ADD = insert(LoggedChange).values(prev=func.coalesce(_before, NEWEST.scalar_subquery(), 0), stream=bindparam("stream"))
ADVANCE = insert(Stream)
ADVANCE = ADVANCE.on_conflict_do_update(index_elements=["name"], set_={"seq": ADVANCE.excluded.seq})
UNSAID = update(LoggedChange).where(LoggedChange.stream == bindparam("name"))
DROP = (
    delete(Stream).where(Stream.name == bindparam("name")),
    UNSAID.values(stream=None, subject=None, kind="written"),
)

UNTIL = select(LoggedChange.seq).where(UP_TO).limit(1)
OLDEST = select(LoggedChange.seq, LoggedChange.created).order_by(LoggedChange.seq).limit(1_000)
PRUNE = delete(LoggedChange).where(UP_TO)


def head(read: Snapshot) -> int:
    """The seq of the newest change there ever was, which always stays in the log; 0 in a new database."""
    return read.one(HEAD).seq or 0


class Addition:
    """Changes that are written together, in one transaction that has the turn."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._newest: dict[str, int] = {}  # of each stream

    def add(self, seq: int, now: str, kind: str, stream: str | None, subject: int | None, tags: Iterable[str]) -> None:
        """One more, which becomes its stream's newest. `seq` is the one after that of the change before."""
        if stream is not None and not NAME.fullmatch(stream):
            raise ValueError(
                f"{stream!r} is no name of a stream: 1 to {LONGEST_NAME} characters of ASCII, without spaces."
            )
        what = {"kind": kind, "subject": subject, "tags": " ".join(tags), "created": now}
        self.rows.append({"seq": seq, "stream": stream, "before": self._newest.get(stream or ""), **what})
        if stream is not None:
            self._newest[stream] = seq

    def write(self, tx: Snapshot) -> None:
        """Writes them."""
        tx.run_each(ADD, self.rows)
        tx.run_each(ADVANCE, ({"name": stream, "seq": seq} for stream, seq in self._newest.items()))


def position(read: Snapshot, stream: str) -> int:
    """The seq of the stream's newest change; 0 where it never had one."""
    row = read.one(NEWEST, stream=stream)
    return row.seq if row else 0


def drop(tx: Snapshot, stream: str) -> None:
    """Forgets a stream. None may ever begin under its name again: who resumed would not learn what it missed."""
    for statement in DROP:
        tx.run(statement, name=stream)


def restart(tx: Snapshot, stream: str, seq: int) -> None:
    """Has whoever follows a stream read all of it again, where more came than is to be told one by one.

    The stream's position becomes that of `seq`, a change of none: its next change has that as its `prev`, which nobody
    knows, so that all see that something is missing.
    """
    tx.run(ADVANCE, name=stream, seq=seq)


def prune(tx: Snapshot, before: str, keep: int) -> int:
    """Drops, of the 1,000 oldest changes, those made before that time or beyond the newest `keep`; returns how many.

    It stops at the first one that has to stay: what is left is always all that came after some position, even where
    a clock was wrong for a while. The newest always stays.
    """
    newest = head(tx)
    beyond = newest - keep
    old = takewhile(
        lambda row: (row.created < before or row.seq <= beyond) and row.seq < newest,
        tx.all(OLDEST),
    )
    return tx.run(PRUNE, until=max((row.seq for row in old), default=0))


def since(read: Snapshot, after: int) -> list[Change]:
    """Every change after `after`, of all streams, internal ones too."""
    return [Change(*row) for row in read.all(SINCE, after=after)]


def some(read: Snapshot, after: int, limit: int) -> list[Change]:
    """The first `limit` changes after `after`, of all streams."""
    return [Change(*row) for row in read.all(SOME, after=after, limit=limit)]


def all_there(read: Snapshot, after: int, rows: list[Change]) -> bool:
    """Whether `rows`, found by `since(read, after)`, are all there were: none was pruned before it was read.

    Seqs follow on one another, but for those that earlier versions drew on PostgreSQL and rolled back. Pruning begins
    at the log's beginning, so that where something older is left, it took nothing newer.
    """
    first = rows[0].seq if rows else head(read) + 1
    return first == after + 1 or read.one(UNTIL, until=after) is not None


def page(read: Snapshot, stream: str, after: int, until: int, limit: int) -> list[Change]:
    """The stream's first `limit` changes with after < seq <= until."""
    return [Change(*row) for row in read.all(PAGE, stream=stream, after=after, until=until, limit=limit)]


def recoverable(read: Snapshot, stream: str, after: int, newest: int) -> bool:
    """Whether the log still has every change of the stream after `after`, its newest being `newest`.

    The oldest one there is must follow on from `after`: its `prev` is no later than `after`.
    """
    if after >= newest:
        return after == newest
    first = read.one(FIRST_PREV, stream=stream, after=after)
    return first is not None and first.prev <= after


def whole(read: Snapshot, stream: str, after: int) -> bool:
    """Whether nothing of the stream after `after` was pruned, be it its last change. True of one that is gone."""
    own = read.one(NEWEST, stream=stream)
    return own is None or recoverable(read, stream, after, own.seq)


Loader = Callable[[Snapshot, set[int]], dict[int, Any]]
# What clients are told of a change: its field in the frame, and how to load what stands there, by kind.
carriers: dict[str, tuple[str, Loader]] = {}


def carries(kinds: Iterable[str], field: str, loader: Loader) -> None:
    """Has changes of `kinds` carry `loader(read, {subject, …})[subject]` (something msgspec encodes) as `field`."""
    carriers.update(dict.fromkeys(kinds, (field, loader)))


def loaded(read: Snapshot, rows: Iterable[Change]) -> list[dict[str, Any]]:
    """The changes as clients see them (`{seq, prev, kind, …}`), each with its subject as it is now."""
    rows = [*rows]
    wanted: dict[Loader, set[int]] = {}
    for row in rows:
        if row.kind in carriers and row.subject is not None:
            wanted.setdefault(carriers[row.kind][1], set()).add(row.subject)
    found = {loader: loader(read, ids) for loader, ids in wanted.items()}
    told = []
    for row in rows:
        told.append({"seq": row.seq, "prev": row.prev, "kind": row.kind})
        if row.kind in carriers and row.subject is not None:
            field, loader = carriers[row.kind]
            told[-1][field] = found[loader].get(row.subject)
    return told
