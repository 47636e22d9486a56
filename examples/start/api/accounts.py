"""`/api/users`, `/api/session`, `/api/me`: signing up, in and out."""

import msgspec
from quart import Blueprint, Response

from api.access import SIGN_IN, SIGN_UP, WRITING, clear_cookie, me, set_cookie
from model import account
from model.account import Account, Name, Password, Uid
from pottle.http.answers import gives, respond, takes
from pottle.http.asking import address, anyone, foreign_origin, signed_in
from pottle.http.limits import idempotent, limited

blueprint = Blueprint("accounts", __name__, url_prefix="/api")


class NewUser(msgspec.Struct):
    """Somebody who signs up."""

    uid: Uid
    name: Name
    password: Password


class Credentials(msgspec.Struct):
    """What one signs in with."""

    uid: str
    password: str


class SessionView(msgspec.Struct):
    """A session that just began. The token is for `Authorization: Bearer …`; our own pages use the cookie."""

    user: Account
    token: str
    expires: str


@blueprint.post("/users")
@limited(SIGN_UP)
@anyone
@idempotent
@takes(NewUser)
@gives(Account, 201)
async def sign_up(data: NewUser) -> Account:
    """Create an account."""
    return await account.sign_up(data.uid, data.name, data.password)


@blueprint.post("/session")
@limited(SIGN_IN)
@anyone
@takes(Credentials)
@gives(SessionView, 201)
async def sign_in(data: Credentials) -> Response:
    """Sign in. The cookie is set for our own pages only."""
    identity, secret = await account.sign_in(data.uid, data.password, address())
    response = respond(SessionView(Account(identity.uid, identity.name), secret, identity.expires), 201)
    if foreign_origin() is None:
        set_cookie(response, secret)
    return response


@blueprint.delete("/session")
@limited(WRITING)
@signed_in
@gives(None, 204)
async def sign_out() -> Response:
    """Sign out: the session ends at once, on every worker and every live connection."""
    await account.sign_out(me())
    response = respond(None, 204)
    clear_cookie(response)
    return response


@blueprint.get("/me")
@signed_in
@gives(Account)
async def show() -> Account:
    """One's own account."""
    return Account(me().uid, me().name)
