"""/api/me: one's own account, and what one marked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from model.accounts import account, belongings, session
from pottle.store import Base
from tests.api.conftest import LOBBY, bearer, posted, refused, signed_in_again, wrong_fields
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person, World

NEW = {"password": "another password", "current_password": PASSWORD}


async def test_it_works(alice: Person) -> None:
    mine = await alice.get("/api/me")
    assert mine.status_code == 200
    assert mine.headers["Cache-Control"] == "no-store"
    account = mine.json()
    assert account.keys() == {"uid", "name", "email", "role", "avatar", "language", "created", "version"}
    assert (account["uid"], account["role"]) == ("alice", "user")
    assert (account["email"], account["avatar"], account["language"]) == (None, None, None)


async def test_it_rejects_nobody(anyone: Person) -> None:
    for answer in (
        await anyone.get("/api/me"),
        await anyone.patch("/api/me", {"name": "Nobody"}),
        await anyone.delete("/api/me", json={"password": PASSWORD}),
        await anyone.get("/api/me/tokens"),
        await anyone.get("/api/me/reactions?channel=1"),
    ):
        refused(answer, 401)


async def test_what_is_not_sent_stays(alice: Person) -> None:
    before = (await alice.get("/api/me")).json()
    changed = (await alice.patch("/api/me", {"email": "a@example.org"})).json()
    assert changed == {**before, "email": "a@example.org", "version": before["version"] + 1}
    assert (await alice.patch("/api/me", {"name": " Al "})).json()["name"] == "Al"
    assert (await alice.patch("/api/me", {"email": None})).json()["email"] is None


@pytest.mark.parametrize("nothing", [{}, {"current_password": PASSWORD}])
async def test_a_change_of_nothing_is_refused(
    alice: Person, nothing: dict[str, str], nothing_changes: Callable[..., object]
) -> None:
    with nothing_changes():  # type: ignore[attr-defined]
        refused(await alice.patch("/api/me", nothing), 422)


@in_turn("field", ["uid", "role", "version", "created", "password_hash", "avatar_hash", "id"])
async def test_what_the_server_owns_is_not_a_field(alice: Person, field: str) -> None:
    assert wrong_fields(await alice.patch("/api/me", {field: "1"})) == {field}


async def test_a_new_password_needs_the_current_one(alice: Person, nothing_changes: Callable[..., object]) -> None:
    with nothing_changes():  # type: ignore[attr-defined]
        assert wrong_fields(await alice.patch("/api/me", {"password": NEW["password"]})) == {"current_password"}
        assert wrong_fields(await alice.patch("/api/me", {**NEW, "password": "short"})) == {"password"}
        refused(await alice.patch("/api/me", {**NEW, "current_password": "wrong password"}), 403)


async def test_one_cannot_leave_without_the_password(alice: Person, nothing_changes: Callable[..., object]) -> None:
    with nothing_changes():  # type: ignore[attr-defined]
        refused(await alice.delete("/api/me", json={"password": "wrong password"}), 403)


async def test_guesses_at_ones_own_password_are_few(root: Person, alice: Person, anyone: Person) -> None:
    """Who finds a session open does not find out its password. An attempt that was right is given back."""
    for _ in range(account.FAILED_SIGN_INS.count + 1):
        name = {"password": PASSWORD, "current_password": PASSWORD}
        assert (await root.patch("/api/me", name)).status_code == 200
    for _ in range(account.FAILED_SIGN_INS.count - 1):
        refused(await alice.patch("/api/me", {**NEW, "current_password": "wrong password"}), 403)
    refused(await alice.delete("/api/me", json={"password": "wrong password"}), 403)

    refused(await alice.patch("/api/me", {**NEW, "current_password": PASSWORD}), 429)
    refused(await alice.delete("/api/me", json={"password": PASSWORD}), 429)
    assert (await anyone.post("/api/session", {"uid": "alice", "password": PASSWORD})).status_code == 201


class TestExport:
    """POST /api/me/export."""

    async def test_it_has_everything_of_ones_own_and_nothing_of_others(self, alice: Person, bob: Person) -> None:
        made = [await posted(bob, f"Bob's {number}") for number in range(3)]
        hers = await posted(alice, "Alice's own words")
        await bob.put(f"/api/posts/{hers['id']}/reactions/heart")
        await bob.patch(f"/api/posts/{made[0]['id']}", {"body": "Bob's edited"})
        token = (await bob.post("/api/me/tokens", {"name": "bell"})).json()["token"]
        answer = await bob.post("/api/me/export", {"password": PASSWORD})
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"] == 'attachment; filename="pottle-bob.json"'
        assert answer.headers["Cache-Control"] == "no-store"
        all_of_it = answer.json()
        assert [one["uid"] for one in all_of_it["account"]] == ["bob"]
        said = [(post["body"], post["channel"]) for post in all_of_it["posts"]]
        assert said == [("Bob's edited", "Lobby"), ("Bob's 1", "Lobby"), ("Bob's 2", "Lobby")]
        assert [(one["post_id"], one["kind"]) for one in all_of_it["reactions"]] == [(hers["id"], "heart")]
        assert [one["group"] for one in all_of_it["memberships"]] == ["class"]
        assert [one["name"] for one in all_of_it["tokens"]] == ["bell"]
        assert [entry["action"] for entry in all_of_it["activity"]][-2:] == ["token.made", "account.exported"]
        assert all_of_it.pop("about")["tokens"]["kept"] == "until it is deleted"  # as model/privacy.toml has it
        for others in ("Alice's own words", "alice", token, "_hash"):
            assert others not in str(all_of_it)

    async def test_it_has_every_table_that_is_somebodys(self, bob: Person) -> None:
        """A new resource of which it would lack a table is seen here."""
        of_users = {
            table.name
            for table in Base.metadata.sorted_tables
            if any(key.column.table.name == "users" for key in table.foreign_keys)
        }
        exported = (await bob.post("/api/me/export", {"password": PASSWORD})).json()
        assert of_users - exported.keys() == set()

    async def test_it_pages_through_more_than_a_portion(self, bob: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(belongings, "PORTION", 2)
        made = [(await posted(bob, f"Number {number}"))["id"] for number in range(4)]
        for post in made:
            for kind in ("heart", "eyes"):
                await bob.put(f"/api/posts/{post}/reactions/{kind}")
        exported = (await bob.post("/api/me/export", {"password": PASSWORD})).json()
        assert [post["id"] for post in exported["posts"]] == made
        assert len({(one["post_id"], one["kind"]) for one in exported["reactions"]}) == 8

    async def test_it_needs_the_password(self, bob: Person) -> None:
        refused(await bob.post("/api/me/export", {"password": "a guess"}), 403)
        assert wrong_fields(await bob.post("/api/me/export", {})) == {"password"}

    async def test_it_breaks_off_when_the_session_ends(self, bob: Person) -> None:
        who = await session.identify(bob.token)
        assert who is not None
        pieces = await belongings.take(who, PASSWORD)
        first = await anext(pieces)
        await bob.delete("/api/session")
        rest = first + b"".join([piece async for piece in pieces])
        assert b'"posts": [' not in rest
        assert not rest.rstrip().endswith(b"}")


async def test_the_last_admin_cannot_leave(root: Person, nothing_changes: Callable[..., object]) -> None:
    with nothing_changes():  # type: ignore[attr-defined]
        refused(await root.delete("/api/me", json={"password": PASSWORD}), 409)
    assert (await root.patch("/api/users/alice", {"role": "admin"})).status_code == 200
    assert (await root.delete("/api/me", json={"password": PASSWORD})).status_code == 204


async def test_leaving_ends_every_session_and_token(alice: Person, anyone: Person) -> None:
    other = await signed_in_again(anyone, "alice", PASSWORD)
    token = (await alice.post("/api/me/tokens", {"name": "program"})).json()["token"]

    assert (await alice.delete("/api/me", json={"password": PASSWORD})).status_code == 204

    refused(await alice.get("/api/me"), 401)
    for gone in (other, token):
        refused(await anyone.get("/api/me", headers=bearer(gone)), 401)
        refused(await anyone.post(LOBBY, {"body": "Still here"}, headers=bearer(gone)), 401)
    refused(await anyone.get("/api/users/alice"), 404)
    refused(await anyone.post("/api/session", {"uid": "alice", "password": PASSWORD}), 401)


async def test_posts_stay_without_the_name_of_who_left(alice: Person, anyone: Person) -> None:
    made = await posted(alice, "I was here")
    assert (await anyone.get(LOBBY)).json()["posts"] == [made]

    await alice.delete("/api/me", json={"password": PASSWORD})

    (left,) = (await anyone.get(LOBBY)).json()["posts"]
    assert left["body"] == "I was here"
    assert left["author"] == {"guest": "Former user"}
    assert "alice" not in (await anyone.get("/")).text.lower()


async def test_marks_go_with_who_left_at_once(alice: Person, charlie: Person, anyone: Person) -> None:
    made = await posted(alice)
    await charlie.put(f"/api/posts/{made['id']}/reactions/heart")
    assert (await anyone.get(LOBBY)).json()["posts"][0]["reactions"] == {"heart": 1}
    assert (await anyone.get(f"/api/posts/{made['id']}")).json()["reactions"] == {"heart": 1}

    await charlie.delete("/api/me", json={"password": PASSWORD})

    assert (await anyone.get(f"/api/posts/{made['id']}")).json()["reactions"] == {}
    assert (await anyone.get(LOBBY)).json()["posts"][0]["reactions"] == {}


class TestReactions:
    """GET /api/me/reactions?channel=."""

    async def test_it_works(self, alice: Person, bob: Person) -> None:
        first, second = await posted(alice), await posted(alice)
        for path in (f"{first['id']}/reactions/up", f"{second['id']}/reactions/eyes", f"{second['id']}/reactions/up"):
            await bob.put(f"/api/posts/{path}")
        await alice.put(f"/api/posts/{first['id']}/reactions/heart")

        mine = (await bob.get("/api/me/reactions?channel=1")).json()["reactions"]
        assert [(mark["post"], mark["kind"]) for mark in mine] == [
            (second["id"], "eyes"),
            (second["id"], "up"),
            (first["id"], "up"),
        ]

    async def test_other_channels_are_left_out(self, bob: Person, world: World) -> None:
        made = await posted(bob)
        await bob.put(f"/api/posts/{made['id']}/reactions/up")
        assert (await bob.get(f"/api/me/reactions?channel={world.class_channel}")).json() == {"reactions": []}

    async def test_a_hidden_channel_is_not_there(self, charlie: Person, world: World) -> None:
        refused(await charlie.get(f"/api/me/reactions?channel={world.class_channel}"), 404)

    @in_turn("channel", ["", "0", "-1", "abc", "1.5", str(10**30), "9" * 5000])
    async def test_it_rejects_what_is_no_channel(self, bob: Person, channel: str) -> None:
        assert wrong_fields(await bob.get(f"/api/me/reactions?channel={channel}")) == {"channel"}


class TestTokens:
    """GET and POST /api/me/tokens, DELETE /api/me/tokens/{id}."""

    async def test_it_works(self, alice: Person, anyone: Person) -> None:
        made = await alice.post("/api/me/tokens", {"name": "my program"})
        assert made.status_code == 201
        assert made.headers["Cache-Control"] == "no-store"
        token = bearer(made.json()["token"])
        assert (await anyone.get("/api/me", headers=token)).json()["uid"] == "alice"
        assert (await anyone.post(LOBBY, {"body": "I am a program"}, headers=token)).status_code == 201

        assert (await alice.delete(f"/api/me/tokens/{made.json()['id']}")).status_code == 204
        refused(await anyone.get("/api/me", headers=token), 401)
        refused(await anyone.post(LOBBY, {"body": "I am a program"}, headers=token), 401)

    async def test_the_list_shows_no_secrets(self, alice: Person, instance: Path) -> None:
        secrets = [(await alice.post("/api/me/tokens", {"name": name})).json()["token"] for name in ("one", "two")]
        listed = await alice.get("/api/me/tokens")
        assert [token["name"] for token in listed.json()["tokens"]] == ["two", "one"]
        for secret in secrets:
            assert secret not in listed.text
            assert all(secret.encode() not in file.read_bytes() for file in instance.iterdir())

    async def test_a_token_makes_no_tokens(self, alice: Person, anyone: Person) -> None:
        token = (await alice.post("/api/me/tokens", {"name": "my program"})).json()["token"]
        refused(await anyone.post("/api/me/tokens", {"name": "offspring"}, headers=bearer(token)), 403)

    async def test_somebody_elses_token_is_not_there(self, alice: Person, bob: Person, anyone: Person) -> None:
        made = (await alice.post("/api/me/tokens", {"name": "mine"})).json()
        refused(await bob.delete(f"/api/me/tokens/{made['id']}"), 404)
        assert (await bob.get("/api/me/tokens")).json() == {"tokens": []}
        assert (await anyone.get("/api/me", headers=bearer(made["token"]))).status_code == 200

    @pytest.mark.parametrize("name", ["", " ", "n" * 81])
    async def test_it_rejects_a_bad_name(self, alice: Person, name: str) -> None:
        assert wrong_fields(await alice.post("/api/me/tokens", {"name": name})) == {"name"}
