"""Lines in the log, and numbers, about who was let in and who was refused."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.access import sign_ins
from model.settings import Settings
from pottle.http.watching import notices
from pottle.server import logs
from tests.api.conftest import bearer, refused, signed_in_again
from tests.conftest import ADDRESS, PASSWORD, Person

RIGHT, WRONG = "A password or code was right", "A password or code was wrong"
OFTEN, REFUSED = "Passwords or codes were tried too often", "A request was refused"
SECRET = "not the password"


@pytest.fixture
def lines() -> Iterator[list[logging.LogRecord]]:
    """What the logger of notices has written."""
    kept: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = kept.append  # type: ignore[method-assign]
    handler.addFilter(logs.Bounded())
    notices.addHandler(handler)
    yield kept
    notices.removeHandler(handler)


def told(lines: list[logging.LogRecord]) -> list[str]:
    return [line.getMessage() for line in lines]


def tried(outcome: str) -> float:
    return float(sign_ins.labels(outcome)._value.get())


async def test_it_works(anyone: Person, lines: list[logging.LogRecord]) -> None:
    before = [tried("failed"), tried("succeeded")]
    refused(await anyone.post("/api/session", {"uid": "Alice", "password": SECRET}), 401)
    await signed_in_again(anyone, "alice", PASSWORD)
    assert told(lines) == [WRONG, RIGHT]
    wrong, right = map(vars, lines)
    assert (wrong["client"], wrong["method"], wrong["route"]) == (ADDRESS, "POST", "/api/session")
    assert wrong["account"] == right["account"]
    assert [tried("failed"), tried("succeeded")] == [count + 1 for count in before]


async def test_no_name_and_no_secret_is_in_it(anyone: Person, alice: Person, lines: list[logging.LogRecord]) -> None:
    await anyone.post("/api/session", {"uid": "alice", "password": SECRET})
    await anyone.post("/api/session", {"uid": "nobody, forged", "password": SECRET})
    await anyone.put("/api/password", json={"code": "ZZZZ-ZZZZ", "password": "another horse"})
    await alice.delete("/api/me", json={"password": SECRET})
    await alice.get("/api/users")
    assert told(lines) == [WRONG] * 4 + [REFUSED]
    for line in lines:
        for hidden in ("alice", "nobody", SECRET, "ZZZZ", alice.token):
            assert hidden not in str(vars(line)).lower()


async def test_too_many_are_told_as_such(anyone: Person, lines: list[logging.LogRecord]) -> None:
    before = tried("limited")
    for _ in range(6):
        await anyone.post("/api/session", {"uid": "alice", "password": SECRET})
    assert told(lines) == [WRONG] * 5 + [OFTEN]
    assert tried("limited") == before + 1


@pytest.mark.parametrize("path", ["/api/users", "/api/audit", "/metrics"])
async def test_a_refusal_is_told(bob: Person, lines: list[logging.LogRecord], path: str) -> None:
    await bob.get(path)
    refusals = [vars(line) for line in lines if line.getMessage() == REFUSED]
    assert [(line["status"], line["route"]) for line in refusals] == ([(403, path)] if path != "/metrics" else [])


async def test_bad_credentials_are_told_and_a_reader_without_any_is_not(
    anyone: Person, lines: list[logging.LogRecord]
) -> None:
    await anyone.get("/api/me")
    assert told(lines) == []
    await anyone.get("/api/me", headers=bearer("ses_stolen"))
    await anyone.post("/api/channels/1/posts", {"body": "x"})
    assert told(lines) == [REFUSED, REFUSED]


class TestBounds:
    """An attack fills no disk with what is told of it."""

    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, rate_limits=False)

    async def test_only_so_many_lines_are_written_a_minute(
        self, anyone: Person, lines: list[logging.LogRecord], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = 1_000_000.0
        monkeypatch.setattr(logs, "monotonic", lambda: now)
        for _ in range(logs.MOST + 7):
            await anyone.post("/api/channels/1/posts", {"body": "x"})
        assert told(lines) == [REFUSED] * logs.MOST
        now += 60
        await anyone.post("/api/channels/1/posts", {"body": "x"})
        assert told(lines)[logs.MOST :] == [f"{REFUSED}: 7 more lines were left out", REFUSED]
