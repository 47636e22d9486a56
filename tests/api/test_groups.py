"""/api/groups and /api/groups/{slug}."""

from collections.abc import Callable

import pytest

from pottle.store import changes, db
from tests.api.conftest import joined, opened, posted, refused, wrong_fields
from tests.cases import in_turn
from tests.conftest import Person

CHESS = {"slug": "chess", "name": "Chess club"}


async def test_it_works(root: Person, anyone: Person) -> None:
    made = await root.post("/api/groups", {**CHESS, "origins": ["https://chess.example"], "review": "guests"})
    assert made.status_code == 201
    assert made.headers["Location"] == "/api/groups/chess"
    group = made.json()
    created = group.pop("created")
    assert created.endswith("Z")
    assert group == {
        "slug": "chess",
        "name": "Chess club",
        "origins": ["https://chess.example"],
        "reading": "public",
        "posting": "users",
        "review": "guests",
        "anonymous": False,
        "images": False,
        "version": 1,
    }
    assert (await anyone.get("/api/groups/chess")).json() == made.json()
    assert (await root.get("/api/groups/chess/members")).json()["members"] == [
        {"uid": "root", "name": "Root", "role": "moderator"}
    ]


async def test_only_an_admin_makes_one(alice: Person, anyone: Person, nothing_changes: Callable[..., object]) -> None:
    with nothing_changes():  # type: ignore[attr-defined]
        refused(await alice.post("/api/groups", CHESS), 403)
        refused(await anyone.post("/api/groups", CHESS), 401)


async def test_a_slug_is_taken_once(root: Person) -> None:
    refused(await root.post("/api/groups", {**CHESS, "slug": "class"}), 409)


@in_turn("slug", ["", "Chess", "ch ess", "chess/", "-chess", "chess-", "a--b", "chess\n", "é", "c" * 61])
async def test_it_rejects_a_bad_slug(root: Person, slug: str) -> None:
    assert wrong_fields(await root.post("/api/groups", {**CHESS, "slug": slug})) == {"slug"}


@in_turn(
    "origin",
    [
        "",
        "*",
        "chess.example",
        "https://chess.example/",
        "https://chess.example/path",
        "https://*.example",
        "https://chess.example\n",
        "https://chess.example; script-src *",
        "https://chess.example https://evil.example",
        "javascript:alert(1)",
        "null",
        "https://",
    ],
)
async def test_it_rejects_what_is_no_origin(root: Person, origin: str) -> None:
    assert wrong_fields(await root.post("/api/groups", {**CHESS, "origins": [origin]})) == {"origins"}


@pytest.mark.parametrize("field", ["reading", "posting", "review"])
async def test_it_rejects_an_unknown_rule(root: Person, alice: Person, field: str) -> None:
    assert wrong_fields(await root.post("/api/groups", {**CHESS, field: "anarchy"})) == {field}
    assert wrong_fields(await alice.patch("/api/groups/class", {field: None})) == {field}


async def test_the_list_shows_what_one_may_see(anyone: Person, charlie: Person, bob: Person, root: Person) -> None:
    for who, seen in ((anyone, ["home"]), (charlie, ["home"]), (bob, ["class", "home"]), (root, ["class", "home"])):
        listed = (await who.get("/api/groups")).json()
        assert [group["slug"] for group in listed["groups"]] == seen
        assert (listed["next"], listed["prev"]) == (None, None)


async def test_a_new_group_is_listed_at_once(root: Person, anyone: Person) -> None:
    await anyone.get("/api/groups")
    await root.post("/api/groups", CHESS)
    assert [group["slug"] for group in (await anyone.get("/api/groups")).json()["groups"]] == ["chess", "home"]


async def test_a_moderator_changes_the_rules(alice: Person, bob: Person) -> None:
    before = (await bob.get("/api/groups/class")).json()
    changed = await alice.patch("/api/groups/class", {"name": "Class 5b", "review": "all"})
    assert changed.json() == {**before, "name": "Class 5b", "review": "all", "version": before["version"] + 1}
    assert (await bob.get("/api/groups/class")).json() == changed.json()


async def test_others_do_not(
    bob: Person, charlie: Person, anyone: Person, nothing_changes: Callable[..., object]
) -> None:
    with nothing_changes():  # type: ignore[attr-defined]
        refused(await bob.patch("/api/groups/class", {"name": "Ours"}), 403)
        refused(await charlie.patch("/api/groups/class", {"name": "Ours"}), 404)
        refused(await charlie.patch("/api/groups/home", {"name": "Ours"}), 403)
        refused(await anyone.patch("/api/groups/home", {"name": "Ours"}), 401)


@pytest.mark.parametrize("fields", [{}, {"slug": "other"}, {"version": 7}])
async def test_a_slug_does_not_change(alice: Person, fields: dict[str, object]) -> None:
    assert wrong_fields(await alice.patch("/api/groups/class", fields)) == (set(fields) or {""})


async def test_closing_a_group_hides_it_at_once(root: Person, anyone: Person, charlie: Person) -> None:
    channel = await opened(root, "chess")
    made = await posted(root, "A secret from now on", channel)
    paths = [
        "/api/groups/chess",
        "/api/groups/chess/channels",
        f"/api/channels/{channel}",
        f"/api/channels/{channel}/posts",
        f"/api/posts/{made['id']}",
        "/api/counts?group=chess&key=room",
        f"/channels/{channel}",
    ]
    for path in paths:
        assert (await anyone.get(path)).status_code == 200
    assert "chess" in (await anyone.get("/")).text

    await root.patch("/api/groups/chess", {"reading": "members"})

    for path in paths:
        assert (await anyone.get(path)).status_code == 404
        assert (await charlie.get(path)).status_code == 404
    for path in ("/", "/api/groups"):
        assert "chess" not in (await anyone.get(path)).text.lower()


async def test_opening_a_group_shows_it_at_once(root: Person, anyone: Person) -> None:
    channel = await opened(root, "chess", reading="members")
    refused(await anyone.get(f"/api/channels/{channel}"), 404)
    assert "chess" not in (await anyone.get("/")).text
    await root.patch("/api/groups/chess", {"reading": "public"})
    assert (await anyone.get(f"/api/channels/{channel}")).status_code == 200
    assert "chess" in (await anyone.get("/")).text


async def test_an_admin_deletes_a_group_with_all_that_is_in_it(root: Person, anyone: Person) -> None:
    channel = await opened(root, "chess")
    made = await posted(root, channel=channel)
    paths = ["/api/groups/chess", f"/api/channels/{channel}", f"/api/posts/{made['id']}"]
    for path in paths:
        assert (await anyone.get(path)).status_code == 200
    assert (await root.delete("/api/groups/chess")).status_code == 204
    for path in paths:
        refused(await anyone.get(path), 404)
    assert await db.read(changes.position, f"channel:{channel}") == 0, "nor is its stream left"
    assert await opened(root, "chess") > channel  # an id is never given twice


async def test_a_moderator_does_not_delete_it(alice: Person, root: Person) -> None:
    refused(await alice.delete("/api/groups/class"), 403)
    refused(await root.delete("/api/groups/chess"), 404)


class TestMembers:
    """/api/groups/{slug}/members."""

    async def test_it_works(self, alice: Person, charlie: Person) -> None:
        made = await alice.post("/api/groups/class/members", {"uid": "CHARLIE"})
        assert made.status_code == 201
        assert made.json() == {"uid": "charlie", "name": "Charlie", "role": "member"}
        assert (await charlie.get("/api/groups/class")).status_code == 200

        listed = (await alice.get("/api/groups/class/members")).json()
        assert listed["members"] == [
            {"uid": "root", "name": "Root", "role": "moderator"},
            {"uid": "charlie", "name": "Charlie", "role": "member"},
            {"uid": "bob", "name": "Bob", "role": "member"},
            {"uid": "alice", "name": "Alice", "role": "moderator"},
        ]

        assert (await alice.delete("/api/groups/class/members/charlie")).status_code == 204
        refused(await charlie.get("/api/groups/class"), 404)

    async def test_adding_twice_is_adding_once(self, alice: Person) -> None:
        for _ in range(2):
            assert (await alice.post("/api/groups/class/members", {"uid": "charlie"})).status_code == 201
        assert len((await alice.get("/api/groups/class/members")).json()["members"]) == 4

    async def test_a_role_can_be_given_and_taken(self, alice: Person, bob: Person) -> None:
        await alice.post("/api/groups/class/members", {"uid": "bob", "role": "moderator"})
        assert (await bob.get("/api/groups/class/members")).status_code == 200
        await alice.post("/api/groups/class/members", {"uid": "bob", "role": "member"})
        refused(await bob.get("/api/groups/class/members"), 403)

    async def test_only_moderators_see_and_change_them(
        self, bob: Person, charlie: Person, anyone: Person, nothing_changes: Callable[..., object]
    ) -> None:
        with nothing_changes():  # type: ignore[attr-defined]
            for who, status in ((bob, 403), (charlie, 404), (anyone, 401)):
                refused(await who.get("/api/groups/class/members"), status)
                refused(await who.post("/api/groups/class/members", {"uid": "charlie"}), status)
                refused(await who.delete("/api/groups/class/members/bob"), status)

    async def test_an_unknown_user_is_not_there(self, alice: Person) -> None:
        refused(await alice.post("/api/groups/class/members", {"uid": "nobody"}), 404)
        refused(await alice.delete("/api/groups/class/members/nobody"), 404)
        refused(await alice.delete("/api/groups/class/members/charlie"), 404)

    async def test_the_list_has_pages(self, root: Person) -> None:
        await opened(root, "chess")
        for uid in ("alice", "bob", "charlie"):
            await joined(root, "chess", uid)
        first = (await root.get("/api/groups/chess/members?limit=3")).json()
        rest = (await root.get(f"/api/groups/chess/members?limit=3&before={first['next']}")).json()
        uids = [member["uid"] for page in (first, rest) for member in page["members"]]
        assert uids == ["root", "charlie", "bob", "alice"]
        assert rest["next"] is None


async def test_a_list_ends_early_where_groups_are_large(root: Person, anyone: Person) -> None:
    origins = [f"https://{'a' * 180}{number}.example" for number in range(50)]
    for number in range(20):
        new = {"slug": f"g{number}", "name": "Large", "origins": origins}
        assert (await root.post("/api/groups", new)).status_code == 201
    answer, seen = await anyone.get("/api/groups?limit=100"), list[str]()
    while seen := [*seen, *(group["slug"] for group in answer.json()["groups"])]:
        assert len(answer.content) < 200_000
        if not (cursor := answer.json()["next"]):
            break
        answer = await anyone.get(f"/api/groups?limit=100&before={cursor}")
    assert seen == [*(f"g{number}" for number in reversed(range(20))), "home"]
