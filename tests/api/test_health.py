"""/healthz and /readyz, and what clients are told when there is too much to do."""

import asyncio
import inspect
import re
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

import main
from model.settings import Settings
from pottle import VERSION
from pottle.server import health
from pottle.store import database, db, sqlite
from pottle.store.locks import Turn
from pottle.store.room import Room
from tests import databases
from tests.api.conftest import LOBBY, a_write_under_way, refused
from tests.conftest import Person
from tests.pages import first_column, page
from tests.server import PATIENCE


async def test_it_works(anyone: Person) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await anyone.get(path)
        assert answer.status_code == 200
        assert answer.json() == {"status": "ok"} | ({"version": VERSION} if path == "/healthz" else {})
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
        async with a_write_under_way():
            yield

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


class TestTrouble:
    """Each reason to be red, and that it is red for no longer."""

    async def refused_for(self, anyone: Person, why: str) -> None:
        answer = await anyone.get("/readyz")
        assert why in refused(answer, 503)["detail"]
        assert int(answer.headers["Retry-After"]) >= 1
        assert (await anyone.get("/healthz")).status_code == 200

    @pytest.mark.sqlite("its lock")
    async def test_no_write_can_be_committed(
        self, settings: Settings, anyone: Person, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "STUCK_SECONDS", 0.05)
        turn = Turn(sqlite.turn_file(settings.instance / "app.db"))
        with turn:
            writing = asyncio.create_task(db.write(lambda _tx: None))
            async with asyncio.timeout(PATIENCE):
                while (await anyone.get("/readyz")).status_code == 200:
                    await asyncio.sleep(0.01)
            await self.refused_for(anyone, "No write can be committed")
        turn.close()
        await writing
        assert (await anyone.get("/readyz")).status_code == 200

    async def test_the_database_cannot_be_read(self, settings: Settings, anyone: Person) -> None:
        with databases.opened(settings.instance) as raw:
            raw.execute("ALTER TABLE instance RENAME TO other")
            await self.refused_for(anyone, "The database does not answer.")
            raw.execute("ALTER TABLE other RENAME TO instance")
        assert (await anyone.get("/readyz")).status_code == 200

    async def test_the_change_log_cannot_be_followed(self, anyone: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as patched:
            patched.setattr(db._store, "caught_up" if databases.POSTGRES else "catch_up", fail)
            await self.refused_for(anyone, "The database does not answer.")
        assert (await anyone.get("/readyz")).status_code == 200

    async def test_the_server_is_stopping(self, settings: Settings) -> None:
        """The server's own handler still does its work."""
        heard: list[int] = []
        before = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
        try:
            app = main.create_app(settings)
            await app.startup()
            transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://pottle.test") as http:
                anyone = Person(http)
                assert (await anyone.get("/readyz")).status_code == 200
                signal.raise_signal(signal.SIGTERM)
                await self.refused_for(anyone, "The server is stopping.")
            await app.shutdown()
            assert heard == [signal.SIGTERM]
        finally:
            signal.signal(signal.SIGTERM, before)

    async def test_a_change_is_logged_once(
        self, anyone: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(database, "STUCK_SECONDS", -1.0)
            for _ in range(3):
                await anyone.get("/readyz")
        for _ in range(3):
            await anyone.get("/readyz")
        assert [record.getMessage() for record in caplog.records] == [
            "Not ready: No write can be committed: the lock or the disk does not let go.",
            "Ready again",
        ]


@pytest.mark.check
def test_the_docs_explain_every_reason() -> None:
    source = "".join(map(inspect.getsource, (database.Database.trouble, Room, health.ready)))
    reasons = set(re.findall(r'(?:return|trouble =) "((?:The|No|Too) [^"]+\.)"', source))
    explained = {name for name in first_column(page("operating")) if name.endswith(".")}
    assert len(reasons) == 5
    assert explained == reasons
