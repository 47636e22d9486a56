"""Getting into somebody's account: sessions that are fixed or guessed, uids that are found out, passwords by force."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from http.cookies import SimpleCookie
from pathlib import Path
from types import SimpleNamespace

import argon2
import httpx
import pytest
from quart import Quart

from api.access import cookie_name
from model.accounts import passwords
from model.settings import Settings
from pottle.store import limits
from tests.api.conftest import bearer, refused, signed_in_again
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person

ALLOWED = 5  # failed sign-ins a minute for a uid and an address
NEW = "another horse"
WRONG = "a guess"

From = Callable[[str], Person]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still, however slow the machine."""
    now = time.time()
    monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: now))


@pytest.fixture
async def at(app: Quart) -> AsyncIterator[From]:
    """`at("192.0.2.7")` is somebody at that address."""
    clients: list[httpx.AsyncClient] = []

    def make(address: str) -> Person:
        transport = httpx.ASGITransport(app=app, client=(address, 1234))  # type: ignore[arg-type]
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://pottle.test"))
        return Person(clients[-1])

    yield make
    for client in clients:
        await client.aclose()


def cookie(answer: httpx.Response) -> str:
    (morsel,) = SimpleCookie(answer.headers["Set-Cookie"]).values()
    assert morsel.key == cookie_name()
    return morsel.value


async def guessed(person: Person, uid: str = "bob", password: str = WRONG, **headers: str) -> int:
    """The status of one try."""
    return (await person.post("/api/session", {"uid": uid, "password": password}, headers=headers)).status_code


class TestFixation:
    """The attacker knows the session before the victim signs in."""

    @in_turn("chosen", ["ses_chosen", "x", "", "../x", "ses_" + "a" * 43])
    async def test_a_cookie_that_was_there_before_is_not_adopted(self, anyone: Person, chosen: str) -> None:
        planted = {"Cookie": f"{cookie_name()}={chosen}"}
        signed = await anyone.post("/api/session", {"uid": "bob", "password": PASSWORD}, headers=planted)
        assert cookie(signed) == signed.json()["token"] != chosen
        anyone.http.cookies.clear()
        refused(await anyone.get("/api/me", headers=planted), 401)

    async def test_the_attackers_own_session_stays_the_attackers(self, anyone: Person, charlie: Person) -> None:
        planted = {"Cookie": f"{cookie_name()}={charlie.token}"}
        signed = await anyone.post("/api/session", {"uid": "bob", "password": PASSWORD}, headers=planted)
        assert cookie(signed) != charlie.token
        assert (await charlie.get("/api/me")).json()["uid"] == "charlie"

    async def test_a_session_is_in_no_address(self, anyone: Person, bob: Person) -> None:
        for name in ("token", "session", "access_token", "authorization", cookie_name()):
            answer = await anyone.get(f"/api/me?{name}={bob.token}")
            assert answer.status_code == 401
            assert bob.token not in answer.text
            assert "Set-Cookie" not in answer.headers
        assert "Set-Cookie" not in (await anyone.get("/", headers=bearer(bob.token))).headers

    async def test_each_sign_in_and_each_new_password_is_a_new_session(self, anyone: Person, root: Person) -> None:
        tokens = [await signed_in_again(anyone, "bob", PASSWORD) for _ in range(3)]
        code = (await root.post("/api/users/bob/invitations")).json()["code"]
        tokens.append((await anyone.put("/api/password", json={"code": code, "password": NEW})).json()["token"])
        assert len(set(tokens)) == 4
        assert all(len(token) > 40 for token in tokens)

    async def test_after_signing_out_nothing_is_left(self, anyone: Person) -> None:
        token = await signed_in_again(anyone, "bob", PASSWORD)
        out = await anyone.delete("/api/session", headers={"Cookie": f"{cookie_name()}={token}"})
        assert out.status_code == 204
        assert "Max-Age=0" in out.headers["Set-Cookie"]
        for headers in (bearer(token), {"Cookie": f"{cookie_name()}={token}"}):
            refused(await anyone.get("/api/me", headers=headers), 401)

    async def test_signing_up_signs_nobody_in(self, anyone: Person) -> None:
        made = await anyone.post("/api/users", {"uid": "new", "name": "New", "password": PASSWORD})
        assert made.status_code == 201
        assert "Set-Cookie" not in made.headers


class TestEnumeration:
    """Who has an account? (Profiles are public by uid, and signing up says that a uid is taken; nothing says more:
    whether there is a password, whether the account is disabled.)"""

    @pytest.fixture
    async def uids(self, alice: Person, root: Person) -> list[str]:
        """Of whoever is there, disabled, not yet claimed, and of nobody."""
        await root.patch("/api/users/charlie", {"disabled": True})
        made = await alice.post("/api/groups/class/roster", {"names": ["Eve"]})
        return ["bob", "charlie", made.json()["accounts"][0]["uid"], "nobody", "no such uid", "x" * 254]

    async def test_a_wrong_password_says_nothing(
        self, anyone: Person, uids: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same answer, after the same work: one hash of the same cost, whatever there is."""
        costs: list[str] = []
        verify = argon2.PasswordHasher.verify

        def counted(hasher: argon2.PasswordHasher, kept: str, password: str) -> bool:
            costs.append(kept.rsplit("$", 2)[0])
            return bool(verify(hasher, kept, password))

        monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
        answers = [await anyone.post("/api/session", {"uid": uid, "password": "wrong"}) for uid in uids]
        assert len({answer.text for answer in answers}) == 1
        told = [{**answer.headers, "x-request-id": ""} for answer in answers]
        assert all(headers == told[0] for headers in told)
        assert {answer.status_code for answer in answers} == {401}
        assert len(costs) == len(uids)
        assert set(costs) == {passwords.DECOY.rsplit("$", 2)[0]}

    async def test_the_limit_says_nothing(self, anyone: Person, uids: list[str]) -> None:
        for uid in uids:
            statuses = [await guessed(anyone, uid) for _ in range(ALLOWED + 2)]
            assert statuses == [401] * ALLOWED + [429] * 2

    async def test_codes_say_nothing(self, anyone: Person, root: Person, alice: Person) -> None:
        """Unknown, used, replaced, revoked, or of an account that is disabled: one answer."""
        used, old, disabled = [
            (await root.post(f"/api/users/{uid}/invitations")).json()["code"] for uid in ("alice", "bob", "charlie")
        ]
        await anyone.put("/api/password", json={"code": used, "password": NEW})
        await root.post("/api/users/bob/invitations")
        await root.patch("/api/users/charlie", {"disabled": True})
        revoked = (await root.post("/api/groups/class/invitations", {})).json()
        await root.delete(f"/api/groups/class/invitations/{revoked['id']}")
        codes = [used, old, disabled, revoked["code"], "ZZZZ-ZZZZ", "x"]
        for method, path, more in (
            ("POST", "/api/invitations/look-up", {}),
            ("PUT", "/api/password", {"password": NEW}),
        ):
            answers = [await anyone.http.request(method, path, json={"code": code, **more}) for code in codes]
            assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}

    async def test_a_profile_says_only_what_everybody_knows(self, anyone: Person, uids: list[str]) -> None:
        shown = [(await anyone.get(f"/api/users/{uid}")).json().keys() for uid in uids[:3]]
        assert all(keys == {"uid", "name", "avatar", "created"} for keys in shown)
        refused(await anyone.get("/api/users"), 401)


class TestForce:
    """Guessing on and on: five a minute for a uid and an address, whatever is done to look like somebody else."""

    async def refused_from(self, person: Person, **headers: str) -> None:
        statuses = [await guessed(person) for _ in range(ALLOWED)]
        assert statuses == [401] * ALLOWED
        assert await guessed(person, password=PASSWORD, **headers) == 429

    @pytest.mark.parametrize("uid", ["BOB", "Bob", "bOb", " bob", "bob ", "bob\t", "bob\u200b"])
    async def test_another_spelling_of_the_uid_does_not_help(self, anyone: Person, uid: str) -> None:
        await self.refused_from(anyone)
        assert await guessed(anyone, uid, PASSWORD) == 429

    @in_turn("uid", ["\u24d1ob", "b ob", "%62ob", "bob 127.0.0.1"])
    async def test_what_is_no_spelling_of_it_is_nobody(self, anyone: Person, uid: str) -> None:
        assert await guessed(anyone, uid, PASSWORD) == 401

    async def test_headers_do_not_change_the_address(self, anyone: Person) -> None:
        await self.refused_from(anyone)
        for number in range(5):
            forged = f"192.0.2.{number}"
            for name in ("X-Forwarded-For", "X-Real-IP", "Client-IP", "True-Client-IP", "CF-Connecting-IP", "Via"):
                assert await guessed(anyone, password=PASSWORD, **{name: forged}) == 429
            assert await guessed(anyone, password=PASSWORD, Forwarded=f"for={forged}") == 429

    async def test_an_ipv6_network_is_one_address(self, at: From) -> None:
        for number in range(ALLOWED):
            assert await guessed(at(f"2001:db8:0:1:{number}::{number}")) == 401
        assert await guessed(at("2001:db8:0:1:ffff::1"), password=PASSWORD) == 429
        assert await guessed(at("2001:db8:0:2::1"), password=PASSWORD) == 201

    async def test_ipv4_in_ipv6_is_ipv4(self, at: From) -> None:
        """As a server that listens on [::] sees it: not everybody is in one network."""
        for _ in range(ALLOWED):
            assert await guessed(at("::ffff:192.0.2.1")) == 401
        assert await guessed(at("192.0.2.1"), password=PASSWORD) == 429
        assert await guessed(at("::ffff:192.0.2.2"), password=PASSWORD) == 201

    async def test_guesses_at_once_count_too(self, anyone: Person) -> None:
        statuses = await asyncio.gather(*[guessed(anyone, password=f"guess {number}") for number in range(40)])
        assert (statuses.count(401), statuses.count(429)) == (ALLOWED, 35)

    async def test_signing_in_oneself_meanwhile_does_not_help(self, anyone: Person) -> None:
        for _ in range(ALLOWED):
            assert await guessed(anyone) == 401
            assert await guessed(anyone, "charlie", PASSWORD) == 201
        assert await guessed(anyone, password=PASSWORD) == 429

    async def test_the_owner_elsewhere_is_not_locked_out(self, at: From, bob: Person) -> None:
        await self.refused_from(at("192.0.2.66"))
        assert await guessed(at("192.0.2.7"), password=PASSWORD) == 201
        assert (await bob.get("/api/me")).status_code == 200

    async def test_an_idempotency_key_is_no_second_chance(self, anyone: Person) -> None:
        await self.refused_from(anyone, **{"Idempotency-Key": "again"})

    async def test_a_code_of_eight_is_not_guessed(self, at: From) -> None:
        guesser = at("192.0.2.66")
        statuses = []
        for number in range(125):
            asked = await guesser.post("/api/invitations/look-up", {"code": f"0000-{number:04}"})
            statuses.append(asked.status_code)
        assert statuses == [404] * 120 + [429] * 5
        assert (await at("192.0.2.7").post("/api/invitations/look-up", {"code": "0000-0000"})).status_code == 404


class TestBehindAProxy:
    """One that adds to what the client says, as some do: only what the proxy itself saw counts."""

    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, trusted_proxies=("127.0.0.1",))

    async def test_it_works(self, anyone: Person) -> None:
        for number in range(ALLOWED):
            chain = {"X-Forwarded-For": f"192.0.2.{number}, 127.0.0.1, 198.51.100.1"}
            assert await guessed(anyone, **chain) == 401
        assert await guessed(anyone, password=PASSWORD, **{"X-Forwarded-For": "192.0.2.99, 198.51.100.1"}) == 429
        assert await guessed(anyone, password=PASSWORD, **{"X-Forwarded-For": "198.51.100.2"}) == 201

    @in_turn("forged", ["", "unknown", "a" * 5_000, "192.0.2.1:80", "[2001:db8::1]", "\x00", "::1%eth0"])
    async def test_nonsense_is_no_crash(self, anyone: Person, forged: str) -> None:
        headers = {"X-Forwarded-For": forged.encode()}
        answer = await anyone.post("/api/session", {"uid": "bob", "password": PASSWORD}, headers=headers)
        assert answer.status_code == 201
