"""Idempotency keys: a creating request that is sent again gets the first answer again, for 24 hours.

After the IETF draft "The Idempotency-Key HTTP Header Field". The row is written in the transaction of the request's own
write, so that of many copies sent at once, to whatever workers, one creates and the others are answered like it.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import LargeBinary, String, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from pottle import times
from pottle.errors import Invalid
from pottle.store.base import Base, Time, insert
from pottle.store.statements import Snapshot
from pottle.translation import _

KEPT_HOURS = 24


class Replay(Base):
    """The answer that was given to one key of one user or address on one path."""

    __tablename__ = "replays"

    key: Mapped[str] = mapped_column(String(400), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    answer: Mapped[bytes]
    subject: Mapped[str | None] = mapped_column(String(60), index=True)  # what the answer is
    created: Mapped[Time] = mapped_column(index=True)


FIND = select(Replay.fingerprint, Replay.answer, Replay.subject).where(
    Replay.key == bindparam("key"), Replay.created > bindparam("since")
)
FORGET = delete(Replay).where(Replay.created <= bindparam("before"))
KEEP = insert(Replay)  # over an answer that has expired
KEEP = KEEP.on_conflict_do_update(
    index_elements=[Replay.key],
    set_={name: KEEP.excluded[name] for name in ("fingerprint", "answer", "subject", "created")},
)
Brief = Callable[[Any], Any]
Reader = Callable[[Snapshot, Any], Any]
_kept_as: dict[type, tuple[Brief, Reader]] = {}


def kept_as(answer_type: type, brief: Brief, reader: Reader) -> None:
    """Has only `brief(answer)` be kept of answers of that type, as JSON: what is large would be stored twice.

    `reader` makes the answer of that again, as it is then.
    """
    _kept_as[answer_type] = brief, reader


def find(read: Snapshot, key: str, fingerprint: bytes) -> Any:
    """The row of what was answered to `key`; None where nothing was. Raises Invalid when it was another request's."""
    row = read.one(FIND, key=key, since=times.later(hours=-KEPT_HOURS))
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise Invalid({"Idempotency-Key": _("was used for another request")})
    return row


def told(read: Snapshot, row: Any, answer_type: type) -> Any:
    """The answer of a row of `find`. Raises what its reader does where it is gone."""
    if answer_type in _kept_as:
        _brief, reader = _kept_as[answer_type]
        return reader(read, msgspec.json.decode(row.answer or row.subject.rpartition(" ")[2]))
    return msgspec.json.decode(row.answer, type=answer_type)


def keep(tx: Snapshot, key: str, fingerprint: bytes, answer: Any) -> None:
    """Keeps the answer of a request that is about to commit."""
    brief = _kept_as[type(answer)][0](answer) if type(answer) in _kept_as else answer
    of = {
        "fingerprint": fingerprint,
        "answer": msgspec.json.encode(brief),
        "subject": _subject(answer),
        "created": times.now(),
    }
    tx.run(KEEP, key=key, **of)


def forget_old(tx: Snapshot) -> int:
    """Drops the answers older than 24 hours; returns how many."""
    return tx.run(FORGET, before=times.later(hours=-KEPT_HOURS))


def _subject(answer: Any) -> str | None:
    id_ = getattr(answer, "id", None)
    return None if id_ is None else f"{type(answer).__name__} {id_}"
