"""`/flask/api/car_chat`, `/messages` and `/jokes`: views of the channels that POTTLE_FLASK_CHANNELS names for them."""

from typing import Literal

import msgspec

from api.access import POSTING, REACTING, asker, me
from api.flask.endpoints import FlaskSaid, PartOfText, endpoint, kept_in, safe
from api.flask.posts import make
from model import settings
from model.flask import extras, overview
from model.flask import post as flask_post
from model.flask.extras import theirs
from model.flask.overview import PostRow
from model.talk import channel
from model.talk.channel import ChannelRow
from pottle.errors import NotFound
from pottle.http.asking import anyone, signed_in


class FlaskChatMessage(msgspec.Struct):
    """A message of the chat. `user_id` is the number of an account; null for who has none."""

    id: int
    message: str
    user_id: int | None


@endpoint("GET /car_chat", anyone)
async def chat() -> list[FlaskChatMessage]:
    """The messages of the chat, the newest 500, oldest first."""
    return [FlaskChatMessage(row.number, _text(row.body), row.author_number) for row in await _posts("car_chat")]


@endpoint("POST /car_chat", signed_in, POSTING)
async def say(message: PartOfText) -> FlaskChatMessage:
    """Say something in the chat."""
    made = await make((await _channel("car_chat")).id, "", message)
    return FlaskChatMessage(await theirs("post", made.id), _text(made.body), await theirs("user", me().user))


class FlaskMessages(msgspec.Struct):
    """All messages, oldest first."""

    messages: list[str]


@endpoint("GET /messages", anyone)
async def messages() -> FlaskMessages:
    """The messages, the newest 500, oldest first."""
    return FlaskMessages([_text(row.body) for row in await _posts("messages")])


@endpoint("POST /messages", signed_in, POSTING, status=201)
async def add_message(message: PartOfText) -> FlaskSaid:
    """Add a message."""
    await make((await _channel("messages")).id, "", message)
    return FlaskSaid(True, "Message added successfully")


class FlaskJoke(msgspec.Struct):
    """A joke, and how often somebody laughed and booed."""

    id: int
    joke: str
    haha: int
    boohoo: int


@endpoint("GET /jokes", anyone, strict_slashes=False)
async def jokes() -> list[FlaskJoke]:
    """The jokes, oldest first."""
    rows = await overview.posts_in(asker(), (await _channel("jokes")).id)
    return [FlaskJoke(row.number, _text(row.body), row.haha, row.boohoo) for row in rows]


@endpoint("PUT /jokes/like/<id:joke_id>", anyone, REACTING)
async def like(joke_id: int) -> FlaskJoke:
    """Laugh at a joke. Those pages sign nobody in for it."""
    return await _laugh(joke_id, "haha")


@endpoint("PUT /jokes/jeer/<id:joke_id>", anyone, REACTING)
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
    kept_in(found, *{f"user:{row.uid}" for row in rows if row.uid and not row.anonymous})
    return rows


def _text(body: str) -> str:
    title, comment, _ = flask_post.split(body)
    return safe(comment or title)
