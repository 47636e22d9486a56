"""The numbers that imported things had in a Flask back end and keep below `/flask`, for pages have them written in.

What was made here is called by its id. Where an imported thing has that number, it is called by its id plus APART, so
that no number ever means two things.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import JSON, String, bindparam, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts.session import Identity
from model.groups.group import LISTED, Group, asker
from model.talk import channel
from model.talk.channel import Opened
from pottle.errors import NotFound
from pottle.store import Base, Snapshot, Tx, db

LONGEST_TITLE = 200  # characters
APART = 1_000_000_000  # more than any id, and still exact in JavaScript

Kind = str  # "user", "group", "section", "channel" or "post"


class Number(Base):
    """A thing's number below `/flask` and its id here, and what pages keep beside a channel (`attributes`)."""

    __tablename__ = "flask_numbers"

    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    theirs: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ours: Mapped[int] = mapped_column(index=True)
    attributes: Mapped[Any | None] = mapped_column(JSON)


OURS = select(Number.ours).where(Number.kind == bindparam("kind"), Number.theirs == bindparam("theirs"))
THEIRS = select(func.min(Number.theirs).label("theirs")).where(
    Number.ours == bindparam("ours"), Number.kind == bindparam("kind")
)
ANY = select(Number.theirs).limit(1)
ATTRIBUTES = select(Number.attributes).where(
    Number.kind == "channel", Number.ours == bindparam("ours"), Number.attributes.is_not(None)
)
SLUG = LISTED.where(Group.id == bindparam("id"))
KEEP = insert(Number).values(
    kind=bindparam("kind"), theirs=bindparam("theirs"), ours=bindparam("ours"), attributes=bindparam("attributes")
)


def ours(kind: Kind, number: int) -> int:
    """The id here of what pages call `number`. Raises NotFound for an id of what they call otherwise."""
    with db.snapshot() as read:
        if (kept := read.one(OURS, kind=kind, theirs=number)) is not None:
            return int(kept.ours)
        id_ = number - APART if number > APART else number
        if _theirs(read, kind, id_) != number:
            raise NotFound(f"There is no {kind} {number}.")
        return id_


def theirs(kind: Kind, ids: Iterable[int]) -> dict[int, int]:
    """The numbers by which pages call things of these ids."""
    with db.snapshot() as read:
        if read.one(ANY) is None:
            return {id_: id_ for id_ in ids}
        return {id_: _theirs(read, kind, id_) for id_ in set(ids)}


def _theirs(read: Snapshot, kind: Kind, id_: int) -> int:
    kept = read.one(THEIRS, kind=kind, ours=id_).theirs
    if kept is not None:
        return int(kept)
    return id_ if read.one(OURS, kind=kind, theirs=id_) is None else id_ + APART


def attributes(ids: Iterable[int]) -> dict[int, Any]:
    """What pages keep beside channels of these ids; {} where that is nothing."""
    with db.snapshot() as read:
        found = {id_: read.one(ATTRIBUTES, ours=id_) for id_ in set(ids)}
        return {id_: row.attributes if row else {} for id_, row in found.items()}


def keep(tx: Tx, kind: Kind, number: int, id_: int, attributes: Any = None) -> bool:
    """Within a unit: has pages call a thing by its old number. False where another thing has that already."""
    if (kept := tx.one(OURS, kind=kind, theirs=number)) is not None:
        return bool(kept.ours == id_)
    tx.run(KEEP, kind=kind, theirs=number, ours=id_, attributes=attributes)
    return True


def open_channel(tx: Tx, identity: Identity, group_id: int, name: str, attributes: Any) -> Opened:
    """Unit: the channel of that name in a group; where it has to be made, `attributes` are kept beside it.

    But for one that waits for a moderator, who would not see them. Raises NotFound, and what rules.may_post
    does.
    """
    in_group = tx.one(SLUG, id=group_id, **asker(identity))
    if in_group is None:
        raise NotFound("Group not found")
    opened = channel.open_(tx, identity, in_group.slug, name, name[:LONGEST_TITLE], None, None)
    if opened.created and attributes and opened.channel.state == "published":
        id_ = opened.channel.id
        keep(tx, "channel", _theirs(tx, "channel", id_), id_, attributes)
    return opened
