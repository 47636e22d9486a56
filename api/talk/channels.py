"""`/api/groups/…/channels` and `/api/channels`: discussions; `/api/counts`: how many posts each has."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from quart import Blueprint, request

from api.access import EDITING, GUESTS, POSTING, asker, me, on_our_pages
from api.talk.access import shown_in
from model.groups.group import GroupRow, Slug
from model.talk import beginning, channel
from model.talk.channel import ChannelView, Key, NamedChannelView, Order, Title, Url
from pottle.errors import Invalid
from pottle.http.answers import Answer, Paging, asks, changed_fields, cursor, gives, listed, takes, wanted_versions
from pottle.http.asking import anyone, foreign_origin, signed_in
from pottle.http.caching import shown, shown_too
from pottle.http.limits import idempotent, limited
from pottle.translation import _

blueprint = Blueprint("channels", __name__, url_prefix="/api")
counts = Blueprint("counts", __name__, url_prefix="/api/counts")


class NewChannel(msgspec.Struct):
    """A channel to find or make by its key, a room's name or a page's path. Without one, a new one with that title."""

    key: Key | UnsetType = UNSET
    title: Title | None = None
    url: Url | None = None


class ChannelEdit(msgspec.Struct):
    """What to change. `published` approves a pending one; `slow` is the seconds between two posts of one person."""

    title: Title | UnsetType = UNSET
    locked: bool | UnsetType = UNSET
    pinned: bool | UnsetType = UNSET
    state: Literal["published"] | UnsetType = UNSET
    slow: Annotated[int, Meta(ge=0, le=86_400)] | UnsetType = UNSET


class ChannelQuery(Paging):
    """Which part of the list; or the one channel with a `key`; or the pending ones, for moderators.

    `active` has those first in which something was said last, and pinned ones before all.
    """

    key: Key | None = None
    state: Literal["pending"] | None = None
    order: Order = "newest"


class ChannelsView(msgspec.Struct):
    """Channels, newest first."""

    channels: list[ChannelView]
    next: str | None
    prev: str | None


@blueprint.get("/groups/<slug>/channels")
@anyone
@asks(ChannelQuery)
@gives(ChannelsView)
async def index(slug: str, query: ChannelQuery) -> Answer:
    """The channels of a group."""
    if query.state == "pending":
        if query.key is not None:
            raise Invalid({"key": _("cannot be asked for together with state")})
        return listed(ChannelsView, await channel.pending(asker(), slug, cursor(query)))
    in_group, page = await channel.listed(asker(), slug, cursor(query), query.key, query.order)
    _shown(in_group, [found.id for found in page.items])
    if query.order == "active":
        shown_too(f"posts-of:{in_group.id}")
    return listed(ChannelsView, page)


def _shown(in_group: GroupRow, ids: list[int]) -> None:
    if in_group.reading == "public":
        shown(f"group:{in_group.id}", f"channels-of:{in_group.id}", *(f"channel:{id_}" for id_ in ids))


@blueprint.post("/groups/<slug>/channels")
@limited(POSTING, guests=GUESTS)
@anyone
@idempotent
@takes(NewChannel)
@gives(ChannelView, 201, 200)
async def create(slug: str, data: NewChannel) -> Answer:
    """Get the channel with a key (200), or make it (201). Whoever may post in the group may make one.

    Without a key, a new discussion with that title (201); 409 if there is one already, which `channel` then names.
    Where the asker's posts are reviewed, a new channel is pending: others may talk in it at once, but do not see its
    title, url and key.
    """
    who, where = asker(), (data.url, foreign_origin())
    if data.key is not UNSET:
        view, created = await beginning.get_or_create(who, slug, data.key, data.title, *where)
    elif data.title is not None:
        view, created = await beginning.begin(who, slug, data.title, *where)
    else:
        raise Invalid({"key": _("is required, or a title to begin a new discussion with")})
    return Answer(view, 201 if created else 200, location=f"/api/channels/{view.id}")


class NamedChannelsView(msgspec.Struct):
    """Channels of several groups, those first in which something was said last."""

    channels: list[NamedChannelView]
    next: str | None
    prev: str | None


@blueprint.get("/channels")
@anyone
@asks(Paging)
@gives(NamedChannelsView)
async def everywhere(query: Paging) -> Answer:
    """The channels of all groups that you may see, those first in which something was said last."""
    if asker() is None:
        shown("groups", "channels", "posts", signed_out_only=True)
    return listed(NamedChannelsView, await channel.everywhere(asker(), cursor(query)))


@blueprint.get("/channels/<id:channel_id>")
@anyone
@gives(ChannelView)
async def show(channel_id: int) -> ChannelView:
    """A channel."""
    found = await channel.visible_to(asker(), channel_id)
    shown_in(found)
    return channel.view(found)


@blueprint.patch("/channels/<id:channel_id>")
@limited(EDITING)
@signed_in
@takes(ChannelEdit)
@gives(ChannelView)
async def edit(channel_id: int, data: ChannelEdit) -> ChannelView:
    """Change a channel's title, lock or pin it, or approve a pending one. The group's moderators may."""
    return await channel.edit(me(), channel_id, wanted_versions(), changed_fields(data))


@blueprint.delete("/channels/<id:channel_id>")
@limited(EDITING)
@signed_in
@on_our_pages
@gives(None, 204)
async def delete(channel_id: int) -> None:
    """Delete a channel with all its posts. The group's moderators may."""
    await channel.remove(me(), channel_id, wanted_versions())


class CountsQuery(msgspec.Struct):
    """The group, and up to 100 keys of channels in it."""

    group: Slug
    key: Annotated[list[Key], Meta(min_length=1, max_length=100)]


class CountsView(msgspec.Struct):
    """The number of published posts by key, as it was asked for; 0 where there is no channel yet."""

    counts: dict[str, int]


@counts.get("", endpoint="index")
@anyone
@asks(CountsQuery)
@gives(CountsView)
async def count(query: CountsQuery) -> CountsView:
    """How many posts the channels with these keys have."""
    in_group, found, ids = await channel.counts(asker(), query.group, query.key)
    _shown(in_group, ids)
    return CountsView({sent: found[key] for sent, key in zip(request.args.getlist("key"), query.key, strict=True)})
