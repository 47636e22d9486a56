"""Who may make or change a credential: by which sessions, and never by a named token.

The walk over all routes fails for one that forgets to ask: seen to, without `by_session` or `confirmed` on any of them.
"""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from quart import Quart
from sqlalchemy import text, update

from model.accounts import session
from model.settings import Settings
from pottle import times
from pottle.store import Tx, db
from tests.api.conftest import bearer, refused, signed_in_again, wrong_fields
from tests.api.test_roles import ROLES, ROWS, Ask, Row, ask, credentials, names, nothing_lasts, row  # noqa: F401  # fixtures
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person, World

# What a credential is, table by table; nobody gains a row of these, and accounts do not change, unless they may.
CREDENTIALS = {
    "sessions": "SELECT user_id, secret_hash, confirmed FROM sessions",
    "tokens": "SELECT user_id, secret_hash FROM tokens",
    "secrets": "SELECT group_id, secret FROM sso_secrets",
    "codes": "SELECT user_id, group_id, role, code_hash FROM invitations",
    "moderators": "SELECT group_id, user_id FROM memberships WHERE role = 'moderator'",
    "accounts": "SELECT id, uid, email, password_hash, role, disabled FROM users",
    "second factors": "SELECT user_id, secret, since FROM authenticators",
    "passkeys": "SELECT user_id, credential FROM passkeys",
}
MORE = """
PATCH  /api/me                   {"email": "new@example.org"}
PATCH  /api/me                   {"password": "another horse", "current_password": "PASSWORD"}
PATCH  /api/users/bob            {"role": "admin"}
POST   /api/groups/class/members {"uid": "charlie", "role": "moderator"}
POST   /api/groups/class/invitations {"role": "moderator"}
""".replace("PASSWORD", PASSWORD)
WALK = [*ROWS, *(row(f"{line} {'0 ' * len(ROLES)}") for line in MORE.strip().splitlines())]
# These are granted to whoever knows the password or the code, signed in or not; and whoever makes a group moderates it.
BY_THEIR_OWN_PROOF = {"POST /api/users", "POST /api/session", "PUT /api/password", "POST /api/groups"}
BY_THEIR_OWN_PROOF |= {"POST /api/groups/class/sso"}  # of a site
BY_THEIR_OWN_PROOF |= {"POST /account/sign-in"}  # by a form
# These a session may without its password: a class's codes; or they have it in their body.
BY_ANY_SESSION = {
    *("POST /api/groups/home/invitations", "POST /api/groups/class/invitations"),
    *("POST /api/groups/home/roster", "POST /api/groups/class/roster", "POST /api/groups/class/sessions"),
    *("POST /api/session/confirm", "DELETE /api/me", "PATCH /api/me with current_password"),
    *("POST /account/confirm", "POST /account/delete"),
}
BY_CONFIRMED_SESSIONS = {
    *("POST /api/me/second", "POST /account/second"),
    *("POST /api/me/tokens", "PATCH /api/me with email", "PATCH /api/users/bob", "DELETE /api/users/bob"),
    *("POST /api/users/bob/invitations", "POST /api/groups/class/roster/eve"),
    *("POST /api/groups/home/secrets", "POST /api/groups/class/secrets"),
    *("POST /api/groups/class/members as moderator", "POST /api/groups/class/invitations as moderator"),
}


def named(row: Row) -> str:
    """A row's route as the sets above have it."""
    field = next((name for name in ("current_password", "email") if f'"{name}":' in row.body), "")
    more = f" with {field}" if row.path == "/api/me" and field else " as moderator" if "moderator" in row.body else ""
    return f"{row.method} {row.path}{more}"


def state(tx: Tx) -> dict[str, set[tuple[Any, ...]]]:
    return {name: {tuple(row) for row in tx.session.execute(text(query))} for name, query in CREDENTIALS.items()}


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, rate_limits=False)


@pytest.fixture
def touched(nothing_lasts: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:  # noqa: F811
    """The kinds of credentials that units make or change from here on."""
    found: list[str] = []
    write = db.write

    async def written(unit: Callable[..., object], *args: object, **kwargs: object) -> object:
        def watched(tx: Tx, *args: object, **kwargs: object) -> object:
            before = state(tx)
            answer = unit(tx, *args, **kwargs)
            tx.finish_unit()
            after = state(tx)
            found.extend(name for name in after if after[name] - before[name])
            if len(before["accounts"]) > len(after["accounts"]):
                found.append("accounts")
            return answer

        return await write(watched, *args, **kwargs)

    monkeypatch.setattr(db, "write", written)
    return found


async def grow_old(token: str) -> None:
    """The password of a session was typed an hour ago."""
    identity = await session.identify(token)
    assert identity
    old = update(session.Session).where(session.Session.id == identity.session)
    await db.write(lambda tx: tx.session.execute(old.values(confirmed=times.later(hours=-1))) and None)


Walk = Callable[[str], Awaitable[set[str]]]


@pytest.fixture
def walk(ask: Ask, touched: list[str]) -> Walk:  # noqa: F811
    """The rows of the table that make or change a credential, asked for by a token."""

    async def walked(token: str) -> set[str]:
        found = set()
        for line in WALK:
            touched.clear()
            if line.method != "WS":
                await ask(line, token)
            if touched:
                found.add(named(line))
        return found

    return walked


@pytest.fixture
async def admins(root: Person, alice: Person, anyone: Person) -> dict[str, str]:
    """Root's and Alice's credentials, of each kind; Alice moderates `class`."""
    made = {}
    for person in (root, alice):
        made[f"{person.uid}'s token"] = (await person.post("/api/me/tokens", {"name": "bell"})).json()["token"]
        made[f"{person.uid}'s old session"] = await signed_in_again(anyone, person.uid, PASSWORD)
        await grow_old(made[f"{person.uid}'s old session"])
    return made


@pytest.mark.parametrize("uid", ["root", "alice"])
async def test_a_token_makes_no_credential_by_any_route(admins: dict[str, str], walk: Walk, uid: str) -> None:
    assert await walk(admins[f"{uid}'s token"]) <= BY_THEIR_OWN_PROOF


@pytest.mark.parametrize("uid", ["root", "alice"])
async def test_an_old_session_does_what_matters_only_with_the_password(
    admins: dict[str, str], walk: Walk, uid: str
) -> None:
    assert await walk(admins[f"{uid}'s old session"]) <= BY_THEIR_OWN_PROOF | BY_ANY_SESSION


async def test_whoever_has_just_signed_in_may_as_before(world: World, walk: Walk) -> None:
    """And so the walk sees what it is to see."""
    by_root, by_alice = await walk(world.tokens["root"]), await walk(world.tokens["alice"])
    # The last admin cannot be deleted; a token's own account has nothing to be confirmed again in this world.
    assert by_root | by_alice | {"POST /api/session/confirm"} == (
        BY_THEIR_OWN_PROOF | BY_ANY_SESSION | BY_CONFIRMED_SESSIONS
    )


@pytest.mark.check
def test_every_route_that_demands_is_in_the_walk() -> None:
    import main

    app: Quart = main.create_app(Settings(instance=Path("/nowhere")))
    asked = {(line.method, re.sub(r"\{\w+\}", "1", line.path).partition("?")[0]) for line in WALK}
    asked = {(method, path) for method, path in asked if method != "WS"}
    walked = {app.url_map.bind("pottle.test").match(path, method)[0] for method, path in asked}
    demanding = {name for name, function in app.view_functions.items() if hasattr(function, "demand")}
    assert len(demanding) >= 11
    assert demanding <= walked


class TestConfirming:
    """POST /api/session/confirm."""

    @pytest.fixture
    async def old(self, anyone: Person) -> dict[str, str]:
        token = await signed_in_again(anyone, "alice", PASSWORD)
        await grow_old(token)
        return bearer(token)

    async def test_it_works(self, anyone: Person, old: dict[str, str]) -> None:
        problem = refused(await anyone.post("/api/me/tokens", {"name": "bell"}, headers=old), 403)
        assert problem["type"] == "urn:pottle:confirmation-needed"
        assert problem["detail"] == "Please enter your password again before you do that."
        confirmed = await anyone.post("/api/session/confirm", {"password": PASSWORD}, headers=old)
        assert confirmed.status_code == 204
        assert (await anyone.post("/api/me/tokens", {"name": "bell"}, headers=old)).status_code == 201

    async def test_another_session_is_not_confirmed_by_it(self, anyone: Person, alice: Person, old: Any) -> None:
        await alice.post("/api/session/confirm", {"password": PASSWORD})
        refused(await anyone.post("/api/me/tokens", {"name": "bell"}, headers=old), 403)

    async def test_a_wrong_password_confirms_nothing(self, anyone: Person, old: dict[str, str]) -> None:
        refused(await anyone.post("/api/session/confirm", {"password": "wrong password"}, headers=old), 403)
        refused(await anyone.post("/api/me/tokens", {"name": "bell"}, headers=old), 403)

    @pytest.mark.parametrize("bad", [{}, {"password": ""}, {"password": 1}])
    async def test_it_names_what_is_wrong(self, alice: Person, bad: Any) -> None:
        assert wrong_fields(await alice.post("/api/session/confirm", bad)) == {"password"}

    async def test_a_token_is_told_that_it_is_one(self, alice: Person, anyone: Person) -> None:
        token = bearer((await alice.post("/api/me/tokens", {"name": "bell"})).json()["token"])
        for answer in (
            await anyone.post("/api/session/confirm", {"password": PASSWORD}, headers=token),
            await anyone.patch("/api/me", {"email": "new@example.org", "current_password": PASSWORD}, headers=token),
        ):
            assert refused(answer, 403)["type"] == "urn:pottle:session-needed"
        assert (await anyone.patch("/api/me", {"name": "Al"}, headers=token)).status_code == 200

    async def test_the_mail_address_needs_the_password(self, anyone: Person, old: dict[str, str]) -> None:
        new = {"email": "new@example.org"}
        assert refused(await anyone.patch("/api/me", new, headers=old), 403)["type"] == "urn:pottle:confirmation-needed"
        refused(await anyone.patch("/api/me", {**new, "current_password": "wrong"}, headers=old), 403)
        assert (await anyone.get("/api/me", headers=old)).json()["email"] is None
        changed = await anyone.patch("/api/me", {**new, "current_password": PASSWORD}, headers=old)
        assert changed.json()["email"] == "new@example.org"

    async def test_a_name_does_not(self, anyone: Person, old: dict[str, str]) -> None:
        assert (await anyone.patch("/api/me", {"name": "Al"}, headers=old)).status_code == 200


class TestSessions:
    """GET and DELETE /api/me/sessions, DELETE /api/me/sessions/{id}."""

    FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0"

    async def signed_in(self, anyone: Person, agent: str) -> str:
        headers = {"User-Agent": agent}
        made = await anyone.post("/api/session", {"uid": "alice", "password": PASSWORD}, headers=headers)
        anyone.http.cookies.clear()
        return str(made.json()["token"])

    async def test_it_works(self, alice: Person, anyone: Person) -> None:
        await self.signed_in(anyone, self.FIREFOX)
        other, own = (await alice.get("/api/me/sessions")).json()["sessions"]
        assert (other["device"], other["current"], own["current"]) == ("Firefox on Windows", False, True)
        assert other["used"] == other["created"][:10]
        told = {"id", "device", "created", "used", "expires", "current", "site", "origin", "how", "second"}
        assert (other.keys(), other["how"], other["second"]) == (told, "password", None)

    @in_turn(
        ("agent", "device"),
        [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) CriOS/141.0 Mobile Safari/604.1",
                "Chrome on iPhone",
            ),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/19.0 Safari/605.1.15", "Safari on a Mac"),
            ("Mozilla/5.0 (X11; CrOS x86_64 14541) Chrome/141.0.0.0 Safari/537.36", "Chrome on ChromeOS"),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/141.0.0.0 Safari/537.36 Edg/141.0", "Edge on Windows"),
            ("python-httpx/0.28", "a program"),
            ("Firefox/" + "x" * 5_000, "Firefox"),
            ("", "a program"),
        ],
    )
    async def test_no_more_is_kept_of_a_browser_than_its_kind(
        self, alice: Person, anyone: Person, agent: str, device: str
    ) -> None:
        await self.signed_in(anyone, agent)
        assert (await alice.get("/api/me/sessions")).json()["sessions"][0]["device"] == device

    async def test_one_is_ended_at_once(self, alice: Person, anyone: Person) -> None:
        token = bearer(await self.signed_in(anyone, self.FIREFOX))
        other, _ = (await alice.get("/api/me/sessions")).json()["sessions"]
        assert (await alice.delete(f"/api/me/sessions/{other['id']}")).status_code == 204
        refused(await anyone.get("/api/me", headers=token), 401)
        refused(await alice.delete(f"/api/me/sessions/{other['id']}"), 404)
        assert len((await alice.get("/api/me/sessions")).json()["sessions"]) == 1

    async def test_all_others_are_ended_at_once(self, alice: Person, anyone: Person) -> None:
        tokens = [bearer(await self.signed_in(anyone, self.FIREFOX)) for _ in range(2)]
        assert (await alice.delete("/api/me/sessions")).status_code == 204
        for token in tokens:
            refused(await anyone.get("/api/me", headers=token), 401)
        (own,) = (await alice.get("/api/me/sessions")).json()["sessions"]
        assert own["current"]

    async def test_somebody_elses_session_is_not_there(self, alice: Person, bob: Person) -> None:
        (own,) = (await alice.get("/api/me/sessions")).json()["sessions"]
        refused(await bob.delete(f"/api/me/sessions/{own['id']}"), 404)
        assert (await alice.get("/api/me")).status_code == 200

    async def test_an_expired_session_is_not_listed(self, alice: Person, anyone: Person) -> None:
        identity = await session.identify(await self.signed_in(anyone, self.FIREFOX))
        assert identity
        over = update(session.Session).where(session.Session.id == identity.session).values(expires=times.now())
        await db.write(lambda tx: tx.session.execute(over) and None)
        assert len((await alice.get("/api/me/sessions")).json()["sessions"]) == 1

    async def test_the_day_of_its_last_use_is_kept(self, alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        tomorrow = times.later(days=1)
        monkeypatch.setattr(times, "now", lambda: tomorrow)
        await alice.get("/api/me")
        await db.write(session.drop_expired)
        monkeypatch.undo()
        (own,) = (await alice.get("/api/me/sessions")).json()["sessions"]
        assert own["used"] == tomorrow[:10]
