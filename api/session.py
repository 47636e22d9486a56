"""`/api/session`: signing in and out. `/api/password`: in by a code, for who has no password, or forgot it."""

import msgspec
from quart import Blueprint, Response

from api.access import EDITING, SIGN_IN, attempt, device, me, signed_out
from api.arriving import begun
from model.accounts import account, resetting, second, session
from model.accounts.session import SessionView
from model.accounts.ticket import TicketText
from model.accounts.user import Password, SomeUid
from model.groups.invitation import Code
from pottle.http.answers import gives, takes
from pottle.http.asking import address, anyone, signed_in
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
    return await begun(await attempt(account.sign_in(data.uid, data.password, address(), device()), data.uid))


class SecondCode(msgspec.Struct):
    """A code of the authenticator app, or a recovery code, with the ticket that the first factor gave."""

    ticket: TicketText
    code: Code


@blueprint.post("/session/second")
@limited(SIGN_IN)
@anyone
@takes(SecondCode)
@gives(SessionView, 201)
async def give_second(data: SecondCode) -> Response:
    """Give the second factor, where signing in was answered with 401 and the type `urn:pottle:second-factor-needed`."""
    return await begun(await attempt(second.finish(data.ticket, data.code)))


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
    return await begun(await attempt(resetting.set_password(data.code, data.password, address(), device())))
