"""`/api/images`: images for posts, where a group allows them."""

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Blueprint, Response

from api.access import EDITING, PICTURES, asker, me
from model.pictures import MEDIA_TYPE
from model.talk import image
from model.talk.image import ImageView
from pottle.http import bodies
from pottle.http.answers import Answer, asks, gives, ready_made, takes
from pottle.http.asking import anyone, signed_in
from pottle.http.caching import SHARED
from pottle.http.limits import idempotent, limited

blueprint = Blueprint("images", __name__, url_prefix="/api/images")
bodies.UPLOADS["/api/images"] = 1.0


class ForChannel(msgspec.Struct):
    """The discussion that it is for."""

    channel: Annotated[int, Meta(ge=1, le=10**18 - 1)]


@blueprint.post("")
@limited(PICTURES)
@signed_in
@idempotent
@asks(ForChannel)
@takes(bytes)
@gives(ImageView, 201)
async def create(query: ForChannel, data: bytes) -> Answer:
    """Send an image (PNG, JPEG, GIF or WebP) as the body, to show it in a post of that discussion.

    The post is to have `![what it shows](url)`. One that no post shows is deleted after a day.
    """
    made = await image.put(me(), query.channel, data)
    return Answer(made, location=made.url)


@blueprint.get("/<key>")
@anyone
@gives(bytes)
async def show(key: str) -> Response:
    """An image, as WebP, for those who may read the post that shows it."""
    found = await image.find(asker(), key)
    response = ready_made(found.data, MEDIA_TYPE, f'"{key}"')
    if found.public:
        response.headers["Cache-Control"] = SHARED
    return response


@blueprint.delete("/<key>")
@limited(EDITING)
@signed_in
@gives(None, 204)
async def delete(key: str) -> None:
    """Delete an image of your own that no post shows yet."""
    await image.remove(me(), key)
