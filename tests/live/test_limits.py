"""Rate limits, on three workers."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.conftest import World
from tests.server import Server, calling

POSTING, EVERY = 20, 3  # at once, and another one after so many seconds


@pytest.mark.slow
async def test_three_workers_count_as_one(instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World) -> None:
    """Fails when each worker keeps an account of its own, and when the unit does not look again: others wrote since."""
    server = stack.enter_context(Server(instance, tmp_path, POTTLE_RATE_LIMITS="on"))
    clients = [await calling(stack, server, world.tokens["alice"]) for _ in range(3 * POSTING)]
    await asyncio.gather(*[client.get("/healthz") for client in clients])
    began = time.monotonic()
    answers = await asyncio.gather(
        *[client.post("/api/channels/1/posts", json={"body": f"{n}"}) for n, client in enumerate(clients)]
    )
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {201, 429}
    assert POSTING <= statuses.count(201) <= POSTING + (time.monotonic() - began) // EVERY + 1
