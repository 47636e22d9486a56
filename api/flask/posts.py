"""`/flask/api/post` and `/flask/api/posts`: what people write, with a title, a comment and free-form content."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from quart import Blueprint

from api.flask.accounts import FlaskMessage
from api.flask.asking import by_any_program
from api.flask.lists import kept_for
from api.flask.texts import is_too_deep, safe, safe_content, sent_back
from model.flask import overview
from model.flask import post as flask_post
from model.flask.numbers import ours, theirs
from model.talk import channel, post, posting, review
from model.talk.post import Author, PostView
from pottle.errors import Invalid, NotFound
from pottle.http.answers import asks, gives, takes
from pottle.http.asking import anyone, asker, me, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.limits import EDITING, POSTING, limited
from pottle.http.retries import idempotent
from pottle.store import db
from pottle.values import as_it_is, line

blueprint = Blueprint("posts", __name__, url_prefix="/api")

# Pages send what they got as an option's value, a text; others a number.
Number = (
    Annotated[int, Meta(ge=1, le=10**18 - 1)]
    | Annotated[str, line(18, pattern=r"^[1-9][0-9]{0,17}$(?!\n)", says="must be the number of what is meant")]
)
PartOfText = Annotated[str, as_it_is("it becomes part of a post's Markdown")]


class FlaskPost(msgspec.Struct):
    """A post. Its texts are safe to put into a page; `content` is {} without any."""

    id: int
    title: str
    comment: str
    content: Any
    user_name: str
    channel_name: str
    channel_id: int


class FlaskNewPost(Tolerant):
    """A post to make."""

    title: PartOfText
    comment: PartOfText
    channel_id: Number
    content: Any = None


class FlaskPostEdit(Tolerant):
    """What to change of a post; what is left out stays."""

    id: Number
    title: PartOfText | UnsetType = UNSET
    comment: PartOfText | UnsetType = UNSET
    content: Any = UNSET
    channel_id: Number | UnsetType = UNSET


class FlaskWhichPost(Tolerant):
    """Which post."""

    id: Number


class FlaskOfChannel(Tolerant):
    """Of which channel."""

    channel_id: Number


@blueprint.post("/post")
@limited(POSTING)
@signed_in
@idempotent
@takes(FlaskNewPost)
@gives(FlaskPost)
async def create(data: FlaskNewPost) -> FlaskPost:
    """Post. Everybody who reads the channel sees it at once, pages on the websocket too."""
    place = await channel.find(me(), ours("channel", int(data.channel_id)))
    return view(await make(place.id, data.title, data.comment, data.content), place.title)


async def make(channel_id: int, title: str, comment: str, content: Any = None) -> PostView:
    """Posts in the channel with that id here."""
    return await posting.publish(me(), channel_id, _joined(title, comment, content), None, None, None)


def _joined(title: str, comment: str, content: Any) -> str:
    if is_too_deep(content):
        raise Invalid({"content": "has too many levels"})
    try:
        body = flask_post.joined(title, comment, content)
    except (ValueError, TypeError) as error:
        raise Invalid({"content": "is nothing that JSON can hold"}) from error
    if not body.strip():
        raise Invalid({"comment": "is required"})
    return body


@blueprint.get("/post")
@anyone
@asks(FlaskWhichPost)
@gives(FlaskPost)
async def show(query: FlaskWhichPost) -> FlaskPost:
    """A post, by `?id=`."""
    found, place = await post.find(asker(), ours("post", int(query.id)))
    if found.state == "removed":
        raise NotFound("Post not found")
    return view(found, place.title)


@blueprint.put("/post")
@limited(EDITING)
@signed_in
@takes(FlaskPostEdit)
@gives(FlaskPost)
async def edit(data: FlaskPostEdit) -> FlaskPost:
    """Change one's own post. Where posts wait for a moderator, so does the change; the answer has one's own text."""
    found, place = await post.find(me(), ours("post", int(data.id)))
    if data.channel_id is not UNSET and ours("channel", int(data.channel_id)) != found.channel:
        raise Invalid({"channel_id": "cannot be changed: a post stays in its channel"})
    title, comment, content = flask_post.split(await review.own_text(me(), found))
    if data.title is not UNSET:
        title = sent_back(data.title, title)
    if data.comment is not UNSET:
        comment = sent_back(data.comment, comment)
    if data.content is not UNSET and data.content != safe_content(content):
        content = data.content
    body = _joined(title, comment, content)
    return view(await posting.revise(me(), found.id, {found.version}, body), place.title)


@blueprint.delete("/post")
@limited(EDITING)
@signed_in
@takes(FlaskWhichPost)
@gives(FlaskMessage)
async def delete(data: FlaskWhichPost) -> FlaskMessage:
    """Delete one's own post; a moderator removes anybody's."""
    await db.write(posting.remove, me(), ours("post", int(data.id)), None)
    return FlaskMessage("Post deleted")


@blueprint.get("/post/user")
@signed_in
@gives(list[FlaskPost])
async def mine() -> list[FlaskPost]:
    """One's own posts, oldest first, with the changes that wait for a moderator."""
    return _listed(await overview.posts_by(me()), review.view)


@blueprint.get("/posts")
@anyone
@gives(list[FlaskPost])
async def index() -> list[FlaskPost]:
    """The newest posts that you may see, oldest first."""
    found = await overview.posts(asker())
    kept_for(found.audience, "groups", "channels", "posts", *{f"user:{row.uid}" for row in found.rows})
    return _listed(found.rows)


@blueprint.post("/posts/filter")
@by_any_program
@anyone
@takes(FlaskOfChannel)
@gives(list[FlaskPost])
async def in_channel(data: FlaskOfChannel) -> list[FlaskPost]:
    """The newest posts of a channel, oldest first."""
    return _listed(await overview.posts_in(asker(), ours("channel", int(data.channel_id))))


def _listed(rows: list[Any], seen: Callable[[Any], PostView] = post.view) -> list[FlaskPost]:
    numbers = theirs("post", (row.id for row in rows)), theirs("channel", (row.channel_id for row in rows))
    return [_view(seen(row), row.channel_title, *numbers) for row in rows]


def view(found: PostView, channel_name: str) -> FlaskPost:
    """A post as pages see it."""
    return _view(found, channel_name, theirs("post", [found.id]), theirs("channel", [found.channel]))


def _view(found: PostView, channel_name: str, posts: dict[int, int], channels: dict[int, int]) -> FlaskPost:
    body = review.latest_text(found)
    title, comment, content = flask_post.split(body)
    if is_too_deep(content):  # somebody wrote it by hand
        title, comment, content = "", body, {}
    texts = safe(title), safe(comment), safe_content(content)
    names = safe(_name(found.author)), safe(channel_name)
    return FlaskPost(posts[found.id], *texts, *names, channels[found.channel])


def _name(author: Author) -> str:
    return author.name or author.guest or ""
