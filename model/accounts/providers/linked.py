"""Whose account here an account at a provider is: by the provider's issuer and number for it, never by a mail address.

An account that was there before is only linked by somebody who is signed in to it. Somebody new gets one of their own.
"""

from contextlib import suppress
from typing import Any

import msgspec
from sqlalchemy import ForeignKey, String, UniqueConstraint, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model import settings
from model.accounts import account, credentials, proof, session, ways
from model.accounts.challenge import UsedChallenge
from model.accounts.providers import newcomer
from model.accounts.providers.configured import Provider
from model.accounts.providers.id_token import Said, admits
from model.accounts.providers.sign_in import MINUTES, Begun
from model.accounts.session import Identity, Second, Signed
from model.accounts.ticket import SecondNeeded
from model.accounts.user import User
from model.groups import invitation, joining
from pottle import text, times
from pottle.errors import Conflict, Forbidden, NotFound, Refusal, Unauthenticated
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, reads, writes
from pottle.translation import _

MOST = 20  # linked to one account


class LinkedAccount(Base):
    """An account at a provider that its user signs in with. `shown` is what it is called there, for its user."""

    __tablename__ = "linked_accounts"
    __table_args__ = (UniqueConstraint("iss", "sub"), NEVER_REUSE_IDS)

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    iss: Mapped[str] = mapped_column(String(300))
    sub: Mapped[str] = mapped_column(String(255))
    shown: Mapped[str] = mapped_column(String(254))
    created: Mapped[Time]
    used: Mapped[str | None] = mapped_column(String(10))  # the day of its last use


class LinkedView(msgspec.Struct):
    """An account at a provider that is linked to one's own. `provider` is null where it is not set up any more.

    `used` is the day of its last use.
    """

    id: int
    provider: str | None
    label: str
    shown: str
    created: str
    used: str | None


_there = LinkedAccount.iss == bindparam("iss"), LinkedAccount.sub == bindparam("sub")
_mine = LinkedAccount.user_id == bindparam("user_id")
KNOWN = select(LinkedAccount.id, LinkedAccount.user_id).where(*_there)
MINE = (
    select(LinkedAccount.id, LinkedAccount.iss, LinkedAccount.shown, LinkedAccount.created, LinkedAccount.used)
    .where(_mine)
    .order_by(LinkedAccount.id.desc())
)
COUNT = select(func.count().label("n")).select_from(LinkedAccount).where(_mine)
ADD = insert(LinkedAccount)
SEEN = update(LinkedAccount).where(LinkedAccount.id == bindparam("id"))
DROP = delete(LinkedAccount).where(_mine, LinkedAccount.id == bindparam("id"))
USED = select(UsedChallenge.expires).where(UsedChallenge.digest == bindparam("digest"))
USE = insert(UsedChallenge)


async def enter(there: Provider, who: Said, begun: Begun, address: str, device: str) -> Signed:
    """A session of whoever a provider says it is; somebody new gets an account, where that is allowed.

    Raises Forbidden for somebody from elsewhere, for a disabled account, and for somebody new where they may not;
    TooMany for a guesser of codes; SecondNeeded.
    """
    if not admits(there, who):
        only = ", ".join(there.domains)
        raise Forbidden(
            _("Only accounts of %(domains)s can sign in with %(provider)s.", domains=only, provider=there.label)
        )
    if begun.invitation:
        await invitation.guessed(begun.invitation, address)  # counts a wrong one
    outcome, is_new = await _enter(there, who, begun, device)
    signed = account.signed(outcome)
    if begun.invitation and not is_new:
        with suppress(Refusal):  # they are who they are, with or without that group
            await joining.accept(signed.identity, begun.invitation, address)
    return signed


@writes
def _enter(tx: Tx, there: Provider, who: Said, begun: Begun, device: str) -> tuple[Signed | SecondNeeded, bool]:
    """What comes of it, and whether the account is a new one."""
    _check_unused(tx, begun)
    known = tx.one(KNOWN, iss=who.iss, sub=who.sub)
    own = tx.session.get(User, known.user_id) if known else None
    if own is not None and own.disabled:
        raise Forbidden(_("This account is disabled."))
    held = None if own else newcomer.may_begin(tx, there, begun.invitation)
    _use(tx, begun)
    if own is None:
        user_id = newcomer.made(tx, there, who, held)
        _link(tx, user_id, who)
    else:
        user_id = own.id
        tx.run(SEEN, id=known.id, shown=_shown(who), used=tx.now[:10])
    if who.proven:
        proof.proven(tx, user_id, who.email)
    given: Second | None = "provider" if there.second_factor and who.twice else None
    return account.entered(tx, user_id, device, "provider", given), own is None


def _check_unused(read: Snapshot, begun: Begun) -> None:
    """An answer counts once, also to somebody who kept the cookie."""
    if read.one(USED, digest=begun.digest) is not None:
        raise Unauthenticated(_("This sign-in was used before. Please sign in again."))


def _use(tx: Tx, begun: Begun) -> None:
    tx.run(USE, digest=begun.digest, expires=times.later(minutes=2 * MINUTES))


def _link(tx: Tx, user_id: int, who: Said) -> None:
    of = {"user_id": user_id, "iss": who.iss, "sub": who.sub}
    tx.run(ADD, **of, shown=_shown(who), created=tx.now, used=tx.now[:10])


def _shown(who: Said) -> str:
    return text.made_one_line(who.email or who.username or who.name)[:254]


@writes
def link(tx: Tx, identity: Identity, there: Provider, who: Said, begun: Begun) -> None:
    """Links an account at a provider to one's own. Raises Conflict for somebody else's, Forbidden from elsewhere."""
    _check_unused(tx, begun)
    known = tx.one(KNOWN, iss=who.iss, sub=who.sub)
    if not admits(there, who):
        raise Forbidden(_("Only accounts of %(domains)s can be added.", domains=", ".join(there.domains)))
    if known is not None and known.user_id != identity.user:
        raise Conflict(_("Another account here signs in with it. Sign in with it, and take it off there first."))
    if known is None and tx.one(COUNT, user_id=identity.user).n >= MOST:
        raise Conflict(_("You have added %(most)s accounts. Take one off first.", most=MOST))
    _use(tx, begun)
    if known is None:
        _link(tx, identity.user, who)
        credentials.note(tx, identity, "provider.linked", identity.user, identity.uid, detail=there.label)
    if who.proven:
        proof.proven(tx, identity.user, who.email)


@writes
def confirm(tx: Tx, identity: Identity, who: Said, begun: Begun) -> None:
    """Counts as the password typed again. Raises Forbidden where the account at the provider is not one's own."""
    _check_unused(tx, begun)
    known = tx.one(KNOWN, iss=who.iss, sub=who.sub)
    if known is None or known.user_id != identity.user:
        raise Forbidden(_("That is not the account that you sign in with here."))
    _use(tx, begun)
    session.confirmed.within(tx, identity)


@reads
def mine(read: Snapshot, identity: Identity) -> list[LinkedView]:
    """The accounts at providers that are linked to one's own, newest first."""
    return [_view(row) for row in read.all(MINE, user_id=identity.user)]


def _view(row: Any) -> LinkedView:
    found = _of_issuer(row.iss)
    label = found.label if found else row.iss.partition("://")[2].partition("/")[0]
    return LinkedView(row.id, found.name if found else None, label, row.shown, row.created, row.used)


def _of_issuer(iss: str) -> Provider | None:
    """The provider that speaks under an issuer: Microsoft under one for each tenant."""
    there = settings.chosen().sign_in
    at = iss.rstrip("/")
    return next((one for one in there if at == (base := one.issuer.rstrip("/")) or _is_tenant(one, base, at)), None)


def _is_tenant(one: Provider, base: str, at: str) -> bool:
    tenant = one.tenant if one.limited else ""
    return one.preset == "microsoft" and at.startswith(f"{base}/{tenant}")


@writes
def unlink(tx: Tx, identity: Identity, id_: int) -> None:
    """Takes an account at a provider off one's own. Raises NotFound; Conflict where it is the only way in.

    It ends the other sessions that were begun by a provider: whoever has the account there may have begun them.
    """
    row = next((row for row in tx.all(MINE, user_id=identity.user) if row.id == id_), None)
    if row is None:
        raise NotFound(_("You have no linked account %(id)s.", id=id_))
    if (found := _of_issuer(row.iss)) is not None:  # else it is no way in any more
        ways.must_have_another(tx, identity.user)
    tx.run(DROP, user_id=identity.user, id=id_)
    session.end_others_begun.within(tx, identity, "provider")
    label = found.label if found else row.iss[:200]
    credentials.note(tx, identity, "provider.unlinked", identity.user, identity.uid, detail=label)


def _count(read: Snapshot, user_id: int) -> int:
    return sum(_of_issuer(row.iss) is not None for row in read.all(MINE, user_id=user_id))


ways.also("provider", _count)
