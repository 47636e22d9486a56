"""`/flask/api/car_chat`, `/messages` and `/jokes`: views of the channels that POTTLE_FLASK_CHANNELS names for them."""

from typing import Any, Literal

import msgspec
from quart import Blueprint

from api.flask.lists import kept_in
from api.flask.posts import PartOfText, make
from api.flask.refusals import not_here
from api.flask.texts import safe
from model.flask import jokes as flask_jokes
from model.flask import overview
from model.flask import post as flask_post
from model.flask.numbers import ours, theirs
from model.talk import channel
from pottle.errors import NotFound
from pottle.http.answers import gives, takes
from pottle.http.asking import anyone, asker, me, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.limits import POSTING, REACTING, limited
from pottle.store import db

blueprint = Blueprint("chats", __name__, url_prefix="/api")


class FlaskNewMessage(Tolerant):
    """What to say."""

    message: PartOfText


class FlaskChatMessage(msgspec.Struct):
    """A message of the chat. `user_id` is the number of an account; null for who has none."""

    id: int
    message: str
    user_id: int | None


class FlaskMessages(msgspec.Struct):
    """All messages, oldest first."""

    messages: list[str]


class FlaskSaid(msgspec.Struct):
    """A message was posted. One page looks for `success`."""

    success: bool
    message: str


class FlaskJoke(msgspec.Struct):
    """A joke, and how often somebody laughed and booed."""

    id: int
    joke: str
    haha: int
    boohoo: int


@blueprint.get("/car_chat")
@anyone
@gives(list[FlaskChatMessage])
async def chat() -> list[FlaskChatMessage]:
    """The messages of the chat, the newest 500, oldest first."""
    rows = await _posts("car_chat")
    posts, users = theirs("post", (row.id for row in rows)), theirs("user", _authors(rows))
    return [FlaskChatMessage(posts[row.id], _text(row.body), users.get(row.author_id)) for row in rows]


@blueprint.post("/car_chat")
@limited(POSTING)
@signed_in
@takes(FlaskNewMessage)
@gives(FlaskChatMessage)
async def say(data: FlaskNewMessage) -> FlaskChatMessage:
    """Say something in the chat."""
    made = await make((await _place("car_chat")).id, "", data.message)
    number, user = theirs("post", [made.id])[made.id], theirs("user", [me().user])[me().user]
    return FlaskChatMessage(number, _text(made.body), user)


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
    await make((await _place("messages")).id, "", data.message)
    return FlaskSaid(True, "Message added successfully")


@blueprint.get("/jokes", strict_slashes=False)
@anyone
@gives(list[FlaskJoke])
async def jokes() -> list[FlaskJoke]:
    """The jokes, oldest first."""
    found = await flask_jokes.listed(asker(), (await _place("jokes")).id)
    numbers = theirs("post", (row.id for row, *_ in found))
    return [FlaskJoke(numbers[row.id], _text(row.body), *counts) for row, *counts in found]


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
    place = await _place("jokes")
    body, *counts = await db.write(flask_jokes.laugh, asker(), place.id, ours("post", number), how)
    return FlaskJoke(number, _text(body), *counts)


async def _place(name: str) -> Any:
    """The channel for an endpoint. Raises NotFound where none is named."""
    named = dict(db.settings.flask_channels)
    if name not in named:
        raise NotFound(not_here(name))
    return await channel.find(asker(), named[name])


async def _posts(name: str) -> list[Any]:
    """The newest posts of that channel, oldest first; pages ask for them once a second."""
    place = await _place(name)
    rows = await overview.posts_in(asker(), place.id)
    kept_in(place, *{f"user:{row.uid}" for row in rows if row.uid})
    return rows


def _authors(rows: list[Any]) -> list[int]:
    return [row.author_id for row in rows if row.author_id is not None]


def _text(body: str) -> str:
    title, comment, _ = flask_post.split(body)
    return safe(comment or title)
