"""`/flask/api/posts`, `/post` and `/vote`: posts, and votes for them."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType
from quart import Blueprint

from api.access import EDITING, POSTING, REACTING, asker, me
from api.flask.front_ends import kept_for, kept_in
from api.flask.texts import FlaskMessage, Number, PartOfText, is_too_deep, safe, safe_content, sent_back
from model.flask import overview
from model.flask import post as flask_post
from model.flask.extras import ours, theirs
from model.flask.overview import PostRow
from model.talk import channel, post, posting, reaction, review
from model.talk.post import PostView
from model.talk.posting import Draft
from model.talk.reaction import Kind
from pottle.errors import Invalid, NotFound
from pottle.http.answers import asks, gives, takes
from pottle.http.asking import anyone, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.limits import idempotent, limited

blueprint = Blueprint("posts", __name__, url_prefix="/api")

KINDS: dict[str, Kind] = {"upvote": "up", "downvote": "down"}


class FlaskPost(msgspec.Struct):
    """A post. Its texts are safe to put into a page; `content` is {} without any."""

    id: int
    title: str
    comment: str
    content: Any
    user_name: str
    channel_name: str
    channel_id: int


@blueprint.get("/posts")
@anyone
@gives(list[FlaskPost])
async def posts() -> list[FlaskPost]:
    """The newest posts that you may see, oldest first."""
    found = await overview.posts(asker())
    kept_for(found.audience, "groups", "channels", "posts", *{f"user:{row.uid}" for row in found.rows})
    return _posts(found.rows)


class FlaskOfChannel(Tolerant):
    """Of which channel."""

    channel_id: Number


@blueprint.post("/posts/filter")
@anyone
@takes(FlaskOfChannel)
@gives(list[FlaskPost])
async def posts_of_channel(data: FlaskOfChannel) -> list[FlaskPost]:
    """The newest posts of a channel, oldest first."""
    return _posts(await overview.posts_in(asker(), await ours("channel", data.channel_id)))


@blueprint.get("/post/user")
@signed_in
@gives(list[FlaskPost])
async def own_posts() -> list[FlaskPost]:
    """One's own posts, oldest first, with the changes that wait for a moderator."""
    return _posts(await overview.posts_by(me()), post.own_view)


def _posts(rows: list[PostRow], view: Callable[[PostRow], PostView] = post.view) -> list[FlaskPost]:
    return [_post(view(row), row.channel_title, row.number, row.channel_number) for row in rows]


async def _one_post(found: PostView, channel_name: str) -> FlaskPost:
    return _post(found, channel_name, await theirs("post", found.id), await theirs("channel", found.channel))


def _post(found: PostView, channel_name: str, number: int, channel_number: int) -> FlaskPost:
    body = review.latest_text(found)
    title, comment, content = flask_post.split(body)
    if is_too_deep(content):  # somebody wrote it by hand
        title, comment, content = "", body, {}
    author = safe(found.author.name or found.author.guest or "")
    texts = safe(title), safe(comment), safe_content(content), author, safe(channel_name)
    return FlaskPost(number, *texts, channel_number)


class FlaskNewPost(Tolerant):
    """A post to make."""

    title: PartOfText
    comment: PartOfText
    channel_id: Number
    content: Any = None


@blueprint.post("/post")
@limited(POSTING)
@signed_in
@idempotent
@takes(FlaskNewPost)
@gives(FlaskPost)
async def create(data: FlaskNewPost) -> FlaskPost:
    """Post. Everybody who reads the channel sees it at once, pages on the websocket too."""
    within = await channel.visible_to(me(), await ours("channel", data.channel_id))
    return await _one_post(await make(within.id, data.title, data.comment, data.content), within.title)


async def make(channel_id: int, title: str, comment: str, content: Any = None) -> PostView:
    """Posts in the channel with that id here."""
    return await posting.publish(me(), channel_id, Draft(_joined(title, comment, content)), None)


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


class FlaskWhichPost(Tolerant):
    """Which post."""

    id: Number


@blueprint.get("/post")
@anyone
@asks(FlaskWhichPost)
@gives(FlaskPost)
async def show(query: FlaskWhichPost) -> FlaskPost:
    """A post, by `?id=`."""
    found, within = await post.find(asker(), await ours("post", query.id))
    if found.state == "removed":
        raise NotFound("Post not found")
    return await _one_post(found, within.title)


class FlaskPostEdit(FlaskWhichPost):
    """What to change of a post; what is left out stays."""

    title: PartOfText | UnsetType = UNSET
    comment: PartOfText | UnsetType = UNSET
    content: Any = UNSET
    channel_id: Number | UnsetType = UNSET


@blueprint.put("/post")
@limited(EDITING)
@signed_in
@takes(FlaskPostEdit)
@gives(FlaskPost)
async def edit(data: FlaskPostEdit) -> FlaskPost:
    """Change one's own post. Where posts wait for a moderator, so does the change; the answer has one's own text."""
    found, within = await post.find(me(), await ours("post", data.id))
    if data.channel_id is not UNSET and await ours("channel", data.channel_id) != found.channel:
        raise Invalid({"channel_id": "cannot be changed: a post stays in its channel"})
    title, comment, content = flask_post.split(await review.own_text(me(), found))
    if data.title is not UNSET:
        title = sent_back(data.title, title)
    if data.comment is not UNSET:
        comment = sent_back(data.comment, comment)
    if data.content is not UNSET and data.content != safe_content(content):
        content = data.content
    body = _joined(title, comment, content)
    return await _one_post(await posting.revise(me(), found.id, {found.version}, body), within.title)


@blueprint.delete("/post")
@limited(EDITING)
@signed_in
@takes(FlaskWhichPost)
@gives(FlaskMessage)
async def delete(data: FlaskWhichPost) -> FlaskMessage:
    """Delete one's own post; a moderator removes anybody's."""
    await posting.remove(me(), await ours("post", data.id), None)
    return FlaskMessage("Post deleted")


class FlaskVoted(Tolerant):
    """Which post."""

    post_id: Number


class FlaskNewVote(FlaskVoted):
    """A vote; it takes the place of the one before."""

    vote_type: Literal["upvote", "downvote"]


class FlaskVote(msgspec.Struct):
    """One's vote, as it is now."""

    post_id: int
    vote_type: str


@blueprint.post("/vote")
@limited(REACTING)
@signed_in
@takes(FlaskNewVote)
@gives(FlaskVote)
async def vote(data: FlaskNewVote) -> FlaskVote:
    """Vote for a post, or against it."""
    await reaction.add(me(), await ours("post", data.post_id), KINDS[data.vote_type])
    return FlaskVote(int(data.post_id), data.vote_type)


@blueprint.delete("/vote")
@limited(REACTING)
@signed_in
@takes(FlaskVoted)
@gives(FlaskMessage)
async def delete_vote(data: FlaskVoted) -> FlaskMessage:
    """Take one's vote back."""
    await reaction.remove(me(), await ours("post", data.post_id), "up", "down")
    return FlaskMessage("Vote removed")


class FlaskVotes(msgspec.Struct):
    """How a post was voted for; not by whom."""

    post_id: int
    upvote_count: int
    downvote_count: int


@blueprint.get("/vote/post")
@anyone
@asks(FlaskVoted)
@gives(FlaskVotes)
async def votes(query: FlaskVoted) -> FlaskVotes:
    """How a post was voted for."""
    view, within = await post.find(asker(), await ours("post", query.post_id))
    if view.state == "published":
        kept_in(within, f"post:{view.id}")
    counts = view.reactions
    return FlaskVotes(int(query.post_id), counts.get("up", 0), counts.get("down", 0))
