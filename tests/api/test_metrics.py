"""/metrics in one process; tests/live/test_metrics.py has the sum over three."""

import asyncio
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from quart import Quart

from model.settings import Settings
from pottle import VERSION
from pottle.http import measures
from pottle.server import metrics
from pottle.store import db, engines, postgres
from pottle.store.database import Database
from pottle.store.follower import News
from tests import databases
from tests.api.conftest import LOBBY, a_write_under_way, posted, refused
from tests.cases import in_turn
from tests.conftest import Person, World
from tests.pages import first_column, page
from tests.server import PATIENCE


async def numbers(person: Person) -> dict[tuple[str, ...], float]:
    """Every number, by its name and labels' values."""
    answer = await person.get("/metrics")
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


async def grown(person: Person, before: dict[tuple[str, ...], float], *name: str) -> float:
    """By how much a number has grown."""
    return (await numbers(person)).get(name, 0) - before.get(name, 0)


async def test_it_works(anyone: Person) -> None:
    answer = await anyone.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert answer.headers["Cache-Control"] == "no-store"
    found = await numbers(anyone)
    assert found["pottle_workers",] == 1
    assert found["pottle_database_bytes",] > 10_000
    assert found["pottle_memory_bytes",] > 10_000_000
    assert found["pottle_log_lag",] == 0


async def test_requests_are_counted_by_route_and_never_by_path(anyone: Person, alice: Person) -> None:
    before = await numbers(anyone)
    for number in (7, 8):
        await anyone.get(f"/api/posts/{number}")
        await anyone.get(f"/nowhere/{number}")
    await anyone.http.request("PROPFIND", "/api/posts/7")
    await alice.patch("/api/me", {"name": "Alicia"})
    name = "pottle_requests_total"
    assert await grown(anyone, before, name, "GET", "/api/posts/<id:post_id>", "404") == 2
    assert await grown(anyone, before, name, "GET", "none", "404") == 2
    assert await grown(anyone, before, name, "other", "none", "405") == 1
    assert await grown(anyone, before, name, "PATCH", "/api/me", "200") == 1
    assert await grown(anyone, before, "pottle_request_seconds_count", "/api/posts/<id:post_id>") == 2


async def test_answers_from_memory_are_counted_apart(anyone: Person) -> None:
    before = await numbers(anyone)
    for _ in range(3):
        await anyone.get(LOBBY)
    assert await grown(anyone, before, "pottle_cache_hits_total") == 2
    assert (
        await grown(anyone, before, "pottle_requests_total", "GET", LOBBY.replace("1", "<id:channel_id>"), "200") == 1
    )
    assert (await numbers(anyone))["pottle_cache_bytes",] > 1_000


async def test_writes_are_counted_by_what_became_of_them(anyone: Person, alice: Person) -> None:
    before = await numbers(anyone)
    await posted(alice)
    assert (await alice.post("/api/groups/home/channels", {"key": "k" * 500})).status_code == 422  # before any unit
    assert (await alice.put("/api/posts/999/reactions/up")).status_code == 404  # by the unit
    async with asyncio.timeout(PATIENCE):  # that two were refused is counted behind the answers, for the limits
        while await grown(anyone, before, "pottle_writes_total", "committed") < 3:
            await asyncio.sleep(0.01)
    after = await numbers(anyone)
    names = [("pottle_writes_total", "committed"), ("pottle_batch_units_sum",), ("pottle_commit_seconds_count",)]
    committed, units, commits = (after[name] - before[name] for name in names)  # those of search and notices, too
    assert await grown(anyone, before, "pottle_writes_total", "refused") == 1
    assert 2 <= commits <= units == committed + 1
    assert await grown(anyone, before, "pottle_changes_head") >= 1


async def test_the_wait_for_another_writer_is_measured(anyone: Person, alice: Person, settings: Settings) -> None:
    before, other = await numbers(anyone), Database()
    await other.open(settings)
    async with a_write_under_way(other):
        posting = asyncio.create_task(posted(alice))
        await asyncio.sleep(0.2)
    await posting
    await other.close()
    waited = await grown(anyone, before, "pottle_turn_wait_seconds_sum")
    assert 0.1 < waited <= await grown(anyone, before, "pottle_commit_seconds_sum")


async def test_connections_in_use_are_counted_and_the_wait_for_one(anyone: Person) -> None:
    many = postgres.SESSIONS if databases.POSTGRES else engines.SESSIONS
    busy, waited = ("pottle_connections_busy", "sessions"), ("pottle_connection_wait_seconds_total", "sessions")
    before, enough = await numbers(anyone), asyncio.Event()

    async def read() -> None:
        async with db.session():
            await enough.wait()

    async with asyncio.TaskGroup() as group, asyncio.timeout(PATIENCE):
        for _ in range(many):
            group.create_task(read())
        while (await numbers(anyone))[busy] < many:
            await asyncio.sleep(0.01)
        assert await grown(anyone, before, *waited) == 0
        group.create_task(read())
        while await grown(anyone, before, *waited) < 0.05:
            await asyncio.sleep(0.01)
        assert (await numbers(anyone))[busy] == many
        enough.set()
    assert (await numbers(anyone))[busy] == 0


async def test_a_follower_that_lags_says_for_how_long(
    anyone: Person, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def come(done: Callable[[float, float], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not done(*[(await numbers(anyone))[f"pottle_log_lag{unit}",] for unit in ("", "_seconds")]):
                await asyncio.sleep(0.01)

    with monkeypatch.context() as patched:
        patched.setattr(db._store.follower, "prepare", lambda _: News(db.head, []))
        await posted(alice)
        await come(lambda changes, seconds: changes >= 1 and seconds > 0.1)
        await posted(alice)
        await come(lambda changes, seconds: changes >= 2 and seconds > 0.1)
    await posted(alice)
    await come(lambda changes, seconds: changes == seconds == 0)


async def test_limits_that_were_hit_are_counted(anyone: Person, alice: Person) -> None:
    before = await numbers(anyone)
    for _ in range(20):
        await posted(alice)
    refused(await alice.post(LOBBY, {"body": "Once more"}), 429)
    assert await grown(anyone, before, "pottle_limits_hit_total", "posting") == 1


async def test_it_says_which_code_runs(anyone: Person) -> None:
    for name in ("pottle_build_info", "pottle_info"):
        assert (await numbers(anyone))[name, VERSION] == 1


async def test_lines_of_the_log_are_counted_by_level(anyone: Person) -> None:
    before = await numbers(anyone)
    for level in ("warning", "error", "critical"):
        assert ("pottle_log_lines_total", level) in before, "a rise from nothing would be none"
    logging.getLogger("pottle").error("Something is wrong")
    logging.getLogger("sqlalchemy").warning("Something is strange")
    assert await grown(anyone, before, "pottle_log_lines_total", "error") == 1
    assert await grown(anyone, before, "pottle_log_lines_total", "warning") >= 1  # and of a machine that is busy


async def test_descriptors_are_counted(anyone: Person) -> None:
    before = await numbers(anyone)
    assert before["pottle_descriptor_limit",] >= before["pottle_open_descriptors",] > 10
    opened = [os.open("/", os.O_RDONLY) for _ in range(50)]
    assert 45 < await grown(anyone, before, "pottle_open_descriptors") < 55
    for one in opened:
        os.close(one)


class TestReady:
    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, waiting_writes=1)

    @pytest.fixture(autouse=True)
    def often(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(metrics, "SECONDS", 0.01)
        monkeypatch.setattr(metrics, "READY_SECONDS", 1)

    async def test_it_is_what_readyz_says(self, anyone: Person) -> None:
        await self.comes_to(anyone, 1)
        async with a_write_under_way():
            assert (await anyone.get("/readyz")).status_code == 503
            await self.comes_to(anyone, 0)
        await self.comes_to(anyone, 1)

    async def comes_to(self, anyone: Person, ready: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while (await numbers(anyone))["pottle_ready",] != ready:
                await asyncio.sleep(0.01)


class TestWhoMay:
    async def test_an_admin_may_from_anywhere(self, app: Quart, world: World) -> None:
        answer = await asked_from("192.0.2.1", app, Authorization=f"Bearer {world.tokens['root']}")
        assert answer.status_code == 200

    async def test_others_may_not_from_elsewhere(self, app: Quart, world: World) -> None:
        refused(await asked_from("192.0.2.1", app), 403)
        refused(await asked_from("192.0.2.1", app, Authorization=f"Bearer {world.tokens['alice']}"), 403)
        refused(await asked_from("10.0.0.1", app), 403)

    @in_turn("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "X-Real-IP", "Via"])
    async def test_a_proxy_on_this_machine_does_not_let_others_in(self, app: Quart, header: str) -> None:
        refused(await asked_from("127.0.0.1", app, **{header: "127.0.0.1"}), 403)

    async def test_nor_a_unix_socket(self, app: Quart) -> None:
        refused(await asked_from("", app), 403)


class TestAnotherNetwork:
    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, metrics=("10.0.0.0/8", "2001:db8::/32"))

    async def test_it_may_and_this_machine_may_not(self, app: Quart) -> None:
        assert (await asked_from("10.1.2.3", app)).status_code == 200
        assert (await asked_from("2001:db8::1", app)).status_code == 200
        refused(await asked_from("127.0.0.1", app), 403)


async def asked_from(address: str, app: Quart, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, client=(address, 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://pottle.test") as http:
        return await http.get("/metrics", headers=headers)


@pytest.mark.check
def test_the_docs_explain_every_metric() -> None:
    kinds = {"counter": "_total", "gauge": "", "histogram": ""}
    there = {found.name + kinds[found.type] for found in measures.registry.collect()}
    explained = [name for name in first_column(page("operating")) if name.startswith("pottle_")]
    assert sorted(explained) == sorted(there)


@pytest.mark.check
def test_every_name_says_its_unit_as_prometheus_has_it() -> None:
    for found in measures.registry.collect():
        assert re.fullmatch(r"pottle_[a-z_]+", found.name)
        assert not found.name.endswith(("_ms", "_mb", "_count", "_sum"))
