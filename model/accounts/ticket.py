"""Tickets: somebody has given the first factor (a password, a code, a provider), and the second one is still to come.

A ticket is random, stored hashed, good for one account, for one sign-in and for some minutes. It opens nothing by
itself. It ends with the password, the second factor or the account that it is for.
"""

import secrets
from typing import Annotated

from sqlalchemy import ForeignKey, LargeBinary, String, bindparam, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts.session import How, Second, hashed
from model.accounts.user import User
from pottle import times
from pottle.errors import Unauthenticated
from pottle.store import Base, Snapshot, Time, Tx, db
from pottle.translation import _
from pottle.values import as_it_is

MINUTES = 10
TicketText = Annotated[str, as_it_is("only its hash is looked for", 100, 1)]


class SecondNeeded(Unauthenticated):
    """The first factor was right; `ticket` and a second one, in one of the `ways`, begin the session."""

    title = _("Second Factor Needed")

    def __init__(self, ticket: str, ways: list[Second]) -> None:
        super().__init__(_("Please enter a code of your authenticator app as well."), ticket=ticket, ways=ways)
        self.ticket, self.ways = ticket, ways


class Ticket(Base):
    """A sign-in that waits for its second factor."""

    __tablename__ = "tickets"

    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    how: Mapped[How] = mapped_column(String(10))
    device: Mapped[str] = mapped_column(String(40))
    expires: Mapped[Time] = mapped_column(index=True)


class Held(Ticket):
    """A ticket with its user, as HELD returns it. Only a type: never made."""

    __abstract__ = True

    uid: str


HELD = (
    select(Ticket.user_id, Ticket.how, Ticket.device, User.uid)
    .join(User, User.id == Ticket.user_id)
    .where(Ticket.secret_hash == bindparam("secret_hash"), Ticket.expires > bindparam("now"), User.disabled.is_(None))
)
ISSUE = insert(Ticket)
USE = delete(Ticket).where(Ticket.secret_hash == bindparam("secret_hash"))
OF_USER = delete(Ticket).where(Ticket.user_id == bindparam("user_id"))
EXPIRED = delete(Ticket).where(Ticket.expires < bindparam("before"))


def issue(tx: Tx, user_id: int, device: str, how: How, ways: list[Second]) -> SecondNeeded:
    """Within a unit: a ticket for the second factor of a user, who has given the first one. To be raised after it."""
    secret = "two_" + secrets.token_urlsafe(32)
    of = {"user_id": user_id, "how": how, "device": device}
    tx.run(ISSUE, secret_hash=hashed(secret), **of, expires=times.later(minutes=MINUTES))
    return SecondNeeded(secret, ways)


def held(read: Snapshot, secret: str) -> Held:
    """Whose ticket it is, and of which sign-in. Raises Unauthenticated, alike for every one that is not good."""
    found: Held | None = read.one(HELD, secret_hash=hashed(secret), now=times.now())
    if found is None:
        raise Unauthenticated(_("That took too long. Please sign in again."))
    return found


def use(tx: Tx, secret: str) -> None:
    """Within a unit: ends a ticket."""
    tx.run(USE, secret_hash=hashed(secret))


def end_all(tx: Tx, user_id: int) -> None:
    """Within a unit: ends all tickets of a user."""
    tx.run(OF_USER, user_id=user_id)


db.on_sweep(lambda tx: tx.run(EXPIRED, before=tx.now))
