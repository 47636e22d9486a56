"""L8: a websocket ends with its session when that expires, and before anything newer comes."""

from pathlib import Path

import pytest

from pottle import times
from pottle.store import db
from tests import databases
from tests.api.conftest import posted, signed_in_again
from tests.conftest import PASSWORD, Person, World
from tests.live.meeting import Meeting
from tests.live.silent import Listener

SIGNED_OUT = 4401
LATER = "2199-01-01T00:00:00.000Z"


def last_until(instance: Path, moment: str) -> None:
    """Has the newest session expire at `moment`."""
    with databases.opened(instance) as raw:
        raw.execute("UPDATE sessions SET expires = ? WHERE id = (SELECT max(id) FROM sessions)", [moment])


@pytest.mark.slow
@pytest.mark.parametrize("by", ["auth", "cookie"])
async def test_it_is_closed_when_its_session_expires(own_meeting: Meeting, by: str) -> None:
    """Nothing else happens meanwhile. Seen to fail without `Hub.expires`, after the test's patience."""
    signed = await (await own_meeting.http()).post("/api/session", json={"uid": "bob", "password": PASSWORD})
    token, name = signed.json()["token"], next(iter(signed.cookies))
    last_until(own_meeting.server.instance, times.later(seconds=3))
    stays = await own_meeting.socket("alice")
    if by == "auth":
        socket = await own_meeting.socket(token)
    else:
        socket = await own_meeting.socket(additional_headers={"Cookie": f"{name}={token}"})
    assert await socket.rest() == ([], SIGNED_OUT)
    assert (await stays.ask(type="subscribe", channel=1))["type"] == "subscribed"


async def listening(anyone: Person, channel: int) -> Listener:
    """A connection that follows a channel by a new session of Bob's."""
    reader = await Listener.of(await signed_in_again(anyone, "bob", PASSWORD))
    assert (await reader.ask(type="subscribe", channel=channel))["type"] == "subscribed"
    return reader


async def test_nothing_newer_comes_before_it_is_closed(
    anyone: Person, alice: Person, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late the timer is, say on a machine that slept. Seen to fail without `end_expired` in `Hub.apply`."""
    reader = await listening(anyone, world.class_channel)
    await posted(alice, "for bob too", channel=world.class_channel)
    assert "for bob too" in str(await reader.take())
    monkeypatch.setattr(times, "now", lambda: LATER)
    await db.write(lambda tx: tx.changed("post.edited", stream=f"channel:{world.class_channel}", subject=1) and None)
    assert await reader.take() == []
    assert reader.closed == SIGNED_OUT


async def test_nothing_can_be_asked_for_after_it(anyone: Person, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = await listening(anyone, world.class_channel)
    monkeypatch.setattr(times, "now", lambda: LATER)
    await reader.connection.hear('{"type": "subscribe", "channel": 1}')
    assert reader.closed == SIGNED_OUT
    assert reader.connection._replies == []
