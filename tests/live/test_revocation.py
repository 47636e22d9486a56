"""L8: nothing committed after a revocation was acknowledged reaches the revoked connection.

Each way to lose a right is tried over HTTP, on whatever worker answers, against sockets on all three workers. They all
fail (nothing is closed) when `Hub.apply` does not call `lose`.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
from websockets import ConnectionClosed

from pottle.store import db
from tests import databases
from tests.conftest import PASSWORD, Person, World
from tests.live.meeting import Meeting
from tests.live.silent import Listener
from tests.server import Socket

SIGNED_OUT = 4401


def ok(answer: httpx.Response) -> None:
    assert answer.is_success, answer.text


async def following(meeting: Meeting, channel: int, token: str, **options: Any) -> list[Socket]:
    """A socket on every worker that follows a channel by the right of a token."""
    sockets = [found[0] for found in (await meeting.sockets(1, token, **options)).values()]
    for socket in sockets:
        assert (await socket.ask(type="subscribe", channel=channel))["type"] == "subscribed"
    return sockets


async def assert_cut(meeting: Meeting, channel: int, sockets: list[Socket], by: str = "alice") -> None:
    """That the sockets were closed, and did not get what is posted now, after the revocation was acknowledged."""
    made = await asyncio.gather(*[meeting.post(channel, "for others", by=by) for _ in range(3)])
    late = {post_["id"] for post_ in made}
    for socket in sockets:
        frames, code = await socket.rest()
        assert code == SIGNED_OUT
        assert not late & {frame["post"]["id"] for frame in frames}


async def test_signing_out(meeting: Meeting) -> None:
    channel = await meeting.channel()
    token = await meeting.sign_in("bob")
    sockets = await following(meeting, channel, token)
    other = await meeting.socket("bob")
    await other.ask(type="subscribe", channel=channel)
    ok(await (await meeting.http(token)).delete("/api/session"))
    await assert_cut(meeting, channel, sockets)
    assert (await other.receive())["type"] == "change", "another session of Bob's goes on"


async def test_deleting_a_token(meeting: Meeting, world: World) -> None:
    bob = await meeting.http("bob")
    made = (await bob.post("/api/me/tokens", json={"name": "bell"})).json()
    sockets = await following(meeting, world.class_channel, made["token"])
    ok(await bob.delete(f"/api/me/tokens/{made['id']}"))
    await assert_cut(meeting, world.class_channel, sockets)


async def test_a_new_password_ends_the_other_sessions(meeting: Meeting) -> None:
    channel = await meeting.channel()
    await sign_up(meeting, "dora")
    here, there = await meeting.sign_in("dora"), await meeting.sign_in("dora")
    kept = await meeting.socket(here)
    await kept.ask(type="subscribe", channel=channel)
    sockets = await following(meeting, channel, there)
    changed = {"password": "correct donkey", "current_password": PASSWORD}
    ok(await (await meeting.http(here)).patch("/api/me", json=changed))
    await assert_cut(meeting, channel, sockets)
    assert (await kept.receive())["type"] == "change"


async def test_deleting_an_account(meeting: Meeting) -> None:
    channel = await meeting.channel()
    await sign_up(meeting, "emil")
    here, there = await meeting.sign_in("emil"), await meeting.sign_in("emil")
    sockets = await following(meeting, channel, here) + await following(meeting, channel, there)
    ok(await (await meeting.http(here)).request("DELETE", "/api/me", json={"password": PASSWORD}))
    await assert_cut(meeting, channel, sockets)


async def test_ending_a_membership(meeting: Meeting) -> None:
    slug = await meeting.group(reading="members")
    await meeting.member(slug, "charlie")
    channel = await meeting.channel(slug)
    sockets = await following(meeting, channel, meeting.token("charlie"))
    elsewhere = await meeting.socket("charlie")
    await elsewhere.ask(type="subscribe", channel=1)
    ok(await (await meeting.http("alice")).delete(f"/api/groups/{slug}/members/charlie"))
    await assert_cut(meeting, channel, sockets)
    made = await meeting.post(1)
    assert (await elsewhere.receive())["post"] == made, "Charlie may read the lobby as before"


async def test_a_group_made_for_members_only(meeting: Meeting) -> None:
    slug = await meeting.group(reading="public")
    channel = await meeting.channel(slug)
    sockets = [found[0] for found in (await meeting.sockets(1)).values()]
    for socket in sockets:
        assert (await socket.ask(type="subscribe", channel=channel))["type"] == "subscribed"
    ok(await (await meeting.http("alice")).patch(f"/api/groups/{slug}", json={"reading": "members"}))
    await assert_cut(meeting, channel, sockets)


async def test_deleting_a_group(meeting: Meeting) -> None:
    slug = await meeting.group(reading="members")
    channel = await meeting.channel(slug)
    sockets = await following(meeting, channel, meeting.token("alice"))
    ok(await (await meeting.http("root")).delete(f"/api/groups/{slug}"))
    for socket in sockets:
        assert await socket.rest() == ([], SIGNED_OUT)


async def test_whoever_lost_a_right_cannot_just_come_back(meeting: Meeting) -> None:
    slug = await meeting.group(reading="members")
    await meeting.member(slug, "charlie")
    channel = await meeting.channel(slug)
    await following(meeting, channel, meeting.token("charlie"))
    ok(await (await meeting.http("alice")).delete(f"/api/groups/{slug}/members/charlie"))
    again = await meeting.socket("charlie")
    assert (await again.ask(type="subscribe", channel=channel))["code"] == "not-found"


async def sign_up(meeting: Meeting, uid: str) -> None:
    ok(await (await meeting.http()).post("/api/users", json={"uid": uid, "name": uid, "password": PASSWORD}))


async def test_a_race_between_posts_and_a_sign_out(meeting: Meeting) -> None:
    """Posts go on all the time; those that begin after the sign-out was answered must not arrive."""
    channel = await meeting.channel()
    for _ in range(5):
        token = await meeting.sign_in("bob")
        sockets = await following(meeting, channel, token)
        late: set[int] = set()
        over = asyncio.Event()

        async def write(by: str, late: set[int] = late, over: asyncio.Event = over) -> None:
            for _ in range(10):
                after = over.is_set()
                made = await meeting.post(channel, by=by)
                if after:
                    late.add(made["id"])

        async def sign_out(token: str = token, over: asyncio.Event = over) -> None:
            ok(await (await meeting.http(token)).delete("/api/session"))
            over.set()

        await asyncio.gather(write("alice"), write("charlie"), sign_out())
        assert late
        for socket in sockets:
            frames, code = await socket.rest()
            assert code == SIGNED_OUT
            assert not late & {frame["post"]["id"] for frame in frames}


async def test_to_sign_in_as_somebody_else_keeps_no_right_of_before(meeting: Meeting) -> None:
    """Bob subscribes to the class and says then that he is Charlie; when Bob signs out, the class is over for him."""
    slug = await meeting.group(reading="members")
    await meeting.member(slug, "bob")
    channel = await meeting.channel(slug)
    token = await meeting.sign_in("bob")
    sockets = await following(meeting, channel, token)
    for socket in sockets:
        answer = await socket.ask(type="auth", token=meeting.token("charlie"))
        assert answer == {"type": "authenticated", "uid": "charlie"}
    ok(await (await meeting.http(token)).delete("/api/session"))
    late = await meeting.post(channel, "for members")
    for socket in sockets:
        heard = []
        with suppress(ConnectionClosed):  # to be cut is as good as to be told nothing
            await socket.send(type="unsubscribe", channel=10**9)  # somewhere else, so that there is an answer
            while (frame := await socket.receive())["type"] != "error":
                heard.append(frame["post"]["id"])
        assert late["id"] not in heard


@contextmanager
def looking_away() -> Iterator[None]:
    """What is committed now, this worker finds in one look, when it is over."""

    async def nothing() -> None:
        pass

    with pytest.MonkeyPatch.context() as patched:
        if databases.POSTGRES:
            patched.setattr(db._store._look, "_once", nothing)
        else:
            patched.setattr(db._store, "catch_up", lambda: None)
        yield


@pytest.mark.parametrize("lost", ["session", "membership"])
@pytest.mark.parametrize("lagging", [False, True])
async def test_what_is_committed_with_a_revocation_does_not_reach_it(
    alice: Person, bob: Person, world: World, lost: str, lagging: bool
) -> None:
    """The revocation and a later edit are found in one look at the log. Fails when `Hub.apply` revokes a step later;
    and for a reader that lags, whose page of the log shows posts as they are now, when `Hub._page` does not catch up
    after it was read.
    """
    made = (await alice.post(f"/api/channels/{world.class_channel}/posts", {"body": "for all"})).json()
    reader = await Listener.of(bob.token)
    asked = {"epoch": db.instance.epoch, "after": 0} if lagging else {}
    assert (await reader.ask(type="subscribe", channel=world.class_channel, **asked))["type"] == "subscribed"
    with looking_away():
        if lost == "session":
            ok(await bob.delete("/api/session"))
        else:
            ok(await alice.delete("/api/groups/class/members/bob"))
        ok(await alice.patch(f"/api/posts/{made['id']}", {"body": "for others"}))
    if lagging:
        assert b"for others" not in reader.connection.next_message()
    assert "for others" not in str(await reader.take())
    assert reader.closed == SIGNED_OUT


async def test_a_session_that_ended_between_two_frames_cannot_subscribe(
    alice: Person, bob: Person, world: World
) -> None:
    """The frame that asks is read before this worker has heard of the sign-out, from another worker.

    Fails when `Connection._subscribe` does not catch up.
    """
    reader = await Listener.of(bob.token)
    with looking_away():
        ok(await bob.delete("/api/session"))
    await reader.connection.hear(json.dumps({"type": "subscribe", "channel": world.class_channel}))
    assert reader.closed == SIGNED_OUT
    ok(await alice.post(f"/api/channels/{world.class_channel}/posts", {"body": "for others"}))
    assert "for others" not in str(await reader.take())
    assert reader.closed == SIGNED_OUT
