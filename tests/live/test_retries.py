"""Idempotency-Key when the same request reaches several workers at once."""

import asyncio

import pytest

from tests.live.meeting import Meeting, changes
from tests.server import calling


async def test_copies_sent_at_once_to_all_workers_make_one_post(meeting: Meeting) -> None:
    """Each copy gets the same answer. Fails when the unit's transaction does not look the key up."""
    clients = [await calling(meeting.stack, meeting.server, meeting.token("alice")) for _ in range(12)]
    for client in clients:
        await client.get("/healthz")
    channel = await meeting.channel()
    socket = await meeting.socket()
    await socket.ask(type="subscribe", channel=channel)
    for n in range(5):
        asked = {"json": {"body": f"once {n}"}, "headers": {"Idempotency-Key": f"key-{channel}-{n}"}}
        answers = await asyncio.gather(*[client.post(f"/api/channels/{channel}/posts", **asked) for client in clients])
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert len({answer.headers["Location"] for answer in answers}) == 1
        assert (await changes(socket, 1))[0]["post"] == answers[0].json()
    assert len((await meeting.listed(channel))["posts"]) == 5


async def test_a_key_is_its_users_own(meeting: Meeting) -> None:
    channel = await meeting.channel()
    asked = {"json": {"body": "the same"}, "headers": {"Idempotency-Key": "a key"}}
    answers = [
        await (await meeting.http(by)).post(f"/api/channels/{channel}/posts", **asked) for by in ("alice", "bob")
    ]
    assert [answer.json()["author"]["uid"] for answer in answers] == ["alice", "bob"]


async def test_two_requests_that_race_with_one_key_are_not_mixed_up(meeting: Meeting) -> None:
    """One body wins; every copy of the other is told that the key is taken."""
    clients = [await calling(meeting.stack, meeting.server, meeting.token("bob")) for _ in range(8)]
    channel = await meeting.channel()
    answers = await asyncio.gather(
        *[
            client.post(
                f"/api/channels/{channel}/posts",
                json={"body": f"body {n % 2}"},
                headers={"Idempotency-Key": f"race-{channel}"},
            )
            for n, client in enumerate(clients)
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 4 + [422] * 4
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert len((await meeting.listed(channel))["posts"]) == 1


@pytest.mark.slow
async def test_a_retry_after_a_restart_is_answered_alike(own_meeting: Meeting) -> None:
    channel = await own_meeting.channel()
    asked = {"json": {"body": "once"}, "headers": {"Idempotency-Key": "over a restart"}}
    alice = await own_meeting.http("alice")
    first = await alice.post(f"/api/channels/{channel}/posts", **asked)
    own_meeting.server.kill()
    own_meeting.server.start()
    again = await alice.post(f"/api/channels/{channel}/posts", **asked)
    assert (again.status_code, again.content) == (201, first.content)
