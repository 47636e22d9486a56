"""Invitations: codes for joining a group, setting a password, or becoming the first admin.

One for a group makes its holder a member: with a new account or the one they have. One for a user lets its holder set a
new password and so take over the account: a reset link, or a pupil's first code. One for neither makes the first admin.
One for both is a line of a group's roster: it says for good that this group made the account, and has its newest code.

An invitation is worth its maker's rights: somebody who no longer moderates the group has none that still work.
"""

import hashlib
import re
import secrets
from typing import Annotated, Any, NamedTuple, cast

import msgspec
from msgspec import Meta
from sqlalchemy import (
    ForeignKey,
    LargeBinary,
    String,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from model import audit
from model.accounts.session import Identity
from model.accounts.user import User
from model.groups import group
from model.groups.group import Group, Membership
from model.groups.rules import Standing
from pottle import times
from pottle.errors import Conflict, NotFound
from pottle.rates import Rate
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, db, limits, reads, writes
from pottle.translation import _
from pottle.values import as_it_is

Uses = Annotated[int, Meta(ge=1, le=10_000)]
Days = Annotated[int, Meta(ge=1, le=365)]
MOST_AT_ONCE = 100  # invitations of one group
Code = Annotated[str, as_it_is("`digest` leaves out what does not count", 80, 1)]
# Crockford's base 32: no I, L, O or U, which are misread. Four characters are 20 bits.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
MISREAD = str.maketrans("ILO", "110")
SHORT, LONG = 2, 4  # fours: what a class copies from the board; what comes as a link
FAILED_CODES = Rate("failed codes", 120, per=60)  # by address: a class mistypes often, a guesser needs 10^9


class Invitation(Base):
    """A code, stored as a hash."""

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
    mail_id: Mapped[int | None] = mapped_column(index=True)  # the letter that it came in, which may be gone


class InvitationView(msgspec.Struct):
    """An invitation to a group. `uses` are those left, null for any number; `by` is null for the operator."""

    id: int
    role: Standing
    uses: int | None
    expires: str
    created: str
    by: str | None


class Made(NamedTuple):
    """A new invitation with its code, which is shown this once."""

    id: int
    code: str
    role: str
    uses: int | None
    expires: str


class Held(Invitation):
    """An invitation with its group and user, as HELD returns it. Only a type: never made."""

    __abstract__ = True

    slug: str  # with group_name, if it has a group
    group_name: str
    uid: str  # with user_name, if it has a user
    user_name: str


_maker, _named, _admin, _theirs = aliased(User), aliased(User), aliased(User), aliased(Membership)
_moderates = select(Membership.user_id).where(
    Membership.group_id == Invitation.group_id, Membership.user_id == _maker.id, Membership.role == "moderator"
)
_more = or_(_theirs.group_id != Invitation.group_id, _theirs.role != "member")
_has_more = select(_theirs.user_id).where(_theirs.user_id == Invitation.user_id, _more)
# Both lie two subqueries deep, where SQLAlchemy takes the invitation for any one unless it is told.
_moderates, _has_more = _moderates.correlate_except(Membership), _has_more.correlate_except(_theirs)
# What a moderator hands out must not open an account that has more rights than the moderator could give it.
_no_more_than_a_member = or_(Invitation.user_id.is_(None), and_(User.role == "user", ~_has_more.exists()))
_may = or_(_maker.role == "admin", and_(_moderates.exists(), _no_more_than_a_member))
# A code is worth what its maker's rights are now: somebody who lost them must not come back by an old one.
_maker_still_may = or_(
    Invitation.made_by.is_(None),
    select(_maker.id).where(_maker.id == Invitation.made_by, _maker.disabled.is_(None), _may).exists(),
)
FOR_NOBODY = and_(Invitation.group_id.is_(None), Invitation.user_id.is_(None))
VALID = and_(
    Invitation.expires > bindparam("now"),
    or_(Invitation.uses_left.is_(None), Invitation.uses_left > 0),
    or_(Invitation.user_id.is_(None), User.disabled.is_(None)),
    or_(~FOR_NOBODY, ~select(_admin.id).where(_admin.role == "admin").exists()),
    _maker_still_may,
)
HELD = (
    select(
        *(Invitation.id, Invitation.role, Invitation.group_id, Group.slug, Group.name.label("group_name")),
        *(Invitation.user_id, User.uid, User.name.label("user_name"), Invitation.mail_id),
    )
    .select_from(Invitation)
    .outerjoin(Group, Group.id == Invitation.group_id)
    .outerjoin(User, User.id == Invitation.user_id)
    .where(Invitation.code_hash == bindparam("code_hash"), VALID)
)
OF_GROUP = (Invitation.group_id == bindparam("group_id")) & Invitation.user_id.is_(None)
LISTED = (
    select(*(Invitation.id, Invitation.role, Invitation.uses_left, Invitation.expires, Invitation.created), _named.uid)
    .outerjoin(_named, _named.id == Invitation.made_by)
    .outerjoin(User, User.id == Invitation.user_id)
    .where(OF_GROUP, Invitation.mail_id.is_(None), VALID)
    .order_by(Invitation.id.desc())
)
COUNT = select(func.count().label("n")).select_from(Invitation).where(OF_GROUP, Invitation.mail_id.is_(None))
MAILED = delete(Invitation).where(Invitation.mail_id == bindparam("mail_id"))
ADD = insert(Invitation).returning(Invitation.id)
USE = update(Invitation).where(Invitation.id == bindparam("id")).values(uses_left=Invitation.uses_left - 1)
REVOKE = delete(Invitation).where(OF_GROUP, Invitation.id == bindparam("id"))
# A roster's line stays: it says who made the account.
SPENT = delete(Invitation).where(
    or_(Invitation.group_id.is_(None), Invitation.user_id.is_(None)),
    or_(Invitation.expires <= bindparam("now"), Invitation.uses_left <= 0),
)


def fresh(fours: int) -> str:
    """A new code such as `K7QD-29XM`, of `fours` times 20 random bits."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(fours))


def plain(code: str) -> str:
    """A code as it counts: whatever its case, without hyphens, and with what was misread put right."""
    return re.sub(r"[^0-9A-Z]", "", code.upper()).translate(MISREAD)


def digest(code: str) -> bytes:
    """The hash of a code."""
    return hashlib.sha256(plain(code).encode()).digest()


def make(
    tx: Tx, fours: int, expires: str, role: str, *, group_id: int | None = None, user_id: int | None = None,
    uses: int | None = 1, by: Identity | None = None,
) -> Made:  # fmt: skip
    """Within a unit: a new code for a group, a user, both or neither; `by` is None for the operator."""
    code, made_by = fresh(fours), by.user if by else None
    shape = {"group_id": group_id, "user_id": user_id, "role": role, "uses_left": uses, "made_by": made_by}
    made = tx.one(ADD, code_hash=digest(code), **shape, created=tx.now, expires=expires)
    return Made(made.id, code, role, uses, expires)


def by_mail(tx: Tx, mail_id: int, expires: str, role: str, *, again: bool, **of: int | None) -> str:
    """Within a unit: the code for a letter, good once. Where it is sent `again`, the code that did not arrive ends.

    `of` names the group, the user and who made it, as the columns do.
    """
    if again:
        end_mailed(tx, mail_id)
    code = fresh(LONG)
    what: dict[str, Any] = {"group_id": None, "user_id": None, "made_by": None, **of}
    tx.one(
        ADD, code_hash=digest(code), role=role, uses_left=1, mail_id=mail_id, created=tx.now, expires=expires, **what
    )
    return code


def end_mailed(tx: Tx, mail_id: int) -> None:
    """Within a unit: ends the codes that came in a letter."""
    tx.run(MAILED, mail_id=mail_id)


def held(read: Snapshot, code: str, now: str) -> Held | None:
    """The invitation of a code; None if it is unknown, expired, used up or revoked, or its maker lost the right."""
    return cast(Held | None, read.one(HELD, code_hash=digest(code), now=now))


@writes
def guessed(tx: Tx, code: str, address: str) -> Held | None:
    """As held, but a wrong code counts against the address. Raises TooMany for a guesser.

    It is counted in the transaction that looks, so guesses sent at once count too; right codes cost nothing.
    """
    party, counts = f"address {address}", db.settings.rate_limits
    if counts:
        limits.check(tx, party, FAILED_CODES)
    found = held(tx, code, tx.now)
    if found is None and counts:
        limits.spend(tx, party, FAILED_CODES)
    return found


async def find(code: str, address: str) -> Held:
    """The invitation of a code. Raises NotFound, alike for every wrong code; TooMany for a guesser."""
    found = await guessed(code, address)
    if found is None:
        raise unknown()
    return found


def unknown() -> NotFound:
    """The answer to every wrong code, alike."""
    return NotFound(_("This code isn't valid or has expired."))


@writes
def invite(tx: Tx, by: Identity | None, slug: str, role: Standing, uses: int | None, days: int) -> Made:
    """Makes an invitation to a group, for its moderators and the operator (None). Raises Conflict."""
    row = group.managed(tx, by, slug)
    if tx.one(COUNT, group_id=row.id).n >= MOST_AT_ONCE:
        raise Conflict(_("A group can have %(most)s invitations at once; revoke some first.", most=MOST_AT_ONCE))
    made = make(tx, SHORT, times.later(days=days), role, group_id=row.id, uses=uses, by=by)
    how = f"{role}, {uses or 'any number of'} uses, until {made.expires}"
    audit.note(tx, by, "invitation.made", f"invitation {made.id}", group=slug, detail=how)
    return made


@reads
def listed(read: Snapshot, identity: Identity, slug: str) -> list[InvitationView]:
    """A group's valid invitations, newest first, without their codes. Its moderators may see them."""
    group_id = group.moderated.within(read, identity, slug).id
    return [InvitationView(*row) for row in read.all(LISTED, group_id=group_id, now=times.now())]


@writes
def revoke(tx: Tx, identity: Identity, slug: str, id_: int) -> None:
    """Ends an invitation at once; who joined by it stays. Raises NotFound."""
    row = group.moderated.within(tx, identity, slug)
    if not tx.run(REVOKE, group_id=row.id, id=id_):
        raise NotFound(_("There is no invitation %(id)s to %(slug)s.", id=id_, slug=slug))
    audit.note(tx, identity, "invitation.revoked", f"invitation {id_}", group=slug)


def use(tx: Tx, id_: int) -> None:
    """Within a unit: counts one use of a code."""
    tx.run(USE, id=id_)


db.on_sweep(lambda tx: tx.run(SPENT, now=tx.now))
