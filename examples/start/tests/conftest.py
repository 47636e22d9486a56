"""What the tests share: an application with an instance of its own, and people who call it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

import main
from pottle.http import caching
from pottle.settings import Settings
from tests.server import Server

PASSWORD = "correct horse"
Enter = Callable[[str], Awaitable[httpx.AsyncClient]]

caching.STRICT = True  # a @shared handler that asks who is asking fails


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[object]:
    """Without limits, which count all tests' requests together."""
    made = main.create_app(Settings(instance=tmp_path / "instance", rate_limits=False))
    async with made.test_app():
        yield made


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def enter(app: object, stack: AsyncExitStack) -> Enter:
    """`await enter("ada")` is a client of somebody who signed up and in; "" is nobody in particular."""

    async def made(uid: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app)  # type: ignore[arg-type]
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://test"))
        return await signed_in(client, uid) if uid else client

    return made


async def signed_in(client: httpx.AsyncClient, uid: str) -> httpx.AsyncClient:
    await client.post("/api/users", json={"uid": uid, "name": uid.title(), "password": PASSWORD})
    session = await client.post("/api/session", json={"uid": uid, "password": PASSWORD})
    assert session.status_code == 201, session.text
    client.cookies.clear()
    client.headers["Authorization"] = f"Bearer {session.json()['token']}"
    return client


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Three workers, as deployed."""
    with Server(tmp_path / "instance", tmp_path) as running:
        yield running
