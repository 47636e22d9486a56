"""`/flask/api/posts`, `/post` and `/vote`: posts, and votes for them."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.access import EDITING, POSTING, REACTING, asker, me
from api.flask import page_posts
from api.flask.endpoints import (
    FlaskMessage,
    Number,
    PartOfText,
    Wanted,
    endpoint,
    is_too_deep,
    kept_for,
    kept_in,
    safe,
    safe_content,
    sent_back,
)
from api.flask.front_ends import answered
from api.flask.page_posts import FlaskPagePost
from api.flask.writing import body_of
from model.flask import overview
from model.flask import post as flask_post
from model.flask.extras import ours, theirs
from model.flask.overview import PostRow
from model.talk import channel, post, posting, reaction, review
from model.talk.post import PostView
from model.talk.posting import Draft
from model.talk.reaction import Kind
from pottle.errors import Invalid, NotFound
from pottle.http.answers import gives
from pottle.http.asking import anyone, signed_in
from pottle.http.limits import idempotent

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


@endpoint("GET /posts", anyone)
async def posts() -> list[FlaskPost]:
    """The newest posts that you may see, oldest first."""
    audience, rows = await overview.posts(asker())
    kept_for(audience, "groups", "channels", "posts", *{f"user:{row.uid}" for row in rows if not row.anonymous})
    return _posts(rows)


@endpoint("POST /posts/filter", anyone)
async def posts_of_channel(channel_id: Number) -> list[FlaskPost]:
    """The newest posts of a channel, oldest first."""
    return _posts(await overview.posts_in(asker(), await ours("channel", channel_id)))


@endpoint("GET /post/user", signed_in)
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
    author = safe(found.author.shown())
    texts = safe(title), safe(comment), safe_content(content), author, safe(channel_name)
    return FlaskPost(number, *texts, channel_number)


@endpoint(
    "POST /post",
    signed_in,
    POSTING,
    idempotent,
    gives(FlaskPagePost, 201),
    rename={"grade_received": "gradeReceived", "page_url": "pageUrl", "page_title": "pageTitle"},
)
async def create_post(
    title: PartOfText | UnsetType = UNSET,
    comment: PartOfText | UnsetType = UNSET,
    channel_id: Number | UnsetType = UNSET,
    content: Any = None,
    grade_received: PartOfText | None = None,
    page_url: Wanted | None = None,
    page_title: Wanted | None = None,
) -> FlaskPost:
    """Post in a channel; or about a page, where there is a text as `content` and no channel, answered with 201.

    Everybody who reads the channel sees it at once, pages on the websocket too.
    """
    if isinstance(content, str) and channel_id is UNSET and title is UNSET and comment is UNSET:
        made = await page_posts.create(content, grade_received, page_url, page_title)
        return answered(made, 201)  # type: ignore[return-value]  # a Response, as every handler may
    sent = {"title": title, "comment": comment, "channel_id": channel_id}
    if missing := [name for name, value in sent.items() if value is UNSET]:
        raise Invalid(dict.fromkeys(missing, "is required"))
    within = await channel.visible_to(me(), await ours("channel", channel_id or 0))
    return await _one_post(await make(within.id, title or "", comment or "", content), within.title)


async def make(channel_id: int, title: str, comment: str, content: Any = None) -> PostView:
    """Posts in the channel with that id."""
    return await posting.publish(me(), channel_id, Draft(body_of(title, comment, content)), None)


@endpoint("GET /post", anyone)
async def show_post(id_: Number) -> FlaskPost:
    """A post, by `?id=`."""
    found, within = await post.find(asker(), await ours("post", id_))
    if found.state == "removed":
        raise NotFound("Post not found")
    return await _one_post(found, within.title)


@endpoint("PUT /post", signed_in, EDITING)
async def edit_post(
    id_: Number,
    title: PartOfText | UnsetType = UNSET,
    comment: PartOfText | UnsetType = UNSET,
    content: Any = UNSET,
    channel_id: Number | UnsetType = UNSET,
) -> FlaskPost:
    """Change one's own post; what is left out stays.

    Where posts wait for a moderator, so does the change; the answer has one's own text.
    """
    found, within = await post.find(me(), await ours("post", id_))
    if channel_id is not UNSET and await ours("channel", channel_id) != found.channel:
        raise Invalid({"channel_id": "cannot be changed: a post stays in its channel"})
    old_title, old_comment, old_content = flask_post.split(await review.own_text(me(), found))
    body = body_of(
        old_title if title is UNSET else sent_back(title, old_title),
        old_comment if comment is UNSET else sent_back(comment, old_comment),
        old_content if content is UNSET or content == safe_content(old_content) else content,
    )
    return await _one_post(await posting.revise(me(), found.id, {found.version}, body), within.title)


@endpoint("DELETE /post", signed_in, EDITING)
async def delete_post(id_: Number) -> FlaskMessage:
    """Delete one's own post; a moderator removes anybody's."""
    await posting.remove(me(), await ours("post", id_), None)
    return FlaskMessage("Post deleted")


class FlaskVote(msgspec.Struct):
    """One's vote, as it is now."""

    post_id: int
    vote_type: str


@endpoint("POST /vote", signed_in, REACTING)
async def vote(post_id: Number, vote_type: Literal["upvote", "downvote"]) -> FlaskVote:
    """Vote for a post, or against it. It takes the place of one's vote before."""
    await reaction.add(me(), await ours("post", post_id), KINDS[vote_type])
    return FlaskVote(int(post_id), vote_type)


@endpoint("DELETE /vote", signed_in, REACTING)
async def delete_vote(post_id: Number) -> FlaskMessage:
    """Take one's vote back."""
    await reaction.remove(me(), await ours("post", post_id), "up", "down")
    return FlaskMessage("Vote removed")


class FlaskVotes(msgspec.Struct):
    """How a post was voted for; not by whom."""

    post_id: int
    upvote_count: int
    downvote_count: int


@endpoint("GET /vote/post", anyone)
async def votes(post_id: Number) -> FlaskVotes:
    """How a post was voted for."""
    view, within = await post.find(asker(), await ours("post", post_id))
    if view.state == "published":
        kept_in(within, f"post:{view.id}")
    counts = view.reactions
    return FlaskVotes(int(post_id), counts.get("up", 0), counts.get("down", 0))
