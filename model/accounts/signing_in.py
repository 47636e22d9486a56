"""Signing in by a password: whether it is the right one, and the session that begins with it.

An attempt is counted before the password is checked, so that guesses sent at once count too, and given back when it was
right. Getting in by a code is in recovery.py; what a session is, and how it ends, in session.py.
"""

from sqlalchemy import bindparam, select, update

from model.accounts import passwords, session
from model.accounts.session import Identity, Signed
from model.accounts.user import User
from pottle.errors import Forbidden, Unauthenticated
from pottle.rates import Rate
from pottle.store import Tx, db, limits

FAILED_SIGN_INS = Rate("failed sign-ins", 5, per=60)

PASSWORD = select(User.id, User.password_hash).where(User.uid_folded == bindparam("folded"))
PASSWORD_OF = select(User.password_hash).where(User.id == bindparam("user"))
REHASH = (
    update(User)
    .where(User.id == bindparam("user"), User.password_hash == bindparam("old"))
    .values(password_hash=bindparam("new"))
)


async def sign_in(uid: str, password: str, address: str, device: str = "") -> Signed:
    """A new session. Raises Unauthenticated, after the same time for any reason; TooMany for a guesser.

    Raises Forbidden for an account that is disabled, which only whoever knows its password learns. A hash that another
    program made is replaced by one of ours (model/accounts/passwords.py).
    """
    party = f"{uid.lower()} {address}"
    if db.settings.rate_limits:
        await db.write(_attempt, party)
    with db.snapshot() as read:
        found = read.one(PASSWORD, folded=uid.lower())
    if not await passwords.matches(found.password_hash if found else None, password) or found is None:
        raise Unauthenticated("Wrong user name or password.")
    kept: str = found.password_hash
    better = await passwords.hashed(password) if passwords.outdated(kept) else kept
    return await db.write(_start, found.id, party, kept, better, device)


async def prove(identity: Identity, password: str) -> None:
    """Raises Forbidden unless `password` is the one of whoever asks; TooMany for a guesser, as `sign_in` does."""
    party = f"user {identity.user}"
    if db.settings.rate_limits:
        await db.write_ahead(_attempt, party)
    with db.snapshot() as read:
        found = read.one(PASSWORD_OF, user=identity.user)
    if not await passwords.matches(found.password_hash if found else None, password):
        raise Forbidden("That is not your password.")
    await db.write_ahead(_right, party)


def _attempt(tx: Tx, party: str) -> None:
    limits.check(tx, party, FAILED_SIGN_INS)
    limits.spend(tx, party, FAILED_SIGN_INS)


def _right(tx: Tx, party: str) -> None:
    """Gives an attempt back."""
    if db.settings.rate_limits:
        limits.spend(tx, party, FAILED_SIGN_INS, -1)


def _start(tx: Tx, user: int, party: str, kept: str, better: str, device: str) -> Signed:
    session.must_be_enabled(tx, user)
    if better != kept:  # and nobody has set another password meanwhile
        tx.run(REHASH, user=user, old=kept, new=better)
    _right(tx, party)
    return session.begin(tx, user, device)
