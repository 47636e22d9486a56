"""The second factor: codes of an authenticator app, recovery codes, who must have one, and guessing."""

import asyncio
import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import argon2
import httpx
import pyotp
import pytest
from argon2.low_level import hash_secret_raw

from model.accounts import passwords
from model.settings import Settings
from tests import databases
from tests.api.conftest import LOBBY, bearer, refused
from tests.conftest import PASSWORD, Person

REAL = passwords.digest
ALICE = {"uid": "alice", "password": PASSWORD}


def forget_steps(instance: Path) -> None:
    """As if half a minute had gone by: the code that the app shows now was not used."""
    with databases.opened(instance) as raw:
        raw.execute("UPDATE authenticators SET last_step = NULL")


def quick(code: str, salt: bytes) -> bytes:
    """A hash that takes no time; `test_recovery_codes_are_hashed_like_passwords` has the real one."""
    return hashlib.sha256(salt + code.encode()).digest()


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.accounts.passwords.digest", quick)


class App:
    """Somebody's authenticator app, with the codes for its loss."""

    def __init__(self, secret: str) -> None:
        self.totp, self.recovery = pyotp.TOTP(secret), [""]

    @property
    def code(self) -> str:
        return self.totp.now()


async def set_up(person: Person) -> App:
    made = await person.post("/api/me/second")
    assert made.status_code == 201, made.text
    app = App(made.json()["secret"])
    on = await person.put("/api/me/second", json={"code": app.code})
    assert on.status_code == 200, on.text
    app.recovery = on.json()["codes"]
    return app


async def ticket_of(anyone: Person, **who: str) -> str:
    """The ticket that the right password gives."""
    problem = refused(await anyone.post("/api/session", who or ALICE), 401)
    assert (problem["type"], problem["ways"]) == ("urn:pottle:second-factor-needed", ["app", "recovery"])
    return str(problem["ticket"])


async def finish(anyone: Person, ticket: str, code: str) -> httpx.Response:
    answer = await anyone.post("/api/session/second", {"ticket": ticket, "code": code})
    anyone.http.cookies.clear()
    return answer


@pytest.fixture
async def phone(alice: Person, instance: Path) -> App:
    """Alice's, of which the code that it shows was not used yet."""
    made = await set_up(alice)
    forget_steps(instance)
    return made


async def test_it_works(alice: Person, anyone: Person, phone: App) -> None:
    own = await seen(alice)
    assert (own["recovery_codes"], own["required"]) == (10, False)
    signed = await finish(anyone, await ticket_of(anyone), phone.code)
    assert signed.status_code == 201
    assert signed.json()["user"]["uid"] == "alice"
    newest = (await alice.get("/api/me/sessions")).json()["sessions"][0]
    assert (newest["how"], newest["second"]) == ("password", "app")


async def seen(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = (await person.get("/api/me/second")).json()
    assert found["since"]
    return found


async def test_the_password_alone_opens_nothing(anyone: Person, phone: App) -> None:
    answer = await anyone.post("/api/session", ALICE)
    assert "Set-Cookie" not in answer.headers
    ticket = answer.json()["ticket"]
    refused(await anyone.get("/api/me", headers=bearer(ticket)), 401)
    refused(await anyone.post(LOBBY, {"body": "Hello"}, headers=bearer(ticket)), 401)


async def test_a_code_is_good_once_and_so_is_a_ticket(anyone: Person, phone: App) -> None:
    first, second, code = await ticket_of(anyone), await ticket_of(anyone), phone.code
    assert (await finish(anyone, first, code)).status_code == 201
    refused(await finish(anyone, second, code), 401)
    refused(await finish(anyone, first, phone.recovery[0]), 401)
    assert (await finish(anyone, second, phone.recovery[0])).status_code == 201


async def test_of_two_at_once_one_gets_in(anyone: Person, phone: App) -> None:
    tickets, code = [await ticket_of(anyone), await ticket_of(anyone)], phone.code
    answers = await asyncio.gather(*(finish(anyone, ticket, code) for ticket in tickets))
    assert sorted(answer.status_code for answer in answers) == [201, 401]


async def test_a_code_of_the_half_minute_before_is_good_and_no_older_or_newer_one(
    anyone: Person, phone: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time() // 30 * 30 + 5
    monkeypatch.setattr("model.accounts.authenticator.time.time", lambda: now)
    for age in (60, -30):
        refused(await finish(anyone, await ticket_of(anyone), phone.totp.at(int(now) - age)), 401)
    assert (await finish(anyone, await ticket_of(anyone), phone.totp.at(int(now) - 30))).status_code == 201


async def test_a_recovery_code_is_good_once_however_it_is_typed(alice: Person, anyone: Person, phone: App) -> None:
    typed = phone.recovery[3].lower().replace("-", " ")
    assert (await finish(anyone, await ticket_of(anyone), typed)).status_code == 201
    refused(await finish(anyone, await ticket_of(anyone), typed), 401)
    assert (await seen(alice))["recovery_codes"] == 9
    renewed = (await alice.post("/api/me/second/codes")).json()["codes"]
    refused(await finish(anyone, await ticket_of(anyone), phone.recovery[4]), 401)
    assert (await finish(anyone, await ticket_of(anyone), renewed[4])).status_code == 201


async def test_a_ticket_is_its_accounts_alone_and_ends(
    alice: Person, bob: Person, anyone: Person, phone: App, instance: Path
) -> None:
    theirs = await set_up(bob)
    forget_steps(instance)
    refused(await finish(anyone, await ticket_of(anyone), theirs.code), 401)
    old = await ticket_of(anyone)
    with databases.opened(instance) as raw:
        raw.execute("UPDATE tickets SET expires = '2026-01-01T00:00:00.000Z'")
    refused(await finish(anyone, old, phone.code), 401)
    before = await ticket_of(anyone)
    await alice.patch("/api/me", {"password": "another horse", "current_password": PASSWORD})
    refused(await finish(anyone, before, phone.code), 401)
    refused(await finish(anyone, "two_unknown", phone.code), 401)


async def test_it_counts_when_a_code_was_entered(alice: Person, anyone: Person) -> None:
    secret = (await alice.post("/api/me/second")).json()["secret"]
    refused(await alice.put("/api/me/second", json={"code": "000000"}), 403)
    assert (await anyone.post("/api/session", ALICE)).status_code == 201
    anyone.http.cookies.clear()
    assert (await alice.put("/api/me/second", json={"code": pyotp.TOTP(secret).now()})).status_code == 200
    await ticket_of(anyone)
    refused(await alice.post("/api/me/second"), 409)
    refused(await alice.put("/api/me/second", json={"code": pyotp.TOTP(secret).now()}), 409)


async def test_others_are_signed_out_by_switching_it_on_and_off(alice: Person, anyone: Person, phone: App) -> None:
    other = (await finish(anyone, await ticket_of(anyone), phone.code)).json()["token"]
    assert (await alice.delete("/api/me/second")).status_code == 204
    refused(await anyone.get("/api/me", headers=bearer(other)), 401)
    assert (await anyone.post("/api/session", ALICE)).status_code == 201
    assert (await alice.delete("/api/me/second")).status_code == 204
    refused(await alice.post("/api/me/second/codes"), 409)


async def test_who_forgot_the_password_needs_it_as_well(root: Person, anyone: Person, phone: App) -> None:
    code = (await root.post("/api/users/alice/invitations")).json()["code"]
    problem = refused(await anyone.put("/api/password", json={"code": code, "password": "another horse"}), 401)
    assert (await finish(anyone, problem["ticket"], phone.code)).status_code == 201
    await ticket_of(anyone, uid="alice", password="another horse")


async def test_who_one_is_can_be_proven_by_a_code(alice: Person, phone: App, instance: Path) -> None:
    assert (await alice.get("/api/session/confirm")).json() == {"ways": {"password": 1, "code": 1}}
    with databases.opened(instance) as raw:
        raw.execute("UPDATE sessions SET confirmed = NULL")
    assert refused(await alice.post("/api/me/tokens", {"name": "bot"}), 403)["title"] == "Confirmation Needed"
    refused(await alice.post("/api/session/confirm", {"code": "000000"}), 403)
    refused(await alice.post("/api/session/confirm", {}), 422)
    assert (await alice.post("/api/session/confirm", {"code": phone.code})).status_code == 204
    assert (await alice.post("/api/me/tokens", {"name": "bot"})).status_code == 201


async def test_admins_take_it_off_for_who_lost_it(
    root: Person, alice: Person, bob: Person, anyone: Person, phone: App
) -> None:
    refused(await bob.delete("/api/users/alice/second"), 403)
    refused(await root.delete("/api/users/nobody/second"), 404)
    seen_by_root = {one["uid"]: one["second_factor"] for one in (await root.get("/api/users")).json()["users"]}
    assert (seen_by_root["alice"], seen_by_root["bob"]) == (True, False)
    assert (await root.delete("/api/users/alice/second")).status_code == 204
    refused(await root.delete("/api/users/alice/second"), 409)
    refused(await alice.get("/api/me"), 401)
    assert (await anyone.post("/api/session", ALICE)).status_code == 201
    done = [entry["action"] for entry in (await root.get("/api/audit")).json()["entries"]]
    assert done[:2] == ["second.reset", "second.on"]


async def test_what_is_kept_is_in_no_export(alice: Person, phone: App) -> None:
    told = (await alice.post("/api/me/export", {"password": PASSWORD})).text
    assert phone.totp.secret not in told
    assert '"authenticators"' in told


def test_recovery_codes_are_hashed_like_passwords() -> None:
    costs = {"time_cost": 2, "memory_cost": 19 * 1024, "parallelism": 1, "hash_len": 32, "type": argon2.Type.ID}
    assert REAL("K7QD29XM4TRW", bytes(16)) == hash_secret_raw(b"K7QD29XM4TRW", bytes(16), **costs)  # type: ignore[arg-type]


class TestGuessing:
    async def test_ten_wrong_codes_are_enough(self, anyone: Person, phone: App) -> None:
        answers = [await finish(anyone, await ticket_of(anyone), f"{number:06}") for number in range(10)]
        assert {answer.status_code for answer in answers} <= {401}
        refused(await finish(anyone, await ticket_of(anyone), phone.code), 429)
        refused(await finish(anyone, await ticket_of(anyone), phone.recovery[0]), 429)

    async def test_who_is_signed_in_is_counted_with_them(self, alice: Person, anyone: Person, phone: App) -> None:
        for _number in range(10):
            await alice.post("/api/session/confirm", {"code": "000000"})
        refused(await finish(anyone, await ticket_of(anyone), phone.code), 429)


class TestRequired:
    """Of moderators, and so of admins too."""

    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, second_factor="moderators")

    async def test_without_it_nobody_has_the_rights(self, root: Person, alice: Person, bob: Person) -> None:
        refused(await root.get("/api/users"), 403)
        refused(await root.post("/api/groups/class/members", {"uid": "bob", "role": "moderator"}), 403)
        assert (await root.get("/admin")).status_code == 303
        refused(await alice.get("/api/groups/class/invitations"), 403)
        assert (await alice.get("/groups/class/manage")).headers["Location"] == "/account/access#second"
        assert (await alice.get("/api/queue")).json()["posts"] == []
        assert (await alice.post(LOBBY, {"body": "Hello"})).status_code == 201
        assert (await bob.get("/api/me/second")).json()["required"] is False

    async def test_nor_can_they_be_got_by_a_token(self, root: Person, alice: Person, bob: Person) -> None:
        for person in (root, alice):
            refused(await person.post("/api/me/tokens", {"name": "bot"}), 403)
        assert (await bob.post("/api/me/tokens", {"name": "bot"})).status_code == 201

    async def test_who_sets_it_up_has_them_at_once(self, root: Person, alice: Person) -> None:
        await set_up(root)
        await set_up(alice)
        assert (await root.get("/api/users")).status_code == 200
        assert (await alice.get("/api/groups/class/invitations")).status_code == 200
        assert (await root.post("/api/me/tokens", {"name": "bot"})).status_code == 201
        refused(await root.delete("/api/me/second"), 409)

    async def test_a_token_from_before_goes_on(self, alice: Person, person: Any, world: Any) -> None:
        await set_up(alice)
        token = (await alice.post("/api/me/tokens", {"name": "bot"})).json()["token"]
        assert (await person().get("/api/groups/class/queue/posts", headers=bearer(token))).status_code in (200, 404)


class TestByForms:
    """Without JavaScript: only the cookie speaks."""

    @pytest.fixture
    def anyone(self, person: Callable[..., Person]) -> Person:
        return person(Accept="text/html")

    async def test_it_works(self, anyone: Person, instance: Path) -> None:
        entered = await anyone.http.post("/account/sign-in", data=ALICE)
        assert entered.status_code == 303
        begun = await anyone.http.post("/account/second")
        assert begun.headers["Location"] == "/account/second"
        page = (await anyone.get("/account/second")).text
        assert "<svg" in page
        (secret,) = re.findall(r"secret=([A-Z2-7]+)", page)
        again = await anyone.http.post("/account/second/on", data={"code": "000000"})
        assert (again.status_code, secret in again.text) == (403, True)
        shown = (await anyone.http.post("/account/second/on", data={"code": pyotp.TOTP(secret).now()})).text
        codes = re.findall(r"<code>([0-9A-Z-]{14})</code>", shown)
        assert len(codes) == 10
        await anyone.http.post("/account/sign-out")
        forget_steps(instance)
        asked = await anyone.http.post("/account/sign-in", data={**ALICE, "next": "/channels/1"})
        assert asked.status_code == 200
        ticket = re.findall(r'name="ticket" value="([^"]+)"', asked.text)[0]
        wrong = await anyone.http.post("/account/sign-in/second", data={"ticket": ticket, "code": "1", "next": "/"})
        assert (wrong.status_code, ticket in wrong.text) == (401, True)
        form = {"ticket": ticket, "code": codes[0], "next": "/channels/1"}
        done = await anyone.http.post("/account/sign-in/second", data=form)
        assert (done.status_code, done.headers["Location"]) == (303, "/channels/1")
        assert (await anyone.http.post("/account/second/codes")).status_code == 200
        assert (await anyone.http.post("/account/second/off")).headers["Location"] == "/account/access#second"

    async def test_it_asks_who_one_is(self, anyone: Person, instance: Path) -> None:
        await anyone.http.post("/account/sign-in", data=ALICE)
        with databases.opened(instance) as raw:
            raw.execute("UPDATE sessions SET confirmed = NULL")
        asked = await anyone.http.post("/account/second")
        assert 'action="/account/confirm"' in asked.text
        wrong = await anyone.http.post("/account/confirm", data={"password": "wrong", "next": "/account/access#second"})
        assert (wrong.status_code, 'value="/account/access#second"' in wrong.text) == (403, True)
        went = await anyone.http.post("/account/confirm", data={"password": PASSWORD, "next": "/account/access#second"})
        assert went.headers["Location"] == "/account/access#second"
        assert (await anyone.http.post("/account/second")).status_code == 303
