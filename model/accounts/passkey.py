"""Passkeys (WebAuthn): a device signs in with a key of its own, for this host alone, after it has seen its owner.

The device verifies its owner (a finger, a face, a PIN), so a passkey is both factors, and may be the only way in. What
a browser sends is as `PublicKeyCredential.toJSON()` writes it, and goes to the library `webauthn`, which is loaded when
it is first needed.
"""

import asyncio
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import JSON, ForeignKey, LargeBinary, String, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from model.accounts import challenge, credentials, session, ways
from model.accounts.challenge import Place, Purpose
from model.accounts.session import Identity, Signed
from model.accounts.user import User
from pottle.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from pottle.store import NEVER_REUSE_IDS, Base, Id, Snapshot, Time, Tx, reads, writes
from pottle.translation import _

MOST = 20  # of one account
ALGORITHMS = (-8, -7, -257)  # Ed25519, ES256, RS256 (COSE)
TRANSPORTS = ("usb", "nfc", "ble", "smart-card", "hybrid", "internal")
TIMEOUT_MS = 60_000 * challenge.MINUTES

Json = dict[str, Any]


class Passkey(Base):
    """The public half of a key. `handle` is what the device knows the account by, which tells nothing."""

    __tablename__ = "passkeys"
    __table_args__ = NEVER_REUSE_IDS

    id: Mapped[Id]
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential: Mapped[bytes] = mapped_column(LargeBinary(1023), unique=True)  # its id
    public_key: Mapped[bytes] = mapped_column(LargeBinary(2000))
    handle: Mapped[bytes] = mapped_column(LargeBinary(64))
    sign_count: Mapped[int]
    transports: Mapped[list[str]] = mapped_column(JSON)
    synced: Mapped[bool]  # whether it is backed up, and so on other devices as well
    aaguid: Mapped[str | None] = mapped_column(String(36))  # the model of its authenticator
    name: Mapped[str] = mapped_column(String(80))
    created: Mapped[Time]
    used: Mapped[str | None] = mapped_column(String(10))  # the day of its last use


class PasskeyView(msgspec.Struct):
    """A passkey of one's own. `synced`: whether it is on other devices as well; `used`: the day of its last use."""

    id: int
    name: str
    created: str
    used: str | None
    synced: bool


class PasskeyOptions(msgspec.Struct):
    """What `navigator.credentials.create` or `.get` takes as `publicKey`, as JSON of WebAuthn."""

    options: dict[str, Any]


class Made(NamedTuple):
    """A passkey that a device has made, and the challenge that it has signed."""

    credential: bytes
    public_key: bytes
    handle: bytes
    sign_count: int
    transports: list[str]
    synced: bool
    aaguid: str
    challenge: bytes


class Shown(NamedTuple):
    """A passkey that has signed a challenge, and how often it has signed."""

    id: int
    sign_count: int
    synced: bool
    challenge: bytes


class Owned(Passkey):
    """A passkey with its user, as its queries return it. Only a type: never made."""

    __abstract__ = True

    uid: str
    disabled: str | None


_mine = Passkey.user_id == bindparam("user_id")
OWN = select(Passkey.id, Passkey.name, Passkey.created, Passkey.used, Passkey.synced).where(_mine).order_by(Passkey.id)
KEYS = select(Passkey.credential, Passkey.transports, Passkey.handle).where(_mine).order_by(Passkey.id)
COUNT = select(func.count().label("n")).select_from(Passkey).where(_mine)
OWNED = select(*Passkey.__table__.c, User.uid, User.disabled).join(User, User.id == Passkey.user_id)
BY_CREDENTIAL = OWNED.where(Passkey.credential == bindparam("credential"))
BY_ID = OWNED.where(Passkey.id == bindparam("id"))
ADD = insert(Passkey)
USE = update(Passkey).where(Passkey.id == bindparam("id"))
RENAME = update(Passkey).where(Passkey.id == bindparam("id"), _mine)
DROP = delete(Passkey).where(Passkey.id == bindparam("id"), _mine).returning(Passkey.name)


def count(read: Snapshot, user_id: int) -> int:
    """How many passkeys a user has."""
    found: int = read.one(COUNT, user_id=user_id).n
    return found


@reads
def listed(read: Snapshot, identity: Identity) -> list[PasskeyView]:
    """One's own passkeys."""
    return [_view(row) for row in read.all(OWN, user_id=identity.user)]


def _view(row: Any) -> PasskeyView:
    return PasskeyView(row.id, row.name, row.created, row.used, bool(row.synced))


# What a browser is asked for


def to_be_shown(purpose: Purpose, place: Place, bound: str = "") -> PasskeyOptions:
    """For `navigator.credentials.get`: any passkey that the device has for this host."""
    shape = {"rpId": place.host, "allowCredentials": [], "userVerification": "required", "timeout": TIMEOUT_MS}
    return PasskeyOptions({"challenge": text(challenge.make(purpose, place, bound)), **shape})


@reads
def to_be_added(read: Snapshot, identity: Identity, place: Place) -> PasskeyOptions:
    """For `navigator.credentials.create`: another passkey of the user's. Raises Conflict for who has very many."""
    _check_count(read, identity.user)
    rows = read.all(KEYS, user_id=identity.user)
    known = [{"type": "public-key", "id": text(row.credential), "transports": row.transports} for row in rows]
    who = handle.within(read, identity.user), identity.uid, identity.name
    return to_be_made("add", place, str(identity.session), who, known)


def _check_count(read: Snapshot, user_id: int) -> None:
    if count(read, user_id) >= MOST:
        raise Conflict(_("You have %(most)s passkeys. Delete one that you do not need any more first.", most=MOST))


@reads
def handle(read: Snapshot, user_id: int) -> bytes:
    """What devices know an account by: the same for all of its passkeys, and nothing that tells who it is."""
    rows = read.all(KEYS, user_id=user_id)
    return rows[0].handle if rows else challenge.keyed(f"user {user_id}")


def to_be_made(
    purpose: Purpose, place: Place, bound: str, who: tuple[bytes, str, str], known: Sequence[Json] = ()
) -> PasskeyOptions:
    """For `navigator.credentials.create`: a passkey of an account with this handle, user name and name."""
    kinds = [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS]
    device = {"residentKey": "required", "requireResidentKey": True, "userVerification": "required"}
    return PasskeyOptions({
        "challenge": text(challenge.make(purpose, place, bound)),
        "rp": {"id": place.host, "name": "Pottle"},
        "user": {"id": text(who[0]), "name": who[1], "displayName": who[2]},
        "pubKeyCredParams": kinds,
        "excludeCredentials": [*known],
        "authenticatorSelection": device,
        "attestation": "none",
        "timeout": TIMEOUT_MS,
    })  # fmt: skip


# What it sends


async def made(sent: Json, purpose: Purpose, place: Place, bound: str, handle: bytes) -> Made:
    """What a device has made, for whom `to_be_made` said. Raises Invalid or Unauthenticated for what is not good."""
    signed = _challenge(sent, purpose, place, bound)

    def verify() -> Any:
        from webauthn import verify_registration_response  # 60 ms

        return verify_registration_response(
            credential=sent, expected_challenge=signed, expected_rp_id=place.host, expected_origin=place.origin,
            require_user_verification=True,
        )  # fmt: skip

    found = await _verified(verify)
    transports = _known(sent["response"].get("transports"))
    key = found.credential_id, found.credential_public_key, handle
    return Made(*key, found.sign_count, transports, found.credential_backed_up, found.aaguid, signed)


async def shown(sent: Json, purpose: Purpose, place: Place, bound: str = "") -> Shown:
    """Which passkey has signed. Raises Invalid or Unauthenticated for what is not good."""
    signed = _challenge(sent, purpose, place, bound)
    row = await _by_credential(_bytes(sent.get("id")))
    if row is None:
        raise Unauthenticated(_("This passkey is not known here; it may have been deleted."))
    given = sent["response"].get("userHandle")
    if given and _bytes(given) != row.handle:
        raise wrong()
    key = row.public_key

    def verify() -> Any:
        from webauthn import verify_authentication_response

        # The count is looked at in the unit, where it is kept.
        return verify_authentication_response(
            credential=sent, expected_challenge=signed, expected_rp_id=place.host, expected_origin=place.origin,
            credential_public_key=key, credential_current_sign_count=0, require_user_verification=True,
        )  # fmt: skip

    found = await _verified(verify)
    return Shown(row.id, found.new_sign_count, found.credential_backed_up, signed)


@reads
def _by_credential(read: Snapshot, credential: bytes) -> Owned | None:
    found: Owned | None = read.one(BY_CREDENTIAL, credential=credential)
    return found


def _challenge(sent: Json, purpose: Purpose, place: Place, bound: str) -> bytes:
    """The challenge that was signed, as far as the browser says. Raises Invalid, and what `challenge.check` does."""
    try:
        said = msgspec.json.decode(_bytes(sent["response"]["clientDataJSON"]))
        signed, framed = _bytes(said["challenge"]), said.get("crossOrigin")
    except (LookupError, TypeError, ValueError, AttributeError):
        raise wrong() from None
    if framed:
        raise wrong()
    challenge.check(signed, purpose, place, bound)
    return signed


async def _verified(verify: Callable[[], Any]) -> Any:
    """What the library found, beside the event loop."""
    try:
        return await asyncio.to_thread(verify)
    except Exception:  # whatever a library makes of bytes that anybody may send
        raise wrong() from None


def wrong() -> Invalid:
    """The answer to what is not signed, or not by whom, where and for what it should be."""
    return Invalid({"credential": _("was not accepted: please try again")})


# What is done with it


def check(read: Snapshot, made: Made) -> None:
    """Raises Conflict for a passkey that is known, Unauthenticated for one that was sent before."""
    if read.one(BY_CREDENTIAL, credential=made.credential):
        raise Conflict(_("This passkey is known already."))
    challenge.check_unused(read, made.challenge)


def keep(tx: Tx, user_id: int, made: Made, name: str) -> None:
    """Within a unit, after `check`: it is a passkey of that user's."""
    challenge.use(tx, made.challenge)
    fields = {field: value for field, value in made._asdict().items() if field != "challenge"}
    tx.run(ADD, user_id=user_id, name=name, created=tx.now, used=None, **fields)


async def add(identity: Identity, sent: Json, place: Place, name: str) -> PasskeyView:
    """Adds a passkey to one's account. Raises Invalid, Unauthenticated, Conflict."""
    own = await handle(identity.user)
    return await _add(identity, await made(sent, "add", place, str(identity.session), own), name)


@writes
def _add(tx: Tx, identity: Identity, made: Made, name: str) -> PasskeyView:
    _check_count(tx, identity.user)
    check(tx, made)
    keep(tx, identity.user, made, name)
    if not identity.strong:
        session.strengthen(tx, identity, "passkey")
    credentials.note(tx, identity, "passkey.added", identity.user, identity.uid, detail=name)
    return _view(tx.one(BY_CREDENTIAL, credential=made.credential))


@writes
def rename(tx: Tx, identity: Identity, id_: int, name: str) -> PasskeyView:
    """Gives one of one's passkeys another name. Raises NotFound."""
    if not tx.run(RENAME, id=id_, user_id=identity.user, name=name):
        raise unknown(id_)
    return _view(tx.one(BY_ID, id=id_))


@writes
def remove(tx: Tx, identity: Identity, id_: int) -> None:
    """Deletes one of one's passkeys; all other sessions end. Raises NotFound; Conflict for the only way in."""
    row: Owned | None = tx.one(BY_ID, id=id_)
    if row is None or row.user_id != identity.user:
        raise unknown(id_)
    ways.must_have_another(tx, identity.user)
    tx.run(DROP, id=id_, user_id=identity.user)
    session.end_others.within(tx, identity)
    credentials.note(tx, identity, "passkey.deleted", identity.user, identity.uid, detail=row.name)


def unknown(id_: int) -> NotFound:
    """The answer to the number of a passkey that is not one's own."""
    return NotFound(_("You have no passkey %(id)s.", id=id_))


async def sign_in(sent: Json, place: Place, device: str) -> Signed:
    """A session of whoever a passkey is of. Raises Invalid, Unauthenticated; Forbidden for a disabled account."""
    signed = await _sign_in(await shown(sent, "sign in", place), device)
    if signed is None:
        raise copied()
    return signed


@writes
def _sign_in(tx: Tx, shown: Shown, device: str) -> Signed | None:
    row = _use(tx, shown)
    return session.begin(tx, row.user_id, device, how="passkey", second="passkey") if row else None


async def confirm(identity: Identity, sent: Json, place: Place) -> None:
    """Notes that whoever asks is still its user, by a passkey of theirs. Raises Invalid, Unauthenticated, Forbidden."""
    if not await _confirm(identity, await shown(sent, "confirm", place, str(identity.session))):
        raise copied()


@writes
def _confirm(tx: Tx, identity: Identity, shown: Shown) -> bool:
    row = tx.one(BY_ID, id=shown.id)
    if row is None or row.user_id != identity.user:
        raise Forbidden(_("That is a passkey of another account."))
    if _use(tx, shown) is None:
        return False
    session.confirmed.within(tx, identity)
    if not identity.strong:
        session.strengthen(tx, identity, "passkey")
    return True


def _use(tx: Tx, shown: Shown) -> Owned | None:
    """Counts a use of a passkey. None where it has signed less often than it had before: then there is a copy of it."""
    row: Owned | None = tx.one(BY_ID, id=shown.id)
    if row is None:
        raise wrong()
    if row.disabled:
        raise Forbidden(_("This account is disabled."))
    challenge.check_unused(tx, shown.challenge)
    challenge.use(tx, shown.challenge)
    if shown.sign_count <= row.sign_count and (shown.sign_count or row.sign_count):
        credentials.note(tx, row, "passkey.copied", row.user_id, row.uid, detail=row.name)
        return None
    tx.run(USE, id=row.id, sign_count=shown.sign_count, synced=shown.synced, used=tx.now[:10])
    return row


def copied() -> Forbidden:
    """The answer where somebody may have a copy of a passkey."""
    return Forbidden(_("Somebody may have a copy of this passkey. Sign in another way, and delete it."))


def _known(transports: object) -> list[str]:
    return [one for one in TRANSPORTS if one in transports] if isinstance(transports, list) else []


def text(of: bytes) -> str:
    """Bytes as base64url without padding, as WebAuthn writes them."""
    return urlsafe_b64encode(of).rstrip(b"=").decode()


def _bytes(of: Any) -> bytes:
    """And back. Raises Invalid."""
    try:
        return urlsafe_b64decode(of + "=" * (-len(of) % 4))
    except (TypeError, ValueError):
        raise wrong() from None


ways.also("passkey", count)
