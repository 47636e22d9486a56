"""L9: who watches a GET is told after every commit that changes its answer, whatever happens meanwhile.

In rounds: people write all sorts of things on any worker, several at once; then it is quiet, and every watch on every
worker must come to the ETag that a GET has now. Fails (somebody waits in vain) when `Watches.apply` marks nothing. That
a worker looks though nobody asks it is in test_bus.py, what is committed while a GET is made in
tests/live/test_watch_races.py.
"""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import websockets

from tests.conftest import World
from tests.faults.bus import deafened
from tests.lasting import SEED, lasting
from tests.live.meeting import Meeting
from tests.server import PATIENCE, Server, Socket

pytestmark = pytest.mark.slow

WHO = ("", "alice", "bob", "root")


class Watching:
    """One client that watches GETs, and comes back with the ETags that it has when its connection is lost."""

    def __init__(self, meeting: Meeting, uid: str, gets: list[str]) -> None:
        self.meeting, self.uid, self.gets = meeting, uid, gets
        self.known: dict[str, str | None] = dict.fromkeys(gets)
        self.told = 0
        self.news = asyncio.Condition()
        self.worker = 0

    async def listen(self) -> None:
        while True:
            try:
                socket = await self.meeting.socket(self.uid)
                await self._hear(socket)
            except (websockets.WebSocketException, OSError, EOFError):
                await asyncio.sleep(0.02)

    async def _hear(self, socket: Socket) -> None:
        for get, etag in self.known.items():
            await socket.send(type="watch", get=get, **({"etag": etag} if etag else {}))
        while True:
            frame = await self._next(socket)
            assert frame["type"] in ("watching", "changed"), frame
            self.told += 1
            if frame["type"] == "changed" or self.known[frame["get"]] is None:
                async with self.news:
                    self.known[frame["get"]] = frame.get("etag")
                    self.news.notify_all()

    async def _next(self, socket: Socket) -> dict[str, str]:
        while True:
            try:
                return await socket.receive()
            except TimeoutError:
                continue

    async def knows(self, now: dict[str, str]) -> None:
        """Waits until it has been told of what is there now."""
        try:
            async with asyncio.timeout(PATIENCE), self.news:
                await self.news.wait_for(lambda: all(self.known[get] == now[get] for get in self.gets))
        except TimeoutError:
            wrong = {get: (self.known[get], now[get]) for get in self.gets if self.known[get] != now[get]}
            raise AssertionError(f"{self.uid or 'nobody'} was not told: {wrong}") from None


class Place:
    """A public and a private group, what can be read there, and what can be done."""

    def __init__(self, meeting: Meeting, rng: random.Random) -> None:
        self.meeting, self.rng = meeting, rng

    async def begin(self) -> None:
        meeting = self.meeting
        self.open, self.closed = await meeting.group(), await meeting.group(reading="members")
        await meeting.member(self.closed, "bob")
        self.channels = [await meeting.channel(self.open), await meeting.channel(self.closed)]
        self.posts = [(await meeting.post(channel))["id"] for channel in self.channels]
        alice = await meeting.http("alice")
        self.keys = {id_: (await alice.get(f"/api/channels/{id_}")).json()["key"] for id_ in self.channels}

    def gets(self, uid: str) -> list[str]:
        found = ["/api/groups", f"/api/groups/{self.open}", "/api/users/bob"]
        for group, channel, post in zip((self.open, self.closed), self.channels, self.posts, strict=True):
            if group == self.open or uid:
                found += [f"/api/groups/{group}/channels", f"/api/channels/{channel}", f"/api/posts/{post}"]
                found += [f"/api/channels/{channel}/posts", f"/api/channels/{channel}/posts?limit=1"]
                found += [f"/groups/{group}/recent?limit=2", f"/groups/{group}/thread?key={self.keys[channel]}"]
        return [*found, "/api/me"] if uid else found

    async def write(self) -> None:
        """Something, by somebody."""
        at = self.rng.randrange(2)
        channel, post, n = self.channels[at], self.posts[at], self.rng.randrange(10**9)
        alice, bob = await self.meeting.http("alice"), await self.meeting.http("bob")
        does: list[Callable[[], Awaitable[object]]] = [
            lambda: self.meeting.post(channel, f"post {n}", by="bob"),
            lambda: alice.patch(f"/api/posts/{post}", json={"body": f"edited {n}"}),
            lambda: bob.put(f"/api/posts/{post}/reactions/{self.rng.choice(['up', 'heart'])}"),
            lambda: bob.delete(f"/api/posts/{post}/reactions/{self.rng.choice(['up', 'heart'])}"),
            lambda: alice.patch(f"/api/channels/{channel}", json={"title": f"Title {n}"}),
            lambda: alice.patch(f"/api/groups/{self.rng.choice([self.open, self.closed])}", json={"name": f"Name {n}"}),
            lambda: bob.patch("/api/me", json={"name": f"Bob {n}"}),
            lambda: self.meeting.channel(self.rng.choice([self.open, self.closed])),
        ]
        answer = await self.rng.choice(does)()
        assert not isinstance(answer, httpx.Response) or answer.is_success, answer.text

    async def now(self, uid: str) -> dict[str, str]:
        """The ETags of what is there, as of answers that nobody compressed."""
        client, plain = await self.meeting.http(uid), {"Accept-Encoding": "identity"}
        got = {get: await client.get(get, headers=plain) for get in self.gets(uid)}
        assert {answer.status_code for answer in got.values()} == {200}
        return {get: answer.headers["ETag"] for get, answer in got.items()}


Harm = Callable[[Server, random.Random], Awaitable[None]]


async def attack(meeting: Meeting, each: int, harm: Harm | None = None, rounds: int = 5) -> None:
    rng = random.Random(SEED)
    place = Place(meeting, rng)
    await place.begin()
    watching = [Watching(meeting, uid, place.gets(uid)) for uid in WHO for _ in range(each)]
    async with asyncio.TaskGroup() as group:
        listening = [group.create_task(one.listen()) for one in watching]
        for _ in lasting(rounds):
            harming = group.create_task(harm(meeting.server, rng)) if harm else None
            for _ in range(rng.choice([1, 1, 1, 3, 20])):
                writes = [place.write() for _ in range(rng.choice([1, 1, 4]))]
                await asyncio.gather(*writes, return_exceptions=harm is not None)
            if harming:
                await harming
            now = {uid: await place.now(uid) for uid in WHO}
            await asyncio.gather(*(one.knows(now[one.uid]) for one in watching))
        for task in listening:
            task.cancel()
    print(f"{sum(one.told for one in watching)} frames to {len(watching)} clients")


async def test_it_works_on_every_worker(meeting: Meeting) -> None:
    await attack(meeting, each=4, rounds=20)


async def test_with_a_bus_that_is_deaf(instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World) -> None:
    stack.enter_context(deafened(instance))
    server = stack.enter_context(Server(instance, tmp_path))
    await attack(Meeting(server, stack, world.tokens), each=4)


async def kill_one(server: Server, rng: random.Random) -> None:
    await asyncio.sleep(rng.uniform(0, 0.2))
    _, *workers = server.processes()
    victim = rng.choice(workers)
    os.kill(victim, signal.SIGKILL)
    while victim in server.processes():  # until then its connections look alive, and what reads next on one fails
        await asyncio.sleep(0.01)


async def test_while_workers_are_killed(meeting: Meeting) -> None:
    """A client comes back with the ETag that it has, to a worker that knows nothing of it."""
    await attack(meeting, each=3, harm=kill_one)


async def pause_one(server: Server, rng: random.Random) -> None:
    _, *workers = server.processes()
    worker = rng.choice(workers)
    os.kill(worker, signal.SIGSTOP)
    try:
        await asyncio.sleep(rng.uniform(0.1, 1))
    finally:
        os.kill(worker, signal.SIGCONT)


async def test_while_workers_are_paused(meeting: Meeting) -> None:
    """As a laptop that sleeps: what was committed meanwhile is told when it wakes up."""
    await attack(meeting, each=3, harm=pause_one)


async def test_between_a_get_and_its_watch_nothing_is_missed(meeting: Meeting) -> None:
    """Again and again, while others write: GET, watch with its ETag, until the last of them is told."""
    channel = await meeting.channel()
    get, over = f"/api/channels/{channel}/posts", asyncio.Event()

    async def follow() -> str:
        client, socket = await meeting.http(""), await meeting.socket()
        etag = ""
        while not over.is_set():
            etag = (await client.get(get)).headers["ETag"]
            frame = await socket.ask(type="watch", get=get, etag=etag)
            assert frame["type"] == "watching"
            etag = (await socket.receive())["etag"] if frame["etag"] != etag else etag
            answer = await socket.ask(type="unwatch", get=get)
            while answer["type"] == "changed":
                answer = await socket.receive()
            assert answer["type"] == "unwatched"
        return etag

    async def write() -> None:
        for n in lasting(100):
            await meeting.post(channel, str(n))
        over.set()

    followers = [asyncio.create_task(follow()) for _ in range(6)]
    await write()
    await asyncio.gather(*followers)


async def test_one_write_that_a_hundred_watches_of_many_connections_show(meeting: Meeting) -> None:
    """Of twenty connections, on three workers."""
    channel = await meeting.channel()
    gets = [f"/api/channels/{channel}/posts?limit={n}" for n in range(1, 101)]
    crowd = [Watching(meeting, "", gets) for _ in range(20)]
    async with asyncio.TaskGroup() as group:
        listening = [group.create_task(one.listen()) for one in crowd]
        client = await meeting.http("")
        for _ in range(3):
            await meeting.post(channel)
            now = {get: (await client.get(get)).headers["ETag"] for get in gets}
            await asyncio.gather(*(one.knows(now) for one in crowd))
        for task in listening:
            task.cancel()
