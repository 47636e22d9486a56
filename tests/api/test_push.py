"""Web push: which browsers are told, that they alone can read it, and what is done where nobody receives it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import http_ece
import pytest
from sqlalchemy import func, select, update

from model.notices import pushing
from model.push import outbox, subscription, words
from model.push.outbox import Push
from model.push.subscription import Subscription
from model.settings import Settings
from pottle import times
from pottle.store import Tx, db
from tests.api.conftest import bearer, posted, refused, signed_in_again, wrong_fields
from tests.conftest import PASSWORD, Person, World
from tests.pushed import Browser, signed_by
from tests.receiver import Receiver, receiving
from tests.server import PATIENCE

PUSH = "/api/me/push"


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, url="https://pottle.example", push_networks=("127.0.0.0/8",))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed is tried again soon."""
    monkeypatch.setattr(outbox, "FIRST_PAUSE", 0.001)


async def subscribed(person: Person, receiver: Receiver, **more: Any) -> Browser:
    browser = Browser(receiver.url)
    made = await person.post(PUSH, browser.subscription(), **more)
    assert made.status_code == 201, made.text
    return browser


async def told_now(person: Person, **more: Any) -> None:
    assert (await person.post(f"{PUSH}/test", **more)).status_code == 204


async def rows(model: Any) -> int:
    async with db.session() as session:
        return int(await session.scalar(select(func.count()).select_from(model)) or 0)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():
            await asyncio.sleep(0.01)


async def nothing_waits() -> bool:
    return await rows(Push) == 0


def waiting(many: int) -> Callable[[], Awaitable[bool]]:
    async def so_many() -> bool:
        return await rows(Push) == many

    return so_many


def be_due(tx: Tx) -> None:
    tx.session.execute(update(Push).values(due=tx.now))


async def test_it_works(bob: Person, receiver: Receiver) -> None:
    """The browser alone can read it, it is signed by the key that the browser knows, and it goes from the outbox."""
    answer = await bob.get(PUSH)
    assert answer.headers["Cache-Control"] == "no-store"
    shown = answer.json()
    assert shown["subscriptions"] == []
    browser = await subscribed(bob, receiver, headers={"Accept-Language": "de-CH"})
    (mine,) = (await bob.get(PUSH)).json()["subscriptions"]
    assert mine["current"] is True
    await told_now(bob)
    (got,) = await receiver.has(1)
    headers = got["headers"]
    claims = signed_by(headers, shown["public_key"], f"http://127.0.0.1:{receiver.port}")
    assert claims["sub"] == "https://pottle.example"
    assert (got["line"], headers["content-encoding"]) == ("POST /hook?key=1 HTTP/1.1", "aes128gcm")
    assert (headers["ttl"], headers["urgency"], len(headers["topic"])) == ("86400", "normal", 32)
    message = browser.read(got["raw"])
    assert message.keys() == {"title", "body", "path", "tag", "lang", "dir"}
    assert (message["title"], message["lang"], message["tag"]) == ("Pottle", "de", headers["topic"])
    await until(nothing_waits)
    with pytest.raises(http_ece.ECEException):
        Browser(receiver.url).read(got["raw"])


async def test_a_browser_that_sends_itself_again_is_told_once(bob: Person, receiver: Receiver) -> None:
    """As it does whenever its keys were changed; the same again changes nothing."""
    browser = await subscribed(bob, receiver)
    first = (await bob.get(PUSH)).json()["subscriptions"]
    await bob.post(PUSH, browser.subscription())
    assert (await bob.get(PUSH)).json()["subscriptions"] == first
    renewed = await subscribed(bob, receiver)
    await told_now(bob)
    (got,) = await receiver.has(1)
    assert renewed.read(got["raw"])


async def test_whoever_uses_a_browser_now_is_told_there(bob: Person, charlie: Person, receiver: Receiver) -> None:
    await subscribed(bob, receiver)
    await subscribed(charlie, receiver)
    assert (await bob.get(PUSH)).json()["subscriptions"] == []
    refused(await bob.post(f"{PUSH}/test"), 404)


@pytest.mark.parametrize("how", ["the switch", "signing out", "elsewhere", "the account"])
async def test_it_ends(bob: Person, root: Person, anyone: Person, receiver: Receiver, how: str) -> None:
    """With the switch, and with the session or the account; what waited is not sent."""
    other = bearer(await signed_in_again(anyone, "bob", PASSWORD))
    await subscribed(bob, receiver, headers=other)
    receiver.answer = lambda _got: "503 Busy\r\nRetry-After: 600"
    await told_now(bob, headers=other)
    await receiver.has(1)
    ended = {
        "the switch": lambda: bob.delete(PUSH, headers=other),
        "signing out": lambda: bob.delete("/api/session", headers=other),
        "elsewhere": lambda: bob.delete("/api/me/sessions"),
        "the account": lambda: root.delete("/api/users/bob"),
    }
    assert (await ended[how]()).status_code == 204
    assert (await rows(Subscription), await rows(Push)) == (0, 0)


@pytest.mark.parametrize("answer", ["404 Not Found", "410 Gone"])
async def test_a_browser_that_wants_no_more_is_forgotten(bob: Person, receiver: Receiver, answer: str) -> None:
    receiver.answer = lambda _got: answer
    await subscribed(bob, receiver)
    await told_now(bob)

    async def forgotten() -> bool:
        return await rows(Subscription) == 0

    await until(forgotten)


async def test_what_fails_is_tried_again(bob: Person, receiver: Receiver) -> None:
    """Whatever goes wrong on the way; what was received after that counts."""
    answers = iter(["500 Oh", "429 Slowly", "", "201 Created"])
    receiver.answer = lambda _got: next(answers)
    browser = await subscribed(bob, receiver)
    await told_now(bob)
    got = await receiver.has(4)
    assert {browser.read(one["raw"])["body"] for one in got} == {"News will reach you like this."}
    await until(nothing_waits)
    assert len((await bob.get(PUSH)).json()["subscriptions"]) == 1


async def test_what_is_refused_is_not_sent_again(bob: Person, receiver: Receiver) -> None:
    receiver.answer = lambda _got: "413 Content Too Large"
    await subscribed(bob, receiver)
    await told_now(bob)
    await receiver.has(1)
    await until(nothing_waits)
    receiver.answer = lambda _got: "201 Created"
    await told_now(bob)
    await receiver.has(2)


async def test_who_never_receives_anything_is_given_up(
    bob: Person, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_FAILURES", 3)
    receiver.answer = lambda _got: "503 Busy"
    await subscribed(bob, receiver)
    await told_now(bob)
    await until(nothing_waits)
    assert (await rows(Subscription), len(receiver.got)) == (0, 3)


async def test_nobody_waits_for_a_push_service_that_hangs(bob: Person, charlie: Person, receiver: Receiver) -> None:
    receiver.hangs = asyncio.Event()
    await subscribed(bob, receiver)
    await told_now(bob)
    await receiver.has(1)
    async with receiving() as other:
        await subscribed(charlie, other)
        await told_now(charlie)
        await other.has(1)
    receiver.hangs.set()


class TestNews:
    """What is pushed of discussions, and what is not any more when it would be sent."""

    @pytest.fixture(autouse=True)
    def no_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pushing, "WAIT_SECONDS", 0)

    @pytest.fixture
    def late(self, no_wait: None, monkeypatch: pytest.MonkeyPatch) -> None:
        """Nothing is sent before `be_due`."""
        monkeypatch.setattr(pushing, "WAIT_SECONDS", 600)

    async def test_it_works(
        self, alice: Person, bob: Person, charlie: Person, receiver: Receiver, world: World
    ) -> None:
        """An answer and a mention: who says what, in which discussion, and the way there. Nobody else is told."""
        browser = await subscribed(bob, receiver)
        room = world.class_channel
        asked = await posted(bob, "How long?", room)
        answer = await posted(alice, "Two **hours**,\n\nat most", room, parent=asked["id"])
        first = browser.read((await receiver.has(1))[0]["raw"])
        assert (first["title"], first["body"]) == ("Room", "Alice answered you: Two hours, at most")
        assert first["path"] == f"/channels/{room}?at={answer['id']}#p{answer['id']}"
        await posted(alice, "Nothing for anybody", room)
        await posted(alice, f"{'x' * 300} @bob", room)
        second = browser.read((await receiver.has(2))[1]["raw"])
        assert second["body"].startswith("Alice mentioned you: xxx")
        assert len(second["body"]) == 240
        assert second["tag"] == first["tag"], "one replaces the other"
        await until(nothing_waits)

    async def test_nothing_is_told_of_what_is_gone_by_then(
        self, alice: Person, bob: Person, root: Person, receiver: Receiver, world: World, late: None
    ) -> None:
        """What was removed, what one has read meanwhile, and what one may read no more."""
        browser = await subscribed(bob, receiver)
        room = world.class_channel
        removed, read, _ = [await posted(alice, f"{word} @bob", room) for word in ("Gone", "Read", "Last")]
        await until(waiting(3))
        await alice.delete(f"/api/posts/{removed['id']}")
        await bob.put(f"/api/channels/{room}/read", json={"posts": [read["id"]]})
        await db.write(be_due)
        await until(nothing_waits)
        assert [browser.read(one["raw"])["body"] for one in receiver.got] == ["Alice mentioned you: Last @bob"]
        await posted(alice, "Secret @bob", room)
        await until(waiting(1))
        await root.delete("/api/groups/class/members/bob")
        await db.write(be_due)
        await until(nothing_waits)
        assert len(receiver.got) == 1

    async def test_only_what_one_chose(self, alice: Person, bob: Person, receiver: Receiver, world: World) -> None:
        """In quiet hours it waits for their end."""
        browser = await subscribed(bob, receiver)
        await bob.put("/api/me/notices/settings", json={"push": ["mention"]})
        asked = await posted(bob, "How long?", world.class_channel)
        await posted(alice, "An answer", world.class_channel, parent=asked["id"])
        await posted(alice, "A word @bob", world.class_channel)
        (got,) = await receiver.has(1)
        assert browser.read(got["raw"])["body"] == "Alice mentioned you: A word @bob"
        await until(nothing_waits)
        now = datetime.now(UTC)
        around = [f"{now + timedelta(hours=by):%H:%M}" for by in (-2, 2)]
        await bob.put("/api/me/notices/settings", json={"zone": "UTC", "quiet": {"start": around[0], "end": around[1]}})
        await posted(alice, "Another word @bob", world.class_channel)

        async def one_waits() -> bool:
            async with db.session() as session:
                due = await session.scalar(select(Push.due))
            return bool(due and due > times.later(hours=1))

        await until(one_waits)
        assert len(receiver.got) == 1

    async def test_decisions_and_what_waits(self, alice: Person, bob: Person, receiver: Receiver, world: World) -> None:
        """Moderators are told how much waits, where they want that as a push; authors what was decided."""
        await alice.put("/api/me/notices/settings", json={"push": ["waiting"]})
        await alice.patch("/api/groups/class", {"review": "all"})
        moderator = await subscribed(alice, receiver)
        waits = await held_back(bob, "Please", world.class_channel)
        (got,) = await receiver.has(1)
        told = moderator.read(got["raw"])
        assert (told["title"], told["body"], told["path"]) == (
            "Class",
            "1 waits for a moderator",
            "/groups/class/queue",
        )
        assert got["headers"]["urgency"] == "low"
        async with receiving() as other:
            author = await subscribed(bob, other)
            await alice.patch(f"/api/posts/{waits['id']}", {"state": "published"})
            (got,) = await other.has(1)
            assert author.read(got["raw"])["body"] == "Your post was approved."


async def held_back(person: Person, body: str, channel: int) -> dict[str, Any]:
    """A post that waits."""
    made = await person.post(f"/api/channels/{channel}/posts", {"body": body})
    assert made.status_code in (201, 202), made.text
    return dict(made.json())


@pytest.mark.parametrize("sign", ["x", "é", "😀", "\x01", '"'])
async def test_a_push_is_never_too_large(app: object, sign: str) -> None:
    said = words.Said(sign * 9_000, sign * 9_000, "/channels/999999999999?at=999999999999#p999999999999", "channel:1")
    assert len(words.message(said, "zh-Hans")) <= words.MOST_BYTES


class TestAddresses:
    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance)

    async def test_nothing_is_sent_into_the_servers_network(self, bob: Person, receiver: Receiver) -> None:
        """An endpoint comes from a browser: it is judged like that of a webhook, at each attempt."""
        for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"):
            endpoint = f"https://{host}:{receiver.port}/"
            await bob.post(PUSH, Browser(endpoint).subscription())
            await told_now(bob)

            async def tried() -> bool:
                async with db.session() as session:
                    return bool(await session.scalar(select(Subscription.failures)))

            await until(tried)
        assert receiver.got == []
        assert wrong_fields(await bob.post(PUSH, Browser(receiver.url).subscription())) == {"endpoint"}


async def test_what_is_no_subscription_is_refused(bob: Person) -> None:
    good = Browser("https://push.example/1").subscription()
    for field, value, wrong in (
        ("endpoint", "ftp://push.example", {"endpoint"}),
        ("endpoint", "https://push.example:99999/", {"endpoint"}),
        ("endpoint", "https://bob@push.example/", {"endpoint"}),
        ("keys", {**good["keys"], "p256dh": "AAAA"}, {"keys"}),
        ("keys", {**good["keys"], "auth": "é"}, {"keys"}),
        ("keys", {**good["keys"], "auth": 7}, {"keys"}),
    ):
        assert wrong_fields(await bob.post(PUSH, {**good, field: value})) == wrong
    assert (await bob.get(PUSH)).json()["subscriptions"] == []


async def test_a_token_is_no_browser(bob: Person) -> None:
    token = (await bob.post("/api/me/tokens", {"name": "program"})).json()["token"]
    for answer in (await bob.get(PUSH, headers=bearer(token)), await bob.post(f"{PUSH}/test", headers=bearer(token))):
        assert refused(answer, 403)["type"] == "urn:pottle:session-needed"


async def test_no_more_than_so_many(
    bob: Person, anyone: Person, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Browsers of one account, and pushes that wait for one of them: the oldest goes."""
    monkeypatch.setattr(subscription, "MOST", 1)
    monkeypatch.setattr(outbox, "MOST_WAITING", 3)
    await bob.post(PUSH, Browser("https://push.example/1").subscription())
    other = bearer(await signed_in_again(anyone, "bob", PASSWORD))
    receiver.answer = lambda _got: "503 Busy\r\nRetry-After: 600"
    await subscribed(bob, receiver, headers=other)
    assert [one["current"] for one in (await bob.get(PUSH)).json()["subscriptions"]] == [False]
    for _ in range(5):
        await told_now(bob, headers=other)
    await receiver.has(1)
    assert await rows(Push) == 3


async def test_many_that_wait_for_one_keep_nobody_else_waiting(
    bob: Person, charlie: Person, receiver: Receiver
) -> None:
    """Four hundred of Bob's, at a push service that hangs, and then one of Charlie's."""
    receiver.hangs = asyncio.Event()
    await subscribed(bob, receiver)
    async with receiving() as other:
        await subscribed(charlie, other)

        def fill(tx: Tx) -> None:
            first, second = tx.session.scalars(select(Subscription.id).order_by(Subscription.id))
            of_bob = [Push(subscription_id=first, kind="test", due=tx.now) for _ in range(400)]
            tx.session.add_all([*of_bob, Push(subscription_id=second, kind="test", due=tx.now)])

        await db.write(fill)
        await other.has(1)
    receiver.hangs.set()


async def test_what_cannot_be_made_is_left_out(
    bob: Person, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours: the log has it, and the next one is sent."""
    await subscribed(bob, receiver)
    monkeypatch.setitem(words._makers, "test", lambda *_: 1 / 0)
    await told_now(bob)
    await until(nothing_waits)
    assert "cannot be made" in caplog.text
    monkeypatch.undo()
    await told_now(bob)
    await receiver.has(1)


class TestOff:
    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, push=False)

    async def test_where_the_operator_wants_none_nothing_is_offered(self, bob: Person) -> None:
        refused(await bob.get(PUSH), 404)
        refused(await bob.post(PUSH, Browser("https://push.example/1").subscription()), 404)
        assert "News on this device" not in (await bob.get("/account/messages")).text
