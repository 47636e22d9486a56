"""`/api/me/notices`, `/api/channels/…/notices`: what is new for one, and what of it one is told by mail and push."""

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict
from quart import Blueprint

from api.access import EDITING, me, on_our_pages
from model.groups.group import SomeSlug
from model.notices import bell, choices, consumer, pushing, timing
from model.notices.bell import BellView
from model.notices.choices import Attention, Choosable, Clock, How, KindsView, NoticesView, Quiet, Zone
from pottle.http.answers import gives, takes
from pottle.http.asking import signed_in
from pottle.http.limits import limited

__all__ = ["PARTS", "consumer", "pushing"]  # with the import, the server's workers run it, and push

PostId = Annotated[int, msgspec.Meta(ge=1, le=10**18 - 1)]

blueprint = Blueprint("notices", __name__, url_prefix="/api/me/notices")
attention = Blueprint("attention", __name__, url_prefix="/api/channels/<id:channel_id>/notices")
PARTS = (blueprint, attention)


class Seen(msgspec.Struct):
    """What one has read: all that is new; or what was decided on these of one's own `posts`."""

    posts: Annotated[list[PostId], msgspec.Meta(max_length=100)] | UnsetType = UNSET


class Chosen(msgspec.Struct):
    """What one wants to be told. What is left out stays as it is."""

    mail: KindsView | UnsetType = UNSET
    push: list[Choosable] | UnsetType = UNSET
    zone: Zone | UnsetType | None = UNSET
    quiet: Quiet | UnsetType | None = UNSET
    digest_at: Clock | UnsetType = UNSET


class ChosenInGroup(msgspec.Struct):
    """What one wants to be told of a group: nothing (`muted`), or some kinds otherwise than elsewhere."""

    muted: bool = False
    mail: KindsView = msgspec.field(default_factory=KindsView)


class AttentionView(msgspec.Struct):
    """What one is told of a discussion: each new post (`follow`), nothing (`mute`), or what concerns one (`usual`)."""

    how: Attention


class ZonesView(msgspec.Struct):
    """The names of time zones."""

    zones: list[str]


@blueprint.get("")
@signed_in
@gives(BellView)
async def show() -> BellView:
    """What is new for one: the newest replies, mentions and decisions; and how much waits in the groups one moderates.

    It is what the bell shows. All replies and mentions are in the inbox.
    """
    return await bell.listed(me())


@blueprint.put("/read")
@limited(EDITING)
@signed_in
@takes(Seen)
@gives(None, 204)
async def see(data: Seen) -> None:
    """Mark what is new as read. Other unread posts stay as they are."""
    await bell.see(me(), None if data.posts is UNSET else data.posts)


@blueprint.get("/settings")
@signed_in
@on_our_pages
@gives(NoticesView)
async def list_settings() -> NoticesView:
    """What one is told by mail and push, and when."""
    return await choices.chosen(me())


@blueprint.put("/settings")
@limited(EDITING)
@signed_in
@on_our_pages
@takes(Chosen)
@gives(NoticesView)
async def choose(data: Chosen) -> NoticesView:
    """Choose what one is told by mail and push, and when."""
    fields = {name: value for name, value in asdict(data).items() if value is not UNSET}
    if "mail" in fields:
        fields["mail"] = _given(fields["mail"])
    return await choices.choose(me(), fields)


@blueprint.put("/groups/<slug>")
@limited(EDITING)
@signed_in
@on_our_pages
@takes(ChosenInGroup)
@gives(NoticesView)
async def choose_in_group(slug: SomeSlug, data: ChosenInGroup) -> NoticesView:
    """Choose what one is told of a group. With nothing in it, that is what one chose for all of them."""
    return await choices.choose_in_group(me(), slug, data.muted, _given(data.mail))


@blueprint.get("/zones")
@signed_in
@gives(ZonesView)
async def zones() -> ZonesView:
    """The time zones to choose from."""
    return ZonesView([*timing.zones()])


@attention.get("")
@signed_in
@gives(AttentionView)
async def attended(channel_id: int) -> AttentionView:
    """Whether one follows a discussion."""
    return AttentionView(await choices.attention(me(), channel_id))


@attention.put("")
@limited(EDITING)
@signed_in
@takes(AttentionView)
@gives(AttentionView)
async def attend(channel_id: int, data: AttentionView) -> AttentionView:
    """Follow a discussion, or have nothing sent from it."""
    return AttentionView(await choices.attend(me(), channel_id, data.how))


def _given(kinds: KindsView) -> dict[str, How]:
    return {name: how for name, how in asdict(kinds).items() if how is not UNSET}
