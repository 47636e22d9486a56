"""L8 as a race: posts pour in on all workers while rights end, in four ways, at any moment.

A post that began after the end of a right was acknowledged must not reach the connection that had it, on any worker.
"""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest

from tests.conftest import PASSWORD
from tests.faults.hostile import Ear, assert_calm, ears, until
from tests.lasting import lasting
from tests.live.meeting import Meeting
from tests.server import calling

pytestmark = pytest.mark.slow

SIGNED_OUT = 4401
WRITERS = ("alice", "bob", "root")


def ok(answer: httpx.Response) -> None:
    assert answer.is_success, answer.text


class Round:
    """Posts to a members' channel all the while; `late` are those that began after `ended`."""

    def __init__(self, meeting: Meeting, channel: int) -> None:
        self.meeting, self.path = meeting, f"/api/channels/{channel}/posts"
        self.made: list[int] = []
        self.late: set[int] = set()
        self.ended = False
        self.over = False

    def enough_late(self, least: int) -> bool:
        return len(self.late) > least

    async def write(self, client: httpx.AsyncClient) -> None:
        while not self.over:
            after = self.ended
            made = await client.post(self.path, json={"body": "for members"})
            ok(made)
            self.made.append(made.json()["id"])
            if after:
                self.late.add(self.made[-1])


async def joined(meeting: Meeting, slug: str) -> tuple[str, str]:
    """A new member, and the token of a session."""
    uid = f"u-{secrets.token_hex(4)}"
    ok(await (await meeting.http()).post("/api/users", json={"uid": uid, "name": uid, "password": PASSWORD}))
    await meeting.member(slug, uid)
    return uid, await meeting.sign_in(uid)


async def signs_out(meeting: Meeting, _: str, __: str, token: str) -> None:
    async with person(meeting, token) as who:
        ok(await who.delete("/api/session"))


async def deletes_the_account(meeting: Meeting, _: str, __: str, token: str) -> None:
    async with person(meeting, token) as who:
        ok(await who.request("DELETE", "/api/me", json={"password": PASSWORD}))


async def changes_the_password(meeting: Meeting, _: str, uid: str, __: str) -> None:
    async with person(meeting, await meeting.sign_in(uid)) as who:
        ok(await who.patch("/api/me", json={"password": "correct donkey", "current_password": PASSWORD}))


async def is_removed(meeting: Meeting, slug: str, uid: str, _: str) -> None:
    ok(await (await meeting.http("alice")).delete(f"/api/groups/{slug}/members/{uid}"))


@asynccontextmanager
async def person(meeting: Meeting, token: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a connection of its own, at whichever worker takes it."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=meeting.server.url, headers=headers, timeout=30) as client:
        yield client


WAYS = [signs_out, is_removed, deletes_the_account, changes_the_password]


async def test_nothing_that_begins_after_the_end_of_a_right_reaches_whoever_had_it(
    meeting: Meeting, rng: random.Random
) -> None:
    """Fails when `Hub.take` does not revoke: nobody is closed."""
    slug = await meeting.group(reading="members", posting="members")
    await meeting.member(slug, "bob")
    channel = await meeting.channel(slug)
    clients = [await calling(meeting.stack, meeting.server, meeting.token(uid)) for uid in WRITERS * 2]
    late = 0
    for n in lasting(least=len(WAYS)):
        uid, token = await joined(meeting, slug)
        round_, least = Round(meeting, channel), rng.randrange(20)
        async with asyncio.TaskGroup() as tasks:
            revoked = await ears(meeting, channel, tasks, token)
            writing = [tasks.create_task(round_.write(client)) for client in clients]
            await until(partial(all_heard, revoked, least), "posts to be heard")
            await WAYS[n % len(WAYS)](meeting, slug, uid, token)
            round_.ended = True
            await until(partial(round_.enough_late, 10), "posts after the end")
            round_.over = True
            await asyncio.wait(writing)
            await until(partial(all_closed, revoked), "the revoked to be closed")
        for ear in revoked:
            assert ear.code == SIGNED_OUT
            assert not round_.late & ear.at.keys()
        late += len(round_.late)
    assert late > 10 * len(WAYS)
    assert_calm(meeting.server)


def all_heard(heard: list[Ear], least: int) -> bool:
    return all(len(ear.changes) > least for ear in heard)


def all_closed(heard: list[Ear]) -> bool:
    return all(ear.code for ear in heard)
