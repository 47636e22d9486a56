"""`/flask/api/vote`: the marks `up` and `down`."""

from typing import Literal

import msgspec
from quart import Blueprint

from api.flask.accounts import FlaskMessage
from api.flask.lists import kept_in
from api.flask.posts import Number
from model.flask.numbers import ours
from model.talk import post, reaction
from model.talk.reaction import Kind
from pottle.http.answers import asks, gives, takes
from pottle.http.asking import anyone, asker, me, signed_in
from pottle.http.bodies import Tolerant
from pottle.http.limits import REACTING, limited
from pottle.store import db

blueprint = Blueprint("votes", __name__, url_prefix="/api/vote")

KINDS: dict[str, Kind] = {"upvote": "up", "downvote": "down"}


class FlaskNewVote(Tolerant):
    """A vote; it takes the place of the one before."""

    post_id: Number
    vote_type: Literal["upvote", "downvote"]


class FlaskVote(msgspec.Struct):
    """One's vote, as it is now."""

    post_id: int
    vote_type: str


class FlaskVotes(msgspec.Struct):
    """How a post was voted for; not by whom."""

    post_id: int
    upvote_count: int
    downvote_count: int


class FlaskVoted(Tolerant):
    """Which post."""

    post_id: Number


@blueprint.post("")
@limited(REACTING)
@signed_in
@takes(FlaskNewVote)
@gives(FlaskVote)
async def create(data: FlaskNewVote) -> FlaskVote:
    """Vote for a post, or against it."""
    await db.write(reaction.mark, me(), ours("post", int(data.post_id)), KINDS[data.vote_type])
    return FlaskVote(int(data.post_id), data.vote_type)


@blueprint.delete("")
@limited(REACTING)
@signed_in
@takes(FlaskVoted)
@gives(FlaskMessage)
async def delete(data: FlaskVoted) -> FlaskMessage:
    """Take one's vote back."""
    await db.write(reaction.unvote, me(), ours("post", int(data.post_id)))
    return FlaskMessage("Vote removed")


@blueprint.get("/post")
@anyone
@asks(FlaskVoted)
@gives(FlaskVotes)
async def show(query: FlaskVoted) -> FlaskVotes:
    """How a post was voted for."""
    view, place = await post.find(asker(), ours("post", int(query.post_id)))
    if view.state == "published":
        kept_in(place, f"post:{view.id}")
    counts = view.reactions
    return FlaskVotes(int(query.post_id), counts.get("up", 0), counts.get("down", 0))
