"""`/api/me/notices`, `/api/channels/…/notices`: what is new for one, and what of it one is told by mail and push."""

import asyncio
from contextlib import suppress
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict
from quart import Blueprint, Response
from quart_schema import hide
from werkzeug.exceptions import HTTPException

from api.access import EDITING, asker, me, on_our_pages
from model.groups.group import SomeSlug
from model.notices import bell, choices, consumer, pushing, timing, unsubscribing
from model.notices.bell import BellView
from model.notices.choices import Attention, Choosable, Clock, How, KindsView, NoticesView, Quiet, Zone
from model.notices.unsubscribing import What
from model.talk import channel
from pottle.http import bodies
from pottle.http.answers import changed_fields, gives, takes
from pottle.http.application import rendered
from pottle.http.asking import anyone, signed_in
from pottle.http.limits import idempotent, limited
from pottle.rates import Rate

__all__ = ["PARTS", "consumer", "pushing"]  # with the import, the server's workers run it, and push

PostId = Annotated[int, msgspec.Meta(ge=1, le=10**18 - 1)]

blueprint = Blueprint("notices", __name__, url_prefix="/api/me/notices")
attention = Blueprint("attention", __name__, url_prefix="/api/channels/<id:channel_id>/notices")
links = Blueprint("unsubscribing", __name__, url_prefix="/unsubscribe")
PARTS = (blueprint, attention, links)
UNSUBSCRIBING = Rate("unsubscribing", 600, per=60)  # mail programs ask for many people from one address


class Seen(msgspec.Struct):
    """What one has read: all that is new; or what was decided on these of one's own `posts`."""

    posts: Annotated[list[PostId], msgspec.Meta(max_length=100)] | None = None


class Chosen(msgspec.Struct):
    """What one wants to be told. What is left out stays as it is."""

    mail: KindsView | UnsetType = UNSET
    push: Annotated[list[Choosable], msgspec.Meta(max_length=5)] | UnsetType = UNSET
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
    await bell.see(me(), data.posts)


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
    fields = changed_fields(data)
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
    return ZonesView([*await asyncio.to_thread(timing.zones)])  # the first time it reads many files


@attention.get("")
@signed_in
@gives(AttentionView)
async def attended(channel_id: int) -> AttentionView:
    """Whether one follows a discussion."""
    await channel.visible_to(me(), channel_id)
    return AttentionView(await choices.attention(me(), channel_id))


@attention.put("")
@limited(EDITING)
@signed_in
@takes(AttentionView)
@gives(AttentionView)
async def attend(channel_id: int, data: AttentionView) -> AttentionView:
    """Follow a discussion, or have nothing sent from it."""
    return AttentionView(await choices.attend(me(), channel_id, data.how))


@links.get("/<token>", endpoint="page")
@hide
@anyone
async def ask(token: str) -> Response:
    """Where "Unsubscribe" in a mail leads, and nothing is done yet: programs follow links, too."""
    return await _page(token, None)


@links.post("/<token>", endpoint="unsubscribe")
@hide
@limited(UNSUBSCRIBING)
@anyone
@idempotent
async def unsubscribe(token: str) -> Response:
    """Ends mails, for the button of that page, or of a mail program (RFC 8058), which knows no session."""
    given: dict[str, str] = {}
    with suppress(HTTPException):  # whatever else it sends
        given = await bodies.form()
    what: What = {"group": "group", "all": "all"}.get(given.get("what", ""), "kinds")  # type: ignore[assignment]
    await unsubscribing.unsubscribe(token, what)
    return await _page(token, what)


async def _page(token: str, done: str | None) -> Response:
    meant = await unsubscribing.meant(token)
    body = await rendered("unsubscribe.html", me=asker(), meant=meant, token=token, done=done)
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(body, headers=headers, content_type="text/html; charset=utf-8")


def _given(kinds: KindsView) -> dict[str, How]:
    return {name: how for name, how in asdict(kinds).items() if how is not UNSET}
