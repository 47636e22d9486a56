"""SIGHUP and SIGTERM: no request that a worker has begun to read fails, and nobody misses a change.

HUP has gunicorn replace every worker, TERM ends the server. `pottle/server/worker.py` is what is attacked here.
"""

import asyncio
import os
import random
import shutil
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest
import websockets

from pottle.server.connection import LAST_REQUEST_SECONDS
from pottle.store import migrations
from tests import databases
from tests.conftest import World
from tests.faults.http import Client, Line, request
from tests.holders import turn_taken
from tests.lasting import lasting
from tests.live.meeting import Frame, Meeting, names
from tests.server import PATIENCE, ROOT, Server, connected

pytestmark = pytest.mark.slow

RESTARTING = 1012
CLOSED_WITH_1012 = b"\x88\x02\x03\xf4"  # the frame (RFC 6455, 5.5.1)
MOST_HTML = "<" * 10_000  # the longest body, four times as long when it is escaped
UPGRADE = (
    *("Connection: Upgrade", "Upgrade: websocket"),
    *("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg=="),
)


async def until(happened: Callable[[], Any], what: str, server: Server) -> None:
    """Waits for a condition while others work."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not happened():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"Waited in vain for {what}.\n{server.output()[-5_000:]}") from None


def workers(server: Server) -> set[int]:
    return set(server.processes()[1:])


def kept(server: Server, channel: int) -> list[int]:
    """The ids of the posts that are in the database."""
    with databases.opened(server.instance) as raw:
        rows = raw.execute("SELECT id FROM posts WHERE channel_id = ? ORDER BY id", (channel,))
        return [id_ for (id_,) in rows]


async def told_of_the_end(meeting: Meeting, number: signal.Signals) -> None:
    """Sends the signal and returns when every worker is on its way out: its websockets have heard 1012."""
    found = await meeting.sockets(each=1)
    meeting.server.process.send_signal(number)
    for (one,) in found.values():
        assert await one.rest() == ([], RESTARTING)


async def reload(server: Server) -> None:
    """SIGHUP; returns when every worker has been replaced, and those in their place serve."""
    before = workers(server)

    def replaced() -> bool:
        now = workers(server)
        return len(now) == 3 and not before & now and server.serving() == now

    server.process.send_signal(signal.SIGHUP)
    await until(replaced, "new workers", server)


class Crowd:
    """Clients of every kind at work, until `over`."""

    def __init__(self, meeting: Meeting, channel: int, rng: random.Random) -> None:
        self.meeting, self.channel, self.rng = meeting, channel, rng
        self.over = False
        self.made: list[int] = []
        self.clients: list[Client] = []

    async def write(self, by: str, kept: bool) -> None:
        """Posts; an answer is a 201."""
        client = self._client(kept)
        while not self.over:
            path = f"/api/channels/{self.channel}/posts"
            asked = request("POST", path, self.meeting.token(by), {"body": by})
            if (answer := await client.ask(asked, self._pause())) is not None:
                assert answer.status == 201, answer
                self.made.append(answer.json["id"])

    async def read(self, kept: bool) -> None:
        """Reads the list; an answer is a 200."""
        client = self._client(kept)
        while not self.over:
            asked = request("GET", f"/api/channels/{self.channel}/posts?limit=5")
            answer = await client.ask(asked, self._pause())
            assert answer is None or answer.status == 200, answer

    async def follow(self, position: Frame, told: list[Frame]) -> None:
        """Subscribes, and resumes as often as it is cut off, which is always with 1012. Until it is cancelled."""
        while True:
            try:
                one, _ = await connected(self.meeting.stack, self.meeting.server, open_timeout=PATIENCE)
                subscribed = await one.ask(type="subscribe", channel=self.channel, **position)
                assert subscribed["recovered"], subscribed
                while True:
                    told.append(await one.receive())
                    position["after"] = told[-1]["seq"]
            except websockets.ConnectionClosed as closed:
                if closed.rcvd is None or closed.rcvd.code != RESTARTING:
                    raise

    def _client(self, kept: bool) -> Client:
        client = Client(self.meeting.server.port, kept, LAST_REQUEST_SECONDS)
        self.meeting.stack.callback(client.hang_up)
        self.clients.append(client)
        return client

    def _pause(self) -> float:
        return self.rng.uniform(0, LAST_REQUEST_SECONDS / 2)


async def test_nobody_notices_that_the_workers_are_replaced(meeting: Meeting, rng: random.Random) -> None:
    """HUP again and again, while people write and read on new and on old connections and follow what comes.

    Every request is answered. (One that is sent on a connection where nothing was said for half a second may cross its
    close; it is counted apart.) A post is kept if and only if it was acknowledged, and every follower is told of each
    once, in the order of the log. Fails with uvicorn's own HTTP protocol, which closes what is idle at once.
    """
    server, channel = meeting.server, await meeting.channel()
    crowd = Crowd(meeting, channel, rng)
    start = await meeting.listed(channel)
    told: list[list[Frame]] = [[] for _ in range(6)]
    async with asyncio.TaskGroup() as group:
        asking = []
        for n, by in enumerate(("alice", "bob", "charlie") * 2):
            asking.append(group.create_task(crowd.write(by, kept=n % 2 == 0)))
            asking.append(group.create_task(crowd.read(kept=n % 2 == 0)))
        following = [
            group.create_task(crowd.follow({"epoch": start["epoch"], "after": start["seq"]}, one)) for one in told
        ]
        for _ in lasting(least=2):
            await reload(server)
        crowd.over = True
        await asyncio.wait(asking)
        await until(lambda: all(len(one) >= len(kept(server, channel)) for one in told), "the followers", server)
        for task in following:
            task.cancel()

    crossed = sum(client.crossed for client in crowd.clients)
    print(f"answered {sum(client.answered for client in crowd.clients)}, crossed {crossed}, posts {len(crowd.made)}")
    assert set(crowd.made) <= set(kept(server, channel))
    assert len(kept(server, channel)) <= len(crowd.made) + crossed
    assert [id_ for _, _, id_ in names(told[0])] == kept(server, channel)
    assert all(names(one) == names(told[0]) for one in told)
    assert "Traceback" not in server.output()


ADDING = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = {new!r}, {old!r}

def upgrade():
    op.create_table("links", sa.Column("id", sa.Integer, primary_key=True), sa.Column("url", sa.String, nullable=False))
    with op.batch_alter_table("posts") as batch_op:
        batch_op.add_column(sa.Column("mood", sa.String(20), nullable=True))
        batch_op.add_column(sa.Column("weight", sa.Integer, nullable=False, server_default="1"))
        batch_op.create_index("ix_posts_mood", ["mood"])
"""


async def test_a_migration_that_only_adds_may_come_with_a_reload(
    instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World, rng: random.Random
) -> None:
    """docs/deploy.md says so: the old workers serve on while the new ones change the tables under them."""
    code = tmp_path / "code"
    for name in ("api", "model", "pottle", "static", "templates"):
        shutil.copytree(ROOT / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("main.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, code)
    with Server(instance, tmp_path, root=code) as server:
        meeting = Meeting(server, stack, world.tokens)
        crowd = Crowd(meeting, await meeting.channel(), rng)
        async with asyncio.TaskGroup() as group:
            asking = [group.create_task(crowd.write(by, kept=True)) for by in ("alice", "bob", "charlie")]
            asking += [group.create_task(crowd.read(kept=kept)) for kept in (True, False)]
            await until(lambda: len(crowd.made) > 5, "posts", server)
            old = migrations.newest_revision()
            (code / "model/migrations/9999_more.py").write_text(ADDING.format(new="9999", old=old))
            await reload(server)
            before = len(crowd.made)
            await until(lambda: len(crowd.made) > before + 5, "posts of the new workers", server)
            crowd.over = True
            await asyncio.wait(asking)
        crossed = sum(client.crossed for client in crowd.clients)
        assert set(crowd.made) <= set(kept(server, crowd.channel))
        assert len(kept(server, crowd.channel)) <= len(crowd.made) + crossed
        assert "Traceback" not in server.output()
    with databases.opened(instance) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]
        assert raw.execute("SELECT DISTINCT mood, weight FROM posts").fetchall() == [(None, 1)]


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
async def test_a_request_that_has_begun_is_answered(meeting: Meeting, number: signal.Signals) -> None:
    """Half a head, half a body, half of a websocket's handshake, a request behind another, an answer that is not read:
    the rest comes when the worker is on its way out already. What is acknowledged is there, once.

    Fails when `Connection.shutdown` closes at once, when `is_last` looks at nothing that waits, and with a grace
    period of 0: with half a head cut, a request behind another dropped, a handshake answered by 500 or never closed.
    """
    server, channel = meeting.server, await meeting.channel()
    path, token = f"/api/channels/{channel}/posts", meeting.token("alice")
    post = request("POST", path, token, {"body": "Hello"})
    waits = request("POST", path, token, {"body": "Hello"}, "Expect: 100-continue")
    upgrade = request("GET", "/api/live", "", None, *UPGRADE)

    half_heads = [await begun(meeting, post, 40) for _ in range(4)]
    half_bodies = [await begun(meeting, waits, len(waits) - 5) for _ in range(4)]
    followed = [await begun(meeting, waits, len(waits) - 5) for _ in range(4)]
    handshakes = [await begun(meeting, upgrade, 40) for _ in range(4)]
    unread = []
    if number == signal.SIGTERM:  # with HUP the new workers may take longer than a client may read nothing
        unread.append(await not_reading(meeting))
    idle = [await begun(meeting, b"", 0) for _ in range(6)]
    await told_of_the_end(meeting, number)
    for line in idle:
        assert await line.reader.read() == b"", "closed in order, after a while"

    for line in half_heads:
        line.send(post[40:])
    for line in half_bodies:
        line.send(waits[-5:])
    for line in followed:
        line.send(waits[-5:] + post)
    for line in handshakes:
        line.send(upgrade[40:])
    made = [await line.answer() for line in followed]
    assert not any(answer.last for answer in made)
    for line in (*half_heads, *half_bodies, *followed):
        made.append(await line.answer())
        assert made[-1].last
        assert await line.reader.read() == b""
    for line in handshakes:
        assert (await line.answer()).status == 101
        assert (await line.reader.read()).endswith(CLOSED_WITH_1012)
    for line in unread:
        assert (await line.answer()).json["next"], "a whole answer"
    assert {answer.status for answer in made} == {201}
    if number == signal.SIGTERM:
        assert await asyncio.to_thread(server.process.wait, PATIENCE) == 0
    assert kept(server, channel) == sorted(answer.json["id"] for answer in made)
    assert "Traceback" not in server.output()


async def begun(meeting: Meeting, whole: bytes, at: int) -> Line:
    """A line of which a worker has read the first `at` bytes: it has answered what came in the same packet."""
    line = await Line.open(meeting.server.port)
    meeting.stack.callback(line.close)
    line.send(request("GET", "/healthz") + whole[:at])
    assert (await line.answer()).status == 200
    if b"\r\n\r\n" in whole[:at]:
        assert (await line.answer()).status == 100
    return line


async def not_reading(meeting: Meeting) -> Line:
    """A line on which a list has begun to come that is as long as lists are, some 500 KB, and its buffer short."""
    channel = await meeting.channel()
    await asyncio.gather(*(meeting.post(channel, MOST_HTML) for _ in range(100)))
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.settimeout(PATIENCE)
    narrow.connect(("127.0.0.1", meeting.server.port))
    narrow.sendall(request("GET", f"/api/channels/{channel}/posts?limit=100"))
    assert await asyncio.to_thread(narrow.recv, 1, socket.MSG_PEEK) == b"H"
    line = Line(*await asyncio.open_connection(sock=narrow, limit=4096))
    meeting.stack.callback(line.close)
    return line


async def test_a_connection_that_came_with_the_signal_is_not_forgotten(meeting: Meeting) -> None:
    """Workers that were stopped (SIGSTOP) wake up to new connections and SIGTERM at once. Every request on those is
    answered, by them or by the next workers, and no worker has to be told twice to go. Fails (reset) with uvicorn's own
    HTTP protocol."""
    server = meeting.server
    before = workers(server)
    for worker in before:
        os.kill(worker, signal.SIGSTOP)
    lines = [await begun_blind(meeting) for _ in range(30)]
    for worker in before:
        os.kill(worker, signal.SIGTERM)
        os.kill(worker, signal.SIGCONT)
    for line in lines:
        assert (await line.answer()).status == 200
    await until(lambda: not before & workers(server), "the end of the workers", server)
    assert "graceful shutdown exceeded" not in server.output()


async def begun_blind(meeting: Meeting) -> Line:
    """A line with a request on its way to whichever worker takes it."""
    line = await Line.open(meeting.server.port)
    meeting.stack.callback(line.close)
    line.send(request("GET", "/healthz"))
    return line


async def test_the_old_workers_serve_until_the_new_ones_do(meeting: Meeting) -> None:
    """HUP while nothing can start: the test holds the lock that every start needs. Nobody is cut off and everybody is
    answered; when the new workers can start, those who listen hear 1012. Fails when `Generations.needed` says no."""
    server = meeting.server
    old = workers(server)
    found = await meeting.sockets(each=1)
    with turn_taken(server.instance):
        server.process.send_signal(signal.SIGHUP)
        await until(lambda: server.output().count("until the new workers do") == 3, "the old workers", server)
        for _ in range(10):
            line = await Line.open(server.port)
            line.send(request("GET", "/api/channels/1/posts"))
            assert (await line.answer()).status == 200
            line.close()
        for worker, (one,) in found.items():
            assert worker in old & workers(server)
            assert (await one.ask(type="subscribe", channel=1))["type"] == "subscribed"
    for (one,) in found.values():
        assert await one.rest() == ([], RESTARTING)
    assert not old & set(await meeting.sockets(each=1))


async def test_new_workers_that_never_serve_do_not_keep_the_old_ones(
    instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World
) -> None:
    """HUP and then TERM while nothing can start: after the grace period the server ends, and tells those who listen.

    Fails when an old worker does not count how often it was asked to end.
    """
    with Server(instance, tmp_path, GUNICORN_CMD_ARGS="--graceful-timeout=3") as server:
        found = await Meeting(server, stack, world.tokens).sockets(each=1)
        with turn_taken(instance):
            server.process.send_signal(signal.SIGHUP)
            await until(lambda: server.output().count("until the new workers do") == 3, "the old workers", server)
            server.process.send_signal(signal.SIGTERM)
            for (one,) in found.values():
                assert await one.rest() == ([], RESTARTING)
            await asyncio.to_thread(server.process.wait, PATIENCE)


def test_a_start_may_take_its_time(instance: Path, tmp_path: Path) -> None:
    """It waits for the turn, or migrates. Fails when a worker is silent meanwhile: gunicorn then ends it."""
    server = Server(instance, tmp_path, GUNICORN_CMD_ARGS="--timeout=2")
    with ExitStack() as taken:
        taken.enter_context(turn_taken(instance))
        timer = threading.Timer(5, taken.pop_all().close)
    timer.start()
    with server:
        timer.join()
        assert "WORKER TIMEOUT" not in server.output()
