"""Clocks that are set, and workers that stop for a while: order comes from the log, and nothing is lost in between."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest

from model.settings import Settings
from pottle.store import db
from tests import databases
from tests.conftest import World
from tests.faults.bus import deafened
from tests.faults.clock import DAY, HOUR, Clock
from tests.faults.eyes import Witnesses, has, on_every_worker, worker_at
from tests.holders import holders
from tests.lasting import lasting
from tests.live.meeting import Meeting, changes
from tests.server import PATIENCE, Server, calling, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture
async def timed(instance: Path, tmp_path: Path, clock: Clock, stack: AsyncExitStack, world: World) -> Meeting:
    """People at a server whose clock can be set, and whose workers must say every three seconds that they live."""
    server = Server(instance, tmp_path, **clock.settings, POTTLE_RATE_LIMITS="on", GUNICORN_CMD_ARGS="--timeout 6")
    return Meeting(stack.enter_context(server), stack, world.tokens)


def last_sign_of_life(worker: int) -> float:
    """When a worker last told gunicorn that it lives: the time of the one file that is open in it and has no name."""
    for link in Path(f"/proc/{worker}/fd").iterdir():
        if "/wgunicorn-" in str(link.readlink()):
            return link.stat().st_mtime
    raise AssertionError(f"{worker} is not one of gunicorn's workers")


async def test_a_clock_that_is_set_back_gets_no_worker_killed(timed: Meeting, clock: Clock) -> None:
    """gunicorn kills workers that give no sign of life; uvicorn gives one when so many seconds of the day have passed.

    Fails when server/worker.py does not set `last_notified` back with the clock: 30 seconds after a clock was set
    back by an hour, all workers were killed at once, with everything that they were doing.
    """
    workers = timed.server.processes()[1:]
    clock.set(-HOUR)
    for _ in range(2):  # the first may be one from before
        seen = {worker: last_sign_of_life(worker) for worker in workers}
        for worker in workers:
            await asyncio.to_thread(wait_until, lambda w=worker, s=seen: last_sign_of_life(w) != s[w], f"{worker}")
    assert timed.server.processes()[1:] == workers


async def test_a_clock_that_is_set_back_locks_nobody_out(timed: Meeting, clock: Clock) -> None:
    """Whoever used a rate up tomorrow can go on today: after as long as was said, and a minute at the latest.

    Fails when limits._due takes what was kept as it is: Retry-After is a day then. (It failed, too, when that was cut
    down to `now + rate.per` at each look: Retry-After was 3, and 3, and 3, for as long as the clock had been ahead.)
    """
    channel, alice, anyone = await timed.channel(), await timed.http("alice"), await timed.http()

    async def post() -> httpx.Response:
        return await alice.post(f"/api/channels/{channel}/posts", json={"body": "again"})

    async def guess() -> httpx.Response:
        return await anyone.post("/api/session", json={"uid": "alice", "password": "wrong password"})

    clock.set(DAY)
    while (await post()).status_code == 201:
        pass
    while (await guess()).status_code == 401:
        pass
    clock.set(-HOUR)
    for ask, status in ((post, 201), (guess, 401)):
        if (refused := await ask()).status_code == 429:
            said = int(refused.headers["Retry-After"])
            assert said <= 60
            await asyncio.sleep(said)
            assert (await ask()).status_code == status


async def test_sessions_keys_and_lists_do_not_mind_the_clock(timed: Meeting, clock: Clock, rng: random.Random) -> None:
    """A session goes on; a key that was used in the future is still the same request's; the newest post is the last.

    Fails when a key counts only if its time lies in the past.
    """
    channel, made = await timed.channel(), list[int]()
    clock.set(DAY)
    tomorrow = await timed.http(await timed.sign_in("bob"))
    socket = await timed.socket()
    await socket.ask(type="subscribe", channel=channel)
    times = list[str]()
    for seconds in (DAY, -HOUR, 0, DAY - HOUR, -DAY):
        clock.set(seconds)
        assert (await tomorrow.get("/api/me")).status_code == 200
        again = [await keyed(tomorrow, channel, "only once"), await keyed(tomorrow, channel, f"at {seconds}")]
        made += [post for post in again if post not in made]
        times.append((await tomorrow.get(f"/api/posts/{made[-1]}")).json()["created"])
    assert sorted(times) != times, "the clock was never set"
    assert len(made) == 6
    heard = await changes(socket, 6)
    assert [change["post"]["id"] for change in heard] == made
    listed = (await timed.listed(channel))["posts"]
    assert [post["id"] for post in listed] == made[::-1]


async def keyed(client: httpx.AsyncClient, channel: int, key: str) -> int:
    answer = await client.post(f"/api/channels/{channel}/posts", json={"body": key}, headers={"Idempotency-Key": key})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


@contextmanager
def stopped(worker: int) -> Iterator[None]:
    """Meanwhile a worker does nothing at all."""
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


async def away_from(meeting: Meeting, worker: int, uid: str) -> httpx.AsyncClient:
    """A client of a person whose one connection is to another worker."""
    while True:
        client = await calling(meeting.stack, meeting.server, meeting.token(uid))
        answer = await client.get("/healthz")
        if worker_at(meeting.server, answer.extensions["network_stream"].get_extra_info("client_addr")[1]) != worker:
            return client


@pytest.fixture
async def deaf(instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World) -> Meeting:
    """People at a server whose workers hear no poke."""
    stack.enter_context(deafened(instance))
    return Meeting(stack.enter_context(Server(instance, tmp_path)), stack, world.tokens)


async def test_a_worker_that_was_stopped_has_no_hole_and_serves_nothing_stale(
    deaf: Meeting, rng: random.Random
) -> None:
    """The others write and read on; what it is asked meanwhile, it answers when it goes on, as things are then (L6).

    Fails when `db.caught_up` in ResponseCache is left out.
    """
    channel, told = await deaf.channel(), list[int]()
    every = await on_every_worker(deaf.stack, deaf.server, rng)
    eye = rng.choice(every.eyes)
    others = Witnesses([one for one in every.eyes if one is not eye])
    alice = await away_from(deaf, eye.worker, "alice")
    (socket,) = (await deaf.sockets(each=1))[eye.worker]
    await socket.ask(type="subscribe", channel=channel)
    paths = [f"/api/channels/{channel}/posts", f"/channels/{channel}", f"/api/channels/{channel}"]

    async def write(text: str) -> None:
        made = await alice.post(f"/api/channels/{channel}/posts", json={"body": text})
        told.append(made.json()["id"])

    for n in lasting(3):
        await eye.glance(paths)
        with stopped(eye.worker):
            for m in range(4):
                await others.see(write(f"post-{n}-{m}."), dict.fromkeys(paths[:2], has(f"post-{n}-{m}.")))
            for path in paths:
                eye.ask(path)
        for path, expected in zip(
            paths, [has(f"post-{n}-3."), has(f"post-{n}-3."), has(f'"posts":{4 * n + 4},')], strict=True
        ):
            assert expected((await eye.answer()).text), path
    heard = await changes(socket, len(told))
    assert [change["post"]["id"] for change in heard] == told


async def test_what_is_pruned_before_a_stopped_worker_has_read_it_is_no_silent_hole(deaf: Meeting) -> None:
    """A worker that was away for longer than the log reaches back forgets all that it knows, and lets its sockets go.

    Fails when Follower.prepare does not ask whether the log still had all of it: a socket gets a change whose `prev`
    it never had, kept answers stay, and a session that was ended meanwhile is good for ever on that worker.
    """
    channel = await deaf.channel()
    (victim, (socket,)), *_ = (await deaf.sockets(each=1)).items()
    await socket.ask(type="subscribe", channel=channel)
    alice, token = await away_from(deaf, victim, "alice"), await deaf.sign_in("bob")
    bob = await on_worker(deaf, victim, token)
    assert (await bob.get("/api/me")).status_code == 200
    with stopped(victim):
        for n in range(20):
            assert (await alice.post(f"/api/channels/{channel}/posts", json={"body": f"{n}"})).status_code == 201
        away = await away_from(deaf, victim, token)
        assert (await away.delete("/api/session")).status_code == 204
        for n in range(5):
            assert (await alice.post(f"/api/channels/{channel}/posts", json={"body": f"{n}"})).status_code == 201
        await pruned(deaf.server.instance, keep=3)
    assert (await bob.get("/api/me")).status_code == 401
    assert await socket.rest() == ([], 1013)


async def on_worker(meeting: Meeting, worker: int, uid: str) -> httpx.AsyncClient:
    """A client of a person whose one connection is to this worker."""
    while True:
        client = await calling(meeting.stack, meeting.server, meeting.token(uid))
        answer = await client.get("/healthz")
        if worker_at(meeting.server, answer.extensions["network_stream"].get_extra_info("client_addr")[1]) == worker:
            return client


async def pruned(instance: Path, keep: int) -> None:
    """This process opens the database, too, and prunes the log as each worker does once a minute."""
    await db.open(Settings(instance=instance, log_changes=keep))
    await db.write(db._prune)
    await db.close()


@pytest.mark.parametrize("end", ["goes on", "is killed"])
async def test_a_worker_that_is_stopped_with_the_turn_holds_the_writes_up_and_loses_none(
    instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World, rng: random.Random, end: str
) -> None:
    """Nobody else can write then, and everybody can read. Once it goes on, or gunicorn has killed it, writes do, too.

    What was acknowledged is there once; of those that have no answer (only the killed worker's) each is there once or
    not at all. Fails when a worker writes without the turn: then there is none to be stopped with.
    """
    server = Server(instance, tmp_path, GUNICORN_CMD_ARGS="--timeout 6")
    meeting = Meeting(stack.enter_context(server), stack, world.tokens)
    channel, over = await meeting.channel(), asyncio.Event()
    every = await on_every_worker(stack, server, rng)
    acknowledged, unanswered = list[str](), list[str]()

    async def write(name: int) -> None:
        client = await calling(stack, server, meeting.token("alice"))
        for n in count():
            if over.is_set():
                return
            body = f"{name}-{n}"
            try:
                answer = await client.post(f"/api/channels/{channel}/posts", json={"body": body})
            except httpx.TransportError:
                unanswered.append(body)
            else:
                assert answer.status_code == 201, answer.text
                acknowledged.append(body)

    async with asyncio.TaskGroup() as group:
        for name in range(9):
            group.create_task(write(name))
        victim = await caught_with_turn(server, rng)
        others = [eye for eye in every.eyes if eye.worker != victim]
        await quiet(acknowledged)
        held = len(acknowledged)
        for _ in range(30):
            page = await rng.choice(others).get(f"/api/channels/{channel}/posts")
            assert page.status == 200
        assert len(acknowledged) == held, "somebody wrote without the turn"
        if end == "goes on":
            os.kill(victim, signal.SIGCONT)
        await asyncio.to_thread(wait_until, lambda: len(acknowledged) > held + 20, "writes to go on", server.output)
        over.set()
    assert (victim in server.processes()) is (end == "goes on")
    with databases.opened(instance) as raw:
        kept = [body for (body,) in raw.execute("SELECT body FROM posts WHERE channel_id = ?", (channel,))]
    assert len(set(kept)) == len(kept)
    assert set(acknowledged) <= set(kept) <= {*acknowledged, *unanswered}
    assert end == "is killed" or not unanswered
    print(f"{len(acknowledged)} acknowledged, {len(unanswered)} without an answer")


async def caught_with_turn(server: Server, rng: random.Random) -> int:
    """A worker, stopped just when it had the turn."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        worker = rng.choice(server.processes()[1:])
        os.kill(worker, signal.SIGSTOP)
        if worker in holders(server, "turn"):
            return worker
        os.kill(worker, signal.SIGCONT)
        await asyncio.sleep(0.002)
    raise AssertionError("no worker ever had the turn")


async def quiet(acknowledged: list[str]) -> None:
    """Waits until the answers to what was committed before have all arrived."""
    count, same = -1, 0
    while same < 10:
        same = same + 1 if len(acknowledged) == count else 0
        count = len(acknowledged)
        await asyncio.sleep(0.02)
