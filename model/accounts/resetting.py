"""Into an account by a code: of a link, for who forgot the password, or of a roster, for who has none yet.

A code sets a password, or a passkey in its place. Whatever opened the account before is ended.
"""

from sqlalchemy import delete, update

from model.accounts import credentials, passkey, passwords, second, session, ticket, user
from model.accounts.account import entered, signed
from model.accounts.challenge import Place
from model.accounts.passkey import Json, Made, PasskeyOptions
from model.accounts.session import How, Session, Signed, Token
from model.accounts.ticket import SecondNeeded
from model.accounts.user import User
from model.groups import invitation
from model.groups.invitation import Held, Invitation
from pottle.errors import Conflict
from pottle.store import Snapshot, Tx, db, writes
from pottle.translation import _


async def set_password(code: str, password: str, address: str, device: str = "") -> Signed:
    """Sets the password of the account that a code is for, ends all its sessions and tokens, and begins a new session.

    Raises NotFound for a wrong code, TooMany for a guesser, Invalid for a password that is too easy to guess;
    SecondNeeded, once it is set, where the account has a second factor.
    """
    held = await invitation.find(code, address)
    if held.user_id is None:
        raise invitation.unknown()
    passwords.check(password, held.uid, held.user_name)
    return signed(await _set_password(code, await passwords.hashed(password), device))


@writes
def _set_password(tx: Tx, code: str, password_hash: str, device: str) -> Signed | SecondNeeded:
    found, how = _taken_over(tx, code, password_hash)
    return entered(tx, found.id, device, how)


async def passkey_options(code: str, address: str, place: Place) -> PasskeyOptions:
    """What a device needs to make a passkey of the account that a code is for. Raises as `set_passkey`."""
    held = await _for_passkey(code, address)
    who = await passkey.handle(held.user_id or 0), held.uid, held.user_name
    return passkey.to_be_made("code", place, invitation.plain(code), who)


async def set_passkey(code: str, address: str, sent: Json, place: Place, device: str) -> Signed:
    """As `set_password`, for a passkey: the account has no password then.

    Raises also Conflict where the account has a second factor, for a passkey is both, and Unauthenticated.
    """
    held = await _for_passkey(code, address)
    handle = await passkey.handle(held.user_id or 0)
    return await _set_passkey(code, await passkey.made(sent, "code", place, invitation.plain(code), handle), device)


async def _for_passkey(code: str, address: str) -> Held:
    held = await invitation.find(code, address)
    if held.user_id is None:
        raise invitation.unknown()
    await db.read(_must_have_no_second, held.user_id)
    return held


def _must_have_no_second(read: Snapshot, user_id: int) -> None:
    if second.ways(read, user_id):
        raise Conflict(_("This account has a second step. Choose a password; a passkey can be added then."))


@writes
def _set_passkey(tx: Tx, code: str, made: Made, device: str) -> Signed:
    held = invitation.held(tx, code, tx.now)
    _must_have_no_second(tx, held.user_id or 0 if held else 0)
    passkey.check(tx, made)
    found, _how = _taken_over(tx, code, None)
    passkey.keep(tx, found.id, made, device)
    return session.begin(tx, found.id, device, how="passkey", second="passkey")


def _taken_over(tx: Tx, code: str, password_hash: str | None) -> tuple[User, How]:
    """By a code, which is used up: the password is another one; sessions, tokens and other codes end.

    Also by what that was: a code, or a link in a mail.
    """
    held = invitation.held(tx, code, tx.now)
    if held is None or held.user_id is None:
        raise invitation.unknown()  # somebody else was quicker
    found = user.by_id(tx.session, held.user_id)
    of_user = Invitation.user_id == found.id
    tx.session.execute(delete(Invitation).where(of_user, Invitation.group_id.is_(None)))
    tx.session.execute(update(Invitation).where(of_user).values(uses_left=0))  # a roster's line stays
    tx.session.execute(delete(Session).where(Session.user_id == found.id))
    tx.session.execute(delete(Token).where(Token.user_id == found.id))
    ticket.end_all(tx, found.id)
    user.change(tx, found, "user.password", password_hash=password_hash)
    credentials.note(tx, found, "password.reset", found.id, found.uid, group=held.slug)
    return found, "mail" if held.mail_id else "code"
