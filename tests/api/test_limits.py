"""Rate limits of state-changing routes: 429 with Retry-After."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from quart import Quart

from model.settings import Settings
from pottle.store import db, limits
from tests.api.conftest import LOBBY, bearer, opened, posted, refused
from tests.conftest import PASSWORD, Person

POSTING = 20  # a minute
ALICE = {"uid": "alice", "password": PASSWORD}
WRONG = {"uid": "alice", "password": "wrong password"}


@pytest.fixture
async def elsewhere(app: Quart) -> AsyncIterator[Person]:
    """Somebody at another address."""
    transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 1234))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://pottle.test") as http:
        yield Person(http)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Time stands still, however slow the machine; `clock(30)` is half a minute later."""
    now = [time.time()]
    monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: now[0]))

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def too_many(response: httpx.Response) -> int:
    """The seconds after which it may be tried again."""
    refused(response, 429)
    assert response.headers["Cache-Control"] == "no-store"
    seconds = int(response.headers["Retry-After"])
    assert seconds >= 1
    return seconds


async def use_up(person: Person, body: object = None, path: str = LOBBY, count: int = POSTING) -> None:
    for _ in range(count):
        made = await person.post(path, body or {"body": "Hello"})
        assert made.status_code == 201, made.text


async def test_every_answer_says_what_is_left(alice: Person, anyone: Person, clock: Callable[[float], None]) -> None:
    """Counted with the write, before it (`PATCH /api/me`), and where nobody is signed in."""

    def told(answer: httpx.Response) -> tuple[str | None, str | None]:
        return answer.headers.get("RateLimit-Policy"), answer.headers.get("RateLimit")

    posting = f'"posting";q={POSTING};w=60'
    assert told(await alice.post(LOBBY, {"body": "Hello"})) == (posting, f'"posting";r={POSTING - 1};t=3')
    assert told(await alice.post(LOBBY, {"body": "Hello"})) == (posting, f'"posting";r={POSTING - 2};t=6')
    assert told(await alice.patch("/api/me", {"name": "Al"})) == ('"editing";q=60;w=60', '"editing";r=59;t=1')
    assert told(await anyone.post("/api/session", ALICE)) == ('"sign-in";q=600;w=60', '"sign-in";r=599;t=1')
    await use_up(alice, count=POSTING - 2)
    assert told(await alice.post(LOBBY, {"body": "Too many"})) == (posting, '"posting";r=0;t=60')
    assert told(await alice.get(LOBBY)) == (None, None)


async def test_it_works(alice: Person, bob: Person, clock: Callable[[float], None]) -> None:
    await use_up(alice)
    wait = too_many(await alice.post(LOBBY, {"body": "One more"}))
    assert wait <= 60 / POSTING + 1
    await posted(bob)  # others have a limit of their own
    clock(wait)
    await posted(alice)
    too_many(await alice.post(LOBBY, {"body": "One more"}))
    clock(60)
    await use_up(alice)


async def test_it_is_told_to_pages_of_other_origins(alice: Person) -> None:
    await use_up(alice)
    answer = await alice.post(LOBBY, {"body": "One more"}, headers={"Origin": "https://blog.example"})
    assert too_many(answer)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


async def test_a_refused_post_counts(alice: Person) -> None:
    for _ in range(POSTING // 4):
        assert (await alice.post(LOBBY, {"body": "Hello", "parent": 999})).status_code == 422
        assert (await alice.post(LOBBY, {"body": ""})).status_code == 422
        assert (await alice.post(LOBBY, content=b"?")).status_code == 415
        assert (await alice.post("/api/channels/999/posts", {"body": "Hello"})).status_code == 404
    too_many(await alice.post(LOBBY, {"body": "Hello"}))


@pytest.mark.parametrize("longer", [0, 0.01])
async def test_of_many_at_once_as_many_get_through(
    alice: Person, monkeypatch: pytest.MonkeyPatch, longer: float
) -> None:
    """Also where each look at the limit takes a while, or longer than the last, and others come or end meanwhile."""

    async def slowly(*args: Any) -> Any:
        await asyncio.sleep(0.01 + next(looks) * longer)
        return await read(*args)

    read, looks = db.read, count()
    monkeypatch.setattr(db, "read", slowly)
    answers = await asyncio.gather(*(alice.post(LOBBY, {"body": ""}) for _ in range(POSTING + 5)))
    assert sorted(answer.status_code for answer in answers) == [422] * POSTING + [429] * 5


async def test_a_repeated_post_is_not_counted(alice: Person) -> None:
    for _ in range(POSTING + 5):
        made = await alice.post(LOBBY, {"body": "Hello"}, headers={"Idempotency-Key": "1"})
        assert made.status_code == 201
    await use_up(alice, count=POSTING - 1)


async def test_a_repeated_post_is_answered_when_the_limit_is_used_up(alice: Person) -> None:
    key = {"Idempotency-Key": "1"}
    made = await alice.post(LOBBY, {"body": "Hello"}, headers=key)
    await use_up(alice, count=POSTING - 1)
    too_many(await alice.post(LOBBY, {"body": "Hello"}))
    again = await alice.post(LOBBY, {"body": "Hello"}, headers=key)
    assert (again.status_code, again.json()) == (201, made.json())


async def test_reading_is_not_limited(alice: Person, anyone: Person) -> None:
    await use_up(alice)
    for who in (alice, anyone):
        for _ in range(100):
            assert (await who.get(LOBBY)).status_code == 200


async def test_it_outlives_a_restart(alice: Person, app: Quart) -> None:
    await use_up(alice)
    await app.shutdown()
    await app.startup()
    too_many(await alice.post(LOBBY, {"body": "One more"}))


async def test_a_new_session_or_token_does_not_help(alice: Person, anyone: Person) -> None:
    await use_up(alice)
    session = (await anyone.post("/api/session", ALICE)).json()["token"]
    token = (await alice.post("/api/me/tokens", {"name": "x"})).json()["token"]
    for other in (session, token):
        too_many(await anyone.post(LOBBY, {"body": "One more"}, headers=bearer(other)))


async def test_guests_have_60_a_minute_at_an_address(root: Person, anyone: Person, elsewhere: Person) -> None:
    path = f"/api/channels/{await opened(root, 'blog', posting='guests')}/posts"
    guest = {"body": "Hi", "guest": "Gus"}
    await use_up(anyone, guest, path, count=60)
    too_many(await anyone.post(path, guest))
    await use_up(elsewhere, guest, path, count=1)


async def test_nobody_names_an_address_of_their_own(root: Person, anyone: Person) -> None:
    path = f"/api/channels/{await opened(root, 'blog', posting='guests')}/posts"
    guest = {"body": "Hi", "guest": "Gus"}
    await use_up(anyone, guest, path, count=60)
    for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
        too_many(
            await anyone.post(path, guest, headers={name: "for=192.0.2.1" if name == "Forwarded" else "192.0.2.1"})
        )


class TestSignIn:
    """Failed log-ins: 5 a minute per uid and address."""

    async def test_it_works(self, anyone: Person, elsewhere: Person, clock: Callable[[float], None]) -> None:
        for _ in range(5):
            refused(await anyone.post("/api/session", WRONG), 401)
        wait = too_many(await anyone.post("/api/session", WRONG))
        too_many(await anyone.post("/api/session", ALICE))  # the right password tells a guesser nothing
        too_many(await anyone.post("/api/session", {**ALICE, "uid": "ALICE"}))

        assert (await anyone.post("/api/session", {**ALICE, "uid": "bob"})).status_code == 201
        assert (await elsewhere.post("/api/session", ALICE)).status_code == 201
        clock(wait)
        assert (await anyone.post("/api/session", ALICE)).status_code == 201

    async def test_it_does_not_tell_who_exists(self, anyone: Person) -> None:
        unknown = {**WRONG, "uid": "nobody"}
        for _ in range(5):
            refused(await anyone.post("/api/session", unknown), 401)
        too_many(await anyone.post("/api/session", unknown))

    async def test_signing_in_is_not_limited_so(self, anyone: Person) -> None:
        for _ in range(8):
            assert (await anyone.post("/api/session", ALICE)).status_code == 201


class TestSignUp:
    """100 an hour per address."""

    async def test_it_works(self, anyone: Person, elsewhere: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        async def cheap(_password: str) -> str:
            return "not a hash"

        monkeypatch.setattr("model.accounts.passwords.hashed", cheap)
        for number in range(100):
            body = {"uid": f"user{number}", "name": "User", "password": PASSWORD}
            assert (await anyone.post("/api/users", body)).status_code == 201
        more = {"uid": "onemore", "name": "User", "password": PASSWORD}
        too_many(await anyone.post("/api/users", more))
        assert (await elsewhere.post("/api/users", more)).status_code == 201


class TestOff:
    """POTTLE_RATE_LIMITS=off."""

    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, rate_limits=False)

    async def test_it_works(self, alice: Person) -> None:
        await use_up(alice, count=POSTING + 5)
