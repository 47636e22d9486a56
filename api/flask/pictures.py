"""`/flask/api/id/pfp`: one's own picture, as base64 in JSON."""

import asyncio
import base64
import binascii
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType
from quart import Blueprint

from api.flask.accounts import FlaskMessage
from model.accounts import avatar
from model.accounts.user import SomeUid
from pottle.errors import Forbidden, Invalid
from pottle.http.answers import asks, gives, takes
from pottle.http.asking import me, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.limits import EDITING, PICTURES, limited
from pottle.store import db
from pottle.values import as_it_is

blueprint = Blueprint("pictures", __name__, url_prefix="/api/id/pfp")


class FlaskPicture(Tolerant):
    """A PNG, JPEG, GIF or WebP image as base64."""

    pfp: Annotated[str, as_it_is("base64")]


class FlaskPictureView(msgspec.Struct):
    """The picture as base64 of a WebP, which browsers show whatever the page takes it for."""

    pfp: str


class FlaskWhose(Tolerant):
    """Whose picture: one's own."""

    uid: SomeUid | UnsetType = UNSET


@blueprint.get("")
@signed_in
@gives(FlaskPictureView)
async def show() -> FlaskPictureView:
    """One's own picture; 404 without one."""
    image, _, _ = await avatar.find(me().uid)
    return FlaskPictureView(base64.b64encode(image).decode())


@blueprint.put("")
@limited(PICTURES)
@signed_in
@takes(FlaskPicture)
@gives(FlaskMessage)
async def put(data: FlaskPicture) -> FlaskMessage:
    """Keep a picture: its middle square, drawn anew."""
    await avatar.put(me(), await asyncio.to_thread(_decoded, data.pfp))
    return FlaskMessage("Profile picture updated successfully")


def _decoded(text: str) -> bytes:
    """The bytes of base64, also behind `data:…;base64,`. Raises Invalid."""
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid({"pfp": "is not base64"}) from error


@blueprint.delete("")
@limited(EDITING)
@signed_in
@asks(FlaskWhose)
@gives(FlaskMessage)
async def delete(query: FlaskWhose) -> FlaskMessage:
    """Take one's own picture away; 404 without one."""
    if query.uid and query.uid.lower() != me().uid.lower():
        raise Forbidden("Nobody takes away the picture of somebody else.")
    await db.write(avatar.remove, me())
    return FlaskMessage("Profile picture deleted successfully")
