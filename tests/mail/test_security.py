"""Whoever has an account is told of each change of what opens it."""

import pyotp

from tests.conftest import PASSWORD, Person
from tests.device import Device
from tests.mail.conftest import HERE, confirmed
from tests.mailbox import Mailbox


async def test_it_works(box: Mailbox, bob: Person, root: Person) -> None:
    await confirmed(bob, box, "bob@school.example")
    before = len(box.got)
    options = (await bob.post("/api/me/passkeys/options")).json()["options"]
    credential = Device(HERE, HERE.removeprefix("https://")).create(options)
    assert (await bob.post("/api/me/passkeys", {"credential": credential, "name": "Phone"})).status_code == 201
    secret = (await bob.post("/api/me/second")).json()["secret"]
    await bob.put("/api/me/second", json={"code": pyotp.TOTP(secret).now()})
    await bob.patch("/api/me", {"password": "another horse", "current_password": PASSWORD})
    assert (await root.delete("/api/users/bob/second")).status_code == 204
    await box.has(before + 4)
    told = box.got[before:]
    assert {letter.to for letter in told} == {"bob@school.example"}
    for letter, said in zip(
        told, ("A passkey was added", "needs a code", "Your password was changed", "An admin took"), strict=True
    ):
        assert said in letter.text
        assert f"{HERE}/account/access" in letter.text
    assert "Phone" in told[0].text
    assert all(secret not in letter.raw.decode() for letter in told)
