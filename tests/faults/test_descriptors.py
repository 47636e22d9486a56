"""Too few descriptors: whoever is connected is served, others are not, and it ends when there is room again."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.conftest import needs
from tests.faults.reaching import all_serve, on_each_worker
from tests.lasting import lasting
from tests.live.meeting import Meeting, changes
from tests.server import Server, wait_until

pytestmark = pytest.mark.slow

LIMIT = 64


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


def crowd(server: Server, stack: ExitStack) -> None:
    """Connections that say nothing, many more than all workers can hold."""
    for _ in range(5 * LIMIT):
        stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))


def comes_in(server: Server) -> bool:
    """Whether a new client is served."""
    try:
        return httpx.get(f"{server.url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


async def test_who_is_connected_is_served_while_a_crowd_takes_every_descriptor(meeting: Meeting) -> None:
    """On each worker: pages, reads, writes and live updates. Then the crowd leaves, and anybody may come in.

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
            crowd(server, stack)
            wait_until(lambda: not comes_in(server), "the door to shut")
            assert max(descriptors(server)) < LIMIT
            for client in clients.values():
                for path in ("/", "/readyz", f"/channels/{channel}", "/api/me", "/docs", "/api/groups"):
                    answers[path, (await client.get(path)).status_code] += 1
                made = await client.post(f"/api/channels/{channel}/posts", json={"body": "still here"})
                assert made.status_code == 201
                for listener in sockets:
                    assert (await changes(listener, 1))[0]["post"] == made.json()
        wait_until(lambda: comes_in(server), "the door to open")
    assert {status for _, status in answers} == {200}, answers
    assert len(server.processes()) == 4
    told = [line for line in server.output().splitlines()[lines:] if '"level": "info"' not in line]
    assert len(told) <= 3 * crowds, "a word for each worker, once a minute"
    print(f"{crowds} crowds: {sum(answers.values())} answers, all 200")
