"""`/flask/api/groups`, `/channels`, `/posts` and `/vote`: where one may read and write, posts, and votes for them."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET
from quart import Blueprint

from api.access import EDITING, POSTING, REACTING, asker, me
from api.flask import shapes
from api.flask.front_ends import by_any_program, kept_for, kept_in, that_fit
from api.flask.texts import is_too_deep, meant, safe, safe_content, sent_back
from model.flask import extras, overview
from model.flask import post as flask_post
from model.flask.extras import ChannelRow, ours, theirs
from model.flask.overview import GroupRow, PostRow
from model.talk import channel, post, posting, reaction, review
from model.talk.post import PostView
from model.talk.posting import Draft
from model.talk.reaction import Kind
from pottle.errors import Invalid, NotFound
from pottle.http.answers import asks, gives, takes
from pottle.http.asking import anyone, signed_in
from pottle.http.limits import limited
from pottle.http.retries import idempotent

blueprint = Blueprint("discussions", __name__, url_prefix="/api")

MOST_ATTRIBUTES = 4_096  # bytes of JSON
KINDS: dict[str, Kind] = {"upvote": "up", "downvote": "down"}


@blueprint.get("/groups")
@anyone
@gives(list[shapes.FlaskPlace])
async def groups() -> list[shapes.FlaskPlace]:
    """The groups that you may see."""
    found = await overview.groups(asker())
    kept_for(found.audience, "groups")
    return _groups(found.rows)


@blueprint.post("/groups/filter")
@by_any_program
@anyone
@takes(shapes.FlaskOfSection)
@gives(list[shapes.FlaskPlace])
async def groups_of_section(data: shapes.FlaskOfSection) -> list[shapes.FlaskPlace]:
    """The groups of a section, of those that you may see; all of them where there is no such section."""
    return _groups(await overview.groups_of_section(asker(), data.section_name, meant(data.section_name)))


def _groups(rows: list[GroupRow]) -> list[shapes.FlaskPlace]:
    return [shapes.FlaskPlace(row.number, safe(row.name)) for row in rows]


@blueprint.get("/channels")
@anyone
@gives(list[shapes.FlaskChannel])
async def channels() -> list[shapes.FlaskChannel]:
    """The channels that you may see."""
    found = await overview.channels(asker())
    kept_for(found.audience, "groups", "channels")
    return that_fit([_channel(row) for row in found.rows])


@blueprint.post("/channels/filter")
@by_any_program
@anyone
@takes(shapes.FlaskOfGroup)
@gives(list[shapes.FlaskChannel])
async def channels_of_group(data: shapes.FlaskOfGroup) -> list[shapes.FlaskChannel]:
    """The channels of a group that you may see."""
    rows = await overview.channels_of(asker(), data.group_name, meant(data.group_name))
    if rows is None:
        raise NotFound("Group not found")
    return that_fit([_channel(row) for row in rows])


@blueprint.post("/channel")
@limited(POSTING)
@signed_in
@takes(shapes.FlaskNewChannel)
@gives(shapes.FlaskChannel)
async def create_channel(data: shapes.FlaskNewChannel) -> shapes.FlaskChannel:
    """Make a channel, or get the one of that name. Whoever may post in the group may."""
    attributes = data.attributes if data.attributes is not None else {}
    if is_too_deep(attributes):
        raise Invalid({"attributes": "has too many levels"})
    if len(msgspec.json.encode(attributes)) > MOST_ATTRIBUTES:
        raise Invalid({"attributes": f"must have at most {MOST_ATTRIBUTES} bytes"})
    return _channel(await extras.open_channel(me(), data.group_id, data.name, attributes))


def _channel(row: ChannelRow) -> shapes.FlaskChannel:
    return shapes.FlaskChannel(row.number, safe(row.title), safe_content(row.attributes or {}), row.group_number)


@blueprint.get("/posts")
@anyone
@gives(list[shapes.FlaskPost])
async def posts() -> list[shapes.FlaskPost]:
    """The newest posts that you may see, oldest first."""
    found = await overview.posts(asker())
    kept_for(found.audience, "groups", "channels", "posts", *{f"user:{row.uid}" for row in found.rows})
    return _posts(found.rows)


@blueprint.post("/posts/filter")
@by_any_program
@anyone
@takes(shapes.FlaskOfChannel)
@gives(list[shapes.FlaskPost])
async def posts_of_channel(data: shapes.FlaskOfChannel) -> list[shapes.FlaskPost]:
    """The newest posts of a channel, oldest first."""
    return _posts(await overview.posts_in(asker(), await ours("channel", data.channel_id)))


@blueprint.get("/post/user")
@signed_in
@gives(list[shapes.FlaskPost])
async def own_posts() -> list[shapes.FlaskPost]:
    """One's own posts, oldest first, with the changes that wait for a moderator."""
    return _posts(await overview.posts_by(me()), post.own_view)


def _posts(rows: list[PostRow], view: Callable[[PostRow], PostView] = post.view) -> list[shapes.FlaskPost]:
    return [_post(view(row), row.channel_title, row.number, row.channel_number) for row in rows]


def _post(found: PostView, channel_name: str, number: int, channel_number: int) -> shapes.FlaskPost:
    body = review.latest_text(found)
    title, comment, content = flask_post.split(body)
    if is_too_deep(content):  # somebody wrote it by hand
        title, comment, content = "", body, {}
    texts = safe(title), safe(comment), safe_content(content)
    names = safe(found.author.name or found.author.guest or ""), safe(channel_name)
    return shapes.FlaskPost(number, *texts, *names, channel_number)


async def _one_post(found: PostView, channel_name: str) -> shapes.FlaskPost:
    return _post(found, channel_name, await theirs("post", found.id), await theirs("channel", found.channel))


@blueprint.post("/post")
@limited(POSTING)
@signed_in
@idempotent
@takes(shapes.FlaskNewPost)
@gives(shapes.FlaskPost)
async def create(data: shapes.FlaskNewPost) -> shapes.FlaskPost:
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


@blueprint.get("/post")
@anyone
@asks(shapes.FlaskWhichPost)
@gives(shapes.FlaskPost)
async def show(query: shapes.FlaskWhichPost) -> shapes.FlaskPost:
    """A post, by `?id=`."""
    found, within = await post.find(asker(), await ours("post", query.id))
    if found.state == "removed":
        raise NotFound("Post not found")
    return await _one_post(found, within.title)


@blueprint.put("/post")
@limited(EDITING)
@signed_in
@takes(shapes.FlaskPostEdit)
@gives(shapes.FlaskPost)
async def edit(data: shapes.FlaskPostEdit) -> shapes.FlaskPost:
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
@takes(shapes.FlaskWhichPost)
@gives(shapes.FlaskMessage)
async def delete(data: shapes.FlaskWhichPost) -> shapes.FlaskMessage:
    """Delete one's own post; a moderator removes anybody's."""
    await posting.remove(me(), await ours("post", data.id), None)
    return shapes.FlaskMessage("Post deleted")


@blueprint.post("/vote")
@limited(REACTING)
@signed_in
@takes(shapes.FlaskNewVote)
@gives(shapes.FlaskVote)
async def vote(data: shapes.FlaskNewVote) -> shapes.FlaskVote:
    """Vote for a post, or against it."""
    await reaction.add(me(), await ours("post", data.post_id), KINDS[data.vote_type])
    return shapes.FlaskVote(int(data.post_id), data.vote_type)


@blueprint.delete("/vote")
@limited(REACTING)
@signed_in
@takes(shapes.FlaskVoted)
@gives(shapes.FlaskMessage)
async def delete_vote(data: shapes.FlaskVoted) -> shapes.FlaskMessage:
    """Take one's vote back."""
    await reaction.remove(me(), await ours("post", data.post_id), "up", "down")
    return shapes.FlaskMessage("Vote removed")


@blueprint.get("/vote/post")
@anyone
@asks(shapes.FlaskVoted)
@gives(shapes.FlaskVotes)
async def votes(query: shapes.FlaskVoted) -> shapes.FlaskVotes:
    """How a post was voted for."""
    view, within = await post.find(asker(), await ours("post", query.post_id))
    if view.state == "published":
        kept_in(within, f"post:{view.id}")
    counts = view.reactions
    return shapes.FlaskVotes(int(query.post_id), counts.get("up", 0), counts.get("down", 0))
