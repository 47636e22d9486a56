"""`/flask/api/car_chat`, `/messages` and `/jokes`: views of the channels that POTTLE_FLASK_CHANNELS names for them."""

from typing import Literal

import msgspec
from quart import Blueprint

from api.access import POSTING, REACTING, asker, me
from api.flask.front_ends import kept_in
from api.flask.posts import make
from api.flask.texts import FlaskSaid, PartOfText, safe
from model import settings
from model.flask import extras, overview
from model.flask import post as flask_post
from model.flask.extras import theirs
from model.flask.overview import PostRow
from model.talk import channel
from model.talk.channel import ChannelRow
from pottle.errors import NotFound
from pottle.http.answers import gives, takes
from pottle.http.asking import anyone, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.limits import limited

blueprint = Blueprint("chats", __name__, url_prefix="/api")


class FlaskChatMessage(msgspec.Struct):
    """A message of the chat. `user_id` is the number of an account; null for who has none."""

    id: int
    message: str
    user_id: int | None


@blueprint.get("/car_chat")
@anyone
@gives(list[FlaskChatMessage])
async def chat() -> list[FlaskChatMessage]:
    """The messages of the chat, the newest 500, oldest first."""
    return [FlaskChatMessage(row.number, _text(row.body), row.author_number) for row in await _posts("car_chat")]


class FlaskNewMessage(Tolerant):
    """What to say."""

    message: PartOfText


@blueprint.post("/car_chat")
@limited(POSTING)
@signed_in
@takes(FlaskNewMessage)
@gives(FlaskChatMessage)
async def say(data: FlaskNewMessage) -> FlaskChatMessage:
    """Say something in the chat."""
    made = await make((await _channel("car_chat")).id, "", data.message)
    return FlaskChatMessage(await theirs("post", made.id), _text(made.body), await theirs("user", me().user))


class FlaskMessages(msgspec.Struct):
    """All messages, oldest first."""

    messages: list[str]


@blueprint.get("/messages")
@anyone
@gives(FlaskMessages)
async def messages() -> FlaskMessages:
    """The messages, the newest 500, oldest first."""
    return FlaskMessages([_text(row.body) for row in await _posts("messages")])


@blueprint.post("/messages")
@limited(POSTING)
@signed_in
@takes(FlaskNewMessage)
@gives(FlaskSaid, 201)
async def add_message(data: FlaskNewMessage) -> FlaskSaid:
    """Add a message."""
    await make((await _channel("messages")).id, "", data.message)
    return FlaskSaid(True, "Message added successfully")


class FlaskJoke(msgspec.Struct):
    """A joke, and how often somebody laughed and booed."""

    id: int
    joke: str
    haha: int
    boohoo: int


@blueprint.get("/jokes", strict_slashes=False)
@anyone
@gives(list[FlaskJoke])
async def jokes() -> list[FlaskJoke]:
    """The jokes, oldest first."""
    rows = await overview.posts_in(asker(), (await _channel("jokes")).id)
    return [FlaskJoke(row.number, _text(row.body), row.haha, row.boohoo) for row in rows]


@blueprint.put("/jokes/like/<id:joke_id>")
@limited(REACTING)
@anyone
@gives(FlaskJoke)
async def like(joke_id: int) -> FlaskJoke:
    """Laugh at a joke. Those pages sign nobody in for it."""
    return await _laugh(joke_id, "haha")


@blueprint.put("/jokes/jeer/<id:joke_id>")
@limited(REACTING)
@anyone
@gives(FlaskJoke)
async def jeer(joke_id: int) -> FlaskJoke:
    """Boo at a joke."""
    return await _laugh(joke_id, "boohoo")


async def _laugh(number: int, how: Literal["haha", "boohoo"]) -> FlaskJoke:
    body, haha, boohoo = await extras.laugh(asker(), (await _channel("jokes")).id, number, how)
    return FlaskJoke(number, _text(body), haha, boohoo)


async def _channel(name: str) -> ChannelRow:
    """The channel for an endpoint. Raises NotFound where none is named."""
    named = dict(settings.chosen().flask_channels)
    if name not in named:
        example = f"POTTLE_FLASK_CHANNELS={name}=7 would show the channel with the number 7"
        raise NotFound(f"No channel is shown here: {example}.")
    return await channel.visible_to(asker(), named[name])


async def _posts(name: str) -> list[PostRow]:
    """The newest posts of that channel, oldest first; pages ask for them once a second."""
    found = await _channel(name)
    rows = await overview.posts_in(asker(), found.id)
    kept_in(found, *{f"user:{row.uid}" for row in rows if row.uid})
    return rows


def _text(body: str) -> str:
    title, comment, _ = flask_post.split(body)
    return safe(comment or title)
