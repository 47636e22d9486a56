"""POST /api/users, GET /api/users/{uid}."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from model.settings import Settings
from tests import databases
from tests.api.conftest import bearer, refused, signed_in_again, wrong_fields
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person

DORA = {"uid": "Dora", "name": "Dora D.", "password": PASSWORD}


async def test_it_works(anyone: Person) -> None:
    made = await anyone.post("/api/users", DORA)
    assert made.status_code == 201
    assert made.headers["Location"] == "/api/users/Dora"
    assert made.json().keys() == {"uid", "name", "avatar", "created"}
    assert (await anyone.get("/api/users/Dora")).json() == made.json()

    token = await signed_in_again(anyone, "Dora", PASSWORD)
    assert (await anyone.get("/api/me", headers=bearer(token))).json()["role"] == "user"


async def test_times_are_utc(anyone: Person) -> None:
    created = (await anyone.post("/api/users", DORA)).json()["created"]
    assert created.endswith("Z")
    assert datetime.fromisoformat(created).tzinfo == UTC


async def test_a_uid_is_found_whatever_its_case(anyone: Person) -> None:
    assert (await anyone.get("/api/users/ALICE")).json()["uid"] == "alice"
    assert await signed_in_again(anyone, "Alice", PASSWORD)


async def test_a_name_is_trimmed(anyone: Person) -> None:
    made = await anyone.post("/api/users", {**DORA, "name": "  Dora "})
    assert made.json()["name"] == "Dora"


@pytest.mark.parametrize("uid", ["alice", "ALICE", "aLiCe"])
async def test_it_rejects_a_uid_that_is_taken(anyone: Person, uid: str) -> None:
    refused(await anyone.post("/api/users", {**DORA, "uid": uid}), 409)


@in_turn("uid", ["", "d", "d" * 41, "-dora", "do ra", "dora\n", "\ndora", "döra", "do/ra", "..", "ſam"])
async def test_it_rejects_a_bad_uid(anyone: Person, uid: str) -> None:
    assert wrong_fields(await anyone.post("/api/users", {**DORA, "uid": uid})) == {"uid"}


async def test_it_rejects_a_short_password(anyone: Person) -> None:
    assert wrong_fields(await anyone.post("/api/users", {**DORA, "password": "seven77"})) == {"password"}


@in_turn("name", ["", " ", "\t\n", "n" * 81])
async def test_it_rejects_a_bad_name(anyone: Person, name: str) -> None:
    assert wrong_fields(await anyone.post("/api/users", {**DORA, "name": name})) == {"name"}


@in_turn("email", ["", "dora", "dora@", "@example.org", "a b@example.org", "d@example.org\nBcc:x@y"])
async def test_it_rejects_a_bad_email(anyone: Person, email: str) -> None:
    assert wrong_fields(await anyone.post("/api/users", {**DORA, "email": email})) == {"email"}


async def test_nobody_makes_themselves_an_admin(anyone: Person) -> None:
    assert wrong_fields(await anyone.post("/api/users", {**DORA, "role": "admin"})) == {"role"}


async def test_a_profile_keeps_the_email_private(anyone: Person, alice: Person) -> None:
    await anyone.post("/api/users", {**DORA, "email": "dora@example.org"})
    for who in (anyone, alice):
        assert "example.org" not in (await who.get("/api/users/Dora")).text


async def test_a_new_name_shows_at_once(alice: Person, anyone: Person) -> None:
    assert (await anyone.get("/api/users/alice")).json()["name"] == "Alice"
    await alice.patch("/api/me", {"name": "Alicia"})
    assert (await anyone.get("/api/users/alice")).json()["name"] == "Alicia"


async def test_there_is_no_profile_of_nobody(anyone: Person) -> None:
    refused(await anyone.get("/api/users/nobody"), 404)
    refused(await anyone.get("/api/users/nobody/avatar"), 404)


async def test_a_password_is_kept_as_an_argon2id_hash(anyone: Person, instance: Path, app: object) -> None:
    await anyone.post("/api/users", {**DORA, "password": "a very secret password"})
    await app.shutdown()  # type: ignore[attr-defined]
    kept = databases.contents(instance)
    await app.startup()  # type: ignore[attr-defined]
    assert b"a very secret password" not in kept
    assert b"$argon2id$" in kept


class TestClosed:
    """POTTLE_SIGN_UP=closed, or invitation and without any."""

    @pytest.fixture(params=["closed", "invitation"])
    def settings(self, instance: Path, request: pytest.FixtureRequest) -> Settings:
        return Settings(instance=instance, sign_up=request.param)

    async def test_it_rejects_everybody(self, anyone: Person, person: Callable[..., Person]) -> None:
        refused(await anyone.post("/api/users", DORA), 403)
        refused(await person("alice").post("/api/users", DORA), 403)
