"""Joining: signing up, with or without an invitation's code, and joining a group by one."""

from typing import cast

import msgspec

from model import audit, settings
from model.accounts import challenge, passkey, passwords, proof, session, user
from model.accounts.challenge import Place
from model.accounts.passkey import Json, Made, PasskeyOptions
from model.accounts.session import Identity, Signed
from model.accounts.user import UserView
from model.groups import group, invitation
from model.groups.group import Membership
from model.groups.invitation import Held
from model.groups.rules import Standing
from pottle import times
from pottle.errors import Forbidden, Invalid
from pottle.store import Snapshot, Tx, db, writes
from pottle.store.unit import answered
from pottle.translation import _


class GroupName(msgspec.Struct):
    """Which group."""

    slug: str
    name: str


class Joined(msgspec.Struct):
    """The group that was joined, and the role there."""

    group: GroupName
    role: Standing


async def accept(identity: Identity, code: str, address: str) -> Joined:
    """Makes a user a member by a code; twice is once, and a moderator stays one. Raises NotFound, TooMany."""
    joined = await _accept(identity, code, address)
    if joined is None:
        raise invitation.unknown()
    return joined


@writes
def _accept(tx: Tx, identity: Identity, code: str, address: str) -> Joined | None:
    held = invitation.guessed.within(tx, code, address)
    if held is None or held.group_id is None or held.user_id is not None:
        return None
    own = tx.session.get(Membership, (held.group_id, identity.user))
    if own is None:
        if held.role != "moderator":
            group.check_name(tx, identity.name, held.group_id, user_id=identity.user)
        _join(tx, held, identity.user, identity)
    elif own.role == "member" and held.role == "moderator":
        own.role = "moderator"
        _note(tx, held, identity.user, identity)
    role = "moderator" if own and own.role == "moderator" else held.role
    return Joined(GroupName(held.slug, held.group_name), cast(Standing, role))


def _join(tx: Tx, held: Held, user_id: int, who: audit.Actor) -> None:
    group.join(tx, cast(int, held.group_id), user_id, held.role)
    _note(tx, held, user_id, who)


def _note(tx: Tx, held: Held, user_id: int, who: audit.Actor) -> None:
    group.tell_standing(tx, user_id)
    invitation.use(tx, held.id)
    audit.note(tx, who, "member.joined", who.uid, group=held.slug, detail=f"{held.role}, by invitation {held.id}")


async def good(code: str, address: str) -> int | None:
    """The id of the invitation that a code is for, if one can sign up with it. Raises TooMany for a guesser."""
    held = await invitation.guessed(code, address)
    return held.id if held is not None and held.user_id is None else None


async def sign_up(uid: str, name: str, password: str, email: str | None, code: str | None = None) -> UserView:
    """Makes an account; with a code it is at once a member of the code's group, or the first admin.

    Raises Forbidden where sign-up is closed, Conflict for a uid that is taken, Invalid.
    """
    if (made := await db.read(answered, _sign_up.within)) is not None:
        return cast(UserView, made)
    await db.read(_may_sign_up, uid, code)
    passwords.check(password, uid, name)
    return await _sign_up(uid, name, await passwords.hashed(password), email, code)


def _may_sign_up(read: Snapshot, uid: str, code: str | None) -> Held | None:
    """The code's invitation, if there is one. Raises what `sign_up` does."""
    held, setting = invitation.held(read, code, times.now()) if code else None, settings.chosen().sign_up
    if code and (held is None or held.user_id is not None):
        raise Invalid({"invitation": _("isn't valid or has expired")})
    if held is None and setting == "invitation":
        raise Forbidden(_("Sign-up is by invitation only here."))
    if held is None or held.group_id is not None:  # all but the first admin
        if setting == "closed":
            raise Forbidden(_("Sign-up is closed here."))
        user.check_uid(uid)
    user.check_free(read, uid)
    return held


async def passkey_options(uid: str, name: str, code: str | None, place: Place) -> PasskeyOptions:
    """What a device needs to make the passkey of a new account. Raises as `sign_up`."""
    await db.read(_may_sign_up, uid, code)
    return passkey.to_be_made("sign up", place, _bound(uid, code), (_handle(uid), uid, name))


async def sign_up_by_passkey(uid: str, name: str, code: str | None, sent: Json, place: Place, device: str) -> Signed:
    """As `sign_up`, for an account with a passkey and no password. A session of it. Raises also Unauthenticated."""
    made = await passkey.made(sent, "sign up", place, _bound(uid, code), _handle(uid))
    return await _sign_up_by_passkey(uid, name, code, made, device)


@writes
def _sign_up_by_passkey(tx: Tx, uid: str, name: str, code: str | None, made: Made, device: str) -> Signed:
    passkey.check(tx, made)
    _sign_up.within(tx, uid, name, None, None, code)
    user_id = tx.one(user.TAKEN, uid_folded=uid.lower()).id
    passkey.keep(tx, user_id, made, device)
    return session.begin(tx, user_id, device, how="passkey", second="passkey")


def _bound(uid: str, code: str | None) -> str:
    return f"{uid.lower()} {invitation.plain(code or '')}"


def _handle(uid: str) -> bytes:
    return challenge.keyed(f"new {uid.lower()}")


@writes
def _sign_up(tx: Tx, uid: str, name: str, password_hash: str | None, email: str | None, code: str | None) -> UserView:
    held, made = _may_sign_up(tx, uid, code), UserView(uid, name, None, tx.now)
    if held is None:
        if group.has_namesake(tx, name, 0):  # an admin, for there is no such group
            raise Invalid({"name": _("can be taken for that of an admin; please add something, such as a last name")})
        made_id = user.add(tx, uid, name, password_hash, email)
    elif held.group_id is None:
        made_id = user.add(tx, uid, name, password_hash, email, "admin")
        invitation.use(tx, held.id)
        audit.note(tx, made, "user.created", uid, detail="the first admin, by the link in the log")
    else:
        if held.role != "moderator":
            group.check_name(tx, name, held.group_id)
        made_id = user.add(tx, uid, name, password_hash, email)
        _join(tx, held, made_id, made)
    proof.given(tx, made_id, None, email)
    return made
