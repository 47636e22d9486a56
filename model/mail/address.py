"""Mail addresses of accounts: which are proven to be their user's, and which take no mail any more.

The address itself is `users.email`. What is known of it counts for as long as it is the same: another one is unproven.
"""

from typing import Any, Literal, cast

import msgspec
from sqlalchemy import ForeignKey, String, and_, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts import proof
from model.accounts.user import User
from pottle.store import Base, Snapshot, Time, Tx, reads

Standing = Literal["none", "unproven", "proven", "off"]


class Address(Base):
    """What is known of a user's address."""

    __tablename__ = "mail_addresses"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    folded: Mapped[str] = mapped_column(String(254), index=True)  # in small letters
    proven: Mapped[Time | None]
    off: Mapped[Time | None]  # since when it takes no mail
    trouble: Mapped[str | None] = mapped_column(String(300))  # what the server said


class AddressView(msgspec.Struct):
    """One's mail address: whether it is proven to be one's own, or takes no mail any more, and why."""

    email: str | None
    state: Standing
    trouble: str | None


_own = and_(Address.user_id == User.id, Address.email == User.email)
OF = (
    select(User.email)
    .join(Address, _own)
    .where(User.id == bindparam("id"), User.disabled.is_(None), Address.proven.is_not(None), Address.off.is_(None))
)
KNOWN = (
    select(User.email, Address.proven, Address.off, Address.trouble)
    .outerjoin(Address, _own)
    .where(User.id == bindparam("id"))
)
OF_USER = select(Address.email, Address.proven, Address.off).where(Address.user_id == bindparam("user_id"))
# Those who proved that it is theirs, and the one whose letter it was: others wrote it down, perhaps by mistake.
PROVEN = select(User.id, User.uid, User.email).join(Address, _own)
PROVEN = PROVEN.where(Address.folded == bindparam("folded"), Address.proven.is_not(None), User.disabled.is_(None))
BY_UID = select(User.id, User.uid, User.email).join(Address, _own)
BY_UID = BY_UID.where(User.uid_folded == bindparam("uid_folded"), Address.proven.is_not(None), User.disabled.is_(None))
HAS = select(User.id, User.email).where(User.id == bindparam("id"))


def of(read: Snapshot, user_id: int) -> str | None:
    """Where a user's mail goes: their address if it is proven and takes mail; None without one."""
    row = read.one(OF, id=user_id)
    return cast(str, row.email) if row else None


def known(read: Snapshot, user_id: int) -> AddressView:
    """What is known of a user's address."""
    row = read.one(KNOWN, id=user_id)
    if row is None or row.email is None:
        return AddressView(None, "none", None)
    state: Standing = "off" if row.off else "proven" if row.proven else "unproven"
    return AddressView(row.email, state, row.trouble)


@reads
def own(read: Snapshot, user_id: int) -> AddressView:
    """What is known of one's own address."""
    return known(read, user_id)


def standing(read: Snapshot, user_id: int, email: str) -> Standing:
    """What is known of an address that a user has, or had until now."""
    row = read.one(OF_USER, user_id=user_id)
    if row is None or row.email != email:
        return "unproven"
    return "off" if row.off else "proven" if row.proven else "unproven"


def whose(read: Snapshot, who: str) -> list[Any]:
    """The accounts of a user name, or of an address, to which mail may go."""
    by_uid, by_email = read.all(BY_UID, uid_folded=who.lower()), read.all(PROVEN, folded=who.lower())
    return [row for row in [*by_uid, *by_email] if of(read, row.id)]


def prove(tx: Tx, user_id: int, email: str) -> None:
    """Within a unit: the address is that user's, who followed a link in a mail to it. It takes mail again."""
    proof.proven(tx, user_id, email)


def _note(tx: Tx, user_id: int, email: str, group_id: int | None = None) -> None:
    """What a site says only of its own group is no proof for all of us; nor is another address than the user's."""
    own = tx.session.get(User, user_id)
    if group_id is None and own and (own.email or "").lower() == email.lower():
        _put(tx, user_id, str(own.email), proven=tx.now, off=None, trouble=None)


def _put(tx: Tx, user_id: int, email: str, **known: str | None) -> None:
    row = tx.session.get(Address, user_id)
    if row is None or row.email != email:
        bare = {"proven": None, "off": None, "trouble": None}
        row = tx.session.merge(Address(user_id=user_id, email=email, folded=email.lower(), **bare))
    for name, value in known.items():
        setattr(row, name, value)
    tx.session.flush()


def switch_off(tx: Tx, email: str, why: str, user_id: int | None = None) -> None:
    """Within a unit: an address takes no mail, as a letter to it has shown, and to `user_id` if it was to one.

    Whoever has it is told on their account's page.
    """
    own = tx.one(HAS, id=user_id) if user_id else None
    has = [own] if own and (own.email or "").lower() == email.lower() else []
    for row in {*tx.all(PROVEN, folded=email.lower()), *has}:
        _put(tx, row.id, row.email, off=tx.now, trouble=why[:300])


proof.on_proof(_note)
