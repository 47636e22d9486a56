"""The log: what a line looks like, which request it belongs to, and what is never in it."""

import asyncio
import io
import json
import logging
import re
import socket
import string
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from quart import Quart
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.contextvars import bound_contextvars

from model.settings import Settings
from pottle.http.caching import shelf
from pottle.server import logs
from pottle.store import Tx, db
from tests import databases
from tests.api.conftest import LOBBY
from tests.cases import in_turn
from tests.conftest import ADDRESS, PASSWORD, Person, World
from tests.server import PATIENCE, Server, connected, wait_until

log = logging.getLogger("pottle")

HUSH = "hush-hush-hush"


class Terminal(io.StringIO):
    """Where somebody looks."""

    def isatty(self) -> bool:
        return True


class Written:
    """What was logged."""

    def __init__(self, form: str, stream: io.StringIO) -> None:
        self.stream = stream
        self.handler = logging.StreamHandler(stream)
        self.handler.setFormatter(logs.formatter(form, stream))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def written() -> Iterator[Written]:
    """All that is logged during a test, as in production."""
    into = Written("auto", io.StringIO())
    logging.getLogger().addHandler(into.handler)
    yield into
    logging.getLogger().removeHandler(into.handler)


def said(form: str, stream: io.StringIO) -> str:
    """How a line of fields is written there."""
    into = Written(form, stream)
    into.handler.emit(logging.makeLogRecord({"name": "pottle", "levelno": 30, "levelname": "WARNING", "msg": "Hm"}))
    return stream.getvalue()


def test_it_works(written: Written) -> None:
    log.warning("Hello %s", "you", extra={"times": 2})
    (line,) = written.lines
    assert line.pop("process") > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {"event": "Hello you", "level": "warning", "logger": "pottle", "times": 2}


def test_it_is_json_where_nobody_looks_and_text_where_somebody_does() -> None:
    assert json.loads(said("auto", io.StringIO()))["event"] == "Hm"
    assert "\x1b[" in said("auto", Terminal())
    assert json.loads(said("json", Terminal()))["event"] == "Hm"
    assert re.fullmatch(r"[\d-]{10} [\d:]{8} \[warning *\] Hm\n", said("text", io.StringIO()))


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_tells_no_values(form: str) -> None:
    into = Written(form, io.StringIO())
    try:
        check(HUSH)
    except ValueError as error:
        record = logging.makeLogRecord({"msg": "Hm", "exc_info": (ValueError, error, error.__traceback__)})
        into.handler.emit(record)
    assert "Traceback" in into.stream.getvalue()
    assert HUSH not in into.stream.getvalue()


def check(password: str) -> None:
    if password:
        raise ValueError("It is not good.")


async def test_a_database_error_tells_no_parameters(app: Quart) -> None:
    def doubled(tx: Tx) -> None:
        tx.session.execute(text("SELECT :secret FROM nowhere"), {"secret": HUSH})

    with pytest.raises(DBAPIError) as writing:
        await db.write(doubled)
    async with db.session() as session:
        with pytest.raises(DBAPIError) as reading:
            await session.execute(text("SELECT :secret FROM nowhere"), {"secret": HUSH})
    for error in (writing.value, reading.value):
        assert "nowhere" in str(error)
        assert HUSH not in str(error)


@pytest.fixture
def broken(app: Quart) -> None:
    """/healthz fails, and says so itself too."""

    async def fails() -> None:
        log.warning("Something is wrong")
        raise RuntimeError("Indeed")

    app.view_functions["health.alive"] = fails


class TestRequestIds:
    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, trusted_proxies=(ADDRESS,), access_log=True)

    async def test_every_line_of_a_request_has_the_id_that_its_answer_has(
        self, broken: None, anyone: Person, written: Written
    ) -> None:
        answers = [await anyone.get("/healthz") for _ in range(2)]
        lines = [line for line in written.lines if line["logger"] != "asyncio"]
        ids = [answer.headers["X-Request-Id"] for answer in answers]
        assert len(set(ids)) == 2
        assert [line["request_id"] for line in lines] == [ids[0]] * 3 + [ids[1]] * 3
        assert [line["event"] for line in lines[:3]] == ["Something is wrong", "GET /healthz failed", "request"]
        assert "Indeed" in lines[1]["exception"]

    async def test_a_line_outside_of_a_request_has_none(self, anyone: Person, written: Written) -> None:
        await anyone.get("/healthz")
        log.warning("Later")
        assert "request_id" not in written.lines[-1]

    async def test_a_trusted_proxys_is_taken(self, anyone: Person) -> None:
        answer = await anyone.get("/healthz", headers={"X-Request-Id": "from-proxy_1.2"})
        assert answer.headers["X-Request-Id"] == "from-proxy_1.2"

    @in_turn("given", ["", "x" * 65, "a b", 'a"b', "{}", "a\x1bb"])
    async def test_what_is_no_id_is_not(self, anyone: Person, given: str) -> None:
        answer = await anyone.get("/healthz", headers={"X-Request-Id": given})
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-Id"])

    async def test_nobody_elses_is(self, app: Quart) -> None:
        transport = httpx.ASGITransport(app=app, client=("192.0.2.1", 1))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://pottle.test") as http:
            answer = await http.get("/healthz", headers={"X-Request-Id": "forged"})
        assert answer.headers["X-Request-Id"] != "forged"

    async def test_an_answer_from_memory_has_not_the_id_of_the_one_it_was_made_for(
        self, anyone: Person, written: Written
    ) -> None:
        assert "X-Request-Id" in (await anyone.get(LOBBY)).headers
        hits = shelf.hits
        again = await anyone.get(LOBBY)
        assert shelf.hits == hits + 1
        assert "X-Request-Id" not in again.headers
        first, second = (line["request_id"] for line in written.lines)
        assert first != second

    async def test_what_a_unit_logs_in_the_writers_thread_has_it(self, app: Quart, written: Written) -> None:
        with bound_contextvars(request_id="mine"):
            await db.write(lambda _tx: log.warning("In the writer"))
        assert written.lines[0]["request_id"] == "mine"

    async def test_a_write_that_fails_after_its_caller_left_is_logged_with_it(
        self, app: Quart, written: Written
    ) -> None:
        begun, done = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def fails(_tx: Tx) -> None:
            loop.call_soon_threadsafe(begun.set)
            done.wait(10)
            raise RuntimeError("Too late")

        with bound_contextvars(request_id="gone"):
            writing = asyncio.create_task(db.write(fails))
        await begun.wait()
        writing.cancel()
        done.set()
        await db.write(lambda _tx: None)
        (line,) = written.lines
        assert (line["request_id"], line["level"]) == ("gone", "error")
        assert "Too late" in line["exception"]


class TestBounds:
    """Fails without `Bounded`: every line is written, 0.5 MB a second of them."""

    @pytest.fixture
    def now(self, monkeypatch: pytest.MonkeyPatch, written: Written) -> list[float]:
        """What the clock says."""
        clock = [1_000.0]
        monkeypatch.setattr(logs, "monotonic", lambda: clock[0])
        written.handler.addFilter(logs.Bounded())
        return clock

    def test_only_so_many_of_a_kind_are_written_and_then_how_many_were_not(
        self, written: Written, now: list[float]
    ) -> None:
        for number in range(logs.MOST + 7):
            log.warning("Bad request %s", number)
        log.warning("Another")
        assert [line["event"] for line in written.lines[-2:]] == [f"Bad request {logs.MOST - 1}", "Another"]
        now[0] += logs.MINUTE_SECONDS
        log.info("Later")
        assert [line["event"] for line in written.lines[-2:]] == ["Bad request %s: 7 more lines were left out", "Later"]
        log.warning("Bad request %s", "again")
        assert written.lines[-1]["event"] == "Bad request again"

    def test_errors_of_different_places_are_of_different_kinds(self, written: Written, now: list[float]) -> None:
        def fails(how: int) -> None:
            raise (ValueError() if how else OSError())

        def breaks() -> None:
            raise ValueError

        for broken in (lambda: fails(0), breaks):
            for _ in range(logs.MOST + 5):
                try:
                    broken()
                except (OSError, ValueError):
                    log.exception("GET failed")
        assert len(written.lines) == 2 * logs.MOST

    def test_texts_that_differ_in_numbers_alone_are_one_kind(self, written: Written, now: list[float]) -> None:
        for number in range(logs.MOST + 5):
            log.warning(f"Task 0x{number:x} of {number}")  # noqa: G004  # as libraries do
        assert len(written.lines) == logs.MOST

    def test_thousands_of_kinds_are_one(self, written: Written, now: list[float]) -> None:
        for letters in product(string.ascii_letters, repeat=2):
            log.warning("".join(letters))
        assert len(written.lines) == logs.MOST_KINDS + logs.MOST
        assert len(string.ascii_letters) ** 2 > logs.MOST_KINDS + logs.MOST

    def test_access_lines_are_all_written(self, written: Written, now: list[float]) -> None:
        for _ in range(logs.MOST + 5):
            logging.getLogger("pottle.access").warning("request")
        assert len(written.lines) == logs.MOST + 5

    def test_it_is_said_too_where_nothing_more_is_logged(
        self, written: Written, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(logs, "MINUTE_SECONDS", 0.5)
        written.handler.addFilter(logs.Bounded())
        for _ in range(logs.MOST + 7):
            log.warning("Bad request")
        wait_until(lambda: "7 more lines were left out" in written.stream.getvalue(), "the number")


@pytest.mark.slow
@pytest.mark.parametrize("by", ["gunicorn", "uvicorn", "hypercorn"])
def test_malformed_requests_fill_no_disk(by: str, instance: Path, tmp_path: Path) -> None:
    with Server(instance, tmp_path, by, WEB_CONCURRENCY="1") as server:
        for number in range(3 * logs.MOST):
            with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
                client.sendall((b"\x00 noise\r\n\r\n", b"GET / HTTP/1.1\r\nX\r\n\r\n")[number % 2])
                assert b" 400 " in client.recv(100)
        assert server.output().count("Invalid HTTP") <= logs.MOST


class TestAccessLines:
    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, access_log=True)

    async def test_it_works(self, anyone: Person, written: Written) -> None:
        answer = await anyone.get(LOBBY, params={"limit": 1})
        await anyone.get(LOBBY, params={"limit": 1})
        one, cached = written.lines
        assert (one["method"], one["path"], one["status"], one["client"]) == ("GET", LOBBY, 200, ADDRESS)
        assert one["bytes"] == cached["bytes"] == len(answer.content)
        assert one["ms"] > 0
        assert one["request_id"] == answer.headers["X-Request-Id"]

    async def test_a_path_cannot_forge_a_line(self, anyone: Person, written: Written) -> None:
        await anyone.get("/a%0A%1B[31mb")
        assert written.lines[0]["path"] == "/a%0A%1B%5B31mb"


async def test_without_the_setting_there_are_none(anyone: Person, written: Written) -> None:
    await anyone.get("/healthz")
    assert written.lines == []


@pytest.mark.slow
async def test_no_line_has_a_secret(instance: Path, tmp_path: Path, world: World, stack: AsyncExitStack) -> None:
    """Secrets wherever there is a place for them, also where things then fail with a traceback."""
    with Server(instance, tmp_path, POTTLE_ACCESS_LOG="on") as server:
        async with httpx.AsyncClient(base_url=server.url) as http:
            await send_secrets(http, world)
            socket, _ = await connected(stack, server, additional_headers={"Cookie": f"session={HUSH}"})
            await socket.ask(type="auth", token=f"tok_{HUSH}")
            await socket.ask(type=HUSH)
            with databases.opened(instance) as raw:
                for table in ("sessions", "posts", "invitations"):
                    raw.execute(f"ALTER TABLE {table} RENAME TO {table}_of_before")
            failed = await send_secrets(http, world)
            assert 500 in failed
        await stack.aclose()
        closed = "websocket closed"
        wait_until(lambda: closed in server.output(), "the websocket's line", server.output)
    lines = [json.loads(line) for line in server.output().splitlines()]
    assert any("Traceback" in line.get("exception", "") for line in lines)
    assert {line["logger"] for line in lines} >= {"gunicorn.error", "uvicorn.error", "pottle", "pottle.access"}
    written = server.output()
    for secret in (HUSH, PASSWORD, *world.tokens.values()):
        assert secret not in written
    assert not any("WebSocket" in line["event"] or "connection open" in line["event"] for line in lines)


async def send_secrets(http: httpx.AsyncClient, world: World) -> set[int]:
    """All ways to say a secret that one would think of; returns the answers' statuses."""
    json_ = {"headers": {"Content-Type": "application/json"}}
    bearer = {"Authorization": f"Bearer {world.tokens['alice']}"}
    answers = [
        await http.post("/api/session", json={"uid": "alice", "password": PASSWORD}),
        await http.post("/api/session", json={"uid": "alice", "password": HUSH}),
        await http.post("/api/session", content=f'{{"password": "{HUSH}', **json_),
        await http.post("/api/users", json={"uid": "x", "password": HUSH, HUSH: HUSH}),
        await http.put("/api/password", json={"code": HUSH, "password": HUSH}),
        await http.post("/api/invitations/look-up", json={"code": HUSH}),
        await http.get("/api/me", headers={"Authorization": f"Bearer {HUSH}"}),
        await http.get("/api/me", headers={"Cookie": f"pottle_{HUSH}={HUSH}", "X-Request-Id": HUSH, "Referer": HUSH}),
        await http.get(f"/join?code={HUSH}"),
        await http.get(f"{LOBBY}?before={HUSH}&token={HUSH}", headers=bearer),
        await http.post(LOBBY, json={"body": HUSH}, headers={**bearer, "Idempotency-Key": HUSH}),
        await http.post("/api/groups/class/invitations", json={}, headers=bearer),
        await http.post("/api/me/tokens", json={"name": HUSH}, headers=bearer),
    ]
    return {answer.status_code for answer in answers}


@pytest.mark.slow
def test_as_text_it_reads_well_on_another_server_too(tmp_path: Path) -> None:
    with Server(tmp_path / "new", tmp_path, by="uvicorn", POTTLE_LOG="text", POTTLE_PASWORD_MIN="9") as server:
        pass
    lines = server.output().splitlines()
    assert all(re.match(r"[\d-]{10} [\d:]{8} \[(info|warning) *\] \w", line) for line in lines), server.output()
    assert any("Unknown setting POTTLE_PASWORD_MIN; did you mean POTTLE_PASSWORD_MIN?" in line for line in lines)
    assert any("There is no admin yet. Whoever opens /join#" in line for line in lines)
    assert any("Application startup complete." in line for line in lines)
