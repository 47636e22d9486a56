"""/api/groups/{slug}/channels and /api/channels/{id}."""

from collections.abc import Callable

from tests.api.conftest import opened, posted, refused, wrong_fields
from tests.cases import in_turn
from tests.conftest import Person, World

HOME = "/api/groups/home/channels"


async def test_it_works(alice: Person, anyone: Person) -> None:
    made = await alice.post(HOME, {"key": "/blog/1", "title": "First", "url": "https://blog.example/1"})
    assert made.status_code == 201
    channel = made.json()
    assert made.headers["Location"] == f"/api/channels/{channel['id']}"
    assert channel.pop("created") == channel.pop("active")
    assert channel == {
        "id": channel["id"],
        "group": "home",
        "key": "/blog/1",
        "title": "First",
        "url": "https://blog.example/1",
        "locked": False,
        "pinned": False,
        "posts": 0,
        "state": "published",
        "version": 1,
    }
    assert (await anyone.get(f"/api/channels/{channel['id']}")).json() == made.json()


async def test_asking_again_gets_the_same_one(alice: Person, charlie: Person, anyone: Person) -> None:
    made = await alice.post(HOME, {"key": "room"})
    assert made.json()["title"] == "room"
    for who in (alice, charlie, anyone):
        again = await who.post(HOME, {"key": "room", "title": "Another title"})
        assert again.status_code == 200
        assert again.json() == made.json()


async def test_keys_are_each_groups_own(alice: Person, world: World) -> None:
    made = await alice.post(HOME, {"key": "room"})
    assert made.status_code == 201
    assert made.json()["id"] != world.class_channel


async def test_it_rejects_those_who_may_not_post(
    anyone: Person, charlie: Person, bob: Person, root: Person, nothing_changes: Callable[..., object]
) -> None:
    await opened(root, "site", posting="members")
    with nothing_changes():  # type: ignore[attr-defined]
        refused(await anyone.post(HOME, {"key": "room"}), 401)
        refused(await bob.post("/api/groups/site/channels", {"key": "new"}), 403)
        refused(await charlie.post("/api/groups/class/channels", {"key": "room"}), 404)
        refused(await charlie.post("/api/groups/nowhere/channels", {"key": "room"}), 404)


@in_turn(
    ("field", "value"),
    [
        ("key", ""),
        ("key", " "),
        ("key", "k" * 301),
        ("title", ""),
        ("title", "t" * 201),
        ("url", "javascript:alert(1)"),
        ("url", "//blog.example"),
        ("url", "https://blog.example/a b"),
        ("url", "https://blog.example/\n"),
        ("url", "https://"),
        ("url", "https://blog.example/" + "u" * 2000),
    ],
)
async def test_it_rejects_bad_values(alice: Person, field: str, value: str) -> None:
    assert wrong_fields(await alice.post(HOME, {"key": "room", field: value})) == {field}


async def test_one_is_found_by_its_key(anyone: Person, alice: Person) -> None:
    key = "/blog/ä?&=#/%"
    made = (await alice.post(HOME, {"key": key})).json()
    found = (await anyone.get(HOME, params={"key": key})).json()
    assert found == {"channels": [made], "next": None, "prev": None}
    assert (await anyone.get(HOME, params={"key": "missing"})).json()["channels"] == []


async def test_a_new_one_is_found_at_once(anyone: Person, alice: Person) -> None:
    assert (await anyone.get(f"{HOME}?key=room")).json()["channels"] == []
    await anyone.get("/")
    made = (await alice.post(HOME, {"key": "room", "title": "The room"})).json()
    assert (await anyone.get(f"{HOME}?key=room")).json()["channels"] == [made]
    assert "The room" in (await anyone.get("/")).text


async def test_the_number_of_posts_is_right_at_once(anyone: Person, alice: Person) -> None:
    async def counted() -> set[int]:
        return {
            (await anyone.get("/api/channels/1")).json()["posts"],
            (await anyone.get(HOME)).json()["channels"][0]["posts"],
            (await anyone.get("/api/counts?group=home&key=lobby")).json()["counts"]["lobby"],
        }

    assert await counted() == {0}
    made = await posted(alice)
    assert await counted() == {1}
    await alice.delete(f"/api/posts/{made['id']}")
    assert await counted() == {0}


async def test_a_moderator_changes_title_and_lock(alice: Person, bob: Person, world: World) -> None:
    path = f"/api/channels/{world.class_channel}"
    before = (await bob.get(path)).json()
    changed = (await alice.patch(path, {"title": "Our room"})).json()
    assert changed == {**before, "title": "Our room", "version": 2}
    changed = (await alice.patch(path, {"locked": True})).json()
    assert changed == {**before, "title": "Our room", "locked": True, "version": 3}
    assert (await bob.get(path)).json() == changed


async def test_others_do_not(
    bob: Person, charlie: Person, anyone: Person, world: World, nothing_changes: Callable[..., object]
) -> None:
    private = f"/api/channels/{world.class_channel}"
    with nothing_changes():  # type: ignore[attr-defined]
        for path, who, status in (
            (private, bob, 403),
            (private, charlie, 404),
            (private, anyone, 401),
            ("/api/channels/1", charlie, 403),
        ):
            refused(await who.patch(path, {"title": "Mine"}), status)
            refused(await who.delete(path), status)


@in_turn("fields", [{}, {"title": None}, {"locked": "yes"}, {"locked": None}, {"key": "x"}, {"posts": 3}])
async def test_it_rejects_a_bad_change(root: Person, fields: dict[str, object]) -> None:
    assert wrong_fields(await root.patch("/api/channels/1", fields)) == (set(fields) or {""})


async def test_a_locked_one_takes_posts_from_moderators_only(alice: Person, bob: Person, world: World) -> None:
    path = f"/api/channels/{world.class_channel}"
    earlier = await posted(bob, channel=world.class_channel)
    await alice.patch(path, {"locked": True})

    refused(await bob.post(f"{path}/posts", {"body": "Hello"}), 403)
    refused(await bob.patch(f"/api/posts/{earlier['id']}", {"body": "Edited"}), 403)
    assert (await bob.get(f"{path}/posts")).json()["posts"] == [earlier]
    await posted(alice, channel=world.class_channel)

    await alice.patch(path, {"locked": False})
    await posted(bob, channel=world.class_channel)


async def test_deleting_takes_the_posts_along(alice: Person, bob: Person, world: World) -> None:
    made = await posted(bob, channel=world.class_channel)
    path = f"/api/channels/{world.class_channel}"
    assert (await alice.delete(path)).status_code == 204
    for gone in (path, f"{path}/posts", f"/api/posts/{made['id']}"):
        refused(await bob.get(gone), 404)
    again = await alice.post("/api/groups/class/channels", {"key": "room"})
    assert again.status_code == 201
    assert again.json()["id"] > world.class_channel


class TestCounts:
    """GET /api/counts."""

    async def test_it_works(self, alice: Person, anyone: Person) -> None:
        await posted(alice)
        await posted(alice)
        counted = await anyone.get("/api/counts?group=home&key=lobby&key=/missing")
        assert counted.status_code == 200
        assert counted.json() == {"counts": {"lobby": 2, "/missing": 0}}

    async def test_keys_come_back_as_they_were_sent(self, anyone: Person) -> None:
        keys = ["snake_case", "camelCase", "Title-Case"]  # quart-schema could rewrite them
        counted = await anyone.get("/api/counts", params={"group": "home", "key": keys})
        assert counted.json() == {"counts": dict.fromkeys(keys, 0)}

    async def test_a_single_key_is_a_list_too(self, anyone: Person) -> None:
        assert (await anyone.get("/api/counts?group=home&key=a")).json() == {"counts": {"a": 0}}

    async def test_a_hidden_group_is_not_there(self, charlie: Person, anyone: Person, bob: Person) -> None:
        for who in (charlie, anyone):
            refused(await who.get("/api/counts?group=class&key=room"), 404)
        assert (await bob.get("/api/counts?group=class&key=room")).json() == {"counts": {"room": 0}}

    @in_turn(
        ("query", "field"),
        [
            ("key=a", "group"),
            ("group=home", "key"),
            ("group=HOME&key=a", "group"),
            ("group=home&key=", "key"),
            ("group=home&key=a%00", "key"),
            ("group=home&key=a&page=1", "page"),
            ("group=home" + "&key=a" * 101, "key"),
        ],
    )
    async def test_it_rejects_a_bad_question(self, anyone: Person, query: str, field: str) -> None:
        assert wrong_fields(await anyone.get(f"/api/counts?{query}")) == {field}


async def test_by_activity_what_was_said_last_comes_first_and_pinned_ones_before_all(
    alice: Person, anyone: Person, root: Person
) -> None:
    async def titles(query: str = "") -> list[str]:
        found = (await anyone.get(f"{HOME}?order=active&limit=2{query}")).json()
        return [*(each["title"] for each in found["channels"]), found["next"] or ""]

    one, two, three = [(await alice.post(HOME, {"title": title})).json() for title in ("One", "Two", "Three")]
    *first, cursor = await titles()
    assert first == ["Three", "Two"]
    assert await titles(f"&before={cursor}") == ["One", "Lobby", ""]
    said = await alice.post(f"/api/channels/{one['id']}/posts", {"body": "Something"})
    assert (await titles())[:2] == ["One", "Three"]
    assert (await anyone.get(f"/api/channels/{one['id']}")).json()["active"] == said.json()["created"]
    await alice.delete(f"/api/posts/{said.json()['id']}")
    assert (await titles())[:2] == ["One", "Three"]
    assert (await root.patch(f"/api/channels/{two['id']}", {"pinned": True})).status_code == 200
    assert (await titles())[:2] == ["Two", "One"]
    await alice.post(f"/api/channels/{three['id']}/posts", {"body": "More"})
    assert (await titles())[:2] == ["Two", "Three"]
    await root.patch(f"/api/channels/{two['id']}", {"pinned": False})
    assert (await titles())[:2] == ["Three", "One"]
