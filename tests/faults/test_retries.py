"""Idempotency-Key when the same request reaches three workers at once, under load, and when one of them dies of it."""

import asyncio
import io
import os
import random
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from PIL import Image

from tests import databases
from tests.conftest import PASSWORD
from tests.faults.reaching import on_each_worker, single
from tests.lasting import lasting
from tests.live.meeting import Meeting

pytestmark = pytest.mark.slow

POSTS, CHANNELS = "/api/channels/{channel_id}/posts", "/api/groups/{slug}/channels"
BULK = f"{POSTS}/bulk"
# For every route that takes a key: a body with a mark of its own, and where that mark is found afterwards.
IMAGES = "/api/images"
WIDTHS = {"once": 100, "other": 400}  # of images: a mark is told by its image's width


def image(mark: str) -> bytes:
    """A PNG for a mark such as `once-3`."""
    name, _, number = mark.partition("-")
    made = io.BytesIO()
    Image.new("RGB", (WIDTHS[name] + int(number), 5)).save(made, "PNG")
    return made.getvalue()


CREATING: dict[str, tuple[Callable[[str], dict[str, Any]], str]] = {
    POSTS: (lambda mark: {"json": {"body": mark}}, "SELECT count(*) FROM posts WHERE body = ?"),
    BULK: (
        lambda mark: {"json": {"posts": [{"body": f"{mark} of many"}]}},
        "SELECT count(*) FROM posts WHERE body = ? || ' of many'",
    ),
    CHANNELS: (lambda mark: {"json": {"key": mark}}, "SELECT count(*) FROM channels WHERE key = ?"),
    "/api/groups": (lambda mark: {"json": {"slug": mark, "name": mark}}, "SELECT count(*) FROM groups WHERE slug = ?"),
    "/api/users": (
        lambda mark: {"json": {"uid": mark, "name": mark, "password": PASSWORD}},
        "SELECT count(*) FROM users WHERE uid = ?",
    ),
    "/api/groups/{slug}/notes": (
        lambda mark: {"json": {"uid": "bob", "text": mark}},
        "SELECT count(*) FROM moderator_notes WHERE text = ?",
    ),
    IMAGES: (
        lambda mark: {"content": image(mark)},
        "SELECT count(*) FROM images"
        " WHERE CASE WHEN width < 400 THEN 'once-' || (width - 100) ELSE 'other-' || (width - 400) END = ?",
    ),
}


# What asks for a mail, which tests/api has with a server for it; here there is none.
MAILS = {"/api/me/address", "/api/groups/{slug}/invitations/mails"}


def path_of(route: str, channel: int) -> str:
    return (
        route.replace("{channel_id}", str(channel))
        .replace("{slug}", "home")
        .replace(IMAGES, f"{IMAGES}?channel={channel}")
    )


def same(answer: httpx.Response) -> tuple[object, ...]:
    """What must be alike in all answers to copies of one request: everything but the time and the name of the copy."""
    about = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
    return answer.status_code, answer.content, sorted(about.items())


def kept(meeting: Meeting, query: str, *values: object) -> list[tuple[Any, ...]]:
    with databases.opened(meeting.server.instance) as raw:
        return raw.execute(query, values).fetchall()


@asynccontextmanager
async def load(meeting: Meeting, channel: int) -> AsyncIterator[None]:
    """Four people who post as fast as they can, with no key, to wherever."""

    async def post(by: str) -> None:
        while True:
            client = await single(meeting, by)
            try:
                while True:
                    await client.post(f"/api/channels/{channel}/posts", json={"body": "noise"})
            except httpx.TransportError:
                await client.aclose()

    posting = [asyncio.create_task(post(by)) for by in ("alice", "bob", "charlie", "root")]
    try:
        yield
    finally:
        for task in posting:
            task.cancel()
        ended = await asyncio.gather(*posting, return_exceptions=True)
        assert {type(end) for end in ended} == {asyncio.CancelledError}, ended


async def test_copies_sent_to_three_workers_create_one_thing_and_are_answered_alike(meeting: Meeting) -> None:
    """For every route that takes a key, found in the OpenAPI document, under load; then once more, with another body.

    Fails when the unit's transaction does not look the key up: the second copy of a post makes a second one, and that
    of anything else is a conflict.
    """
    document = (await (await meeting.http()).get("/openapi.json")).json()
    takes_key = {
        path
        for path, operations in document["paths"].items()
        if any(
            part.get("$ref", "").endswith("/Idempotency-Key")
            for part in operations.get("post", {}).get("parameters", [])
        )
    }
    assert takes_key - MAILS == set(CREATING)
    channel = await meeting.channel()
    clients = await on_each_worker(meeting, "root")
    (await next(iter(clients.values())).patch("/api/groups/home", json={"images": True})).raise_for_status()
    async with load(meeting, channel):
        for n in lasting(3):
            for route, (body, count) in CREATING.items():
                mark, path = f"once-{n}", path_of(route, channel)
                key = {"Idempotency-Key": f"key {route} {n}"}
                copies = [client.post(path, **body(mark), headers=key) for client in clients.values()]
                answers = await asyncio.gather(*copies)
                assert answers[0].status_code == (200 if route == BULK else 201), answers[0].text
                assert len({str(same(answer)) for answer in answers}) == 1
                assert kept(meeting, count, mark) == [(1,)]
                other = [client.post(path, **body(f"other-{n}"), headers=key) for client in clients.values()]
                assert {answer.status_code for answer in await asyncio.gather(*other)} == {422}
                assert kept(meeting, count, f"other-{n}") == [(0,)]
    print(f"{n + 1} keys on each of {len(CREATING)} routes")


async def test_two_users_and_two_bodies_race_with_one_key(meeting: Meeting) -> None:
    """On each of three workers at once: Bob's copies make one post, and of Alice's two bodies one wins, everywhere.

    Fails when the key is not scoped by user, and when `replays.find` does not compare what was asked.
    """
    channel = await meeting.channel()
    alice, bob = await on_each_worker(meeting, "alice"), await on_each_worker(meeting, "bob")
    async with load(meeting, await meeting.channel()):
        for n in lasting(10):
            key = {"Idempotency-Key": f"race {n}"}
            asked = [(alice, f"{n} this"), (alice, f"{n} that"), (bob, f"{n} this")]
            sent = [
                client.post(f"/api/channels/{channel}/posts", json={"body": body}, headers=key)
                for clients, body in asked
                for client in clients.values()
            ]
            answers = await asyncio.gather(*sent)
            this, that, bobs = answers[:3], answers[3:6], answers[6:]
            assert {answer.status_code for answer in bobs} == {201}
            assert sorted([{answer.status_code for answer in each} for each in (this, that)], key=str) == [{201}, {422}]
            won = {answer.content for answer in [*this, *that] if answer.status_code == 201}
            assert (len(won), len({answer.content for answer in bobs})) == (1, 1)
            made = kept(meeting, "SELECT body FROM posts WHERE channel_id = ? AND body LIKE ?", channel, f"{n} %")
            assert len(made) == 2
    print(f"{n + 1} races")


async def test_a_worker_is_killed_while_it_answers_one_of_three_copies(meeting: Meeting, rng: random.Random) -> None:
    """Whoever was answered was answered alike; whoever was not tries again and gets that answer. One post, one change.

    And in the end every process is killed, and the answer is still the same. Fails when the answer is kept in a second
    transaction, after that of the write.
    """
    channel = await meeting.channel()
    clients = await on_each_worker(meeting, "alice")
    async with load(meeting, await meeting.channel()):
        for n in lasting(2):
            victim = rng.choice(sorted(clients))
            asked = {"json": {"body": f"once {n}"}, "headers": {"Idempotency-Key": f"killed {n}"}}
            order = sorted(clients, key=lambda worker: worker != victim)  # the victim's copy is sent first
            send = (asyncio.create_task(clients[w].post(f"/api/channels/{channel}/posts", **asked)) for w in order)
            copies = [next(send)]
            if n % 2:
                copies += send
                await asyncio.sleep(rng.uniform(0, 0.05))
            else:  # just when it has committed, and before it has answered, if that can be done
                while not kept(meeting, "SELECT 1 FROM posts WHERE channel_id = ? AND body = ?", channel, f"once {n}"):
                    await asyncio.sleep(0)
            os.kill(victim, signal.SIGKILL)
            copies += send
            ended = await asyncio.gather(*copies, return_exceptions=True)
            answers = [end for end in ended if isinstance(end, httpx.Response)]
            assert len(answers) >= 2, ended
            clients = await on_each_worker(meeting, "alice")
            assert victim not in clients
            answers += [await client.post(f"/api/channels/{channel}/posts", **asked) for client in clients.values()]
            assert {answer.status_code for answer in answers} == {201}
            assert len({str(same(answer)) for answer in answers}) == 1
    print(f"{n + 1} workers killed")
    meeting.server.kill()
    meeting.server.start()
    assert same(await (await meeting.http("alice")).post(f"/api/channels/{channel}/posts", **asked)) == same(answers[0])
    bodies = [body for (body,) in kept(meeting, "SELECT body FROM posts WHERE channel_id = ?", channel)]
    assert sorted(bodies, key=lambda body: int(re.sub(r"\D", "", body))) == [f"once {i}" for i in range(n + 1)]
    assert kept(meeting, "SELECT count(*) FROM changes WHERE stream = 'channel:' || ?", channel) == [(n + 1,)]
