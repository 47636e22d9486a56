"""Webhooks: who may have them, what is told to whom, in which order, and what is done where nobody receives it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook

from model.settings import Settings
from tests.api.conftest import opened, posted, refused, wrong_fields
from tests.cases import in_turn
from tests.conftest import Person, World
from tests.receiver import Receiver, receiving
from tests.server import PATIENCE

CLASS = "/api/groups/class/webhooks"


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(
        instance=instance,
        url="https://pottle.example",
        webhook_networks=("127.0.0.0/8",),
        webhook_retries=(0, 0.01, 0.01),
    )


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def hooked(person: Person, receiver: Receiver, path: str = CLASS, **fields: Any) -> dict[str, Any]:
    made = await person.post(path, {"url": receiver.url, **fields})
    assert made.status_code == 201, made.text
    return dict(made.json())


async def listed(person: Person, hook: dict[str, Any]) -> list[dict[str, Any]]:
    return list((await person.get(f"/api/webhooks/{hook['id']}/deliveries")).json()["deliveries"])


async def until(person: Person, hook: dict[str, Any], state: str, many: int = 1) -> list[dict[str, Any]]:
    """Its deliveries, once so many are in this state."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await listed(person, hook)
            if sum(one["state"] == state for one in found) >= many:
                return found
            await asyncio.sleep(0.01)


async def test_it_works(alice: Person, bob: Person, receiver: Receiver, world: World) -> None:
    """A receiver has what the library of the specification verifies, in order, and the post as readers see it."""
    hook = await hooked(alice, receiver)
    assert hook["secret"].startswith("whsec_")
    first = await posted(bob, "One", world.class_channel)
    await bob.patch(f"/api/posts/{first['id']}", {"body": "Two"})
    await alice.delete(f"/api/posts/{first['id']}")
    got = await receiver.has(3)
    for one in got:
        Webhook(hook["secret"]).verify(one["raw"], one["headers"])
    assert [one["type"] for one in got] == ["post.created", "post.edited", "post.removed"]
    positions = [one["data"]["position"] for one in got]
    assert positions == sorted({*positions})
    last = got[-1]["data"]
    assert (last["group"], last["channel"]["title"], last["post"]["state"]) == ("class", "Room", "removed")
    assert last["post"]["body"] == last["post"]["html"] == ""
    assert last["url"] == f"https://pottle.example/posts/{first['id']}"
    assert got[0]["line"] == "POST /hook?key=1 HTTP/1.1"
    found = await until(alice, hook, "delivered", 3)
    assert [(one["code"], one["attempts"]) for one in found] == [(204, 1)] * 3
    assert {one["message"] for one in found} == {one["headers"]["webhook-id"] for one in got}
    shown = (await alice.get(CLASS)).json()["webhooks"]
    assert [(one["id"], one["active"], one["secret"]) for one in shown] == [(hook["id"], True, None)]


async def test_only_what_was_chosen_is_told_and_only_of_its_group(
    alice: Person, bob: Person, root: Person, receiver: Receiver, world: World
) -> None:
    await hooked(alice, receiver, kinds=["post.removed"])
    async with receiving() as everything:
        await hooked(root, everything, "/api/webhooks", kinds=["post.created", "reactions", "channel.deleted"])
        there = await opened(root, "elsewhere")
        elsewhere = await posted(root, "Elsewhere", there)
        await root.put(f"/api/posts/{elsewhere['id']}/reactions/up")
        ours = await posted(bob, "Ours", world.class_channel)
        await bob.delete(f"/api/posts/{ours['id']}")
        await root.delete(f"/api/channels/{there}")
        got = await everything.has(4)
    told = [(one["type"], one["data"]["group"]) for one in got]
    assert told[-1] == ("channel.deleted", None)
    assert [kind for kind, _ in told] == ["post.created", "reactions", "post.created", "channel.deleted"]
    await receiver.has(1)
    assert [one["type"] for one in receiver.got] == ["post.removed"]


async def test_nothing_private_is_told(alice: Person, bob: Person, root: Person, receiver: Receiver) -> None:
    """Neither what waits for a moderator, nor who is anonymous, and what waits is told of when it is there."""
    channel = await opened(root, "quiet", review="all", anonymous=True)
    await root.patch("/api/groups/quiet", {"posting": "users"})
    hook = await hooked(root, receiver, "/api/groups/quiet/webhooks", kinds=["post.created", "post.edited"])
    waiting = await bob.post(f"/api/channels/{channel}/posts", {"body": "It waits", "anonymous": True})
    assert waiting.json()["state"] == "pending"
    await posted(root, "Seen", channel)
    await receiver.has(1)
    await root.patch(f"/api/posts/{waiting.json()['id']}", {"state": "published"}, headers={"If-Match": '"1-0"'})
    got = await receiver.has(2)
    assert [one["data"]["post"]["body"] for one in got] == ["Seen", "It waits"]
    assert got[1]["data"]["post"]["author"] == {"anonymous": True}
    assert b"bob" not in got[1]["raw"].lower()
    assert hook["by"] == "root"


async def test_what_fails_is_tried_again_before_what_came_after(
    alice: Person, bob: Person, receiver: Receiver, world: World
) -> None:
    """The same `webhook-id`; and a receiver that hangs delays no other hook."""
    answers = iter(["503 Busy", "302 Found", "200 OK", "200 OK"])
    receiver.answer = lambda _got: next(answers)
    async with receiving() as slow, receiving() as quick:
        await hooked(alice, receiver)
        slow.hangs = asyncio.Event()
        await hooked(alice, slow)
        await hooked(alice, quick)
        for body in ("One", "Two"):
            await posted(bob, body, world.class_channel)
        got, at_once = await receiver.has(4), await quick.has(2)
        slow.hangs.set()
    assert [one["data"]["post"]["body"] for one in got] == ["One", "One", "One", "Two"]
    assert len({one["headers"]["webhook-id"] for one in got}) == 2
    assert [one["data"]["post"]["body"] for one in at_once] == ["One", "Two"]


async def test_after_the_last_attempt_it_is_off_and_can_be_sent_again(
    alice: Person, bob: Person, receiver: Receiver, world: World
) -> None:
    receiver.answer, receiver.hangs = lambda _got: "", asyncio.Event()
    hook = await hooked(alice, receiver)
    for body in ("One", "Two"):
        await posted(bob, body, world.class_channel)
    receiver.hangs.set()
    found = await until(alice, hook, "dead", 2)
    assert [(one["attempts"], one["trouble"]) for one in found] == [
        (0, None),
        (3, "The connection was closed without an answer."),
    ]
    (shown,) = (await alice.get(CLASS)).json()["webhooks"]
    assert (shown["active"], shown["dead"]) == (False, 2)
    assert "without an answer" in shown["trouble"]
    trail = (await alice.get("/api/groups/class/audit")).json()["entries"]
    assert trail[0]["action"] == "webhook.disabled"
    await posted(bob, "Nobody is told", world.class_channel)
    path = f"/api/webhooks/{hook['id']}"
    refused(await alice.post(f"{path}/again", {}), 409)
    receiver.answer = lambda _got: "200 OK"
    receiver.got.clear()
    assert (await alice.patch(path, {"active": True})).json()["trouble"] is None
    refused(await alice.post(f"{path}/again", {"delivery": 999}), 404)
    assert (await alice.post(f"{path}/again", {})).json() == {"again": 2}
    await posted(bob, "Three", world.class_channel)
    got = await receiver.has(3)
    assert [one["data"]["post"]["body"] for one in got] == ["One", "Two", "Three"]
    assert {one["message"] for one in found} == {one["headers"]["webhook-id"] for one in got[:2]}


async def test_410_switches_it_off_at_once(alice: Person, bob: Person, receiver: Receiver, world: World) -> None:
    receiver.answer = lambda _got: "410 Gone"
    hook = await hooked(alice, receiver)
    await posted(bob, "One", world.class_channel)
    (found,) = await until(alice, hook, "dead")
    assert (found["code"], found["attempts"]) == (410, 1)
    assert "410" in (await alice.get(CLASS)).json()["webhooks"][0]["trouble"]


async def test_two_secrets_sign_for_a_day(alice: Person, bob: Person, receiver: Receiver, world: World) -> None:
    hook = await hooked(alice, receiver)
    new = (await alice.post(f"/api/webhooks/{hook['id']}/secret")).json()["secret"]
    await posted(bob, "One", world.class_channel)
    (got,) = await receiver.has(1)
    for secret in (hook["secret"], new):
        Webhook(secret).verify(got["raw"], got["headers"])
    assert new != hook["secret"]


async def test_the_test_button_says_what_became_of_it(alice: Person, receiver: Receiver) -> None:
    hook = await hooked(alice, receiver)
    path = f"/api/webhooks/{hook['id']}/test"
    assert (await alice.post(path)).json()["state"] == "delivered"
    Webhook(hook["secret"]).verify(receiver.got[0]["raw"], receiver.got[0]["headers"])
    receiver.answer = lambda _got: "500 Oh"
    assert (await alice.post(path)).json()["trouble"] == "It answered 500."
    assert (await alice.get(CLASS)).json()["webhooks"][0]["active"]


async def test_long_posts_are_cut(alice: Person, receiver: Receiver, world: World) -> None:
    await hooked(alice, receiver)
    await posted(alice, "\u0001é<" * 3_000, world.class_channel)
    (got,) = await receiver.has(1)
    assert len(got["raw"]) <= 20_000
    assert got["data"]["cut"]
    assert got["data"]["post"]["body"]


@in_turn("form", ["slack", "discord"])
async def test_chats_get_a_sentence(alice: Person, bob: Person, receiver: Receiver, form: str, world: World) -> None:
    """In which nobody can write @everyone, or a link that says something else."""
    hook = await hooked(alice, receiver, format=form)
    receiver.got.clear()
    post = await posted(bob, "Hello <!channel> [x](https://evil.example) @everyone", world.class_channel)
    got = (await receiver.has(1))[-1]
    link = f"https://pottle.example/posts/{post['id']}"
    if form == "slack":
        assert got["text"] == f"*Bob* wrote in <{link}|Room>: Hello &lt;!channel&gt; x @everyone"
    else:
        assert got["content"].startswith(f"**Bob** wrote in [Room](<{link}>): Hello")
        assert got["allowed_mentions"] == {"parse": []}
    await alice.delete(f"/api/webhooks/{hook['id']}")


async def test_whoever_loses_the_right_is_told_nothing_more(
    alice: Person, bob: Person, root: Person, receiver: Receiver, world: World
) -> None:
    await hooked(alice, receiver)
    await root.post("/api/groups/class/members", {"uid": "alice", "role": "member"})
    await posted(bob, "Not for Alice's server", world.class_channel)
    async with asyncio.timeout(PATIENCE):
        while (hook := (await root.get(CLASS)).json()["webhooks"][0])["active"]:
            await asyncio.sleep(0.01)
    assert (hook["dead"], receiver.got) == (1, [])
    refused(await alice.get(f"/api/webhooks/{hook['id']}/deliveries"), 404)


async def test_wrong_fields_are_named(alice: Person, charlie: Person) -> None:
    for url in ("ftp://x.example/", "https://a:b@x.example/", "https://x.example/#y", "https://", "https://x:99999/"):
        assert wrong_fields(await alice.post(CLASS, {"url": url})) == {"url"}, url
    assert wrong_fields(await alice.post(CLASS, {"url": "https://x.example", "kinds": []})) == {"kinds"}
    refused(await charlie.post(CLASS, {"url": "https://x.example"}), 404)
    for _ in range(20):
        assert (await alice.post(CLASS, {"url": "https://x.example"})).status_code == 201
    refused(await alice.post(CLASS, {"url": "https://x.example"}), 409)


def test_bodies_are_what_the_specification_says() -> None:
    from model.webhooks import payload

    whole = payload.body("webhook.test", "2026-11-27T08:00:00.000Z", payload.Told(0, "e"), "standard")
    assert msgspec.json.decode(whole or b"").keys() == {"type", "timestamp", "data"}
