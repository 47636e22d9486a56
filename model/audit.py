"""The activity log (audit trail): who did what to whom, and when. It outlives what it names, so it refers to nothing.

docs/administration.md says what each action means.
"""

from typing import Literal, Protocol

import msgspec
from sqlalchemy import String, bindparam, delete, func, insert, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from pottle import times
from pottle.store import NEVER_REUSE_IDS, Base, Id, Time, Tx, db
from pottle.store.paging import Cursor, Page, paged_aside

KEPT_DAYS = 365

Action = Literal[
    "user.created", "user.role", "user.disabled", "user.enabled", "user.deleted",
    "password.changed", "password.link", "password.code", "password.reset", "token.made", "token.deleted",
    "group.created", "group.edited", "group.removed", "member.put", "member.joined", "member.removed",
    "invitation.made", "invitation.revoked",
    "channel.approved", "channel.locked", "channel.unlocked", "channel.deleted",
    "post.approved", "post.removed", "post.restored", "edit.approved", "edit.declined",
    "database.restored", "flask.imported",
]  # fmt: skip


class Entry(Base):
    """One thing that somebody did with a moderator's or an admin's rights, or to an account's credentials."""

    __tablename__ = "audit"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    at: Mapped[Time] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(40))  # a uid; "" for a command of the operator
    action: Mapped[str] = mapped_column(String(40))  # such as "user.disabled"
    subject: Mapped[str] = mapped_column(String(200))  # a uid, a slug, "post 7"
    group_slug: Mapped[str | None] = mapped_column(String(60), index=True)  # where moderators may see it
    detail: Mapped[str | None] = mapped_column(String(500))


class EntryView(msgspec.Struct):
    """One thing that was done. `actor` is a uid, or "" for a command of the operator."""

    id: int
    at: str
    actor: str
    action: str
    subject: str
    group: str | None
    detail: str | None


class Actor(Protocol):
    """Who did it: an Identity, or a user who has just signed up."""

    @property
    def uid(self) -> str:
        """What is noted."""


NOTE = insert(Entry)
ALL = select(*Entry.__table__.c)
ABOUT = ALL.where(
    or_(bindparam("group", type_=String) == "", Entry.group_slug == bindparam("group")),
    or_(
        bindparam("uid", type_=String) == "",
        func.lower(Entry.actor) == bindparam("uid"),
        func.lower(Entry.subject) == bindparam("uid"),
    ),
)
OF_GROUP = ALL.where(Entry.group_slug == bindparam("group"), Entry.at >= bindparam("since"))
OLD = delete(Entry).where(Entry.at < bindparam("before"))


def note(
    tx: Tx, by: Actor | None, action: Action, subject: str, *, group: str | None = None, detail: str | None = None
) -> None:
    """Within a unit: notes that `by` (None: the operator, by a command) did something. Never put a secret into it."""
    texts = {"subject": subject[:200], "detail": detail and detail[:500]}
    tx.run(NOTE, at=tx.now, actor=by.uid if by else "", action=action, group_slug=group, **texts)


async def listed(cursor: Cursor, group: str = "", uid: str = "") -> Page[EntryView]:
    """The whole log, newest first; of one group, or what somebody did or had done to them. For admins only."""
    async with db.session() as session:
        return await paged_aside(
            session, ABOUT, Entry.id, cursor, lambda row: EntryView(*row), group=group, uid=uid.lower()
        )


async def of_group(cursor: Cursor, slug: str, since: str) -> Page[EntryView]:
    """What was done in a group created at `since`: an older one of that name is not its moderators' business."""
    async with db.session() as session:
        return await paged_aside(
            session, OF_GROUP, Entry.id, cursor, lambda row: EntryView(*row), group=slug, since=since
        )


def forget_old(tx: Tx) -> None:
    """Sweep: drops what is older than a year."""
    tx.run(OLD, before=times.later(days=-KEPT_DAYS))


db.on_sweep(forget_old)
