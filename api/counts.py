"""`/api/counts`: numbers of posts, for index pages."""

from typing import Annotated

import msgspec
from msgspec import Meta
from quart import Blueprint, request

from api.access import asker
from model.groups.group import Slug
from model.talk import channel
from model.talk.channel import Key
from pottle.http.answers import asks, gives
from pottle.http.asking import anyone
from pottle.http.caching import shown

blueprint = Blueprint("counts", __name__, url_prefix="/api/counts")


class CountsQuery(msgspec.Struct):
    """The group, and up to 100 keys of channels in it."""

    group: Slug
    key: Annotated[list[Key], Meta(min_length=1, max_length=100)]


class CountsView(msgspec.Struct):
    """The number of published posts by key, as it was asked for; 0 where there is no channel yet."""

    counts: dict[str, int]


@blueprint.get("")
@anyone
@asks(CountsQuery)
@gives(CountsView)
async def index(query: CountsQuery) -> CountsView:
    """How many posts the channels with these keys have."""
    in_group, counts, ids = await channel.counts(asker(), query.group, query.key)
    if in_group.reading == "public":
        shown(f"group:{in_group.id}", f"channels-of:{in_group.id}", *(f"channel:{id_}" for id_ in ids))
    return CountsView({sent: counts[key] for sent, key in zip(request.args.getlist("key"), query.key, strict=True)})
