"""The promises, on the engine alone: three workers of examples/queue, which knows neither users nor channels."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.hostile import UPGRADE, asking, cut, read_until, small
from tests.server import ROOT, Server, Socket, calling, connected, one_on_each_worker, wait_until

QUEUE = ROOT / "examples" / "queue"

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    configured = f"--config={ROOT / 'gunicorn.conf.py'}"
    settings = {"PYTHONPATH": str(ROOT), "GUNICORN_CMD_ARGS": configured}
    with Server(tmp_path / "instance", tmp_path, root=QUEUE, **settings) as running:
        yield running


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def anyone(stack: AsyncExitStack, server: Server) -> httpx.AsyncClient:
    return await calling(stack, server)


async def put_up(client: httpx.AsyncClient, question: str = "Why?") -> Any:
    made = await client.post("/api/queue", json={"question": question})
    assert made.status_code == 201, made.text
    return made.json()


async def follows(socket: Socket, token: str, **position: Any) -> Any:
    assert (await socket.ask(type="auth", token=token))["type"] == "authenticated"
    return await socket.ask(type="subscribe", stream="queue", **position)


def test_it_has_at_most_150_lines() -> None:
    """But for the migration, which the development server wrote."""
    written = [file for file in QUEUE.rglob("*.py") if file.parent.name != "migrations"]
    assert sum(len(file.read_text().splitlines()) for file in written) <= 150


async def test_it_works(server: Server, anyone: httpx.AsyncClient) -> None:
    """L6 too: whoever answers shows what was written before, and the answer is kept by all."""
    assert (await anyone.get("/api/queue")).json()["hands"] == []
    hand = await put_up(anyone)
    for _ in range(20):
        async with httpx.AsyncClient(base_url=server.url) as fresh:
            seen = await fresh.get("/api/queue")
        assert [seen_["id"] for seen_ in seen.json()["hands"]] == [hand["id"]]
        assert seen.headers["Cache-Control"] == "no-cache"
    mine = {"Authorization": f"Bearer {hand['token']}"}
    assert (await anyone.delete("/api/queue/mine", headers=mine)).status_code == 204
    assert (await anyone.get("/api/queue")).json()["hands"] == []
    assert (await anyone.delete("/api/queue/mine", headers=mine)).status_code == 401


async def test_it_is_documented_and_refuses_in_one_shape(anyone: httpx.AsyncClient) -> None:
    document = (await anyone.get("/openapi.json")).json()
    assert {"/api/queue", "/api/queue/mine"} <= set(document["paths"])
    refused = await anyone.post("/api/queue", json={"question": ""})
    assert (refused.status_code, refused.headers["Content-Type"]) == (422, "application/problem+json")
    again = {"Idempotency-Key": "one"}
    twice = [await anyone.post("/api/queue", json={"question": "Why?"}, headers=again) for _ in range(2)]
    assert twice[0].json() == twice[1].json()


async def test_everybody_gets_the_same_changes_and_no_refused_one(
    server: Server, stack: AsyncExitStack, anyone: httpx.AsyncClient
) -> None:
    """L1, L2."""
    token = (await put_up(anyone))["token"]
    sockets = [*(await one_on_each_worker(stack, server)).values()]
    for socket in sockets:
        assert (await follows(socket, token))["type"] == "subscribed"
    made = await asyncio.gather(*(put_up(anyone, f"{n}?") for n in range(50)), anyone.post("/api/queue", json={}))
    heard = [[await socket.receive() for _ in range(50)] for socket in sockets]
    assert heard[0] == heard[1] == heard[2]
    assert {change["hand"]["id"] for change in heard[0]} == {hand["id"] for hand in made[:-1]}
    assert all(after["prev"] == before["seq"] for before, after in zip(heard[0], heard[0][1:], strict=False))


async def test_resuming_gives_what_was_missed(server: Server, stack: AsyncExitStack, anyone: httpx.AsyncClient) -> None:
    """L3, L4, and L7 between: all is killed, and what was acknowledged is there."""
    token = (await put_up(anyone))["token"]
    listed = (await anyone.get("/api/queue")).json()
    missed = [(await put_up(anyone, f"{n}?"))["id"] for n in range(5)]
    server.kill()
    server.start()
    socket, _ = await connected(stack, server)
    joined = await follows(socket, token, epoch=listed["epoch"], after=listed["seq"])
    assert joined["recovered"] is True
    assert [(await socket.receive())["hand"]["id"] for _ in missed] == missed
    other, _ = await connected(stack, server)
    assert (await follows(other, token, epoch="another", after=1))["recovered"] is False


async def test_who_does_not_read_is_cut(server: Server, anyone: httpx.AsyncClient) -> None:
    """L5."""
    token = (await put_up(anyone))["token"]
    with small(server) as stuck:
        stuck.sendall(UPGRADE)
        read_until(stuck, b'"hello"')
        stuck.sendall(asking(type="auth", token=token))
        read_until(stuck, b'"authenticated"')
        stuck.sendall(asking(type="subscribe", stream="queue"))
        read_until(stuck, b'"subscribed"')
        for _ in range(40):
            if not cut(stuck):
                await asyncio.gather(*(put_up(anyone, "x" * 500) for _ in range(100)))
        await asyncio.to_thread(wait_until, lambda: cut(stuck), "the client to be cut")


async def test_whose_hand_is_down_hears_no_more(
    server: Server, stack: AsyncExitStack, anyone: httpx.AsyncClient
) -> None:
    """L8, on every worker; and without a hand nobody hears anything."""
    hand = await put_up(anyone)
    sockets = [*(await one_on_each_worker(stack, server)).values()]
    assert (await sockets[0].ask(type="subscribe", stream="queue"))["code"] == "not-found"
    for socket in sockets:
        await follows(socket, hand["token"])
    mine = {"Authorization": f"Bearer {hand['token']}"}
    assert (await anyone.delete("/api/queue/mine", headers=mine)).status_code == 204
    late = await put_up(anyone, "Too late?")
    for socket in sockets:
        frames, code = await socket.rest()
        assert code == 4401
        assert late["id"] not in [frame["hand"]["id"] for frame in frames if frame.get("hand")]


async def test_who_watches_the_queue_is_told(server: Server, stack: AsyncExitStack, anyone: httpx.AsyncClient) -> None:
    """L9, while a worker that nobody asks is stopped and another one is killed: nothing was declared to be live."""
    first = (await anyone.get("/api/queue")).headers["ETag"]
    sockets = await one_on_each_worker(stack, server)
    for socket in sockets.values():
        told = await socket.ask(type="watch", get="/api/queue", etag=first)
        assert (told["type"], told["etag"]) == ("watching", first)
    paused, killed, _ = sockets
    os.kill(paused, signal.SIGSTOP)
    os.kill(killed, signal.SIGKILL)
    try:
        async with httpx.AsyncClient(base_url=server.url, timeout=2) as fresh:
            for _ in range(20):
                try:
                    await put_up(fresh)
                    break
                except httpx.TransportError:  # it met the worker that was stopped
                    continue
    finally:
        os.kill(paused, signal.SIGCONT)
    now = (await anyone.get("/api/queue")).headers["ETag"]
    for worker in sockets.keys() - {killed}:
        told = await sockets[worker].receive()
        while told.get("etag") != now:  # a request that met the stopped worker may have been done later
            told = await sockets[worker].receive()
        assert told["type"] == "changed"
