"""`/api/me/passkeys`: one's passkeys; `/api/session/passkey`, `/api/passkeys`, `/api/password/passkey`: in by one."""

from contextlib import suppress
from typing import Annotated

import msgspec
from quart import Blueprint, Response
from werkzeug.exceptions import HTTPException

from api.access import BY_CODE, EDITING, SIGN_IN, SIGN_UP, attempt, by_session, confirmed, device, me
from api.arriving import PasskeyCredential, begun, place, sent
from model.accounts import passkey, resetting
from model.accounts.passkey import PasskeyOptions, PasskeyView
from model.accounts.session import SessionView
from model.accounts.user import Name, Uid
from model.groups import joining
from model.groups.invitation import Code
from pottle.errors import Invalid
from pottle.http import bodies
from pottle.http.answers import Answer, gives, takes
from pottle.http.asking import address, anyone, signed_in
from pottle.http.limits import Party, limited
from pottle.values import line

blueprint = Blueprint("passkeys", __name__)

PasskeyName = Annotated[str, line(80)]


class PasskeySignIn(msgspec.Struct):
    """What `navigator.credentials.get` gave, as `toJSON()` writes it."""

    credential: PasskeyCredential


@blueprint.post("/api/session/passkey/options")
@limited(SIGN_IN)
@anyone
@gives(PasskeyOptions)
async def sign_in_options() -> PasskeyOptions:
    """What `navigator.credentials.get` takes, to sign in with a passkey. It is good for ten minutes and once."""
    return passkey.to_be_shown("sign in", place())


@blueprint.post("/api/session/passkey")
@limited(SIGN_IN)
@anyone
@takes(PasskeySignIn)
@gives(SessionView, 201)
async def sign_in(data: PasskeySignIn) -> Response:
    """Sign in with a passkey. It is both factors."""
    return await begun(await attempt(passkey.sign_in(sent(data.credential), place(), device())))


@blueprint.post("/api/session/confirm/options")
@limited(EDITING)
@signed_in
@by_session
@gives(PasskeyOptions)
async def confirm_options() -> PasskeyOptions:
    """What `navigator.credentials.get` takes, to prove again who one is."""
    return passkey.to_be_shown("confirm", place(), str(me().session))


class PasskeysView(msgspec.Struct):
    """One's passkeys, oldest first."""

    passkeys: list[PasskeyView]


@blueprint.get("/api/me/passkeys")
@signed_in
@by_session
@gives(PasskeysView)
async def index() -> PasskeysView:
    """One's passkeys."""
    return PasskeysView(await passkey.listed(me()))


@blueprint.post("/api/me/passkeys/options")
@limited(EDITING)
@signed_in
@confirmed
@gives(PasskeyOptions)
async def add_options() -> PasskeyOptions:
    """What `navigator.credentials.create` takes, to make another passkey of one's own."""
    return await passkey.to_be_added(me(), place())


class NewPasskey(msgspec.Struct):
    """What `navigator.credentials.create` gave, as `toJSON()` writes it, and a name for it (else the browser's)."""

    credential: PasskeyCredential
    name: PasskeyName | None = None


@blueprint.post("/api/me/passkeys")
@limited(EDITING)
@signed_in
@confirmed
@takes(NewPasskey)
@gives(PasskeyView, 201)
async def add(data: NewPasskey) -> Answer:
    """Add a passkey to one's account."""
    return Answer(await passkey.add(me(), sent(data.credential), place(), data.name or device()))


class PasskeyEdit(msgspec.Struct):
    """Another name for a passkey."""

    name: PasskeyName


@blueprint.patch("/api/me/passkeys/<id:passkey_id>")
@limited(EDITING)
@signed_in
@by_session
@takes(PasskeyEdit)
@gives(PasskeyView)
async def rename(passkey_id: int, data: PasskeyEdit) -> PasskeyView:
    """Give one of one's passkeys another name."""
    return await passkey.rename(me(), passkey_id, data.name)


@blueprint.delete("/api/me/passkeys/<id:passkey_id>")
@limited(EDITING)
@signed_in
@confirmed
@gives(None, 204)
async def remove(passkey_id: int) -> None:
    """Delete one of one's passkeys, but not the only way in. One is signed out everywhere else."""
    await passkey.remove(me(), passkey_id)


class Newcomer(msgspec.Struct):
    """Whose account is to be made."""

    uid: Uid
    name: Name
    invitation: Annotated[str, line(80, shortest=0)] | None = None


class NewcomerWithPasskey(Newcomer, kw_only=True):
    """An account to make, and what `navigator.credentials.create` gave."""

    credential: PasskeyCredential


async def _by_code() -> Party | None:
    """As of a sign-up with a password."""
    code = None
    with suppress(HTTPException, Invalid):  # which the handler's own check will tell
        code = (await bodies.parsed(NewcomerWithPasskey)).invitation
    held = await joining.good(code, address()) if code else None
    return None if held is None else (f"code {held} address {address()}", BY_CODE)


@blueprint.post("/api/passkeys/options")
@limited(SIGN_IN)
@anyone
@takes(Newcomer)
@gives(PasskeyOptions)
async def sign_up_options(data: Newcomer) -> PasskeyOptions:
    """What `navigator.credentials.create` takes, to sign up with a passkey. Refused where signing up would be."""
    return await joining.passkey_options(data.uid, data.name, data.invitation, place())


@blueprint.post("/api/passkeys")
@limited(SIGN_UP, instead=_by_code)
@anyone
@takes(NewcomerWithPasskey)
@gives(SessionView, 201)
async def sign_up(data: NewcomerWithPasskey) -> Response:
    """Sign up with a passkey and no password, and in."""
    who = data.uid, data.name, data.invitation
    return await begun(await joining.sign_up_by_passkey(*who, sent(data.credential), place(), device()))


class CodeAlone(msgspec.Struct):
    """A code from a reset link or a roster."""

    code: Code


class CodeWithPasskey(msgspec.Struct):
    """A code from a reset link or a roster, and what `navigator.credentials.create` gave."""

    code: Code
    credential: PasskeyCredential


@blueprint.post("/api/password/passkey/options")
@limited(SIGN_IN)
@anyone
@takes(CodeAlone)
@gives(PasskeyOptions)
async def code_options(data: CodeAlone) -> PasskeyOptions:
    """What `navigator.credentials.create` takes, for a passkey in place of a password for the account of a code."""
    return await resetting.passkey_options(data.code, address(), place())


@blueprint.put("/api/password/passkey")
@limited(SIGN_IN)
@anyone
@takes(CodeWithPasskey)
@gives(SessionView, 201)
async def set_passkey(data: CodeWithPasskey) -> Response:
    """As `PUT /api/password`, with a passkey in place of a password."""
    made = resetting.set_passkey(data.code, address(), sent(data.credential), place(), device())
    return await begun(await attempt(made))
