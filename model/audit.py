"""The activity log: who did what to whom, and when. It outlives what it names, so it refers to no other table.

docs/administration.md says what each action means.
"""

from typing import Literal, Protocol

import msgspec
from sqlalchemy import Executable, String, bindparam, delete, func, insert, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from model import settings
from pottle import times
from pottle.store import NEVER_REUSE_IDS, Base, Id, Time, Tx, db
from pottle.store.paging import Cursor, Page, paged_aside

AT_ONCE = 500  # old entries that are deleted in a unit

Action = Literal[
    "user.created", "user.role", "user.disabled", "user.enabled", "user.deleted",
    "password.changed", "password.link", "password.mailed", "password.code", "password.reset",
    "token.made", "token.deleted",
    "passkey.added", "passkey.deleted", "passkey.copied", "password.removed",
    "second.on", "second.off", "second.reset", "recovery.renewed", "recovery.used",
    "provider.linked", "provider.unlinked", "account.exported",
    "group.created", "group.edited", "group.removed", "member.put", "member.joined", "member.removed",
    "invitation.made", "invitation.mailed", "invitation.revoked", "secret.made", "secret.deleted",
    "channel.approved", "channel.locked", "channel.unlocked", "channel.pinned", "channel.unpinned", "channel.deleted",
    "post.approved", "post.kept", "post.removed", "post.restored", "post.pinned", "post.unpinned",
    "post.endorsed", "post.unendorsed", "edit.approved", "edit.declined", "decision.undone",
    "posts.cleared", "note.made", "note.deleted", "appeal.granted", "appeal.declined",
    "block.made", "block.ended",
    "note.made", "posts.cleared", "note.deleted", "appeal.granted", "appeal.declined",
    "block.made", "block.ended", "rules.edited", "trust.put", "trust.ended",
    "webhook.made", "webhook.edited", "webhook.rotated", "webhook.deleted", "webhook.disabled",
    "database.restored", "flask.imported", "comments.imported", "claim.approved", "claim.declined",
]  # fmt: skip


class Entry(Base):
    """Something done with a moderator's or an admin's rights, or to an account's credentials."""

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
    """An entry of the activity log. `actor` is a uid, or "" for a command of the operator."""

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
        """The user name."""


NOTE = insert(Entry)
ALL = select(*Entry.__table__.c)
_group, _uid = bindparam("group", type_=String), bindparam("uid", type_=String)  # "" for any
ABOUT = ALL.where(
    or_(_group == "", Entry.group_slug == _group),
    or_(_uid == "", func.lower(Entry.actor) == _uid, func.lower(Entry.subject) == _uid),
)
OF_GROUP = ALL.where(Entry.group_slug == _group, Entry.at >= bindparam("since"))
_old = Entry.at < bindparam("before")
OLD = delete(Entry).where(Entry.id.in_(select(Entry.id).where(_old).limit(AT_ONCE)))
COUNT_OLD = select(func.count()).select_from(Entry).where(_old)


def note(
    tx: Tx, by: Actor | None, action: Action, subject: str, *, group: str | None = None, detail: str | None = None
) -> None:
    """Within a unit: notes what `by` (None: the operator, by a command) did. Never put a secret into it."""
    texts = {"subject": subject[:200], "detail": detail and detail[:500]}
    tx.run(NOTE, at=tx.now, actor=by.uid if by else "", action=action, group_slug=group, **texts)


async def listed(cursor: Cursor, group: str = "", uid: str = "") -> Page[EntryView]:
    """The whole log, newest first; or of one group, or what somebody did or had done to them. For admins only."""
    return await _page(ABOUT, cursor, group=group, uid=uid.lower())


async def of_group(cursor: Cursor, slug: str, since: str) -> Page[EntryView]:
    """The log of a group that was created at `since`: its moderators may not see that of an older one of its name."""
    return await _page(OF_GROUP, cursor, group=slug, since=since)


async def _page(statement: Executable, cursor: Cursor, **values: str) -> Page[EntryView]:
    async with db.session() as session:
        return await paged_aside(session, statement, Entry.id, cursor, lambda row: EntryView(*row), **values)


def forget_old(tx: Tx) -> bool:
    """Deletes some entries that are older than `retention_audit` says; whether there may be more."""
    return tx.run(OLD, before=_before()) == AT_ONCE


async def due() -> list[tuple[str, ...]]:
    """How many entries `forget_old` would delete, in one line."""
    async with db.session() as session:
        number = await session.scalar(COUNT_OLD, {"before": _before()})
    return [(str(number),)] if number else []


def _before() -> str:
    days = settings.chosen().retention_audit
    return times.later(days=-days) if days else ""
