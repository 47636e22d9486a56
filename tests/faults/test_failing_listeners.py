"""L6, L8: whatever fails while this worker follows the log, nothing that has ended is served from memory.

Another worker commits; here something is broken. Fails when `Follower.apply` does not have all forget, for then the
head has advanced and nobody looks again.
"""

import sqlite3
from collections.abc import AsyncIterator, Callable
from typing import Any, NoReturn

import pytest
from sqlalchemy import update

from model.accounts import session
from model.settings import Settings
from model.talk.post import Post
from pottle.http.caching import shelf
from pottle.live import hub as live
from pottle.store import changes, db
from pottle.store.database import Database
from tests.conftest import PASSWORD, Person, World
from tests.live import silent

LOBBY = "/api/channels/1/posts"
SIGNED_OUT, CAME_APART = 4401, 1013

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
async def elsewhere(settings: Settings) -> AsyncIterator[Database]:
    """Another worker."""
    database = Database()
    await database.open(settings)
    yield database
    await database.close()


def broken(*_: Any, **__: Any) -> NoReturn:
    raise sqlite3.OperationalError("broken")


def a_listener(number: int, **at: Callable[..., NoReturn]) -> Callable[[pytest.MonkeyPatch], None]:
    """Of the application's own, in the order in which they are told."""

    def breaks(patch: pytest.MonkeyPatch) -> None:
        told = [*db._store.follower.listeners]
        told[number] = told[number]._replace(**at)
        patch.setattr(db._store.follower, "listeners", told)

    return breaks


BREAKING = {
    "the first listener prepares": a_listener(0, prepare=broken),
    "the first listener applies": a_listener(0, apply=broken),
    "the second listener prepares": a_listener(1, prepare=broken),
    "the second listener applies": a_listener(1, apply=broken),
    "the last listener prepares": a_listener(-1, prepare=broken),
    "the last listener applies": a_listener(-1, apply=broken),
    "what reads what is told": lambda patch: patch.setattr(changes, "loaded", broken),
    "what encodes it": lambda patch: patch.setattr(live, "encoded", broken),
    "what finds out who loses a right": lambda patch: patch.setattr("pottle.live.connection.Connection.lost", broken),
    "what closes a connection": lambda patch: patch.setattr("pottle.live.connection.Connection.lose", broken),
}


@pytest.mark.parametrize("breaks", BREAKING.values(), ids=BREAKING)
async def test_a_session_that_ended_elsewhere_is_over(
    breaks: Callable[[pytest.MonkeyPatch], None],
    elsewhere: Database,
    anyone: Person,
    bob: Person,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bob's session, the response that shows his post, and the websockets that follow it: none survives."""
    signed = (await anyone.post("/api/session", {"uid": "bob", "password": PASSWORD})).json()
    mine = {"Authorization": f"Bearer {signed['token']}"}
    made = (await bob.post(LOBBY, {"body": "before"})).json()
    assert (await anyone.get("/api/me", headers=mine)).status_code == 200
    assert "before" in (await anyone.get(LOBBY)).text
    followers = [await silent.Listener.of(signed["token"]), silent.Listener()]
    for follower in followers:
        assert (await follower.ask(type="subscribe", channel=1))["type"] == "subscribed"
    who = await session.identify(signed["token"])
    assert who

    def commit(tx: Any) -> None:
        session.end.within(tx, who)
        tx.session.execute(update(Post).filter_by(id=made["id"]).values(body="after", html="after"))
        tx.changed("post.edited", stream="channel:1", subject=made["id"], tags=["posts"])

    with monkeypatch.context() as patch:
        breaks(patch)
        await elsewhere.write(commit)
        assert (await anyone.get("/api/me", headers=mine)).status_code == 401
    assert "before" not in (await anyone.get(LOBBY)).text
    assert "after" not in str([await follower.take() for follower in followers])
    assert followers[0].closed in (SIGNED_OUT, CAME_APART)
    assert followers[1].closed == CAME_APART
    for follower in followers:
        follower.leave()
    assert not shelf._filling
    again = silent.Listener()
    assert (await again.ask(type="subscribe", channel=1))["type"] == "subscribed"
    later = await bob.post(LOBBY, {"body": "later"})
    assert [frame["post"] for frame in await again.take()] == [later.json()], "and all goes on"
    again.leave()


async def test_a_look_that_fails_before_it_tells_anybody_serves_nothing(
    elsewhere: Database, anyone: Person, person: Callable[[], Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log cannot be read: an error is better than what may have ended. The next look tells all."""
    signed = (await anyone.post("/api/session", {"uid": "bob", "password": PASSWORD})).json()
    mine = {"Authorization": f"Bearer {signed['token']}"}
    who = await session.identify(signed["token"])
    assert who
    assert (await anyone.get("/api/me", headers=mine)).status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr(changes, "since", broken)
        await elsewhere.write(session.end.within, who)
        assert (await anyone.get("/api/me", headers=mine)).status_code in (500, 503)
        assert (await person().get("/readyz")).status_code == 503
    assert (await anyone.get("/api/me", headers=mine)).status_code == 401
