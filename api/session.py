"""`/api/session`: signing in and out. `/api/password`: in by a code, for who has no password, or forgot it."""

import msgspec
from quart import Blueprint, Response

from api.access import EDITING, SIGN_IN, attempt, by_session, device, me, set_cookie, signed_out
from model import settings
from model.accounts import account, session, user
from model.accounts.session import SessionView, Signed
from model.accounts.user import Password, SomeUid
from model.groups.invitation import Code
from pottle.http.answers import gives, respond, takes
from pottle.http.asking import address, anyone, foreign_origin, signed_in
from pottle.http.limits import limited

blueprint = Blueprint("session", __name__, url_prefix="/api")


class Credentials(msgspec.Struct):
    """What one signs in with."""

    uid: SomeUid
    password: Password


@blueprint.post("/session")
@limited(SIGN_IN)
@anyone
@takes(Credentials)
@gives(SessionView, 201)
async def create(data: Credentials) -> Response:
    """Sign in. The cookie is set for our own pages only."""
    return await _begun(await attempt(account.sign_in(data.uid, data.password, address(), device()), data.uid))


async def _begun(signed: Signed) -> Response:
    own = await user.account(signed.identity.user)
    response = respond(SessionView(own, signed.token, signed.identity.expires), 201)
    if foreign_origin() is None:
        set_cookie(response, signed.token, settings.chosen().session_days)
    return response


class Confirmation(msgspec.Struct):
    """One's own password, again."""

    password: Password


@blueprint.post("/session/confirm")
@limited(EDITING)
@signed_in
@by_session
@takes(Confirmation)
@gives(None, 204)
async def confirm(data: Confirmation) -> None:
    """Enter the password again: for ten minutes this session may then do what a refusal of the type
    `urn:pottle:confirmation-needed` asks it for. Signing in counts as well."""
    await attempt(account.prove(me(), data.password), me().uid)
    await session.confirm_password(me())


@blueprint.delete("/session")
@limited(EDITING)
@signed_in
@gives(None, 204)
async def delete() -> Response:
    """Sign out: the session ends at once, on every worker and every socket."""
    await session.end(me())
    return signed_out()


class NewPassword(msgspec.Struct):
    """A code from a reset link or a roster, and the password to set."""

    code: Code
    password: Password


@blueprint.put("/password")
@limited(SIGN_IN)
@anyone
@takes(NewPassword)
@gives(SessionView, 201)
async def set_password(data: NewPassword) -> Response:
    """Set the password of the account that a code is for, and sign in. All its sessions and tokens end at once."""
    return await _begun(await attempt(account.set_password(data.code, data.password, address(), device())))
