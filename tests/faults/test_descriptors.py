"""Too few descriptors: whoever is connected is served, others are not, and it ends when there is room again."""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import httpx
import pytest
from websockets import connect

from pottle.server.descriptors import MARGIN, share
from pottle.server.logs import MOST
from tests.conftest import needs
from tests.faults.reaching import all_serve, on_each_worker
from tests.lasting import lasting
from tests.live.meeting import Meeting, changes
from tests.server import PATIENCE, Server, wait_until

pytestmark = pytest.mark.slow

LIMIT = 72  # of which a worker has 44 open before anybody comes
SILENCE = 2  # seconds after which nobody is served any more


@pytest.fixture
def server(instance: Path, tmp_path: Path) -> Iterator[Server]:
    """As deployed, where each process may open so many files."""
    needs("prlimit")
    scarce = Server(instance, tmp_path)
    scarce.through = ("prlimit", f"--nofile={LIMIT}:{LIMIT}")
    with scarce as running:
        wait_until(all_serve(running), "all workers", running.output)
        yield running


def descriptors(server: Server) -> list[int]:
    """How many each worker has open."""
    return [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in server.processes()[1:]]


def crowd(server: Server, stack: ExitStack, how_many: int) -> None:
    """Connections that say nothing."""
    for _ in range(how_many):
        stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))


def comes_in(server: Server) -> bool:
    """Whether a new client is served."""
    try:
        return httpx.get(f"{server.url}/readyz", timeout=SILENCE).status_code == 200
    except httpx.TransportError:
        return False


async def test_who_is_connected_is_served_while_a_crowd_takes_every_descriptor(meeting: Meeting) -> None:
    """On each worker: pages, reads, writes and live updates; and anybody may come in.

    Fails when a worker accepts whoever comes: it cannot open its database and its templates any more (500 and 503, and
    a hundred lines in the log for each).
    """
    server, channel = meeting.server, await meeting.channel()
    clients = await on_each_worker(meeting, "alice")
    sockets = [socket for (socket,) in (await meeting.sockets(each=1)).values()]
    for listener in sockets:
        await listener.ask(type="subscribe", channel=channel)
    answers: Counter[tuple[str, int]] = Counter()
    lines, crowds = server.output().count("\n"), 0
    for _ in lasting(2):
        crowds += 1
        with ExitStack() as stack:
            crowd(server, stack, 5 * LIMIT)
            wait_until(lambda: comes_in(server), "somebody to make room")
            assert max(descriptors(server)) < LIMIT
            for client in clients.values():
                for path in ("/channels/1", "/readyz", f"/channels/{channel}", "/api/me", "/docs", "/api/groups"):
                    answers[path, (await client.get(path)).status_code] += 1
                made = await client.post(f"/api/channels/{channel}/posts", json={"body": "still here"})
                assert made.status_code == 201
                for listener in sockets:
                    assert (await changes(listener, 1))[0]["post"] == made.json()
    assert {status for _, status in answers} == {200}, answers
    assert len(server.processes()) == 4
    told = [line for line in server.output().splitlines()[lines:] if '"level": "info"' not in line]
    assert len(told) <= 3 * (MOST + 1) * crowds, "a few words for each worker, each minute"
    print(f"{crowds} crowds: {sum(answers.values())} answers, all 200")


async def test_while_one_worker_has_room_nobody_is_turned_away(server: Server) -> None:
    """Fails when a full worker goes on accepting: whoever meets it is reset, while the others have room."""
    async with AsyncExitStack() as stack:
        for _ in range(3 * (share(LIMIT) - MARGIN)):
            raw = connect(f"ws://127.0.0.1:{server.port}/api/live", ping_interval=None)
            await stack.enter_async_context(raw)
        late = asyncio.create_task(asyncio.to_thread(comes_in_late, server))
    assert await late, "who comes when all are full waits, and is served when there is room"


def comes_in_late(server: Server) -> bool:
    return httpx.get(f"{server.url}/readyz", timeout=PATIENCE).status_code == 200


def test_a_crowd_that_says_nothing_makes_room(instance: Path, tmp_path: Path) -> None:
    """Fails when a full worker resets whoever comes: most of the requests."""
    needs("prlimit")
    server = Server(instance, tmp_path)
    server.through = ("prlimit", "--nofile=400:400")
    with server, ExitStack() as stack:
        wait_until(all_serve(server), "all workers", server.output)
        crowd(server, stack, 1_190)
        for _ in range(100):
            assert httpx.get(f"{server.url}/api/users/alice", timeout=PATIENCE).status_code == 200
        assert "Traceback" not in server.output()
