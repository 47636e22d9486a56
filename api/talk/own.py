"""`/api/me/reactions` and `/api/me/posts`: one's own reactions, and posts of one's own that others do not see."""

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Blueprint

from api.access import me
from model.talk import reaction, review
from model.talk.post import PostView
from model.talk.reaction import OwnReaction
from pottle.http.answers import Answer, Paging, asks, cursor, gives, listed
from pottle.http.asking import signed_in

blueprint = Blueprint("own", __name__, url_prefix="/api/me")

ChannelId = Annotated[int, Meta(ge=1, le=10**18 - 1)]


class OfChannel(msgspec.Struct):
    """Which channel."""

    channel: ChannelId


class OwnReactions(msgspec.Struct):
    """One's own reactions, newest post first."""

    reactions: list[OwnReaction]


@blueprint.get("/reactions")
@signed_in
@asks(OfChannel)
@gives(OwnReactions)
async def list_reactions(query: OfChannel) -> OwnReactions:
    """One's own reactions in a channel. They are not part of the posts, which are the same for everybody."""
    return OwnReactions(await reaction.mine(me(), query.channel))


class OwnPostsQuery(Paging):
    """Which part of the list; `channel` for those of one channel."""

    channel: ChannelId | None = None


class OwnPostsView(msgspec.Struct):
    """One's own posts that others do not see as one wrote them, newest first; removed ones with their text."""

    posts: list[PostView]
    next: str | None
    prev: str | None


@blueprint.get("/posts")
@signed_in
@asks(OwnPostsQuery)
@gives(OwnPostsView)
async def list_posts(query: OwnPostsQuery) -> Answer:
    """One's own posts that wait for a moderator, that one removed, whose `edit` waits or was declined, or anonymous."""
    return listed(OwnPostsView, await review.own(me(), query.channel, cursor(query)))
