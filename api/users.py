"""`/api/users`: signing up, and public profiles."""

import msgspec
from quart import Blueprint, Response

from api.http.answers import Answer, gives, ready_made, takes
from api.http.asking import anyone
from api.http.caching import shown
from api.http.limits import SIGN_UP, limited
from api.http.retries import idempotent
from model import avatar, user
from model.user import Email, Name, Password, Uid, UserView

blueprint = Blueprint("users", __name__, url_prefix="/api/users")


class NewUser(msgspec.Struct):
    """An account to make. The uid is what one signs in with; its case does not count."""

    uid: Uid
    name: Name
    password: Password
    email: Email | None = None


@blueprint.post("")
@limited(SIGN_UP, ahead=True)
@anyone
@idempotent
@takes(NewUser)
@gives(UserView, 201)
async def create(data: NewUser) -> Answer:
    """Sign up."""
    made = await user.sign_up(data.uid, data.name, data.password, data.email)
    return Answer(made, headers={"Location": f"/api/users/{made.uid}"})


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
    data, hashed, written = await avatar.find(uid)
    shown(f"user:{written}")
    return ready_made(data, avatar.MEDIA_TYPE, f'"{hashed}"')
