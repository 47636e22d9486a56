"""`/api/groups/…/webhooks` and `/api/webhooks`: who is told what happens, and what was sent to them."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType
from quart import Blueprint

from api.access import EDITING, admins, by_session, me
from model.webhooks import delivery, hook, sender
from model.webhooks.delivery import DeliveryView
from model.webhooks.hook import Address, Format, HookView, Kinds
from pottle.http.answers import Answer, Paging, asks, changed_fields, cursor, gives, listed, takes, wanted_versions
from pottle.http.asking import signed_in
from pottle.http.limits import limited
from pottle.rates import Rate

blueprint = Blueprint("webhooks", __name__)

TESTING = Rate("tests of webhooks", 20, per=60)
OF_POSTS: Kinds = ["post.created", "post.edited", "post.removed", "post.restored"]
DeliveryId = Annotated[int, Meta(ge=1, le=10**18 - 1)]


class NewHook(msgspec.Struct):
    """Where to send what. `slack` and `discord` are the incoming webhooks of those."""

    url: Address
    kinds: Kinds = msgspec.field(default_factory=lambda: [*OF_POSTS])
    format: Format = "standard"


class HookEdit(msgspec.Struct):
    """What to change. What happens while it is not `active` is not sent later."""

    url: Address | UnsetType = UNSET
    kinds: Kinds | UnsetType = UNSET
    format: Format | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class HooksView(msgspec.Struct):
    """Webhooks, oldest first; at most twenty of a group."""

    webhooks: list[HookView]
    next: str | None = None  # there is one page


class DeliveriesView(msgspec.Struct):
    """Deliveries of one webhook, newest first."""

    deliveries: list[DeliveryView]
    next: str | None
    prev: str | None


class Again(msgspec.Struct):
    """Which delivery; null for all that were given up."""

    delivery: DeliveryId | None = None


class SentAgain(msgspec.Struct):
    """How many deliveries wait to be sent again."""

    again: int


@blueprint.get("/api/groups/<slug>/webhooks")
@signed_in
@by_session
@gives(HooksView)
async def of_group(slug: str) -> HooksView:
    """The webhooks of a group. Its moderators may see them."""
    return HooksView(await hook.of_group(me(), slug))


@blueprint.post("/api/groups/<slug>/webhooks")
@limited(EDITING)
@signed_in
@by_session
@takes(NewHook)
@gives(HookView, 201)
async def create_for_group(slug: str, data: NewHook) -> Answer:
    """Have what happens in a group be sent somewhere. Its moderators may. The secret is shown this once."""
    return Answer(await hook.create(me(), slug, data.url, data.kinds, data.format))


@blueprint.get("/api/webhooks")
@admins
@by_session
@gives(HooksView)
async def index() -> HooksView:
    """All webhooks, of all groups."""
    return HooksView(await hook.everything())


@blueprint.post("/api/webhooks")
@limited(EDITING)
@admins
@by_session
@takes(NewHook)
@gives(HookView, 201)
async def create(data: NewHook) -> Answer:
    """Have what happens in all groups be sent somewhere. The secret is shown this once."""
    return Answer(await hook.create(me(), None, data.url, data.kinds, data.format))


@blueprint.patch("/api/webhooks/<id:hook_id>")
@limited(EDITING)
@signed_in
@by_session
@takes(HookEdit)
@gives(HookView)
async def edit(hook_id: int, data: HookEdit) -> HookView:
    """Change a webhook, or switch it on or off."""
    return await hook.edit(me(), hook_id, wanted_versions(), changed_fields(data))


@blueprint.delete("/api/webhooks/<id:hook_id>")
@limited(EDITING)
@signed_in
@by_session
@gives(None, 204)
async def delete(hook_id: int) -> None:
    """Delete a webhook, and what it has not sent."""
    await hook.remove(me(), hook_id, wanted_versions())


@blueprint.post("/api/webhooks/<id:hook_id>/secret")
@limited(EDITING)
@signed_in
@by_session
@gives(HookView)
async def rotate(hook_id: int) -> HookView:
    """Make a new secret, shown this once. For a day, each message is signed by the one before as well."""
    return await hook.rotate(me(), hook_id)


@blueprint.post("/api/webhooks/<id:hook_id>/test")
@limited(TESTING)
@signed_in
@by_session
@gives(DeliveryView)
async def test(hook_id: int) -> DeliveryView:
    """Send a test now, and say what became of it."""
    return await sender.test(me(), hook_id)


@blueprint.get("/api/webhooks/<id:hook_id>/deliveries")
@signed_in
@by_session
@asks(Paging)
@gives(DeliveriesView)
async def list_deliveries(hook_id: int, query: Paging) -> Answer:
    """What was sent, or is to be: delivered ones for a week, those that were given up for four."""
    return listed(DeliveriesView, await delivery.listed(me(), hook_id, cursor(query)))


@blueprint.post("/api/webhooks/<id:hook_id>/again")
@limited(EDITING)
@signed_in
@by_session
@takes(Again)
@gives(SentAgain)
async def send_again(hook_id: int, data: Again) -> SentAgain:
    """Send again what was given up, under the same `webhook-id`s."""
    return SentAgain(await delivery.again(me(), hook_id, data.delivery))
