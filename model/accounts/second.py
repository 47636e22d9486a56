"""The second factor of an account: setting it up, giving it, and losing it. Guesses are counted for all workers.

POTTLE_SECOND_FACTOR says who has to have one: without, they may sign in, but have none of their rights
(model/accounts/strength.py). A passkey is both factors.
"""

import msgspec
import pyotp

from model.accounts import authenticator, credentials, passkey, session, strength, ticket, user
from model.accounts import ways as sign_in_ways
from model.accounts.authenticator import Fresh, Own, Typed
from model.accounts.session import Identity, Second, Signed
from pottle.errors import Conflict, Forbidden, Unauthenticated
from pottle.rates import Rate
from pottle.store import Snapshot, Tx, db, limits, reads, writes
from pottle.translation import _

FAILED_CODES = Rate("failed second factors", 10, per=3600)  # of one account, whose password is known then
WRONG = _("This code is wrong, or was used before. Wait for the next one.")


class SecondFactor(msgspec.Struct):
    """One's second factor: since when there is an authenticator app (or null), how many recovery codes are left.

    `required`: whether there has to be one, or a passkey; `missing`: whether the session that asks lacks it, and so has
    not all of one's rights.
    """

    since: str | None
    recovery_codes: int
    required: bool
    missing: bool


class SetUp(msgspec.Struct):
    """What an authenticator app needs, this once: the secret, and the same as an address, for a QR code."""

    secret: str
    address: str


class RecoveryCodes(msgspec.Struct):
    """New recovery codes, which are shown this once."""

    codes: list[str]


def ways(read: Snapshot, user_id: int) -> list[Second]:
    """By what a user can give the second factor; nothing where the first one is enough."""
    own = authenticator.own(read, user_id)
    if own is None or own.since is None:
        return []
    codes: list[Second] = ["app", "recovery"]
    return [*codes, "passkey"] if passkey.count(read, user_id) else codes


@reads
def show(read: Snapshot, identity: Identity) -> SecondFactor:
    """One's own second factor."""
    own, required = authenticator.own(read, identity.user), strength.required(read, identity.user, identity.role)
    missing = required and not identity.strong
    return SecondFactor(own.since if own else None, own.left if own else 0, required, missing)


@reads
def proofs(read: Snapshot, identity: Identity) -> dict[str, int]:
    """By what a user can prove again who they are: what they sign in by, and a `code` of the second factor."""
    code = {"code": 1} if ways(read, identity.user) else {}
    return {**sign_in_ways.of(read, identity.user), **code}


@reads
def is_missing(read: Snapshot, identity: Identity) -> bool:
    """Whether a second factor is required of a user, which was not given in signing in."""
    return not identity.strong and strength.required(read, identity.user, identity.role)


@writes
def begin(tx: Tx, identity: Identity) -> SetUp:
    """A new secret for the user's app, which counts once `turn_on` has had a code of it. Raises Conflict."""
    if ways(tx, identity.user):
        raise Conflict(_("You have a second factor already. Switch it off first to use another app."))
    return _set_up(identity, authenticator.make(tx, identity.user))


@reads
def pending(read: Snapshot, identity: Identity) -> SetUp | None:
    """What was begun and is not on yet."""
    own = authenticator.own(read, identity.user)
    return _set_up(identity, own.secret) if own and own.since is None else None


def _set_up(identity: Identity, secret: str) -> SetUp:
    host = db.settings.url.partition("://")[2]
    name = f"{identity.uid} ({host})" if host else identity.uid
    return SetUp(secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Pottle"))


async def turn_on(identity: Identity, code: str) -> RecoveryCodes:
    """Has the app count from now on. All other sessions end. Raises Forbidden for a wrong code, TooMany, Conflict."""
    typed = await authenticator.typed(identity.user, code)
    fresh = await authenticator.fresh() if await _is_right(identity, typed) else None  # which costs as ten passwords
    if not await _turn_on(identity, typed, fresh):
        raise Forbidden(WRONG)
    return RecoveryCodes(fresh.codes if fresh else [])


@reads
def _is_right(read: Snapshot, identity: Identity, typed: Typed) -> bool:
    return authenticator.shows(_being_set_up(read, identity), typed.code) is not None


def _being_set_up(read: Snapshot, identity: Identity) -> Own:
    own = authenticator.own(read, identity.user)
    if own is None or own.since is not None:
        raise Conflict(_("Begin anew: there is no app that is being set up."))
    return own


@writes
def _turn_on(tx: Tx, identity: Identity, typed: Typed, fresh: Fresh | None) -> bool:
    own = _being_set_up(tx, identity)
    _may_guess(tx, identity.user)
    if fresh is None or not authenticator.good_app_code(tx, own, typed.code):
        return _guessed(tx, identity.user)
    authenticator.turn_on(tx, identity.user, fresh)
    session.strengthen(tx, identity, "app")
    session.end_others.within(tx, identity)
    credentials.note(tx, identity, "second.on", identity.user, identity.uid)
    return True


@writes
def turn_off(tx: Tx, identity: Identity) -> None:
    """Switches one's second factor off; twice is once. Raises Conflict where it has to be."""
    if strength.required(tx, identity.user, identity.role):
        raise Conflict(_("Whoever has your rights must have a second factor here."))
    if _end(tx, identity.user):
        session.end_others.within(tx, identity)
        credentials.note(tx, identity, "second.off", identity.user, identity.uid)


@writes
def reset(tx: Tx, by: Identity | None, uid: str) -> None:
    """Takes somebody's second factor off, who has lost it; all their sessions end. For admins and the operator (None).

    Raises NotFound; Conflict where there is none.
    """
    found = user.by_uid(tx.session, uid)
    if not _end(tx, found.id):
        raise Conflict(_("%(uid)s has no second factor.", uid=found.uid))
    session.end_of_user(tx, found.id, found.uid)
    credentials.note(tx, by, "second.reset", found.id, found.uid)


def _end(tx: Tx, user_id: int) -> bool:
    was_on = bool(ways(tx, user_id))
    if was_on:
        ticket.end_all(tx, user_id)
        authenticator.drop(tx, user_id)
    return was_on


async def renew(identity: Identity) -> RecoveryCodes:
    """New recovery codes; the old ones end. Raises Conflict for who has no second factor."""
    await _must_be_on(identity)
    fresh = await authenticator.fresh()
    await _renew(identity, fresh)
    return RecoveryCodes(fresh.codes)


@reads
def _must_be_on(read: Snapshot, identity: Identity) -> None:
    if not ways(read, identity.user):
        raise Conflict(_("Set up an authenticator app first."))


@writes
def _renew(tx: Tx, identity: Identity, fresh: Fresh) -> None:
    _must_be_on.within(tx, identity)
    authenticator.keep(tx, identity.user, fresh)
    credentials.note(tx, identity, "recovery.renewed", identity.user, identity.uid)


async def finish(secret: str, code: str) -> Signed:
    """The session of a ticket, by a code of the app or a recovery code.

    Raises Unauthenticated for a ticket that is not good or a wrong code, TooMany for a guesser.
    """
    held = await db.read(ticket.held, secret)
    signed = await _finish(secret, await authenticator.typed(held.user_id, code))
    if signed is None:
        raise Unauthenticated(WRONG)
    return signed


@writes
def _finish(tx: Tx, secret: str, typed: Typed) -> Signed | None:
    held = ticket.held(tx, secret)
    _may_guess(tx, held.user_id)
    by = authenticator.good(tx, held.user_id, typed)
    if by is None:
        _guessed(tx, held.user_id)
        return None
    ticket.use(tx, secret)
    signed = session.begin(tx, held.user_id, held.device, how=held.how, second=by)
    if by == "recovery":
        credentials.note(tx, signed.identity, "recovery.used", held.user_id, held.uid)
    return signed


async def confirm(identity: Identity, code: str) -> None:
    """Notes that whoever asks is still its user, by a code. Raises Forbidden for a wrong one, TooMany for a guesser."""
    if not await _confirm(identity, await authenticator.typed(identity.user, code)):
        raise Forbidden(WRONG)


@writes
def _confirm(tx: Tx, identity: Identity, typed: Typed) -> bool:
    _may_guess(tx, identity.user)
    by = authenticator.good(tx, identity.user, typed)
    if by is None:
        return _guessed(tx, identity.user)
    session.confirmed.within(tx, identity)
    if by == "recovery":
        credentials.note(tx, identity, "recovery.used", identity.user, identity.uid)
    return True


def _may_guess(tx: Tx, user_id: int) -> None:
    """Raises TooMany for who has typed many wrong codes, before anything is written: also for a right one."""
    if db.settings.rate_limits:
        limits.check(tx, f"user {user_id}", FAILED_CODES)


def _guessed(tx: Tx, user_id: int) -> bool:
    """Counts a wrong code."""
    if db.settings.rate_limits:
        limits.spend(tx, f"user {user_id}", FAILED_CODES)
    return False
