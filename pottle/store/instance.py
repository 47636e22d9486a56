"""What a database knows of itself: its short id, its epoch, the history that its seqs belong to, and a secret.

And whether it was moved (`quart --app main db copy`): then it takes no writes, and is not opened.
"""

import logging
import secrets
from typing import NamedTuple

from sqlalchemy import String, bindparam, delete, func, select
from sqlalchemy.orm import Mapped, mapped_column

from pottle.store import changes
from pottle.store.base import Base, insert
from pottle.store.changes import LoggedChange
from pottle.store.files import WrongDatabase
from pottle.store.statements import Snapshot

log = logging.getLogger("pottle")


class Fact(Base):
    """One named fact."""

    __tablename__ = "instance"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    value: Mapped[str]


class Instance(NamedTuple):
    """Which database this is."""

    id: str  # short and public: it keeps the cookies of two instances on one host apart
    epoch: str
    secret: str  # signs what moved-in Flask code keeps in Quart's `session`; our own sessions need none


KNOWN = select(Fact.value).where(Fact.name == bindparam("name"))
SET = insert(Fact)
SET = SET.on_conflict_do_update(index_elements=[Fact.name], set_={"value": SET.excluded.value})
MOVED = "moved"  # the fact that says where to
FORGET = delete(Fact).where(Fact.name.in_([*Instance._fields, MOVED]))
PLACE = select(Fact.value).where(Fact.name == MOVED).scalar_subquery()
BACK = "DELETE FROM instance WHERE name = 'moved';"
NEWEST = select(func.max(LoggedChange.seq).label("seq"), PLACE.label("place"))


class Moved(WrongDatabase):
    """The database was moved, and another one is served in its place."""

    def __init__(self, place: str) -> None:
        super().__init__(
            f"This database was moved, and takes no more writes. Serve the one there: {place}. "
            f"Or go back to this one, as it was then: quart --app main db console --write, and {BACK}"
        )


def identify(tx: Snapshot, noted: tuple[str, int], history: str | None = None) -> Instance:
    """The database's id, epoch and secret, in a transaction that holds the turn.

    `noted` is the newest position that was seen of it here. The epoch is a new one when the database is new, or is not
    the one that was seen: an older copy was put in its place, or `app.db` came alone (L3: never a silent hole). Where
    several machines have the database, it may be that another one made the epoch: there, what the database says of its
    own `history` counts. Raises Moved.
    """
    if place := fact(tx, MOVED):
        raise Moved(place)
    id_ = fact(tx, "id") or put(tx, "id", secrets.token_hex(3))
    epoch, seq = fact(tx, "epoch"), changes.head(tx)
    noted_epoch, noted_seq = noted
    another = noted_epoch != epoch if history is None else fact(tx, "history") != history
    if epoch is None or another or (noted_epoch == epoch and noted_seq > seq):
        if epoch and noted_epoch:
            log.warning("The database is not the one last written here: a new epoch, so clients read all again.")
        epoch = put(tx, "epoch", secrets.token_hex(8))
        if history is not None:
            put(tx, "history", history)
    return Instance(id_, epoch, fact(tx, "secret") or put(tx, "secret", secrets.token_hex(32)))


def newest(tx: Snapshot) -> int:
    """The seq of the newest change, in a transaction that has the turn. Raises Moved."""
    found = tx.one(NEWEST)
    if found.place:
        raise Moved(found.place)
    return found.seq or 0


def forget(tx: Snapshot) -> None:
    """Makes the database another one, with an id, an epoch and a secret of its own from its next opening on.

    Of the id and the secret too, so that a copy beside the original, on another port, does not answer to its cookies.
    """
    tx.run(FORGET)


def fact(tx: Snapshot, name: str) -> str | None:
    """What was put under a name."""
    row = tx.one(KNOWN, name=name)
    return row.value if row else None


def put(tx: Snapshot, name: str, value: str) -> str:
    """Keeps a value under a name of at most 20 characters, and returns it."""
    tx.run(SET, name=name, value=value)
    return value
