"""`/api/users`: signing up, and public profiles."""

from contextlib import suppress
from typing import Annotated

import msgspec
from quart import Blueprint, Response
from werkzeug.exceptions import HTTPException

from api.access import BY_CODE, SIGN_UP
from model.accounts import avatar, user
from model.accounts.user import Email, Name, Password, Uid, UserView
from model.groups import joining
from pottle.errors import Invalid
from pottle.http import bodies
from pottle.http.answers import Answer, gives, ready_made, takes
from pottle.http.asking import address, anyone
from pottle.http.caching import shown
from pottle.http.limits import Party, idempotent, limited
from pottle.values import line

blueprint = Blueprint("users", __name__, url_prefix="/api/users")


class NewUser(msgspec.Struct):
    """An account to make. The uid is what one signs in with; its case does not count."""

    uid: Uid
    name: Name
    password: Password
    email: Email | None = None
    invitation: Annotated[str, line(80, shortest=0)] | None = None


async def _by_code() -> Party | None:
    """Whom a sign-up with a valid code counts against: a school is one address. Raises TooMany for a guesser."""
    code = None
    with suppress(HTTPException, Invalid):  # which the handler's own check will tell
        code = (await bodies.parsed(NewUser)).invitation
    held = await joining.good(code, address()) if code is not None else None
    return None if held is None else (f"code {held} address {address()}", BY_CODE)


@blueprint.post("")
@limited(SIGN_UP, instead=_by_code)
@anyone
@idempotent
@takes(NewUser)
@gives(UserView, 201)
async def create(data: NewUser) -> Answer:
    """Sign up. With the code of an invitation one is at once a member of its group, and of those who sign up at this
    address only those with the same code count."""
    made = await joining.sign_up(data.uid, data.name, data.password, data.email, data.invitation)
    return Answer(made, location=f"/api/users/{made.uid}")


@blueprint.get("/<uid>")
@anyone
@gives(UserView)
async def show(uid: str) -> UserView:
    """A user's public profile."""
    view = await user.find(uid)
    shown(f"user:{view.uid}")
    return view


@blueprint.get("/<uid>/avatar")
@anyone
@gives(bytes)
async def show_avatar(uid: str) -> Response:
    """A user's avatar, as WebP."""
    found = await avatar.find(uid)
    shown(f"user:{found.uid}")
    return ready_made(found.image, avatar.MEDIA_TYPE, f'"{found.hash}"')
