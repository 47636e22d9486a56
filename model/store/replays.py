"""Idempotency keys: a creating request that is sent again gets the first answer again, for 24 hours.

After the IETF draft "The Idempotency-Key HTTP Header Field". The row is written in the transaction of the request's own
write, so that of many copies sent at once, to whatever workers, one creates and the others are answered like it.
"""

from typing import Any

import msgspec
from sqlalchemy import LargeBinary, String, bindparam, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model import times
from model.errors import Invalid
from model.store.base import Base, Time
from model.store.statements import Statements

KEPT_HOURS = 24


class Replay(Base):
    """The answer that was given to one key of one user or address on one path."""

    __tablename__ = "replays"

    key: Mapped[str] = mapped_column(String(400), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    answer: Mapped[bytes]
    subject: Mapped[str | None] = mapped_column(String(60), index=True)  # what the answer is a copy of
    created: Mapped[Time] = mapped_column(index=True)


FIND = select(Replay.fingerprint, Replay.answer).where(
    Replay.key == bindparam("of"), Replay.created > bindparam("since")
)
FORGET = delete(Replay).where(Replay.created <= bindparam("before"))
DROP = delete(Replay).where(Replay.key == bindparam("of"))
KEEP = insert(Replay).values(
    key=bindparam("of"),
    fingerprint=bindparam("print"),
    answer=bindparam("kept"),
    subject=bindparam("copied"),
    created=bindparam("now"),
)
REDACT = update(Replay).where(Replay.subject == bindparam("copied")).values(answer=bindparam("kept"))


def find(tx: Statements, key: str, fingerprint: bytes) -> bytes | None:
    """The answer kept for `key`; None where there is none. Raises Invalid when it was another request's."""
    row = tx.one(FIND, of=key, since=times.later(hours=-KEPT_HOURS))
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise Invalid({"Idempotency-Key": "was used for another request"})
    return bytes(row.answer)


def keep(tx: Statements, key: str, fingerprint: bytes, answer: Any) -> None:
    """Keeps the answer of a request that is about to commit."""
    tx.run(DROP, of=key)
    tx.run(KEEP, of=key, print=fingerprint, kept=encode(answer), copied=_subject(answer), now=times.now())


def redact(tx: Statements, view: Any) -> None:
    """Puts `view` in the place of the copies that were kept of it: what was erased must not live on here."""
    tx.run(REDACT, copied=_subject(view), kept=encode(view))


def forget_old(tx: Statements) -> int:
    """Drops the answers older than 24 hours; returns how many."""
    return tx.run(FORGET, before=times.later(hours=-KEPT_HOURS))


def _subject(answer: Any) -> str | None:
    id_ = getattr(answer, "id", None)
    return None if id_ is None else f"{type(answer).__name__} {id_}"


encode = msgspec.json.encode


def decode(kept: bytes, answer_type: Any) -> Any:
    """A kept answer, as the type that its unit declares."""
    return msgspec.json.decode(kept, type=answer_type)
