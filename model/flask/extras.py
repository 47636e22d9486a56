"""What only pages of Flask back ends have: numbers of their own, attributes of a channel, laughs at jokes.

What was imported keeps its number, for pages have it written in. What was made here has its id as its number; where
that number is taken by an import, its id plus APART. So no number ever means two things.
"""

from typing import Any, Literal, Protocol

from sqlalchemy import JSON, BigInteger, ColumnElement, ForeignKey, String, bindparam, case, func, select
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts.session import Identity
from model.groups.group import LISTED, Group, asker
from model.talk import beginning, channel, post
from model.talk.channel import Channel
from pottle.errors import NotFound
from pottle.store import Base, Snapshot, Tx, reads, writes
from pottle.store.base import insert

LONGEST_TITLE = 200  # characters
APART = 1_000_000_000  # more than any id, and still exact in JavaScript


class Number(Base):
    """A number below `/flask` (`theirs`), the id that it stands for, and of a channel its `attributes`."""

    __tablename__ = "flask_numbers"

    kind: Mapped[str] = mapped_column(String(10), primary_key=True)  # user, group, section, channel or post
    theirs: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ours: Mapped[int] = mapped_column(index=True)
    attributes: Mapped[Any | None] = mapped_column(JSON)


class Laughs(Base):
    """How often somebody laughed and booed at a joke: not who."""

    __tablename__ = "flask_laughs"

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    haha: Mapped[int]
    boohoo: Mapped[int]


class ChannelRow(Protocol):
    """A channel with its numbers and attributes."""

    title: str
    number: int
    group_number: int
    attributes: Any


def number(kind: Any, id_: Any) -> ColumnElement[int]:
    """SQL: the number of what has that id."""
    kept = select(func.min(Number.theirs)).where(Number.ours == id_, Number.kind == kind).scalar_subquery()
    taken = select(Number.ours).where(Number.kind == kind, Number.theirs == id_).exists()
    return func.coalesce(kept, case((taken, id_ + APART), else_=id_))


ATTRIBUTES = (
    select(Number.attributes)
    .where(Number.kind == "channel", Number.ours == Channel.id, Number.attributes.is_not(None))
    .order_by(Number.theirs)
    .limit(1)
    .correlate(Channel)
    .scalar_subquery()
)
OF_CHANNEL = (
    number("channel", Channel.id).label("number"),
    number("group", Group.id).label("group_number"),
    ATTRIBUTES.label("attributes"),
)
OURS = select(Number.ours).where(Number.kind == bindparam("kind"), Number.theirs == bindparam("theirs"))
THEIRS = select(number(bindparam("kind"), bindparam("id", type_=BigInteger)).label("theirs"))
KEEP = insert(Number)
SLUG = LISTED.where(Group.id == bindparam("id"))
CHANNEL = channel.BY_ID.add_columns(*OF_CHANNEL)
ADDED = insert(Laughs)
COUNTED = {name: Laughs.__table__.c[name] + ADDED.excluded[name] for name in ("haha", "boohoo")}
LAUGH = ADDED.on_conflict_do_update(index_elements=["post_id"], set_=COUNTED).returning(Laughs.haha, Laughs.boohoo)


@reads
def ours(read: Snapshot, kind: str, number: int | str) -> int:
    """The id of what has that number. Raises NotFound for an id whose number is another."""
    number = int(number)
    if (kept := read.one(OURS, kind=kind, theirs=number)) is not None:
        return int(kept.ours)
    id_ = number - APART if number > APART else number
    if theirs.within(read, kind, id_) != number:
        raise NotFound(f"There is no {kind} {number}.")
    return id_


@reads
def theirs(read: Snapshot, kind: str, id_: int) -> int:
    """The number of what has that id."""
    return int(read.one(THEIRS, kind=kind, id=id_).theirs)


def keep(tx: Tx, kind: str, number: int, id_: int, attributes: Any = None) -> bool:
    """Within a unit: gives something the number that it had there. False if something else has it already."""
    if (kept := tx.one(OURS, kind=kind, theirs=number)) is not None:
        return bool(kept.ours == id_)
    tx.run(KEEP, kind=kind, theirs=number, ours=id_, attributes=attributes)
    return True


@writes
def open_channel(tx: Tx, identity: Identity, group: int | str, name: str, attributes: Any) -> ChannelRow:
    """The channel of that name in the group with that number; a new one keeps `attributes`.

    A pending one does not, for moderators would not see them. Raises NotFound, and what rules.may_post does.
    """
    in_group = tx.one(SLUG, id=ours.within(tx, "group", group), **asker(identity))
    if in_group is None:
        raise NotFound("Group not found")
    made, created = beginning.get_or_create.within(tx, identity, in_group.slug, name, name[:LONGEST_TITLE], None, None)
    if created and attributes and made.state == "published":
        keep(tx, "channel", theirs.within(tx, "channel", made.id), made.id, attributes)
    row: ChannelRow = tx.one(CHANNEL, id=made.id, **asker(identity))
    return row


@writes
def laugh(
    tx: Tx, identity: Identity | None, channel_id: int, joke: int, how: Literal["haha", "boohoo"]
) -> tuple[str, int, int]:
    """Counts a laugh or boo at the joke with that number: its text, its laughs and boos.

    Raises NotFound for what is no joke of that channel.
    """
    row, _ = post.visible_to.within(tx, identity, ours.within(tx, "post", joke))
    if row.channel_id != channel_id or row.state != "published":
        raise NotFound("Joke not found")
    haha, boohoo = tx.one(LAUGH, post_id=row.id, haha=int(how == "haha"), boohoo=int(how == "boohoo"))
    return row.body, haha, boohoo
