"""Many clients at once, and clients that ask without end: everybody is served, and the others do not notice."""

import asyncio
import random
import resource
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import World, cannot_run
from tests.faults.hostile import (
    UPGRADE,
    Client,
    Ear,
    Neighbours,
    asking,
    assert_calm,
    ears,
    kept,
    memory,
    open_sockets,
    until,
)
from tests.faults.reaching import all_serve
from tests.lasting import lasting
from tests.live.meeting import Meeting, unbroken
from tests.server import Server

pytestmark = pytest.mark.slow

CROWD = 2_000
DESCRIPTORS = 2 * CROWD + 1_000
STORMS = 8
FRAMES = 1_500  # of one storm, none of which waits for an answer
MOST = 100  # subscriptions of one connection


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """Enough open files for both ends of a crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < DESCRIPTORS:
        cannot_run(f"needs {DESCRIPTORS} open files: ulimit -n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, DESCRIPTORS), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Storm:
    """Subscribes and unsubscribes at random, and knows what each frame must be answered."""

    def __init__(self, rng: random.Random, seen: list[int], hidden: list[int]) -> None:
        self.rng, self.seen, self.hidden = rng, seen, hidden
        self.held: set[int] = set()

    def ask(self) -> tuple[dict[str, Any], tuple[str, int]]:
        """A frame, and the type or error code, and the channel, of its answer."""
        channel = self.rng.choice(self.seen if self.rng.random() < 0.9 else self.hidden)
        if self.rng.random() < 0.3:
            return {"type": "unsubscribe", "channel": channel}, (self._left(channel), channel)
        return {"type": "subscribe", "channel": channel}, (self._joined(channel), channel)

    def _left(self, channel: int) -> str:
        if channel not in self.held:
            return "not-found"
        self.held.remove(channel)
        return "unsubscribed"

    def _joined(self, channel: int) -> str:
        if channel not in self.held and len(self.held) >= MOST:
            return "too-many"
        if channel in self.hidden:
            return "not-found"
        self.held.add(channel)
        return "subscribed"

    async def rage(self, meeting: Meeting) -> None:
        """On one connection, from its beginning to its end."""
        ear = Ear(await meeting.socket())
        due = [self.ask() for _ in range(FRAMES)]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ear.listen())
            await ear.socket.raw.send(b"")  # answered too
            for frame, _ in due:
                await ear.socket.send(**frame)
            await until(lambda: len(ear.other) > len(due), "all answers")
            await ear.socket.raw.close()
        answers = [(got.get("code", got["type"]), got.get("channel")) for got in ear.other]
        assert answers == [("bad-request", None), *[answer for _, answer in due]]
        assert not {change["channel"] for change in ear.changes} & set(self.hidden)


async def test_storms_of_subscriptions_are_answered_one_by_one_and_hurt_nobody(
    meeting: Meeting, world: World, rng: random.Random
) -> None:
    """Each answer is the one that its frame must get, in order; the first was one that Quart 0.22 crashes at.

    Fails with Quart's own `handle_messages` (an empty binary frame ends the connection), and when `seen_by` takes
    everybody for an admin.
    """
    slug = await meeting.group()
    seen = [await meeting.channel(slug) for _ in range(MOST + 10)]
    hidden = [world.class_channel, 10**9]
    async with asyncio.TaskGroup() as tasks:
        listening = await ears(meeting, seen[0], tasks)
        public, private = Neighbours(meeting, seen[0]), Neighbours(meeting, world.class_channel)
        writing = [tasks.create_task(neighbours.write("bob")) for neighbours in (public, private)]
        for _ in lasting():
            await asyncio.gather(*[Storm(rng, seen, hidden).rage(meeting) for _ in range(STORMS)])
        public.over = private.over = True
        await asyncio.wait(writing)
        posts = kept(meeting.server, seen[0])
        await until(lambda: all(len(ear.changes) == len(posts) for ear in listening), "everybody to hear of every post")
        for ear in listening:
            await ear.socket.raw.close()
    assert all(unbroken(ear.changes) and [*ear.at] == sorted(posts) for ear in listening)
    assert public.bodies
    assert private.bodies
    assert_calm(meeting.server)


class Member(Client):
    """One of a crowd: subscribed, or refused with an assertion."""

    @classmethod
    async def asked(cls, server: Server) -> "Member":
        """Sends its handshake as soon as it is connected.

        Two thousand tasks that connect step by step took longer, on a busy machine, than the server waits for a head.
        """
        raw = socket.create_connection(("127.0.0.1", server.port))
        raw.sendall(UPGRADE)
        return cls(*await asyncio.open_connection(sock=raw))

    @classmethod
    async def arrive(cls, meeting: Meeting, channel: int) -> "Member":
        member = await cls.asked(meeting.server)
        assert b'"hello"' in await member.until(b'"hello"')
        await member.send(asking(type="subscribe", channel=channel))
        assert b'"subscribed"' in await member.until(b'"subscribed"')
        return member

    async def hears(self, marker: str) -> bool:
        return marker.encode() in await self.until(marker.encode())


async def visited(meeting: Meeting, channel: int, marker: str) -> int:
    """How much memory the server has while CROWD people are there, all of whom hear of one change."""
    await meeting.post(channel, "before")  # the client that posts has its connection now
    sockets = open_sockets(meeting.server)
    crowd = await asyncio.gather(*[Member.arrive(meeting, channel) for _ in range(CROWD)])
    held = memory(meeting.server)
    await meeting.post(channel, marker)
    assert all(await asyncio.gather(*[member.hears(marker) for member in crowd]))
    await asyncio.gather(*[member.close() for member in crowd])
    await until(lambda: open_sockets(meeting.server) <= sockets, "the crowd to be gone")
    return held


async def test_two_thousand_arrive_at_once_and_all_hear_what_is_posted(meeting: Meeting) -> None:
    """The others' posts and reads are answered all the while, and a later crowd finds the memory of the first.

    Fails with uvicorn's `limit_concurrency` at 500: the others are refused; and with Python's own thresholds for the
    older objects in `pottle/server/worker.py`: the garbage of ten crowds is kept.
    """
    await until(all_serve(meeting.server), "all workers")  # one that is still starting opens files and takes memory
    busy, quiet = await meeting.channel(), await meeting.channel()
    neighbours = Neighbours(meeting, busy)
    async with asyncio.TaskGroup() as tasks:
        writing = [tasks.create_task(neighbours.write(uid)) for uid in ("bob", "charlie")]
        await until(lambda: len(neighbours.bodies) > 20, "the neighbours to write")
        before = memory(meeting.server)
        first = await visited(meeting, quiet, "the first change")
        again = [await visited(meeting, quiet, f"change {n}.") for n in lasting(8)]
        neighbours.over = True
        await asyncio.wait(writing)
    assert again[-1] < first + 2.5 * (first - before), "what the others left behind was collected"
    assert sorted(kept(meeting.server, busy).values()) == sorted(neighbours.bodies)
    assert_calm(meeting.server)
