"""Passwords, tokens and codes: only in the one answer that makes them; in no log, error, address or table."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from quart import Quart

from api.access import cookie_name
from model.accounts import account
from model.groups import joining
from tests import databases
from tests.api.conftest import bearer, dump
from tests.conftest import PASSWORD, Person

WRONG = "not the password, but near it"
NEW = "a new password"


async def test_they_are_in_no_log_and_no_table(
    anyone: Person, alice: Person, root: Person, instance: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = (await alice.post("/api/me/tokens", {"name": "bell"})).json()["token"]
    code = (await alice.post("/api/groups/class/invitations", {})).json()["code"]
    roster = (await alice.post("/api/groups/class/roster", {"names": ["Eve"]})).json()["accounts"][0]["code"]
    reset = (await root.post("/api/users/bob/invitations")).json()["code"]
    new = {"uid": "new", "name": "New", "password": PASSWORD, "invitation": code, "email": "new@secret.example"}
    sent = [
        await anyone.post("/api/users", new, headers={"Idempotency-Key": "secret key"}),
        await anyone.post("/api/users", {**new, "uid": "!"}),
        await anyone.post("/api/session", {"uid": "alice", "password": WRONG}),
        await anyone.post("/api/session", {"uid": "alice", "password": WRONG, "more": 1}),
        await anyone.post(
            "/api/session", content=f'{{"password": "{WRONG}"', headers={"Content-Type": "application/json"}
        ),
        await anyone.post("/api/invitations/look-up", {"code": roster}),
        await anyone.get(f"/api/me?token={token}", headers={"Authorization": f"Basic {token}"}),
        await alice.patch("/api/me", {"password": NEW, "current_password": WRONG}),
    ]
    ended = (await anyone.put("/api/password", json={"code": reset, "password": NEW})).json()["token"]
    sent.append(await anyone.put("/api/password", json={"code": reset, "password": NEW}))
    sent.append(await anyone.delete("/api/session", headers=bearer(ended)))
    sent.append(await anyone.post("/api/channels/1/posts", {"body": "x"}, headers=bearer(ended)))
    secrets = [PASSWORD, WRONG, NEW, token, code, roster, reset, ended, alice.token, "secret key"]
    logged = "\n".join(line.getMessage() for line in caplog.records if line.name != "httpx")  # the test's own
    for secret in secrets:
        assert secret not in logged
        assert not [answer.url for answer in sent if secret in answer.text]
        assert not [table for table, rows in dump(instance).items() if secret in repr(rows)], secret
        assert secret.encode() not in databases.contents(instance)
    assert "new@secret.example" not in logged


@pytest.mark.parametrize("where", ["sign-in", "sign-up"])
async def test_a_crash_tells_them_to_nobody(
    app: Quart, anyone: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    """The log has where it broke; the answer has not even that."""

    async def broken(*_: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(account if where == "sign-in" else joining, where.replace("-", "_"), broken)
    body = {"uid": "mallory", "password": WRONG, **({"name": "M"} if where == "sign-up" else {})}
    cookie = {"Cookie": f"{cookie_name()}=ses_secret", "Accept": "text/html"}
    answer = await anyone.post("/api/session" if where == "sign-in" else "/api/users", body, headers=cookie)
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json().keys() == {"type", "title", "status", "detail"}
    assert "RuntimeError" in caplog.text
    for secret in (WRONG, "ses_secret"):
        assert secret not in caplog.text
        assert secret not in answer.text
    for word in ("RuntimeError", "broken", "Traceback", ".py"):
        assert word not in answer.text


async def test_a_reader_sees_no_address_with_a_secret(anyone: Person, alice: Person, root: Person) -> None:
    """A code is in a link's fragment, which browsers send to nobody, and the page with codes sends no Referer."""
    for made in (
        await alice.post("/api/groups/class/invitations", {}),
        await root.post("/api/users/bob/invitations"),
    ):
        url, code = made.json()["url"], made.json()["code"]
        assert re.fullmatch(r"http://pottle\.test/join#([0-9A-Z]{4}-)+[0-9A-Z]{4}", url)
        assert url.endswith(f"#{code}")
    page = await anyone.get("/join")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "Location" not in page.headers


async def test_what_is_private_stays_private(anyone: Person, alice: Person, bob: Person, root: Person) -> None:
    """An e-mail address is its owner's and the admins'; hashes are nobody's."""
    await bob.patch("/api/me", {"email": "bob@secret.example"})
    await bob.post("/api/channels/1/posts", {"body": "Hello"})
    paths = [
        "/",
        "/api/channels/1/posts",
        "/api/users/bob",
        "/api/groups/class/members",
        "/groups/class/manage",
        "/api/posts/1",
    ]
    for person in (anyone, alice, root):
        for path in paths:
            shown = (await person.get(path)).text
            assert "secret.example" not in shown
            assert "argon2" not in shown
            assert "hash" not in shown.replace("byte-hash", "").lower() or path in ("/", "/groups/class/manage")
    assert "argon2" not in (await root.get("/api/users")).text
