"""L9: what is committed while a watched GET is being made counts too. In this process, where it can be held up."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pottle.http.asgi import App, Receive, Scope, Send
from pottle.live.watches import watches
from pottle.store import db
from tests.conftest import Person, World
from tests.live import silent
from tests.server import PATIENCE

LOBBY = "/api/channels/1/posts"

pytestmark = pytest.mark.usefixtures("app")


class Held:
    """The application, whose answers are ready but do not arrive before they may."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.made = asyncio.Semaphore(0)
        self.may = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
        self.made.release()
        await self.may.wait()


@pytest.fixture
async def held(app: object, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Held]:
    held = Held(watches.app)
    monkeypatch.setattr(watches, "app", held)
    yield held
    held.may.set()


async def heard(listener: silent.Listener, count: int) -> list[dict[str, Any]]:
    """The next frames, at least so many."""
    frames: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE):
        while len(frames) < count:
            frames += await listener.take()
            await asyncio.sleep(0.001)
    return frames


@pytest.mark.parametrize("get", [LOBBY, "/api/users/alice"])
async def test_what_changes_while_it_is_made_has_it_made_again(held: Held, alice: Person, get: str) -> None:
    """One answer has tags, the other is made of tables. Fails (it waits in vain) when `Watches._make` forgets what was
    dropped meanwhile."""
    listener = silent.Listener()
    await listener.send(type="watch", get=get)
    await held.made.acquire()
    await alice.post(LOBBY, {"body": "now"})
    await alice.patch("/api/me", {"name": "Alicia"})
    await db.caught_up()
    held.may.set()
    before, after = await heard(listener, 2)
    assert (before["type"], after["type"]) == ("watching", "changed")
    assert after["etag"] == (await alice.get(get)).headers["ETag"] != before["etag"]
    listener.leave()


async def test_where_the_log_is_lost_all_is_made_again(held: Held, alice: Person) -> None:
    listener = silent.Listener()
    await listener.send(type="watch", get=LOBBY)
    await held.made.acquire()
    watches.forget()
    held.may.set()
    await heard(listener, 1)
    async with asyncio.timeout(PATIENCE):
        await held.made.acquire()
    listener.leave()


async def test_a_client_that_goes_meanwhile_leaves_nothing(held: Held) -> None:
    listener = silent.Listener()
    await listener.send(type="watch", get=LOBBY)
    await held.made.acquire()
    listener.leave()
    held.may.set()
    async with asyncio.timeout(PATIENCE):
        while watches._watched or watches._tasks or watches._by_tag:
            await asyncio.sleep(0.001)


async def test_who_watches_much_holds_up_nobody_else(
    held: Held, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alice watches a hundred GETs and Bob one: his is among the first. Fails with one queue for all."""
    monkeypatch.setattr("pottle.live.watches.AT_ONCE", 1)
    many, one = await silent.Listener.of(alice.token), await silent.Listener.of(bob.token)
    for n in range(1, 101):
        await many.send(type="watch", get=f"{LOBBY}?limit={n}")
    await one.send(type="watch", get="/api/me")
    for _ in range(3):
        await held.made.acquire()
        held.may.set()
        held.may.clear()
        await asyncio.sleep(0)
    held.may.set()
    assert (await heard(one, 1))[0]["type"] == "watching"
    assert len(watches._line) > 0, "most of hers still wait"
    many.leave()
    one.leave()


async def test_one_get_is_made_once_for_all_who_watch_it(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    made, app = 0, watches.app

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal made
        made += 1
        await app(scope, receive, send)

    monkeypatch.setattr(watches, "app", counted)
    listeners = [silent.Listener() for _ in range(35)]
    for listener in listeners:
        await listener.send(type="watch", get=LOBBY)
    for listener in listeners:
        await heard(listener, 1)
    assert made == 1
    await alice.post(LOBBY, {"body": "now"})
    for listener in listeners:
        (frame,) = await heard(listener, 1)
        assert frame["type"] == "changed"
    assert made == 2
    for listener in listeners:
        listener.leave()


async def test_an_application_that_fails_is_asked_again(
    alice: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody knows what the answer is: `changed` says so without an ETag, and then with one."""
    monkeypatch.setattr("pottle.live.watches.RETRY_SECONDS", 0.01)
    listener, app = silent.Listener(), watches.app
    await listener.send(type="watch", get=LOBBY)
    (watching,) = await heard(listener, 1)
    failures = iter(range(2))

    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        if next(failures, None) is not None:
            raise ZeroDivisionError
        await app(scope, receive, send)

    monkeypatch.setattr(watches, "app", failing)
    await alice.post(LOBBY, {"body": "now"})
    unknown, known = await heard(listener, 2)
    assert unknown == {"type": "changed", "get": LOBBY}
    assert known["etag"] == (await alice.get(LOBBY)).headers["ETag"] != watching["etag"]
    assert caplog.text.count("A watched GET failed") == 2
    listener.leave()


async def test_nothing_is_told_to_a_connection_that_was_revoked(
    alice: Person, anyone: Person, held: Held, world: World
) -> None:
    """L8, also where the GET is under way when the session ends."""
    token = (await anyone.post("/api/session", {"uid": "bob", "password": "correct horse"})).json()["token"]
    listener = await silent.Listener.of(token)
    await listener.send(type="watch", get=f"/api/channels/{world.class_channel}/posts")
    await held.made.acquire()
    assert (await anyone.delete("/api/session", headers={"Authorization": f"Bearer {token}"})).status_code == 204
    await db.caught_up()
    held.may.set()
    assert listener.closed == 4401
    for _ in range(20):
        await asyncio.sleep(0.001)
        assert await listener.take() == []
    listener.leave()
