"""Invitations: codes that let whoever holds one become something.

One for a group makes its holder a member: with a new account or the one they have. One for a user lets its holder set a
new password and so take over the account: a reset link, or a pupil's first code. One for neither makes the first admin.
One for both is a line of a group's roster: it says for good that this group made the account, and has its newest code.
"""

import hashlib
import re
import secrets
from typing import Annotated, Any

from sqlalchemy import (
    ColumnElement,
    ForeignKey,
    LargeBinary,
    String,
    and_,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from model.accounts.user import User
from model.groups.group import Group, Membership
from pottle.errors import NotFound
from pottle.rates import Rate
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db, limits
from pottle.values import as_it_is

Code = Annotated[str, as_it_is("`digest` leaves out what does not count", 80, 1)]
# Crockford's base 32: no I, L, O or U, which are misread. Four characters are 20 bits.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MISREAD = str.maketrans("ILO", "110")
SHORT, LONG = 2, 4  # fours: what a class copies from the board; what comes as a link
FAILED_CODES = Rate("failed codes", 120, per=60)  # by address: a class mistypes often, a guesser needs 10^9


class Invitation(Base):
    """A code, kept as a hash."""

    __tablename__ = "invitations"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(10))  # in the group: member or moderator; of the account: user or admin
    uses_left: Mapped[int | None]  # None for any number
    made_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created: Mapped[Time]
    expires: Mapped[Time] = mapped_column(index=True)


_maker, _admin, _elsewhere = aliased(User), aliased(User), aliased(Membership)


def _made_by(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    enabled = _maker.disabled.is_(None)
    return select(_maker.id).where(_maker.id == Invitation.made_by, enabled, condition).exists()


# What a moderator hands out must not open an account that has more rights than the moderator could give it.
_no_more_than_a_member = and_(
    User.role == "user",
    ~select(_elsewhere.user_id)
    .where(
        _elsewhere.user_id == Invitation.user_id,
        or_(_elsewhere.group_id != Invitation.group_id, _elsewhere.role != "member"),
    )
    .exists(),
)
_moderates = select(Membership.user_id).where(
    Membership.group_id == Invitation.group_id, Membership.user_id == _maker.id, Membership.role == "moderator"
)
# A code is worth what its maker's rights are now: who lost them must not come back by one made before.
_still_good = or_(
    Invitation.made_by.is_(None),
    _made_by(_maker.role == "admin"),
    and_(_made_by(_moderates.exists()), or_(Invitation.user_id.is_(None), _no_more_than_a_member)),
)
FOR_NOBODY = and_(Invitation.group_id.is_(None), Invitation.user_id.is_(None))
VALID = and_(
    Invitation.expires > bindparam("now"),
    or_(Invitation.uses_left.is_(None), Invitation.uses_left > 0),
    or_(Invitation.user_id.is_(None), User.disabled.is_(None)),
    or_(~FOR_NOBODY, ~select(_admin.id).where(_admin.role == "admin").exists()),
    _still_good,
)
HELD = (
    select(
        *(Invitation.id, Invitation.group_id, Invitation.user_id, Invitation.role, Invitation.uses_left),
        *(Group.slug, Group.name.label("group_name"), User.uid, User.name.label("user_name")),
    )
    .select_from(Invitation)
    .outerjoin(Group, Group.id == Invitation.group_id)
    .outerjoin(User, User.id == Invitation.user_id)
    .where(Invitation.code_hash == bindparam("digest"), VALID)
)
ADD = (
    insert(Invitation)
    .values(
        code_hash=bindparam("digest"),
        group_id=bindparam("group"),
        user_id=bindparam("user"),
        role=bindparam("as_"),
        uses_left=bindparam("uses"),
        made_by=bindparam("by"),
        created=bindparam("now"),
        expires=bindparam("until"),
    )
    .returning(Invitation.id)
)
USE = update(Invitation).where(Invitation.id == bindparam("named")).values(uses_left=Invitation.uses_left - 1)
# A roster's line stays: it says who made the account.
SPENT = delete(Invitation).where(
    or_(Invitation.group_id.is_(None), Invitation.user_id.is_(None)),
    or_(Invitation.expires <= bindparam("now"), Invitation.uses_left <= 0),
)


def fresh(fours: int) -> str:
    """A new code such as `K7QD-29XM`, of `fours` times 20 random bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(fours))


def digest(code: str) -> bytes:
    """What is kept of a code: however it was written, in whatever case and with or without hyphens."""
    return hashlib.sha256(re.sub(r"[^0-9A-Z]", "", code.upper()).translate(MISREAD).encode()).digest()


def add(
    tx: Tx, code: str, until: str, role: str, *, group: int | None = None, user: int | None = None,
    uses: int | None = 1, by: int | None = None,
) -> int:  # fmt: skip
    """Within a unit: keeps a new code, for a group, a user, both or neither; returns its id."""
    shape = {"group": group, "user": user, "as_": role, "uses": uses, "by": by}
    return int(tx.one(ADD, digest=digest(code), now=tx.now, until=until, **shape).id)


def held(read: Snapshot, code: str, now: str) -> Any:
    """What a code is for; None for one that is unknown, expired, used up, revoked, or not worth anything any more."""
    return read.one(HELD, digest=digest(code), now=now)


def guessed(tx: Tx, code: str, address: str) -> Any:
    """Unit: as held; but a wrong one counts against the address. Raises TooMany for a guesser.

    It counts in the transaction that looks: guesses sent at once count too, and right codes cost nothing.
    """
    if db.settings.rate_limits:
        limits.check(tx, f"address {address}", FAILED_CODES)
    found = held(tx, code, tx.now)
    if found is None and db.settings.rate_limits:
        limits.spend(tx, f"address {address}", FAILED_CODES)
    return found


async def find(code: str, address: str) -> Any:
    """What a code is for. Raises NotFound, alike for every wrong code; TooMany for a guesser."""
    found = await db.write(guessed, code, address)
    if found is None:
        raise unknown()
    return found


def unknown() -> NotFound:
    """The one answer to every code that is no good."""
    return NotFound("This code is not, or no longer, good.")


def use(tx: Tx, id_: int) -> None:
    """Within a unit: counts one use of a code."""
    tx.run(USE, named=id_)


def drop_spent(tx: Tx) -> None:
    """Sweep: deletes what has expired or is used up."""
    tx.run(SPENT, now=tx.now)


db.on_sweep(drop_spent)
