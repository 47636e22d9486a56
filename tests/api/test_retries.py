"""Idempotency-Key: a creating POST that is sent again is answered again, not done again."""

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from quart import Quart

from pottle import times
from tests import databases
from tests.api.conftest import LOBBY, opened, refused, wrong_fields
from tests.conftest import PASSWORD, Person

KEY = {"Idempotency-Key": "6f1c1ad6-1f9b-4b7e-9d0e-0c5b5a3b8a11"}
CREATING: list[tuple[str, dict[str, Any]]] = [
    (LOBBY, {"body": "Hello **all**"}),
    ("/api/groups/home/channels", {"key": "room", "title": "Room"}),
    ("/api/groups", {"slug": "chess", "name": "Chess", "origins": ["https://chess.example"]}),
    ("/api/users", {"uid": "dora", "name": "Dora", "password": PASSWORD}),
]
paths = pytest.mark.parametrize(("path", "body"), CREATING, ids=["post", "channel", "group", "user"])


@paths
async def test_it_works(root: Person, path: str, body: dict[str, Any], nothing_changes: Callable[..., object]) -> None:
    first = await root.post(path, body, headers=KEY)
    assert first.status_code == 201
    with nothing_changes():  # type: ignore[attr-defined]
        again = await root.post(path, body, headers=KEY)
    assert again.status_code == 201
    assert again.content == first.content
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]


@paths
async def test_another_body_is_refused(
    root: Person, path: str, body: dict[str, Any], nothing_changes: Callable[..., object]
) -> None:
    await root.post(path, body, headers=KEY)
    name = "body" if "body" in body else "name" if "name" in body else "title"
    with nothing_changes():  # type: ignore[attr-defined]
        answer = await root.post(path, {**body, name: "Something else"}, headers=KEY)
        assert wrong_fields(answer) == {"Idempotency-Key"}


@paths
async def test_it_outlives_a_restart(root: Person, app: Quart, path: str, body: dict[str, Any]) -> None:
    first = await root.post(path, body, headers=KEY)
    await app.shutdown()
    await app.startup()
    again = await root.post(path, body, headers=KEY)
    assert (again.status_code, again.content) == (201, first.content)


async def test_a_key_is_each_users_own(alice: Person, bob: Person) -> None:
    made = [(await who.post(LOBBY, {"body": "Hello"}, headers=KEY)).json() for who in (alice, bob, alice)]
    assert [post["author"]["uid"] for post in made] == ["alice", "bob", "alice"]
    assert made[0] == made[2]


async def test_a_guests_key_is_the_addresss_own(root: Person, anyone: Person, alice: Person) -> None:
    path = f"/api/channels/{await opened(root, 'blog', posting='guests')}/posts"
    guest = {"body": "Hi", "guest": "Gus"}
    made = [(await anyone.post(path, guest, headers=KEY)).json()["id"] for _ in range(2)]
    assert made[0] == made[1]
    assert (await alice.post(path, {"body": "Hi"}, headers=KEY)).json()["id"] != made[0]


async def test_a_key_is_each_paths_own(root: Person) -> None:
    channel = await opened(root, "site")
    made = {
        (await root.post(f"/api/channels/{id_}/posts", {"body": "Hi"}, headers=KEY)).json()["id"]
        for id_ in (1, channel)
    }
    assert len(made) == 2


async def test_of_many_at_once_one_creates(alice: Person, anyone: Person) -> None:
    answers = await asyncio.gather(*[alice.post(LOBBY, {"body": "Hello"}, headers=KEY) for _ in range(10)])
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len((await anyone.get(LOBBY)).json()["posts"]) == 1


async def test_of_many_sign_ups_at_once_one_creates(anyone: Person) -> None:
    path, body = CREATING[3]
    answers = await asyncio.gather(*[anyone.post(path, body, headers=KEY) for _ in range(3)])
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}


async def test_a_refused_request_may_be_mended(alice: Person) -> None:
    refused(await alice.post(LOBBY, {"body": "Hello", "parent": 999}, headers=KEY), 422)
    assert (await alice.post(LOBBY, {"body": "Hello"}, headers=KEY)).status_code == 201


async def test_it_is_remembered_for_24_hours(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await alice.post(LOBBY, {"body": "Hello"}, headers=KEY)
    later = times.later

    monkeypatch.setattr(times, "later", lambda **delta: later(hours=23.9 + delta["hours"]))
    assert (await alice.post(LOBBY, {"body": "Hello"}, headers=KEY)).json() == first.json()
    monkeypatch.setattr(times, "later", lambda **delta: later(hours=24.1 + delta["hours"]))
    assert (await alice.post(LOBBY, {"body": "Hello"}, headers=KEY)).json()["id"] != first.json()["id"]


async def test_a_lost_right_is_not_replayed(bob: Person) -> None:
    path = "/api/groups/class/channels"
    assert (await bob.post(path, {"key": "new"}, headers=KEY)).status_code == 201
    await bob.delete("/api/session")
    refused(await bob.post(path, {"key": "new"}, headers=KEY), 401)


@pytest.mark.parametrize("key", ["", "k" * 201, "a\tb"])
async def test_it_rejects_a_bad_key(alice: Person, key: str, nothing_changes: Callable[..., object]) -> None:
    with nothing_changes():  # type: ignore[attr-defined]
        answer = await alice.post(LOBBY, {"body": "Hello"}, headers={"Idempotency-Key": key})
        assert wrong_fields(answer) == {"Idempotency-Key"}


async def test_what_is_kept_gives_no_password_away(anyone: Person, instance: Path) -> None:
    """A fast hash of a body that holds a password could be tried out, where argon2id cannot."""
    path, body = CREATING[3]
    made = await anyone.post(path, body, headers=KEY)
    assert made.status_code == 201
    with databases.opened(instance) as raw:
        ((fingerprint,),) = raw.execute("SELECT fingerprint FROM replays").fetchall()
    assert fingerprint != hashlib.sha256(made.request.content).digest()


async def test_tokens_are_made_anew(alice: Person) -> None:
    made = [(await alice.post("/api/me/tokens", {"name": "x"}, headers=KEY)).json() for _ in range(2)]
    assert made[0]["token"] != made[1]["token"]


async def test_a_post_is_not_stored_twice(alice: Person, instance: Path) -> None:
    """Its answer is read again: as it is then, and gone with it."""
    made = await alice.post(LOBBY, {"body": "seldom " * 1_000}, headers=KEY)
    with databases.opened(instance) as raw:
        ((kept,),) = raw.execute("SELECT length(answer) FROM replays").fetchall()
    assert kept < 10
    path = made.headers["Location"]
    await alice.patch(path, {"body": "Another text"})
    again = await alice.post(LOBBY, {"body": "seldom " * 1_000}, headers=KEY)
    assert (again.status_code, again.json()["body"]) == (201, "Another text")
    assert again.headers["ETag"] == (await alice.get(path)).headers["ETag"]


async def test_a_post_that_is_gone_is_not_answered_again(alice: Person, root: Person) -> None:
    channel = await opened(root, "site")
    path = f"/api/channels/{channel}/posts"
    assert (await alice.post(path, {"body": "Hello"}, headers=KEY)).status_code == 201
    assert (await root.delete(f"/api/channels/{channel}")).status_code == 204
    refused(await alice.post(path, {"body": "Hello"}, headers=KEY), 404)
