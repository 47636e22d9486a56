"""`/flask/api/car_chat`, `/messages` and `/jokes`: views of the channels that POTTLE_FLASK_CHANNELS names for them."""

from typing import Literal

from quart import Blueprint

from api.access import POSTING, REACTING, asker, me
from api.flask import shapes
from api.flask.discussions import make
from api.flask.front_ends import kept_in
from api.flask.texts import safe
from model import settings
from model.flask import extras, overview
from model.flask import post as flask_post
from model.flask.extras import theirs
from model.flask.overview import ChatRow
from model.talk import channel
from model.talk.channel import ChannelRow
from pottle.errors import NotFound
from pottle.http.answers import gives, takes
from pottle.http.asking import anyone, signed_in
from pottle.http.limits import limited

blueprint = Blueprint("chats", __name__, url_prefix="/api")


@blueprint.get("/car_chat")
@anyone
@gives(list[shapes.FlaskChatMessage])
async def chat() -> list[shapes.FlaskChatMessage]:
    """The messages of the chat, the newest 500, oldest first."""
    rows = await _posts("car_chat")
    return [shapes.FlaskChatMessage(row.number, _text(row.body), row.author_number) for row in rows]


@blueprint.post("/car_chat")
@limited(POSTING)
@signed_in
@takes(shapes.FlaskNewMessage)
@gives(shapes.FlaskChatMessage)
async def say(data: shapes.FlaskNewMessage) -> shapes.FlaskChatMessage:
    """Say something in the chat."""
    made = await make((await _channel("car_chat")).id, "", data.message)
    number, user = await theirs("post", made.id), await theirs("user", me().user)
    return shapes.FlaskChatMessage(number, _text(made.body), user)


@blueprint.get("/messages")
@anyone
@gives(shapes.FlaskMessages)
async def messages() -> shapes.FlaskMessages:
    """The messages, the newest 500, oldest first."""
    return shapes.FlaskMessages([_text(row.body) for row in await _posts("messages")])


@blueprint.post("/messages")
@limited(POSTING)
@signed_in
@takes(shapes.FlaskNewMessage)
@gives(shapes.FlaskSaid, 201)
async def add_message(data: shapes.FlaskNewMessage) -> shapes.FlaskSaid:
    """Add a message."""
    await make((await _channel("messages")).id, "", data.message)
    return shapes.FlaskSaid(True, "Message added successfully")


@blueprint.get("/jokes", strict_slashes=False)
@anyone
@gives(list[shapes.FlaskJoke])
async def jokes() -> list[shapes.FlaskJoke]:
    """The jokes, oldest first."""
    rows = await overview.chat(asker(), (await _channel("jokes")).id)
    return [shapes.FlaskJoke(row.number, _text(row.body), row.haha, row.boohoo) for row in rows]


@blueprint.put("/jokes/like/<id:joke_id>")
@limited(REACTING)
@anyone
@gives(shapes.FlaskJoke)
async def like(joke_id: int) -> shapes.FlaskJoke:
    """Laugh at a joke. Those pages sign nobody in for it."""
    return await _laugh(joke_id, "haha")


@blueprint.put("/jokes/jeer/<id:joke_id>")
@limited(REACTING)
@anyone
@gives(shapes.FlaskJoke)
async def jeer(joke_id: int) -> shapes.FlaskJoke:
    """Boo at a joke."""
    return await _laugh(joke_id, "boohoo")


async def _laugh(number: int, how: Literal["haha", "boohoo"]) -> shapes.FlaskJoke:
    joke = await extras.laugh(asker(), (await _channel("jokes")).id, number, how)
    return shapes.FlaskJoke(number, _text(joke.body), joke.haha, joke.boohoo)


async def _channel(name: str) -> ChannelRow:
    """The channel for an endpoint. Raises NotFound where none is named."""
    named = dict(settings.chosen().flask_channels)
    if name not in named:
        example = f"POTTLE_FLASK_CHANNELS={name}=7 would show the channel with the number 7"
        raise NotFound(f"No channel is shown here: {example}.")
    return await channel.visible_to(asker(), named[name])


async def _posts(name: str) -> list[ChatRow]:
    """The newest posts of that channel, oldest first; pages ask for them once a second."""
    found = await _channel(name)
    rows = await overview.chat(asker(), found.id)
    kept_in(found, *{f"user:{row.uid}" for row in rows if row.uid})
    return rows


def _text(body: str) -> str:
    title, comment, _ = flask_post.split(body)
    return safe(comment or title)
