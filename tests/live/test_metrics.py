"""/metrics: one truth over three workers, also when they are replaced and killed."""

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import World
from tests.server import PATIENCE, Server, calling, connected, one_on_each_worker, wait_until
from tests.test_backup_commands import quart

pytestmark = pytest.mark.slow

MISSED = 'requests_total{method="GET",route="none",status="404"}'


def numbers(server: Server) -> dict[str, float]:
    """Every number, by its name with labels, from whichever worker answers."""
    text = httpx.get(f"{server.url}/metrics").text
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    assert list(text_string_to_metric_families(text))
    return {name: float(value) for name, _, value in lines}


async def come_to(server: Server, **wanted: float) -> None:
    """Waits until the numbers are these; a worker moves its own once a second, and counts a request once it is over."""
    async with asyncio.timeout(PATIENCE):
        while any(numbers(server).get(f"pottle_{name}", 0) != value for name, value in wanted.items()):
            await asyncio.sleep(0.05)


def miss(server: Server, times: int) -> None:
    """Requests to no route, each on a connection, and so perhaps a worker, of its own."""
    for _ in range(times):
        assert httpx.get(f"{server.url}/nowhere").status_code == 404


async def test_it_is_one_truth_over_three_workers(server: Server, stack: AsyncExitStack, world: World) -> None:
    await come_to(server, workers=3)
    sockets = await one_on_each_worker(stack, server)
    for socket in sockets.values():
        await socket.ask(type="subscribe", channel=1)
    miss(server, 30)
    await come_to(server, **{MISSED: 30})
    alice = await calling(stack, server, world.tokens["alice"])
    assert (await alice.post("/api/channels/1/posts", json={"body": "x"})).status_code == 201
    for socket in sockets.values():
        assert (await socket.receive())["kind"] == "post.created"
    await come_to(server, workers=3, subscriptions=3, live_changes_sent_total=3, log_lag=0)
    assert numbers(server)['pottle_writes_total{outcome="committed"}'] >= 1
    await socket.ask(type="auth", token=world.tokens["alice"])
    await alice.delete("/api/session")
    assert await socket.rest() == ([], 4401)
    await come_to(server, **{'live_closed_total{code="4401"}': 1})


async def test_no_counter_falls_when_workers_are_replaced_and_killed(server: Server, stack: AsyncExitStack) -> None:
    await come_to(server, workers=3)
    await one_on_each_worker(stack, server)
    miss(server, 20)
    old = server.processes()[1:]
    os.kill(server.process.pid, signal.SIGHUP)
    wait_until(lambda: len(server.processes()) == 4 and not set(server.processes()) & set(old), "new workers")
    wait_until(server.ready, "the new workers")
    await come_to(server, workers=3, subscribers=0)
    await come_to(server, **{MISSED: 20})
    miss(server, 10)
    await come_to(server, **{MISSED: 30})  # what a worker counted in its last second goes with it
    os.kill(server.processes()[1], signal.SIGKILL)
    wait_until(lambda: len(server.processes()) == 4, "another worker")
    await come_to(server, workers=3)
    await come_to(server, **{MISSED: 30})
    miss(server, 10)
    await come_to(server, **{MISSED: 40})


async def test_a_killed_workers_websockets_are_forgotten(server: Server, stack: AsyncExitStack) -> None:
    _, hello = await connected(stack, server)
    await come_to(server, subscribers=1)
    os.kill(hello["worker"], signal.SIGKILL)
    await come_to(server, subscribers=0, workers=3)


async def test_workers_that_start_and_backups_are_seen(server: Server, instance: Path, tmp_path: Path) -> None:
    await come_to(server, workers=3, worker_starts_total=3, ready=1, last_backup_timestamp_seconds=0)
    os.kill(server.processes()[1], signal.SIGKILL)
    await come_to(server, workers=3, worker_starts_total=4, ready=1)
    for _ in range(2):
        before = time.time()
        assert quart(instance, "backup", tmp_path)[0] == 0
        wait_until(lambda since=before: numbers(server)["pottle_last_backup_timestamp_seconds"] >= since, "the backup")
        assert numbers(server)["pottle_last_backup_timestamp_seconds"] <= time.time()


def test_nothing_is_left_behind(instance: Path, tmp_path: Path) -> None:
    with Server(instance, tmp_path) as server:
        shared = folder_of(server)
        files = {file.name.partition("_")[0] for file in shared.iterdir()}
        assert files == {"counter", "gauge", "histogram"}
        server.stop()
        assert not shared.exists()


def folder_of(server: Server) -> Path:
    """Where the workers' numbers meet: a worker knows it by its environment, which shows where it has its files."""
    mapped = Path(f"/proc/{min(server.serving())}/maps").read_text()
    return next(Path(line.split()[-1]).parent for line in mapped.splitlines() if "counter_" in line)


@pytest.mark.parametrize("by", ["uvicorn", "hypercorn"])
def test_a_single_process_tells_of_itself(instance: Path, tmp_path: Path, by: str) -> None:
    with Server(instance, tmp_path, by=by) as server:
        miss(server, 3)
        found = numbers(server)
    assert found["pottle_workers"] == 1
    assert found[f"pottle_{MISSED}"] == 3
