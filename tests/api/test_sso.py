"""POST /api/groups/{slug}/sso and /secrets: what a site's signed token opens, and what it does not."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import jwt
import pytest
from sqlalchemy import text

from model.accounts import sso
from model.settings import Settings
from pottle import times
from pottle.store import db
from tests.api.conftest import Json, bearer, joined, refused, signed
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person

SITE = "https://blog.example"
FROM_SITE = {"Origin": SITE}
BLOG = "/api/groups/blog"
Unchanged = Callable[[], AbstractContextManager[None]]


@pytest.fixture
async def secret(root: Person) -> str:
    """Of the group `blog`, which has one site."""
    await root.post("/api/groups", {"slug": "blog", "name": "Blog", "origins": [SITE]})
    return await another_secret(root)


async def another_secret(root: Person, slug: str = "blog") -> str:
    made = await root.post(f"/api/groups/{slug}/secrets")
    assert made.status_code == 201, made.text
    return str(made.json()["secret"])


async def entered(anyone: Person, token: str, headers: Json = FROM_SITE) -> Json:
    answer = await anyone.post(f"{BLOG}/sso", {"token": token}, headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def turned_away(anyone: Person, token: str, status: int = 401, headers: Json = FROM_SITE) -> str:
    return str(refused(await anyone.post(f"{BLOG}/sso", {"token": token}, headers=headers), status)["detail"])


def segment(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


async def test_it_works(anyone: Person, secret: str) -> None:
    made = await entered(anyone, signed(secret, email="anna@school.example", picture="https://evil.example/1.png"))
    assert made.keys() == {"user", "token", "expires"}
    assert (made["user"]["uid"], made["user"]["name"]) == ("anna.schmidt", "Anna Schmidt")
    assert made["user"]["email"] == "anna@school.example"
    assert made["user"]["avatar"] is None
    assert times.later(hours=23) < made["expires"] < times.later(hours=25)
    own = await anyone.get("/api/me", headers={**FROM_SITE, **bearer(made["token"])})
    assert own.json()["uid"] == "anna.schmidt"


async def test_a_program_of_the_site_may_ask_too(anyone: Person, secret: str) -> None:
    made = await entered(anyone, signed(secret), {})
    assert (await anyone.get("/api/me", headers=bearer(made["token"]))).json()["uid"] == "anna.schmidt"
    assert "Set-Cookie" not in (await anyone.post(f"{BLOG}/sso", {"token": signed(secret)})).headers


async def test_the_same_sub_is_the_same_account_brought_up_to_date(anyone: Person, secret: str) -> None:
    first = await entered(anyone, signed(secret))
    again = await entered(anyone, signed(secret, name="Anna Meier", email="anna@meier.example"))
    assert again["user"]["uid"] == first["user"]["uid"]
    assert (again["user"]["name"], again["user"]["email"]) == ("Anna Meier", "anna@meier.example")
    third = await entered(anyone, signed(secret, name="Anna Meier"))
    assert third["user"] == again["user"], "nothing new is no new version, and a mail address stays"
    other = await entered(anyone, signed(secret, sub="18"))
    assert other["user"]["uid"] == "anna.schmidt2"


class TestForged:
    """What was not signed with the group's secret opens nothing, and leaves nothing."""

    async def test_algorithms(self, anyone: Person, secret: str, nothing_changes: Unchanged) -> None:
        """`none` in any case; another HMAC by the right secret; the names of other kinds of keys."""
        good = signed(secret)
        payload = good.split(".")[1]
        with nothing_changes():
            for alg in ("none", "None", "NONE", "nOnE", "", "HS512", "RS256", "hs256", None, 1, ["HS256"]):
                header = segment({"typ": "JWT", "alg": alg})
                for signature in ("", good.split(".")[2]):
                    await turned_away(anyone, f"{header}.{payload}.{signature}")
            said = f"{segment({'alg': 'HS512'})}.{payload}"
            await turned_away(anyone, f"{said}.{segment(hmac.digest(secret.encode(), said.encode(), 'sha512'))}")
            await turned_away(anyone, f"{segment({'typ': 'JWT'})}.{payload}.{good.split('.')[2]}")

    async def test_headers_that_bring_their_own_key(self, anyone: Person, secret: str) -> None:
        """`jwk`, `jku` and the like count for nothing, `crit` is refused (RFC 8725, 3.10)."""
        own = {"jwk": {"kty": "oct", "k": segment(b"x" * 40)}, "jku": "https://evil.example/keys"}
        await turned_away(anyone, signed("x" * 40, own))
        await turned_away(anyone, signed(secret, {"crit": ["exp"]}))
        await entered(anyone, signed(secret, own))

    async def test_a_key_id_that_is_not_the_groups(self, anyone: Person, root: Person, secret: str) -> None:
        (known,) = (await root.get(f"{BLOG}/secrets")).json()["secrets"]
        for kid in ("", "0", str(known["id"] + 1), "../../dev/null", "1' OR '1'='1"):
            assert "not signed with a secret" in await turned_away(anyone, signed(secret, {"kid": kid}))
        await entered(anyone, signed(secret, {"kid": str(known["id"])}))

    async def test_another_groups_secret(self, anyone: Person, root: Person, secret: str) -> None:
        await root.post("/api/groups", {"slug": "docs", "name": "Docs", "origins": [SITE]})
        await turned_away(anyone, signed(await another_secret(root, "docs")))

    async def test_a_group_that_is_not_there_looks_like_one_without_a_secret(
        self, anyone: Person, root: Person, secret: str
    ) -> None:
        said = {
            refused(await anyone.post(f"/api/groups/{slug}/sso", {"token": signed(secret)}), 401)["detail"]
            for slug in ("nowhere", "class", "home")
        }
        assert len(said) == 1

    @in_turn(
        "token",
        ["a", "a.b", "a.b.c", "..", "a.b.c.d", "e30.e30.e30", "é.ü.ß", "\ud7ff" * 9, "." * 4_000, "A" * 4_000,
         segment(b"[" * 2_900) + ".e30.e30", segment(b'{"alg":' * 300) + ".e30.e30"],
    )  # fmt: skip
    async def test_nonsense(self, anyone: Person, secret: str, token: str) -> None:
        await turned_away(anyone, token)

    async def test_a_huge_one(self, anyone: Person, secret: str) -> None:
        assert "at most 4000" in str(refused(await anyone.post(f"{BLOG}/sso", {"token": "x" * 4_001}), 422)["errors"])
        refused(await anyone.post(f"{BLOG}/sso", {"token": "x" * 70_000}), 413)

    async def test_content_that_was_changed(self, anyone: Person, secret: str) -> None:
        header, payload, signature = signed(secret).split(".")
        changed = {**json.loads(base64.urlsafe_b64decode(payload + "==")), "moderator": True}
        await turned_away(anyone, f"{header}.{segment(changed)}.{signature}")
        await turned_away(anyone, f"{header}.{payload}.{signature[:-4]}")
        await turned_away(anyone, f"{header}.{payload}.")


UNVERIFIED: Any = {"verify_signature": False}


class TestTimes:
    """A minute of skew, ten minutes at most."""

    NOW = 1_800_000_000

    @pytest.fixture(autouse=True)
    def at(self, monkeypatch: pytest.MonkeyPatch, secret: str) -> None:
        monkeypatch.setattr(times, "now", lambda: "2027-01-15T08:00:00.000Z")

    @in_turn(("iat", "exp"), [(0, 600), (0, 1), (-600, -59), (60, 660), (-655, -55.5), (0.5, 600)])
    async def test_good(self, anyone: Person, secret: str, iat: float, exp: float) -> None:
        assert (await entered_at(anyone, secret, self.NOW + iat, self.NOW + exp)) == ""

    @in_turn(
        ("iat", "exp", "said"),
        [
            (-300, -60, "expired"),
            (-600, -600, "expired"),
            (61, 300, "future"),
            (0, 601, "600 seconds at most"),
            (0, 10**12, "600 seconds at most"),
            (30, 30, "600 seconds at most"),
            (50, 40, "600 seconds at most"),
            (-(10**6), 100, "600 seconds at most"),
        ],
    )
    async def test_bad(self, anyone: Person, secret: str, iat: float, exp: float, said: str) -> None:
        assert said in await entered_at(anyone, secret, self.NOW + iat, self.NOW + exp)

    async def test_not_yet(self, anyone: Person, secret: str) -> None:
        assert "future" in await entered_at(anyone, secret, self.NOW, self.NOW + 300, nbf=self.NOW + 61)
        assert await entered_at(anyone, secret, self.NOW, self.NOW + 300, nbf=self.NOW + 60) == ""

    @in_turn("wrong", [None, "soon", True, 10**400, -1, {}, [1]])
    @in_turn("field", ["iat", "exp"])
    async def test_no_time(self, anyone: Person, secret: str, field: str, wrong: Any) -> None:
        given = {"iat": self.NOW, "exp": self.NOW + 300, field: wrong}
        assert await entered_at(anyone, secret, **given)


async def entered_at(anyone: Person, secret: str, iat: Any, exp: Any, **more: Any) -> str:
    """What is wrong with the token; "" where it is good."""
    payload = {"sub": "17", "name": "Anna", "iat": iat, "exp": exp, **more}
    said = json.dumps({name: value for name, value in payload.items() if value is not None}).encode()
    token = jwt.PyJWS().encode(said, secret, algorithm="HS256")
    answer = await anyone.post(f"{BLOG}/sso", {"token": token}, headers=FROM_SITE)
    return "" if answer.status_code == 201 else str(refused(answer, 401)["detail"])


class TestReplays:
    async def test_a_token_is_good_once(self, anyone: Person, secret: str, nothing_changes: Unchanged) -> None:
        token = signed(secret)
        await entered(anyone, token)
        with nothing_changes():
            assert "used before" in await turned_away(anyone, token)

    async def test_also_written_in_another_way(self, anyone: Person, secret: str) -> None:
        """The last character of a signature has two bits that mean nothing; and padding may stand behind it."""
        token = signed(secret)
        await entered(anyone, token)
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        same = last.index(token[-1]) // 4 * 4
        for other in (*last[same : same + 4], f"{token[-1]}=", f"{token[-1]}=="):
            await turned_away(anyone, token[:-1] + other)

    async def test_what_was_refused_for_its_origin_is_not_used_up(self, anyone: Person, secret: str) -> None:
        token = signed(secret)
        await turned_away(anyone, token, 403, {"Origin": "https://evil.example"})
        await entered(anyone, token)

    async def test_they_are_forgotten_when_they_have_expired(self, anyone: Person, secret: str) -> None:
        await entered(anyone, signed(secret))
        count = text("SELECT count(*) FROM sso_tokens")
        await db.write(sso.forget_tokens)
        assert await db.write(lambda tx: tx.session.scalar(count)) == 1
        later = times.later(minutes=8)

        def forget(tx: Any) -> None:
            tx.now = later
            sso.forget_tokens(tx)

        await db.write(forget)
        assert await db.write(lambda tx: tx.session.scalar(count)) == 0


class TestOrigins:
    @in_turn(
        "origin",
        [
            *("null", "http://blog.example", "https://blog.example:8443", "https://blog.example:443"),
            *("https://blog.example/", "https://BLOG.example", "https://blog.example.", "https://xn--blg-hoa.example"),
            *("https://blog.example.evil.example", "https://evil.example", "", "blog.example"),
            *("https://user@blog.example", "https://blog.example, https://evil.example"),
        ],
    )
    async def test_only_a_listed_one(self, anyone: Person, secret: str, origin: str) -> None:
        await turned_away(anyone, signed(secret), 403, {"Origin": origin})


class TestAccounts:
    """Of the group, and never one that was there before."""

    async def test_none_is_taken_over(self, anyone: Person, alice: Person, secret: str) -> None:
        """By a name, a mail address or a `sub` that is somebody's user name."""
        await alice.patch("/api/me", {"email": "alice@school.example", "current_password": PASSWORD})
        said = {"name": "Alice", "email": "alice@school.example"}
        made = await entered(anyone, signed(secret, sub="alice", **said))
        assert made["user"]["uid"] == "alice2"
        own = await anyone.get("/api/me", headers={**FROM_SITE, **bearer(made["token"])})
        assert own.json()["uid"] == "alice2"
        assert (await alice.get("/api/me")).json()["email"] == "alice@school.example"

    @pytest.mark.parametrize(
        ("name", "uid"), [("Admin", "admin2"), ("root", "root2"), ("李小龙", "user"), ("ROOT", "root2")]
    )
    async def test_user_names_that_are_reserved_or_taken(
        self, anyone: Person, secret: str, name: str, uid: str
    ) -> None:
        assert (await entered(anyone, signed(secret, name=name)))["user"]["uid"] == uid

    async def test_a_sub_of_another_group_is_somebody_else(self, anyone: Person, root: Person, secret: str) -> None:
        await root.post("/api/groups", {"slug": "docs", "name": "Docs", "origins": [SITE]})
        same: Json = {"jti": None, "iat": int(time.time()), "exp": int(time.time()) + 60}
        other = signed(await another_secret(root, "docs"), **same)
        there = await anyone.post("/api/groups/docs/sso", {"token": other}, headers=FROM_SITE)
        here = await entered(anyone, signed(secret, **same))
        assert (there.json()["user"]["uid"], here["user"]["uid"]) == ("anna.schmidt", "anna.schmidt2")

    async def test_a_name_like_that_of_a_moderator_is_told_apart(self, anyone: Person, secret: str) -> None:
        """Root is an admin, and made the group."""
        made = await entered(anyone, signed(secret, name="R\N{CYRILLIC SMALL LETTER O}ot"))
        assert made["user"]["name"].endswith(f" ({made['user']['uid']})")
        longest = await entered(anyone, signed(secret, sub="18", name="Root" + "!" * 76))
        assert len(longest["user"]["name"]) == 80

    async def test_a_disabled_one_stays_disabled(
        self, anyone: Person, root: Person, secret: str, nothing_changes: Unchanged
    ) -> None:
        made = await entered(anyone, signed(secret))
        await root.patch("/api/users/anna.schmidt", {"disabled": True})
        refused(await anyone.get("/api/me", headers={**FROM_SITE, **bearer(made["token"])}), 401)
        with nothing_changes():
            assert "disabled" in await turned_away(anyone, signed(secret, name="Anna Meier"), 403)

    async def test_one_that_was_deleted_is_another(self, anyone: Person, root: Person, secret: str) -> None:
        first = await entered(anyone, signed(secret))
        assert (await root.delete("/api/users/anna.schmidt")).status_code == 204
        refused(await anyone.get("/api/me", headers={**FROM_SITE, **bearer(first["token"])}), 401)
        again = await entered(anyone, signed(secret))
        assert again["user"]["created"] > first["user"]["created"]

    @in_turn(
        "said",
        [
            {"sub": None}, {"sub": 17}, {"sub": ""}, {"sub": "x" * 201}, {"sub": "a\nb"}, {"sub": None, "uid": "root"},
            {"name": None}, {"name": ""}, {"name": "x" * 81}, {"name": "a\x00b"}, {"name": 1},
            {"email": "nobody"}, {"email": 1}, {"moderator": "yes"}, {"moderator": 1},
        ],
    )  # fmt: skip
    async def test_claims_that_are_wrong_are_named(self, anyone: Person, secret: str, said: Json) -> None:
        given = {**jwt.decode(signed(secret), options=UNVERIFIED), **said}
        payload = json.dumps({name: value for name, value in given.items() if value is not None}).encode()
        token = jwt.PyJWS().encode(payload, secret, algorithm="HS256")
        assert next(iter(said)) in await turned_away(anyone, token)


class TestModerators:
    async def role(self, root: Person, uid: str = "anna.schmidt") -> str | None:
        members = (await root.get(f"{BLOG}/members")).json()["members"]
        return next((one["role"] for one in members if one["uid"] == uid), None)

    async def test_given_and_taken(self, anyone: Person, root: Person, secret: str) -> None:
        await entered(anyone, signed(secret))
        assert await self.role(root) == "member"
        for said, role in ((True, "moderator"), (False, "member"), (True, "moderator"), (None, "member")):
            await entered(anyone, signed(secret, moderator=said))
            assert await self.role(root) == role
        details = [entry["detail"] for entry in (await root.get(f"{BLOG}/audit")).json()["entries"]]
        assert details.count("moderator, by single sign-on") == 2

    async def test_from_the_beginning(self, anyone: Person, root: Person, secret: str) -> None:
        await entered(anyone, signed(secret, moderator=True))
        assert await self.role(root) == "moderator"
        await entered(anyone, signed(secret))
        assert await self.role(root) == "member"

    async def test_what_was_done_by_hand_stays(self, anyone: Person, root: Person, secret: str) -> None:
        await entered(anyone, signed(secret))
        await joined(root, "blog", "anna.schmidt", "moderator")
        await entered(anyone, signed(secret))
        assert await self.role(root) == "moderator"
        await entered(anyone, signed(secret, sub="18", name="Bert", moderator=True))
        await joined(root, "blog", "bert", "member")
        await entered(anyone, signed(secret, sub="18", name="Bert", moderator=True))
        assert await self.role(root, "bert") == "member"

    async def test_a_member_who_was_removed_stays_outside(self, anyone: Person, root: Person, secret: str) -> None:
        await entered(anyone, signed(secret))
        await root.delete(f"{BLOG}/members/anna.schmidt")
        await entered(anyone, signed(secret))
        assert await self.role(root) is None


class TestSecrets:
    async def test_one_follows_another(self, anyone: Person, root: Person, secret: str) -> None:
        new = await another_secret(root)
        assert new != secret
        assert len(new) >= 43
        old = await entered(anyone, signed(secret))
        kept = await entered(anyone, signed(new))
        shown = (await root.get(f"{BLOG}/secrets")).json()["secrets"]
        assert [one.keys() for one in shown] == [{"id", "created", "used", "secret"}] * 2
        assert {one["secret"] for one in shown} == {None}
        assert {one["used"] for one in shown} == {times.now()[:10]}
        refused(await root.post(f"{BLOG}/secrets"), 409)
        assert (await root.delete(f"{BLOG}/secrets/{shown[1]['id']}")).status_code == 204
        await turned_away(anyone, signed(secret))
        refused(await anyone.get("/api/me", headers={**FROM_SITE, **bearer(old["token"])}), 401)
        assert (await anyone.get("/api/me", headers={**FROM_SITE, **bearer(kept["token"])})).status_code == 200
        refused(await root.delete(f"{BLOG}/secrets/{shown[1]['id']}"), 404)

    async def test_another_groups_is_not_there(self, root: Person, alice: Person, secret: str) -> None:
        (known,) = (await root.get(f"{BLOG}/secrets")).json()["secrets"]
        refused(await alice.delete(f"/api/groups/class/secrets/{known['id']}"), 404)

    async def test_the_audit_trail_names_it_and_does_not_tell_it(self, root: Person, secret: str) -> None:
        entries = (await root.get(f"{BLOG}/audit")).json()["entries"]
        assert entries[0]["action"] == "secret.made"
        assert secret not in str(entries)

    class TestWhereSignUpIsClosed:
        @pytest.fixture
        def settings(self, instance: Any) -> Settings:
            return Settings(instance=instance, sign_up="closed")

        async def test_it_takes_an_admin(self, alice: Person, root: Person) -> None:
            refused(await alice.post("/api/groups/class/secrets"), 403)
            assert (await root.post("/api/groups/class/secrets")).status_code == 201
