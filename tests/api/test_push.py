"""Web push: which browsers are told, that they alone can read it, and what is done where nobody receives it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import http_ece
import pytest
from sqlalchemy import func, select

from model.push import outbox, subscription
from model.push.outbox import Push
from model.push.subscription import Subscription
from model.settings import Settings
from pottle.store import db
from tests.api.conftest import bearer, refused, signed_in_again, wrong_fields
from tests.conftest import PASSWORD, Person
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


async def test_it_works(bob: Person, receiver: Receiver) -> None:
    """The browser alone can read it, it is signed by the key that the browser knows, and it goes from the outbox."""
    shown = (await bob.get(PUSH)).json()
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
