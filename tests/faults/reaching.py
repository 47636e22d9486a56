"""HTTP clients of which it is known which worker answers them: the one that holds the other end of the connection."""

import os
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.live.meeting import Meeting
from tests.server import PATIENCE, Server, attempts, wait_until


async def on_each_worker(meeting: Meeting, uid: str, workers: int = 3) -> dict[int, httpx.AsyncClient]:
    """A client by worker, each with one connection that stays."""
    found: dict[int, httpx.AsyncClient] = {}
    wait_until(lambda: len(meeting.server.processes()) == workers + 1, f"{workers} workers")
    async for _ in attempts():
        client = await single(meeting, uid)
        with meeting.server.standing_still(found):
            worker = await worker_of(meeting.server, client)
        if worker is None or worker in found:
            await client.aclose()
        else:
            found[worker] = client
        if len(found) == workers:
            return found
    raise AssertionError(f"only {len(found)} of {workers} workers answered:\n{meeting.server.output()[-2_000:]}")


async def single(meeting: Meeting, uid: str) -> httpx.AsyncClient:
    """A client with one connection, which it does not give up on its own."""
    limits = httpx.Limits(max_connections=1, keepalive_expiry=3_600)
    headers = {"Authorization": f"Bearer {meeting.token(uid)}"} if uid else {}
    client = httpx.AsyncClient(base_url=meeting.server.url, headers=headers, timeout=PATIENCE, limits=limits)
    return await meeting.stack.enter_async_context(client)


async def worker_of(server: Server, client: httpx.AsyncClient) -> int | None:
    """The worker that answers this client; None where it is gone."""
    try:
        answer = await client.get("/healthz")
    except httpx.TransportError:
        return None
    _, port = answer.extensions["network_stream"].get_extra_info("client_addr")
    inode = _inode(server.port, port)
    return next((pid for pid in server.processes()[1:] if f"socket:[{inode}]" in _open_files(pid)), None)


def _inode(local: int, remote: int) -> str:
    """The kernel's number of the server's end of a connection on the loopback."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, *rest = line.split()
        if (int(here.split(":")[1], 16), int(there.split(":")[1], 16)) == (local, remote):
            return rest[6]
    return "gone"


def _open_files(pid: int) -> set[str]:
    try:
        return {os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:  # the process, or a file, is gone
        return set()


def all_serve(server: Server, workers: int = 3) -> Callable[[], bool]:
    """A condition: each worker there is has said that it serves."""

    return lambda: len(server.serving()) == workers
