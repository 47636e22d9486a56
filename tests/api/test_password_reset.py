"""PUT /api/password by a code, and POST /api/users/{uid}/invitations, which makes one."""

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from model.groups import invitation
from pottle import times
from pottle.store import limits
from tests import databases
from tests.api.conftest import Json, bearer, refused, signed_in_again, wrong_fields
from tests.conftest import PASSWORD, Person, World
from tests.server import Server, calling, connected

NEW = "another password"


async def reset(root: Person, uid: str = "bob") -> Json:
    made = await root.post(f"/api/users/{uid}/invitations")
    assert made.status_code == 201, made.text
    return dict(made.json())


async def test_it_works(root: Person, bob: Person, anyone: Person) -> None:
    made = await reset(root)
    assert made.keys() == {"uid", "name", "code", "url", "expires"}
    assert re.fullmatch(r"([0-9A-Z]{4}-){3}[0-9A-Z]{4}", made["code"])
    assert made["url"].endswith(f"/join#{made['code']}")
    meaning = (await anyone.post("/api/invitations/look-up", {"code": made["code"]})).json()
    assert (meaning["kind"], meaning["user"], meaning["group"]) == ("password", {"uid": "bob", "name": "Bob"}, None)
    assert (await bob.get("/api/me")).status_code == 200  # making the link changes nothing

    answer = await anyone.put("/api/password", json={"code": made["code"], "password": NEW})
    assert answer.status_code == 201
    assert answer.json().keys() == {"user", "token", "expires"}
    assert (await anyone.get("/api/me", headers=bearer(answer.json()["token"]))).json()["uid"] == "bob"
    assert (await anyone.get("/api/me")).json()["uid"] == "bob"  # by the cookie
    anyone.http.cookies.clear()
    await signed_in_again(anyone, "bob", NEW)
    refused(await anyone.post("/api/session", {"uid": "bob", "password": PASSWORD}), 401)


async def test_no_cookie_is_set_for_a_page_of_another_origin(root: Person, anyone: Person) -> None:
    code = (await reset(root))["code"]
    elsewhere = {"Origin": "https://blog.example"}
    answer = await anyone.put("/api/password", json={"code": code, "password": NEW}, headers=elsewhere)
    assert answer.status_code == 201
    assert "Set-Cookie" not in answer.headers


async def test_all_sessions_and_tokens_end(root: Person, bob: Person, anyone: Person) -> None:
    token = (await bob.post("/api/me/tokens", {"name": "script"})).json()["token"]
    code = (await reset(root))["code"]
    await anyone.put("/api/password", json={"code": code, "password": NEW})
    anyone.http.cookies.clear()
    refused(await bob.get("/api/me"), 401)
    refused(await anyone.get("/api/me", headers=bearer(token)), 401)


async def test_a_code_is_good_once(root: Person, anyone: Person) -> None:
    code = (await reset(root))["code"]
    answers = await asyncio.gather(
        *(anyone.put("/api/password", json={"code": code, "password": f"password {n}"}) for n in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 404, 404, 404, 404]


async def test_a_newer_link_ends_the_older(root: Person, anyone: Person) -> None:
    older, newer = (await reset(root))["code"], (await reset(root))["code"]
    refused(await anyone.put("/api/password", json={"code": older, "password": NEW}), 404)
    assert (await anyone.put("/api/password", json={"code": newer, "password": NEW})).status_code == 201


async def test_a_refused_password_uses_nothing(root: Person, anyone: Person) -> None:
    code = (await reset(root))["code"]
    assert wrong_fields(await anyone.put("/api/password", json={"code": code, "password": "short"})) == {"password"}
    assert (await anyone.put("/api/password", json={"code": code, "password": NEW})).status_code == 201


async def test_it_expires(root: Person, anyone: Person, instance: Path) -> None:
    code = (await reset(root))["code"]
    with databases.opened(instance) as raw:
        raw.execute("UPDATE invitations SET expires = ?", [times.later(seconds=-1)])
    refused(await anyone.put("/api/password", json={"code": code, "password": NEW}), 404)


async def test_it_is_no_way_into_a_disabled_account(root: Person, anyone: Person) -> None:
    code = (await reset(root))["code"]
    assert (await root.patch("/api/users/bob", {"disabled": True})).status_code == 200
    refused(await anyone.put("/api/password", json={"code": code, "password": NEW}), 404)
    refused(await anyone.post("/api/invitations/look-up", {"code": code}), 404)


async def test_it_ends_when_its_maker_is_no_admin_any_more(
    root: Person, alice: Person, anyone: Person, person: Callable[..., Person]
) -> None:
    await root.patch("/api/users/alice", {"role": "admin"})
    token = await signed_in_again(anyone, "alice", PASSWORD)
    made = await anyone.post("/api/users/root/invitations", headers=bearer(token))
    assert made.status_code == 201
    await root.patch("/api/users/alice", {"role": "user"})
    refused(await anyone.put("/api/password", json={"code": made.json()["code"], "password": NEW}), 404)


async def test_the_trail_says_so(root: Person, anyone: Person) -> None:
    code = (await reset(root))["code"]
    await anyone.put("/api/password", json={"code": code, "password": NEW})
    anyone.http.cookies.clear()
    entries = (await root.get("/api/audit")).json()["entries"]
    entries = [entry for entry in entries if entry["action"].startswith("password.")]
    assert [(entry["action"], entry["actor"]) for entry in entries] == [
        ("password.reset", "bob"),
        ("password.link", "root"),
    ]
    assert code not in str(entries)


async def test_it_rejects_all_but_admins(alice: Person, bob: Person, anyone: Person) -> None:
    """Also a moderator: whoever makes such a link can take the account over."""
    refused(await alice.post("/api/users/bob/invitations"), 403)
    refused(await bob.post("/api/users/bob/invitations"), 403)
    refused(await anyone.post("/api/users/bob/invitations"), 401)


async def test_it_rejects_an_unknown_uid(root: Person) -> None:
    refused(await root.post("/api/users/nobody/invitations"), 404)


async def test_a_groups_code_sets_no_password(alice: Person, anyone: Person) -> None:
    code = (await alice.post("/api/groups/class/invitations", {})).json()["code"]
    refused(await anyone.put("/api/password", json={"code": code, "password": NEW}), 404)


async def test_a_passwords_code_makes_no_account_nor_member(root: Person, anyone: Person, charlie: Person) -> None:
    code = (await reset(root))["code"]
    dora = {"uid": "dora", "name": "Dora", "password": PASSWORD, "invitation": code}
    assert wrong_fields(await anyone.post("/api/users", dora)) == {"invitation"}
    refused(await charlie.post("/api/me/invitations", {"code": code}), 404)
    assert (await anyone.put("/api/password", json={"code": code, "password": NEW})).status_code == 201


class TestLimits:
    @pytest.fixture(autouse=True)
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Time stands still, however slow the machine."""
        now = time.time()
        monkeypatch.setattr(limits, "time", SimpleNamespace(time=lambda: now))

    async def test_guesses_count(self, anyone: Person) -> None:
        for _ in range(invitation.FAILED_CODES.count):
            refused(await anyone.put("/api/password", json={"code": "ZZZZ-ZZZZ", "password": NEW}), 404)
        refused(await anyone.put("/api/password", json={"code": "ZZZZ-ZZZZ", "password": NEW}), 429)


@pytest.mark.slow
async def test_sockets_close_on_every_worker(stack: AsyncExitStack, server: Server, world: World) -> None:
    root, bob = await calling(stack, server, world.tokens["root"]), await calling(stack, server)
    sockets = []
    for _ in range(6):
        socket, _ = await connected(stack, server)
        assert (await socket.ask(type="auth", token=world.tokens["bob"]))["type"] == "authenticated"
        sockets.append(socket)
    code = (await root.post("/api/users/bob/invitations")).json()["code"]
    assert (await bob.put("/api/password", json={"code": code, "password": NEW})).status_code == 201
    for socket in sockets:
        assert (await socket.rest())[1] == 4401
