"""`/api/me/push`: whether the browser that asks is told of news while no page is open (Web Push)."""

import asyncio

import msgspec
from quart import Blueprint

import model.push.sender  # noqa: F401  # which sends what is in the outbox
from api.access import EDITING, by_session, me
from model.push import outbox, subscription, vapid
from model.push.subscription import Endpoint, Keys, SubscriptionView
from pottle.http.answers import gives, takes
from pottle.http.asking import signed_in
from pottle.http.languages import language
from pottle.http.limits import limited

blueprint = Blueprint("push", __name__, url_prefix="/api/me/push")


class NewSubscription(msgspec.Struct):
    """What the browser's `PushSubscription` has."""

    endpoint: Endpoint
    keys: Keys


class PushView(msgspec.Struct):
    """What to subscribe with, and which browsers of one's own are told, newest first."""

    public_key: str
    subscriptions: list[SubscriptionView]


@blueprint.get("")
@signed_in
@by_session
@gives(PushView)
async def show() -> PushView:
    """The server's key (VAPID), for `pushManager.subscribe`, and the browsers in which one is told."""
    subscription.must_be_on()
    return PushView(await asyncio.to_thread(vapid.public), await subscription.mine(me()))


@blueprint.post("")
@limited(EDITING)
@signed_in
@by_session
@takes(NewSubscription)
@gives(SubscriptionView, 201)
async def create(data: NewSubscription) -> SubscriptionView:
    """Have this browser be told, until its session ends. It takes the place of what it sent before."""
    keys = await asyncio.to_thread(subscription.checked, data.endpoint, data.keys)
    return await subscription.register(me(), data.endpoint, keys, language())


@blueprint.delete("")
@limited(EDITING)
@signed_in
@by_session
@gives(None, 204)
async def delete() -> None:
    """Have this browser not be told any more."""
    await subscription.drop(me())


@blueprint.post("/test")
@limited(EDITING)
@signed_in
@by_session
@gives(None, 204)
async def test() -> None:
    """Have this browser be told something now, to see how it looks."""
    await outbox.test(me())
