"""/healthz and /readyz, and what clients are told when there is too much to do."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from model.settings import Settings
from model.store import Tx, db
from tests.api.conftest import LOBBY, refused
from tests.conftest import Person


async def test_it_works(anyone: Person) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await anyone.get(path)
        assert answer.status_code == 200
        assert answer.json() == {"status": "ok"}
        assert "no-cache" in answer.headers["Cache-Control"] or answer.headers["Cache-Control"] == "no-store"


async def test_a_browser_gets_json_too(anyone: Person) -> None:
    answer = await anyone.get("/healthz", headers={"Accept": "text/html"})
    assert answer.headers["Content-Type"] == "application/json"


class TestOverloaded:
    """One write is under way and no other may wait."""

    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, waiting_writes=1)

    @pytest.fixture
    async def busy(self, app: object) -> AsyncIterator[None]:
        begun, done = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def slow(_tx: Tx) -> None:
            loop.call_soon_threadsafe(begun.set)
            done.wait(10)

        writing = asyncio.create_task(db.write(slow))
        await begun.wait()
        yield
        done.set()
        await writing

    async def test_a_write_may_be_tried_again_soon(self, busy: None, alice: Person) -> None:
        answer = await alice.post(LOBBY, {"body": "Hello"})
        refused(answer, 503)
        assert int(answer.headers["Retry-After"]) >= 1

    async def test_reading_goes_on(self, busy: None, anyone: Person) -> None:
        assert (await anyone.get(LOBBY)).status_code == 200

    async def test_it_is_alive_but_not_ready(self, busy: None, anyone: Person) -> None:
        assert (await anyone.get("/healthz")).status_code == 200
        answer = await anyone.get("/readyz")
        refused(answer, 503)
        assert int(answer.headers["Retry-After"]) >= 1

    async def test_afterwards_it_is_ready_again(self, anyone: Person, alice: Person) -> None:
        assert (await anyone.get("/readyz")).status_code == 200
        assert (await alice.post(LOBBY, {"body": "Hello"})).status_code == 201
