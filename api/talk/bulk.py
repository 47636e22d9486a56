"""Many posts in one request: what they look like, and what became of each."""

import asyncio
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.access import asker
from model.talk import bulk
from model.talk.bulk import Item
from model.talk.judging.challenge import Proof
from model.talk.post import Body, GuestName, PostView
from model.talk.posting import Draft
from pottle.errors import Invalid, Refusal
from pottle.http.asking import foreign_origin
from pottle.http.bodies import UPLOADS, checked, one_by_one
from pottle.http.problems import Problem, told
from pottle.translation import _

UPLOADS["/api/channels/*/posts"] = UPLOADS["/api/channels/*/posts/bulk"] = 0.1  # half a MiB


class OneOfMany(msgspec.Struct):
    """One of many posts to make; `parent_index`, in the place of `parent`, is that of one before it in the list."""

    body: Body
    parent: Annotated[int, Meta(ge=1, le=10**18 - 1)] | None = None
    parent_index: Annotated[int, Meta(ge=0, le=bulk.MOST - 1)] | None = None
    guest: GuestName | None = None
    anonymous: bool = False
    proof: Proof | None = None


class NewPosts(msgspec.Struct):
    """Up to 500 posts to make, in that order. One that is wrong keeps none of the others from being made."""

    posts: Annotated[list[Any], one_by_one(OneOfMany, bulk.MOST)]


class PostOutcome(msgspec.Struct):
    """What became of one of many posts: the `post`, or the `error` for which there is none."""

    post: PostView | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class PostOutcomes(msgspec.Struct):
    """What became of each, in the order of the request."""

    outcomes: list[PostOutcome]


async def create_all(channel_id: int, posts: list[Any]) -> PostOutcomes:
    """Makes them, and says what became of each."""
    items = await asyncio.to_thread(lambda: [_item(post) for post in posts])
    made = await bulk.publish_all(asker(), channel_id, items, foreign_origin())
    return PostOutcomes(
        [PostOutcome(post=one) if isinstance(one, PostView) else PostOutcome(error=told(one)) for one in made.each]
    )


def _item(post: Any) -> Item | Refusal:
    try:
        data = checked(post, OneOfMany)
    except Invalid as wrong:
        return wrong
    if data.parent is not None and data.parent_index is not None:
        return Invalid({"parent_index": _("cannot be combined with parent")})
    draft = Draft(data.body, parent=data.parent, guest=data.guest, anonymous=data.anonymous, proof=data.proof)
    return Item(draft, data.parent_index)
