"""What one account, one address and one websocket may have: each has a bound, which a class never meets."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from quart import Quart

from model.accounts import session
from model.talk import channel
from pottle.live import connection
from pottle.live.connection import Connection
from pottle.live.sending import TOO_SLOW
from pottle.rates import Rate
from pottle.store import Snapshot, changes
from pottle.store.changes import Change
from tests.api.conftest import LOBBY, bearer, opened, posted, refused, signed_in_again, wrong_fields
from tests.conftest import PASSWORD, Person, World
from tests.live.silent import Listener
from tests.server import Server, connected

LARGE = "https://a.co/b, " * 600  # 9,600 characters, and 50 kB of HTML


@pytest.fixture
async def elsewhere(app: Quart, world: World) -> AsyncIterator[Person]:
    """Bob at another address."""
    transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 1234))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://pottle.test") as http:
        http.headers["Authorization"] = f"Bearer {world.tokens['bob']}"
        yield Person(http, "bob")


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """150 KiB a day for an account, and 260 for an address. No text that is small is counted."""
    monkeypatch.setattr(channel, "random", lambda: 1.0)
    monkeypatch.setattr(channel, "ADDED", Rate("kilobytes", 150, per=channel.DAY))
    monkeypatch.setattr(channel, "ADDED_FROM_ADDRESS", Rate("kilobytes of an address", 260, per=channel.DAY))


@pytest.mark.usefixtures("little")
class TestBytes:
    async def test_an_account_may_add_so_many_in_a_day(self, alice: Person, bob: Person) -> None:
        for _ in range(2):
            await posted(alice, LARGE)
        answer = await alice.post(LOBBY, {"body": LARGE})
        refused(answer, 429)
        assert int(answer.headers["Retry-After"]) > 3600
        await posted(alice, "A short one")
        await posted(bob, LARGE)

    async def test_edits_count_too(self, alice: Person) -> None:
        path = f"/api/posts/{(await posted(alice, LARGE))['id']}"
        assert (await alice.patch(path, {"body": f"{LARGE} again"})).status_code == 200
        refused(await alice.patch(path, {"body": LARGE}), 429)

    async def test_more_accounts_do_not_help_at_one_address(
        self, alice: Person, bob: Person, charlie: Person, elsewhere: Person
    ) -> None:
        for who in (alice, alice, bob, bob):
            await posted(who, LARGE)
        for _ in range(2):
            refused(await charlie.post(LOBBY, {"body": LARGE}), 429)
        await posted(charlie, "A short one")
        refused(await elsewhere.post(LOBBY, {"body": LARGE}), 429)  # as Bob

    async def test_guests_have_those_of_an_account(self, root: Person, anyone: Person) -> None:
        path = f"/api/channels/{await opened(root, 'blog', posting='guests')}/posts"
        guest = {"body": LARGE, "guest": "Gus"}
        for _ in range(2):
            assert (await anyone.post(path, guest)).status_code == 201
        refused(await anyone.post(path, guest), 429)

    async def test_of_what_is_small_one_in_so_many_counts(self, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(channel, "random", lambda: 1_000 / channel.SAMPLED)
        for _ in range(10):
            await posted(alice, "Less than a thousand bytes")
        for _ in range(9):
            await posted(alice, "long " * 150)
        refused(await alice.post(LOBBY, {"body": "long " * 150}), 429)

    async def test_discussions_count_by_their_size(self, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(channel, "random", lambda: 0.2)
        url = "https://a.example/" + "\u00e9" * 1_900  # 4 kB
        for number in range(9):
            new = {"key": f"room {number}", "title": "\u00e9" * 200, "url": url}
            assert (await alice.post("/api/groups/home/channels", new)).status_code == 201
        refused(await alice.post("/api/groups/home/channels", {"key": "one more", "url": url}), 429)

    async def test_what_is_repeated_does_not_count(self, alice: Person) -> None:
        for _ in range(5):
            assert (await alice.post(LOBBY, {"body": LARGE}, headers={"Idempotency-Key": "once"})).status_code == 201


async def test_discussions_are_begun_at_a_pace(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """To find one that is there is not to begin it."""
    monkeypatch.setattr(channel, "BEGUN", Rate("discussions", 3, per=3600))
    for key in ("a", "b", "c"):
        assert (await alice.post("/api/groups/home/channels", {"key": key})).status_code == 201
    refused(await alice.post("/api/groups/home/channels", {"key": "d"}), 429)
    assert (await alice.post("/api/groups/home/channels", {"key": "a"})).status_code == 200


async def test_an_account_has_so_many_tokens(alice: Person) -> None:
    made = [(await alice.post("/api/me/tokens", {"name": "x"})) for _ in range(session.MOST_TOKENS)]
    assert {answer.status_code for answer in made} == {201}
    refused(await alice.post("/api/me/tokens", {"name": "x"}), 409)
    assert (await alice.delete(f"/api/me/tokens/{made[0].json()['id']}")).status_code == 204
    assert (await alice.post("/api/me/tokens", {"name": "x"})).status_code == 201


async def test_the_oldest_session_ends_with_one_too_many(
    anyone: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_SESSIONS", 3)
    first, *rest = [world.tokens["bob"], *[await signed_in_again(anyone, "bob", PASSWORD) for _ in range(3)]]
    refused(await anyone.get("/api/me", headers=bearer(first)), 401)
    for token in rest:
        assert (await anyone.get("/api/me", headers=bearer(token))).status_code == 200


async def test_a_group_has_so_many_origins(root: Person) -> None:
    many = [f"https://{number}.example" for number in range(51)]
    assert wrong_fields(await root.post("/api/groups", {"slug": "new", "name": "New", "origins": many})) == {"origins"}
    assert (await root.post("/api/groups", {"slug": "new", "name": "New", "origins": many[1:]})).status_code == 201


@pytest.mark.usefixtures("app")
class TestWebsockets:
    async def connect(self, token: str = "", address: str = "192.0.2.1") -> tuple[Connection, list[int]]:
        codes: list[int] = []
        return Connection(await session.identify(token) if token else None, codes.append, address), codes

    async def test_an_address_has_so_many(self) -> None:
        held = [await self.connect() for _ in range(connection.MOST_OF_ADDRESS)]
        assert [codes for _, codes in held if codes] == []
        late, codes = await self.connect()
        assert codes == [TOO_SLOW]
        assert (await self.connect(address="192.0.2.2"))[1] == []
        late.leave()
        held[0][0].leave()
        assert (await self.connect())[1] == []

    async def test_an_account_has_so_many(self, world: World) -> None:
        """However it said who it is: by a cookie, or in a frame."""
        for number in range(connection.MOST_OF_ACCOUNT):
            assert (await self.connect(world.tokens["alice"], f"192.0.2.{number}"))[1] == []
        assert (await self.connect(world.tokens["alice"]))[1] == [TOO_SLOW]
        listener = Listener()
        assert (await listener.ask(type="auth", token=world.tokens["alice"]))["code"] == "too-many"
        assert (await listener.ask(type="auth", token=world.tokens["bob"]))["type"] == "authenticated"

    async def test_who_lags_is_read_no_more_than_is_sent(
        self, alice: Person, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Pages of the log held 100 changes each, whatever their size; for each message all of them were read again."""
        monkeypatch.setattr(channel, "ADDED", Rate("kilobytes", 9_999, per=channel.DAY))
        before = (await alice.get(LOBBY)).json()
        for _ in range(20):
            await posted(alice, LARGE)
        rows: list[Change] = []
        loaded = changes.loaded

        def counted(read: Snapshot, some: Iterable[Change]) -> list[dict[str, Any]]:
            rows.extend(some := [*some])
            return loaded(read, some)

        monkeypatch.setattr(changes, "loaded", counted)
        listener = Listener()
        await listener.ask(type="subscribe", channel=1, epoch=before["epoch"], after=before["seq"])
        assert len([frame for frame in await listener.take() if frame["type"] == "change"]) == 20
        assert len(rows) <= 40


@pytest.mark.slow
async def test_who_asks_too_fast_is_heard_more_slowly(instance: Path, tmp_path: Path, stack: AsyncExitStack) -> None:
    """And nothing of it is lost."""
    with Server(instance, tmp_path, POTTLE_RATE_LIMITS="on") as server:
        socket, _ = await connected(stack, server)
        begun, count = time.monotonic(), connection.FRAMES_AT_ONCE + 2 * connection.FRAMES_PER_SECOND
        await asyncio.gather(*(socket.send(type="subscribe", channel=1) for _ in range(count)))
        for _ in range(count):
            assert (await socket.receive())["type"] == "subscribed"
        assert time.monotonic() - begun > 1.5
