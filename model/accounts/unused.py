"""Accounts that nobody uses any more: when each was used last, and what is deleted after `retention_accounts` days.

When accounts were used is kept only while that is set, and counts from the day on which it was set. Whoever has an
address that is proven gets a mail before.
"""

from typing import Any

from sqlalchemy import ForeignKey, String, bindparam, delete, exists, insert, or_, select, update
from sqlalchemy.orm import Mapped, aliased, mapped_column

from model import settings
from model.accounts import account, session
from model.accounts.user import User
from model.groups.group import Membership
from model.mail import letters, outbox
from model.mail.letters import Content
from model.mail.outbox import Letter, Waiting
from model.operating import retention
from pottle import times
from pottle.errors import Conflict
from pottle.store import Base, Snapshot, Tx, db, reads
from pottle.translation import _, ngettext

SOON = "account.unused"  # the kind of letter
AT_ONCE = 200  # rows that are written in a unit
NEVER = 500_000  # days: longer ago than anything
DELETED_AT_ONCE = 5  # accounts, with all that goes with them


class LastUse(Base):
    """The day on which an account was used last, and that of the mail that warned of its end."""

    __tablename__ = "last_uses"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    day: Mapped[str] = mapped_column(String(10), index=True)
    warned: Mapped[str | None] = mapped_column(String(10))


ADD = insert(LastUse)
NOTE = update(LastUse).where(LastUse.user_id == bindparam("user_id"))
THERE = select(User.id).where(User.id == bindparam("id"))
OF_USER = select(LastUse.warned).where(LastUse.user_id == bindparam("user_id"))
CLEAR = delete(LastUse)
UNKNOWN = select(User.id).where(~exists().where(LastUse.user_id == User.id)).limit(AT_ONCE)
_mine, _other, _used = aliased(Membership), aliased(Membership), aliased(LastUse)
_active = (
    select(_mine.group_id)
    .join(_other, _other.group_id == _mine.group_id)
    .join(_used, _used.user_id == _other.user_id)
    .where(_mine.user_id == LastUse.user_id, _used.day >= bindparam("before"))
)
_signed_in = select(session.Session.id).where(
    session.Session.user_id == LastUse.user_id, session.Session.used >= bindparam("before")
)
UNUSED = (
    select(LastUse.user_id, User.uid, LastUse.day)
    .join(User, User.id == LastUse.user_id)
    .where(LastUse.day < bindparam("before"), ~_signed_in.exists())
    .where(or_(bindparam("members", type_=String) == "deleted", ~_active.exists()))
    .order_by(LastUse.day)
)
_warned = UNUSED.where(LastUse.warned <= bindparam("warned"))
TO_WARN = UNUSED.where(LastUse.warned.is_(None)).limit(AT_ONCE)
TO_DELETE, ALL_TO_DELETE = _warned.limit(DELETED_AT_ONCE), _warned


def note(tx: Tx) -> None:
    """Sweep: writes which accounts were used. Where they are kept however old, nothing of that is kept."""
    used = session.take_used()
    if settings.chosen().retention_accounts is None:
        tx.run(CLEAR)
        return
    for user_id in used:
        values = {"user_id": user_id, "day": tx.now[:10], "warned": None}
        if not tx.run(NOTE, **values) and tx.one(THERE, id=user_id):
            tx.run(ADD, **values)


def work(tx: Tx) -> bool:
    """Warns those whose time is nearly over, and deletes some whose time is; whether there may be more."""
    new = [row.id for row in tx.all(UNKNOWN)]
    tx.run_each(ADD, ({"user_id": id_, "day": tx.now[:10], "warned": None} for id_ in new))
    days, warning = _days()
    nearly = tx.all(TO_WARN, **_before(days - warning))
    for row in nearly:
        tx.run(NOTE, user_id=row.user_id, warned=tx.now[:10])
        outbox.put(tx, Letter(SOON, row.user_id, key=f"{SOON}-{row.user_id}-{row.day}"))
    gone = [_delete(tx, row) for row in tx.all(TO_DELETE, **_before(days), warned=_day(warning))]
    return bool(new or nearly or any(gone))


def _delete(tx: Tx, row: Any) -> bool:
    try:
        account.remove.within(tx, None, row.uid, why=f"not used since {row.day}")
    except Conflict:  # the last admin
        return False
    return True


def _days() -> tuple[int, int]:
    """After how many days an account goes, and how many before that it is warned."""
    chosen = settings.chosen()
    days = chosen.retention_accounts or NEVER
    return days, min(chosen.retention_warning, days // 2)


def _day(ago: int) -> str:
    return times.later(days=-ago)[:10]


def _before(days: int) -> dict[str, str]:
    return {"before": _day(days), "members": settings.chosen().retention_members}


@reads
def _soon(read: Snapshot, letter: Waiting) -> Content | None:
    """Nothing, where they were here meanwhile."""
    row = read.one(OF_USER, user_id=letter.user_id)
    return _warning(letter.uid or "", _days()[1]) if row and row.warned else None


def _warning(uid: str, days: int) -> Content:
    return Content(
        subject=_("Do you still need your account?"),
        heading=_("Your account will be deleted"),
        paragraphs=[
            ngettext(
                "Nobody has used the account %(uid)s for a long time. In %(num)s day it will be deleted.",
                "Nobody has used the account %(uid)s for a long time. In %(num)s days it will be deleted.",
                days,
                uid=uid,
            ),
            _("What you wrote stays, without your name. To keep the account, sign in once."),
        ],
        button=(_("Look at your account"), letters.at("/account")),
        reason=_("Accounts that nobody uses are deleted here."),
    )


async def due() -> list[tuple[str, ...]]:
    """The accounts whose time is over, each with the day of its last use."""
    days, warning = _days()
    async with db.session() as reading:
        rows = await reading.execute(ALL_TO_DELETE, {**_before(days), "warned": _day(warning)})
        return [(row.uid, row.day) for row in rows]


letters.wording(SOON, _soon, lambda: _warning("ada", 30))
db.on_sweep(note)
RULE = retention.Rule("accounts", lambda chosen: retention.days(chosen.retention_accounts), work, due)
