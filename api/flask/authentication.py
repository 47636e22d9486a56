"""`/flask/api/authenticate`: signing in and out, by the cookie `jwt_python_flask`."""

from quart import Blueprint, Response

from api.flask.asking import by_any_program, clear_cookie, set_cookie
from model.accounts import session, signing_in
from model.accounts.user import Password, SomeUid
from pottle.http.answers import gives, takes
from pottle.http.asking import address, anyone, device, me, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.limits import EDITING, SIGN_IN, limited
from pottle.http.notices import attempt
from pottle.store import db

blueprint = Blueprint("authentication", __name__, url_prefix="/api/authenticate")


class FlaskCredentials(Tolerant):
    """What one signs in with."""

    uid: SomeUid
    password: Password


@blueprint.post("")
@by_any_program
@limited(SIGN_IN)
@anyone
@takes(FlaskCredentials)
@gives(str)
async def create(data: FlaskCredentials) -> Response:
    """Sign in. The answer is a text that no page reads, and the cookie."""
    signed = await attempt(signing_in.sign_in(data.uid, data.password, address(), device()), data.uid)
    response = _text(f"Authentication for {signed.identity.uid} successful")
    set_cookie(response, signed.token)
    return response


@blueprint.delete("")
@limited(EDITING)
@signed_in
@gives(str)
async def delete() -> Response:
    """Sign out: the session ends at once, everywhere. 401 for who is not signed in."""
    await db.write(session.sign_out, me())
    response = _text("Token invalidated successfully")
    clear_cookie(response)
    return response


def _text(text: str) -> Response:
    return Response(text, 200, {"Cache-Control": "no-store"}, content_type="text/plain; charset=utf-8")
