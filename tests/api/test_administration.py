"""GET /api/users, PATCH and DELETE /api/users/{uid}: what admins do with accounts."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import pytest

from model.accounts import account, session
from pottle.errors import Forbidden, Unauthenticated
from pottle.store import db
from tests.api.conftest import LOBBY, bearer, posted, refused, signed_in_again, wrong_fields
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person

Watch = Callable[[], AbstractContextManager[None]]
BOB = {"uid": "bob", "password": PASSWORD}


async def changed(root: Person, uid: str, **fields: object) -> None:
    answer = await root.patch(f"/api/users/{uid}", fields)
    assert answer.status_code == 200, answer.text


class TestListing:
    """GET /api/users."""

    async def test_it_works(self, root: Person) -> None:
        listed = (await root.get("/api/users")).json()
        assert [user["uid"] for user in listed["users"]] == ["root", "charlie", "bob", "alice"]
        assert (listed["next"], listed["prev"]) == (None, None)
        bob = listed["users"][2]
        fields = {"uid", "name", "email", "role", "disabled", "avatar", "language", "created", "version"}
        assert bob.keys() == fields | {"second_factor"}
        assert (bob["name"], bob["role"], bob["disabled"]) == ("Bob", "user", None)

    async def test_it_comes_in_pages(self, root: Person) -> None:
        first = (await root.get("/api/users", params={"limit": 3})).json()
        second = (await root.get("/api/users", params={"limit": 3, "before": first["next"]})).json()
        assert [user["uid"] for user in first["users"] + second["users"]] == ["root", "charlie", "bob", "alice"]

    @in_turn(
        ("q", "found"),
        [("BO", ["bob"]), ("ob", []), ("mill", ["bob"]), (" bob ", ["bob"]), ("%", []), ("_ob", []), ("\\", [])],
    )
    async def test_it_finds_by_the_beginning_of_the_uid_or_of_a_name(
        self, root: Person, bob: Person, q: str, found: list[str]
    ) -> None:
        await bob.patch("/api/me", {"name": "Bob Miller"})
        listed = (await root.get("/api/users", params={"q": q})).json()
        assert [user["uid"] for user in listed["users"]] == found

    async def test_it_rejects_everybody_else(self, alice: Person, anyone: Person) -> None:
        refused(await anyone.get("/api/users"), 401)
        refused(await alice.get("/api/users"), 403)

    async def test_it_rejects_what_is_too_long(self, root: Person) -> None:
        assert wrong_fields(await root.get("/api/users", params={"q": "a" * 81})) == {"q"}


class TestDisabling:
    """PATCH with `disabled`."""

    async def test_it_works(self, root: Person, bob: Person, anyone: Person) -> None:
        made = await posted(bob, "Still here")
        answer = await root.patch("/api/users/bob", {"disabled": True})
        assert answer.status_code == 200
        assert answer.json()["disabled"] > made["created"]
        refused(await bob.get("/api/me"), 401)
        refused(await bob.post(LOBBY, {"body": "And here"}), 401)
        assert (await anyone.get(LOBBY)).json()["posts"] == [made]
        assert (await anyone.get("/api/users/bob")).json()["name"] == "Bob"

    async def test_only_who_knows_the_password_learns_of_it(self, root: Person, anyone: Person) -> None:
        await changed(root, "bob", disabled=True)
        assert refused(await anyone.post("/api/session", BOB), 403)["detail"] == "This account is disabled."
        refused(await anyone.post("/api/session", {**BOB, "password": "wrong"}), 401)

    async def test_its_tokens_rest_until_it_is_enabled_and_its_sessions_are_over(
        self, root: Person, bob: Person, anyone: Person
    ) -> None:
        token = bearer((await bob.post("/api/me/tokens", {"name": "bell"})).json()["token"])
        assert (await anyone.get("/api/me", headers=token)).status_code == 200
        await changed(root, "bob", disabled=True)
        refused(await anyone.get("/api/me", headers=token), 401)
        refused(await anyone.post(LOBBY, {"body": "Ding"}, headers=token), 401)
        await changed(root, "bob", disabled=False)
        assert (await anyone.get("/api/me", headers=token)).status_code == 200
        refused(await bob.get("/api/me"), 401)
        again = bearer(await signed_in_again(anyone, "bob", PASSWORD))
        assert (await anyone.get("/api/me", headers=again)).status_code == 200

    async def test_twice_is_once(self, root: Person) -> None:
        first = (await root.patch("/api/users/bob", {"disabled": True})).json()
        assert (await root.patch("/api/users/BOB", {"disabled": True})).json() == first

    async def test_a_write_that_was_on_its_way_is_refused(self, root: Person, bob: Person) -> None:
        """Its asker was looked up before the account was disabled; the write confirms it again in its transaction."""
        identity = await session.identify(bob.token)
        assert identity
        await changed(root, "bob", disabled=True)
        with pytest.raises(Unauthenticated):
            await db.write(partial(session.confirm, identity=identity))

    async def test_no_code_can_give_it_a_session(self, root: Person, bob: Person) -> None:
        """Whatever makes a session, a password or a code, makes it in a unit that refuses."""
        identity = await session.identify(bob.token)
        assert identity
        await changed(root, "bob", disabled=True)
        with pytest.raises(Forbidden):
            await account._start(identity.user, "party", "", "", "")

    async def test_the_last_admin_stays(self, root: Person, nothing_changes: Watch) -> None:
        with nothing_changes():
            refused(await root.patch("/api/users/root", {"disabled": True}), 409)
            refused(await root.patch("/api/users/root", {"role": "user"}), 409)

    async def test_a_disabled_admin_is_none(self, root: Person) -> None:
        await changed(root, "alice", role="admin")
        await changed(root, "alice", disabled=True)
        refused(await root.patch("/api/users/root", {"role": "user"}), 409)
        await changed(root, "alice", disabled=False)
        await changed(root, "root", disabled=True)
        refused(await root.get("/api/users"), 401)

    async def test_it_rejects_everybody_else(
        self, alice: Person, bob: Person, anyone: Person, nothing_changes: Watch
    ) -> None:
        with nothing_changes():
            refused(await anyone.patch("/api/users/bob", {"disabled": True}), 401)
            refused(await alice.patch("/api/users/bob", {"disabled": True}), 403)
            refused(await bob.patch("/api/users/bob", {"role": "admin"}), 403)

    async def test_it_rejects_an_unknown_user(self, root: Person) -> None:
        refused(await root.patch("/api/users/nobody", {"disabled": True}), 404)

    async def test_it_rejects_nothing_and_nonsense(self, root: Person) -> None:
        refused(await root.patch("/api/users/bob", {}), 422)
        assert wrong_fields(await root.patch("/api/users/bob", {"role": "king", "disabled": 1, "name": "B"})) == {
            "role",
            "disabled",
            "name",
        }

    async def test_a_role_and_disabled_at_once_are_one_edit(self, root: Person) -> None:
        before = (await root.get("/api/users", params={"q": "bob"})).json()["users"][0]
        await changed(root, "bob", role="admin", disabled=True)
        after = (await root.get("/api/users", params={"q": "bob"})).json()["users"][0]
        assert (after["role"], bool(after["disabled"])) == ("admin", True)
        assert after["version"] == before["version"] + 1

    async def test_it_rejects_an_old_version(self, root: Person, bob: Person) -> None:
        seen = (await root.get("/api/users", params={"q": "bob"})).json()["users"][0]
        await bob.patch("/api/me", {"name": "Bobby"})
        match = {"If-Match": f'"{seen["version"]}-0"'}
        refused(await root.patch("/api/users/bob", {"disabled": True}, headers=match), 412)


class TestRoles:
    """PATCH with `role`."""

    async def test_it_works_at_once(self, root: Person, bob: Person) -> None:
        refused(await bob.get("/api/users"), 403)
        assert (await root.patch("/api/users/bob", {"role": "admin"})).json()["role"] == "admin"
        assert (await bob.get("/api/users")).status_code == 200
        await changed(root, "bob", role="user")
        refused(await bob.get("/api/users"), 403)

    async def test_what_an_admin_sees_goes_with_the_role(self, root: Person, charlie: Person) -> None:
        refused(await charlie.get("/api/groups/class"), 404)
        await changed(root, "charlie", role="admin")
        assert (await charlie.get("/api/groups/class")).status_code == 200
        await changed(root, "charlie", role="user")
        refused(await charlie.get("/api/groups/class"), 404)

    async def test_an_admin_may_step_down_where_there_is_another(self, root: Person) -> None:
        await changed(root, "alice", role="admin")
        await changed(root, "root", role="user")
        refused(await root.patch("/api/users/alice", {"role": "user"}), 403)

    async def test_a_name_stays_as_it_is(self, root: Person) -> None:
        before = (await root.get("/api/users", params={"q": "bob"})).json()["users"][0]
        after = (await root.patch("/api/users/bob", {"role": "admin"})).json()
        assert after == {**before, "role": "admin", "version": before["version"] + 1}


class TestDelete:
    """DELETE /api/users/{uid}."""

    async def test_posts_stay_without_a_name(self, root: Person, bob: Person, anyone: Person) -> None:
        mine = await posted(bob, "Mine")
        assert (await root.delete("/api/users/BOB")).status_code == 204
        refused(await anyone.get("/api/users/bob"), 404)
        refused(await bob.get("/api/me"), 401)
        assert (await anyone.get(f"/api/posts/{mine['id']}")).json()["author"] == {"guest": "Former user"}

    async def test_it_is_in_the_audit_trail(self, root: Person) -> None:
        await root.delete("/api/users/bob")
        entry = (await root.get("/api/audit", params={"uid": "bob"})).json()["entries"][0]
        assert (entry["action"], entry["actor"]) == ("user.deleted", "root")

    async def test_of_an_older_version_it_is_refused(self, root: Person, nothing_changes: Watch) -> None:
        with nothing_changes():
            refused(await root.delete("/api/users/bob", headers={"If-Match": '"0-abc"'}), 412)

    async def test_ones_own_needs_the_password(self, root: Person, nothing_changes: Watch) -> None:
        with nothing_changes():
            refused(await root.delete("/api/users/Root"), 403)

    async def test_it_rejects_everybody_else(
        self, alice: Person, bob: Person, anyone: Person, nothing_changes: Watch
    ) -> None:
        with nothing_changes():
            refused(await anyone.delete("/api/users/bob"), 401)
            refused(await alice.delete("/api/users/bob"), 403)
            refused(await bob.delete("/api/users/bob"), 403)

    async def test_it_rejects_an_unknown_user(self, root: Person) -> None:
        refused(await root.delete("/api/users/nobody"), 404)
