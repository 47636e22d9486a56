"""Signing in: with a password, or with a code that sets a new one.

An attempt is counted before the password is checked, so that guesses sent at once count too, and given back when it was
right. What a session is, and how it ends, is in session.py; who makes codes, in codes.py.
"""

from typing import Any

from sqlalchemy import Select, bindparam, delete, select, update

from model import audit
from model.accounts import passwords, session, user
from model.accounts.session import Identity, Session, Signed, Token
from model.accounts.user import User
from model.groups import invitation
from model.groups.invitation import Invitation
from pottle.errors import Forbidden, Unauthenticated
from pottle.rates import Rate
from pottle.store import Tx, db, limits, writes

FAILED_SIGN_INS = Rate("failed sign-ins", 5, per=60)

PASSWORD = select(User.id, User.password_hash).where(User.uid_folded == bindparam("uid_folded"))
OWN_PASSWORD = select(User.id, User.password_hash).where(User.id == bindparam("id"))


async def sign_in(uid: str, password: str, address: str, device: str = "") -> Signed:
    """A new session. Raises Unauthenticated, after the same time for any reason; TooMany for a guesser.

    Raises Forbidden for a disabled account, which only somebody who knows its password learns. A hash that another
    program made is replaced by one of ours (model/accounts/passwords.py).
    """
    party = f"{uid.lower()} {address}"
    if db.settings.rate_limits:
        await _attempt(party)
    found = await _with_password(password, PASSWORD, uid_folded=uid.lower())
    if found is None:
        raise Unauthenticated("Wrong user name or password.")
    old = found.password_hash
    better = await passwords.hashed(password) if passwords.outdated(old) else old
    return await _start(found.id, party, old, better, device)


async def prove(identity: Identity, password: str) -> None:
    """Raises Forbidden unless `password` is that of `identity`; TooMany for a guesser, as `sign_in` does."""
    party = identity.party
    if db.settings.rate_limits:
        await db.write_ahead(_attempt.within, party)
    if await _with_password(password, OWN_PASSWORD, id=identity.user) is None:
        raise Forbidden("That is not your password.")
    await db.write_ahead(_give_back, party)


async def _with_password(password: str, statement: Select[int, str | None], **whose: Any) -> Any:
    """The row of a user whose password it is; None, after the same time, where it is not or there is no such user."""
    with db.snapshot() as read:
        row = read.one(statement, **whose)
    right = await passwords.matches(row.password_hash if row else None, password)
    return row if right else None


@writes
def _attempt(tx: Tx, party: str) -> None:
    limits.check(tx, party, FAILED_SIGN_INS)
    limits.spend(tx, party, FAILED_SIGN_INS)


def _give_back(tx: Tx, party: str) -> None:
    if db.settings.rate_limits:
        limits.spend(tx, party, FAILED_SIGN_INS, -1)


@writes
def _start(tx: Tx, user_id: int, party: str, old: str, better: str, device: str) -> Signed:
    found = tx.session.get(User, user_id)
    if found is None or found.disabled:
        raise Forbidden("This account is disabled.")
    if found.password_hash == old:  # else somebody has set another one meanwhile
        found.password_hash = better
    _give_back(tx, party)
    return session.begin(tx, user_id, device)


async def set_password(code: str, password: str, address: str, device: str = "") -> Signed:
    """Sets the password of the account that a code is for, ends all its sessions and tokens, and begins a new session.

    Raises NotFound for a wrong code, TooMany for a guesser, Invalid for a password that is too easy to guess.
    """
    held = await invitation.find(code, address)
    if held.user_id is None:
        raise invitation.unknown()
    passwords.check(password, held.uid, held.user_name)
    return await _set_password(code, await passwords.hashed(password), device)


@writes
def _set_password(tx: Tx, code: str, password_hash: str, device: str) -> Signed:
    held = invitation.held(tx, code, tx.now)
    if held is None or held.user_id is None:
        raise invitation.unknown()  # somebody else was quicker
    id_, of_user = held.user_id, Invitation.user_id == held.user_id
    user.change(tx, tx.session.get_one(User, id_), password_hash=password_hash)
    tx.session.execute(delete(Invitation).where(of_user, Invitation.group_id.is_(None)))
    tx.session.execute(update(Invitation).where(of_user).values(uses_left=0))
    tx.session.execute(delete(Session).where(Session.user_id == id_))
    tx.session.execute(delete(Token).where(Token.user_id == id_))
    tx.changed("user.password", subject=id_, tags=[f"user:{held.uid}"])
    signed = session.begin(tx, id_, device)
    audit.note(tx, signed.identity, "password.reset", held.uid, group=held.slug)
    return signed
