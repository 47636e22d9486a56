"""Passkeys: adding one, signing in and up by one, and what is refused. tests/browser/test_passkeys.py has a browser."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest

from model.settings import Settings
from tests import databases
from tests.api.conftest import Json, bearer, refused, wrong_fields
from tests.conftest import PASSWORD, Person
from tests.device import Device


async def options(person: Person, path: str, body: object = None) -> Json:
    """What a browser is asked for."""
    answer = await person.post(f"{path}/options", body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()["options"]
    return found


async def added(person: Person, device: Device, **more: str) -> httpx.Response:
    credential = device.create(await options(person, "/api/me/passkeys"))
    return await person.post("/api/me/passkeys", {"credential": credential, **more})


async def shown(anyone: Person, device: Device, by: Device | None = None) -> httpx.Response:
    """Signing in."""
    credential = (by or device).get(await options(anyone, "/api/session/passkey"))
    answer = await anyone.post("/api/session/passkey", {"credential": credential})
    anyone.http.cookies.clear()
    return answer


async def signed_up(anyone: Person, device: Device, uid: str = "dora", **more: str) -> httpx.Response:
    who = {"uid": uid, "name": uid.title(), **more}
    credential = device.create(await options(anyone, "/api/passkeys", who))
    answer = await anyone.post("/api/passkeys", {**who, "credential": credential})
    anyone.http.cookies.clear()
    return answer


@pytest.fixture
async def phone(alice: Person) -> Device:
    """Alice's, with a passkey."""
    device = Device()
    assert (await added(alice, device, name="Phone")).status_code == 201
    return device


async def test_it_works(alice: Person, anyone: Person, phone: Device) -> None:
    (own,) = (await alice.get("/api/me/passkeys")).json()["passkeys"]
    assert (own["name"], own["used"], own["synced"]) == ("Phone", None, False)
    signed = await shown(anyone, phone)
    assert (signed.status_code, signed.json()["user"]["uid"]) == (201, "alice")
    newest = (await alice.get("/api/me/sessions")).json()["sessions"][0]
    assert (newest["how"], newest["second"]) == ("passkey", "passkey")
    assert (await alice.get("/api/me/passkeys")).json()["passkeys"][0]["used"] == newest["created"][:10]


async def test_what_a_browser_is_asked_for(alice: Person, anyone: Person, phone: Device) -> None:
    create, get = await options(alice, "/api/me/passkeys"), await options(anyone, "/api/session/passkey")
    assert create["authenticatorSelection"]["userVerification"] == get["userVerification"] == "required"
    assert create["authenticatorSelection"]["residentKey"] == "required"
    assert (create["rp"]["id"], get["rpId"], get["allowCredentials"]) == ("pottle.test", "pottle.test", [])
    (known,) = create["excludeCredentials"]
    assert (known["type"], known["transports"]) == ("public-key", ["internal"])
    assert create["user"]["id"] == phone.handle
    assert create["challenge"] != get["challenge"]


async def test_it_gets_another_name_and_goes(alice: Person, bob: Person, anyone: Person, phone: Device) -> None:
    (own,) = (await alice.get("/api/me/passkeys")).json()["passkeys"]
    path = f"/api/me/passkeys/{own['id']}"
    refused(await bob.patch(path, {"name": "Mine"}), 404)
    refused(await bob.delete(path), 404)
    assert (await alice.patch(path, {"name": "Work"})).json()["name"] == "Work"
    other = (await shown(anyone, phone)).json()["token"]
    assert (await alice.delete(path)).status_code == 204
    refused(await anyone.get("/api/me", headers=bearer(other)), 401)
    refused(await shown(anyone, phone), 401)
    refused(await alice.delete(path), 404)


async def test_it_needs_the_password_again(alice: Person, instance: Path) -> None:
    with databases.opened(instance) as raw:
        raw.execute("UPDATE sessions SET confirmed = NULL")
    assert refused(await alice.post("/api/me/passkeys/options"), 403)["title"] == "Confirmation Needed"


async def test_one_device_has_one_and_twenty_are_enough(alice: Person, bob: Person, phone: Device) -> None:
    refused(await added(alice, phone), 409)
    refused(await added(bob, phone), 409)
    for _number in range(19):
        assert (await added(alice, Device())).status_code == 201
    refused(await alice.post("/api/me/passkeys/options"), 409)


class TestForgeries:
    """Each is refused, and a right one after it is not."""

    @pytest.fixture(autouse=True)
    async def good_after_all(self, anyone: Person, phone: Device) -> Any:
        yield
        assert (await shown(anyone, phone)).status_code == 201

    async def test_another_origin_or_host(self, anyone: Person, phone: Device) -> None:
        for origin, host in (("https://evil.example", "pottle.test"), ("http://pottle.test", "evil.example")):
            elsewhere = Device(origin, host)
            elsewhere.key, elsewhere.id, elsewhere.handle = phone.key, phone.id, phone.handle
            elsewhere.count = 100
            assert wrong_fields(await shown(anyone, elsewhere)) == {"credential"}

    async def test_an_owner_who_was_not_seen(self, anyone: Person, alice: Person, phone: Device) -> None:
        phone.verifies = False
        assert wrong_fields(await shown(anyone, phone)) == {"credential"}
        assert wrong_fields(await added(alice, Device(verifies=False))) == {"credential"}
        phone.verifies = True

    async def test_another_key_or_account(self, anyone: Person, bob: Person, phone: Device) -> None:
        forged = Device()
        forged.id, forged.handle, forged.count = phone.id, phone.handle, 100
        assert wrong_fields(await shown(anyone, forged)) == {"credential"}
        theirs = Device()
        await added(bob, theirs)
        theirs.handle = phone.handle
        assert wrong_fields(await shown(anyone, theirs)) == {"credential"}
        refused(await shown(anyone, Device()), 401)

    async def test_a_challenge_is_good_once_and_for_one_thing(
        self, anyone: Person, alice: Person, phone: Device
    ) -> None:
        sent = {"credential": phone.get(await options(anyone, "/api/session/passkey"))}
        assert (await anyone.post("/api/session/passkey", sent)).status_code == 201
        anyone.http.cookies.clear()
        refused(await anyone.post("/api/session/passkey", sent), 401)
        other = {"credential": phone.get(await options(alice, "/api/session/confirm"))}
        refused(await anyone.post("/api/session/passkey", other), 401)
        made_up = phone.get({"challenge": "AAAA"})
        refused(await anyone.post("/api/session/passkey", {"credential": made_up}), 401)

    async def test_an_old_challenge(self, anyone: Person, phone: Device, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = await options(anyone, "/api/session/passkey")
        with monkeypatch.context() as later:
            later.setattr("model.accounts.challenge.MINUTES", -1)
            asked = await options(anyone, "/api/session/passkey")
        refused(await anyone.post("/api/session/passkey", {"credential": phone.get(asked)}), 401)

    async def test_what_is_no_credential(self, anyone: Person, phone: Device) -> None:
        good = phone.get(await options(anyone, "/api/session/passkey"))
        broken: list[Any] = [{}, {"id": 1}, {**good, "id": "%"}, {**good, "response": []}, {**good, "response": {}}]
        broken += [
            {**good, "response": {**good["response"], name: value}} for name in good["response"] for value in (1, "x")
        ]
        for credential in broken:
            answer = await anyone.post("/api/session/passkey", {"credential": credential})
            assert answer.status_code in (401, 422), (credential, answer.text)


async def test_a_copy_of_it_is_found_out(anyone: Person, root: Person, phone: Device) -> None:
    """Two that count on their own: one of them says a number that was said before."""
    copy = Device()
    copy.key, copy.id, copy.handle, copy.count = phone.key, phone.id, phone.handle, phone.count
    assert (await shown(anyone, phone)).status_code == 201
    refused(await shown(anyone, copy), 403)
    assert (await root.get("/api/audit")).json()["entries"][0]["action"] == "passkey.copied"


async def test_devices_that_do_not_count(anyone: Person, alice: Person) -> None:
    device = Device()
    device.count = -1
    await added(alice, device)
    for _time in range(2):
        device.count = -1
        assert (await shown(anyone, device)).status_code == 201


async def test_a_disabled_account(anyone: Person, root: Person, phone: Device) -> None:
    await root.patch("/api/users/alice", {"disabled": True})
    refused(await shown(anyone, phone), 403)


async def test_it_is_both_factors(alice: Person, anyone: Person, phone: Device) -> None:
    secret = (await alice.post("/api/me/second")).json()["secret"]
    await alice.put("/api/me/second", json={"code": pyotp.TOTP(secret).now()})
    assert (await shown(anyone, phone)).status_code == 201
    problem = refused(await anyone.post("/api/session", {"uid": "alice", "password": PASSWORD}), 401)
    assert problem["ways"] == ["app", "recovery", "passkey"]


class TestAsTheOnlyWayIn:
    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, sign_up="invitation")

    async def code(self, root: Person) -> str:
        return str((await root.post("/api/groups/class/invitations", {"role": "member"})).json()["code"])

    @pytest.fixture
    async def dora(self, root: Person, anyone: Person, person: Callable[..., Person]) -> Person:
        signed = await signed_up(anyone, self.device, invitation=await self.code(root))
        assert signed.status_code == 201, signed.text
        return person(Authorization=f"Bearer {signed.json()['token']}")

    def setup_method(self) -> None:
        self.device = Device()

    async def test_it_works(self, dora: Person, anyone: Person) -> None:
        assert (await dora.get("/api/me")).json()["uid"] == "dora"
        assert (await dora.get("/api/groups/class")).status_code == 200
        assert (await shown(anyone, self.device)).json()["user"]["uid"] == "dora"
        refused(await anyone.post("/api/session", {"uid": "dora", "password": PASSWORD}), 401)
        (own,) = (await dora.get("/api/me/passkeys")).json()["passkeys"]
        refused(await dora.delete(f"/api/me/passkeys/{own['id']}"), 409)
        assert (await added(dora, Device())).status_code == 201
        assert (await dora.delete(f"/api/me/passkeys/{own['id']}")).status_code == 204

    async def test_who_one_is_is_proven_by_it(self, dora: Person, alice: Person, phone: Device, instance: Path) -> None:
        with databases.opened(instance) as raw:
            raw.execute("UPDATE sessions SET confirmed = NULL")
        for request in (dora.post("/api/me/tokens", {"name": "bot"}), dora.delete("/api/me", json={})):
            assert refused(await request, 403)["title"] == "Confirmation Needed"
        assert (await dora.get("/api/session/confirm")).json() == {"ways": {"passkey": 1}}
        theirs = phone.get(await options(dora, "/api/session/confirm"))
        refused(await dora.post("/api/session/confirm", {"passkey": theirs}), 403)
        hers = self.device.get(await options(alice, "/api/session/confirm"))
        refused(await dora.post("/api/session/confirm", {"passkey": hers}), 401)
        own = self.device.get(await options(dora, "/api/session/confirm"))
        assert (await dora.post("/api/session/confirm", {"passkey": own})).status_code == 204
        assert (await dora.post("/api/me/export", {})).status_code == 200
        assert (await dora.delete("/api/me", json={})).status_code == 204

    async def test_a_password_can_come_and_go(self, dora: Person, alice: Person, anyone: Person) -> None:
        assert (await dora.patch("/api/me", {"password": "a first horse"})).status_code == 200
        assert (await anyone.post("/api/session", {"uid": "dora", "password": "a first horse"})).status_code == 201
        anyone.http.cookies.clear()
        assert wrong_fields(await dora.patch("/api/me", {"password": "a second horse"})) == {"current_password"}
        assert wrong_fields(await dora.delete("/api/me", json={})) == {"password"}
        assert (await dora.delete("/api/me/password")).status_code == 204
        refused(await anyone.post("/api/session", {"uid": "dora", "password": "a first horse"}), 401)
        refused(await alice.delete("/api/me/password"), 409)

    async def test_signing_up_is_refused_as_with_a_password(self, anyone: Person, root: Person) -> None:
        refused(await anyone.post("/api/passkeys/options", {"uid": "eve", "name": "Eve"}), 403)
        code = await self.code(root)
        refused(await anyone.post("/api/passkeys/options", {"uid": "bob", "name": "B", "invitation": code}), 409)
        who = {"uid": "eve", "name": "Eve", "invitation": code}
        made = self.device.create(await options(anyone, "/api/passkeys", who))
        refused(await anyone.post("/api/passkeys", {**who, "uid": "mallory", "credential": made}), 401)
        assert (await anyone.post("/api/passkeys", {**who, "credential": made})).status_code == 201
        anyone.http.cookies.clear()
        refused(await anyone.post("/api/passkeys", {**who, "credential": made}), 409)

    async def test_a_code_of_a_roster_or_a_link(self, root: Person, alice: Person, anyone: Person) -> None:
        code = (await root.post("/api/users/bob/invitations")).json()["code"]
        credential = self.device.create(await options(anyone, "/api/password/passkey", {"code": code}))
        sent = {"code": code, "credential": credential}
        assert (await anyone.put("/api/password/passkey", json=sent)).json()["user"]["uid"] == "bob"
        anyone.http.cookies.clear()
        refused(await anyone.put("/api/password/passkey", json=sent), 404)
        refused(await anyone.post("/api/session", {"uid": "bob", "password": PASSWORD}), 401)
        assert (await shown(anyone, self.device)).json()["user"]["uid"] == "bob"

    async def test_no_code_goes_around_a_second_factor(self, root: Person, alice: Person, anyone: Person) -> None:
        secret = (await alice.post("/api/me/second")).json()["secret"]
        await alice.put("/api/me/second", json={"code": pyotp.TOTP(secret).now()})
        code = (await root.post("/api/users/alice/invitations")).json()["code"]
        refused(await anyone.post("/api/password/passkey/options", {"code": code}), 409)


class TestWhereItIsRequired:
    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, second_factor="admins", url="https://talk.school.example")

    async def test_a_passkey_is_enough(self, root: Person) -> None:
        refused(await root.get("/api/users"), 403)
        assert (await added(root, Device("https://talk.school.example", "talk.school.example"))).status_code == 201
        assert (await root.get("/api/users")).status_code == 200
        assert (await root.get("/api/me/second")).json()["missing"] is False
