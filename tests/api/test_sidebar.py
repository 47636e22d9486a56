"""/api/sidebar: what stands beside the pages, and when it changes."""

import pytest

from tests.conftest import Person, World

SIDEBAR = "/api/sidebar"


async def shown(who: Person) -> dict[str, list[str]]:
    found = (await who.get(SIDEBAR)).json()
    return {group["slug"]: [channel["title"] for channel in group["channels"]] for group in found["groups"]}


async def test_it_works(alice: Person, anyone: Person, world: World) -> None:
    """One's own groups come first, by what was said last; what others do not see is not there."""
    assert await shown(anyone) == {"home": ["Lobby"]}
    assert [*await shown(alice)] == ["class", "home"]
    made = (await alice.post("/api/groups/class/channels", {"title": "Tides"})).json()
    assert (await shown(alice))["class"][0] == "Tides"
    await alice.post(f"/api/channels/{world.class_channel}/posts", {"body": "Hello"})
    assert (await shown(alice))["class"][1] == "Tides"
    own, home = (await alice.get(SIDEBAR)).json()["groups"]
    assert (own["standing"], own["channels"][0]["posts"], own["more"]) == ("moderator", 1, False)
    assert home["standing"] is None
    assert "posts" not in home["channels"][0]
    await alice.delete(f"/api/channels/{made['id']}")
    assert "Tides" not in (await shown(alice))["class"]


async def test_unread_posts_are_counted(alice: Person, bob: Person, world: World) -> None:
    await alice.post(f"/api/channels/{world.class_channel}/posts", {"body": "Hello"})
    (channel,) = (await bob.get(SIDEBAR)).json()["groups"][0]["channels"]
    assert (channel["id"], channel["unread"]) == (world.class_channel, 1)
    assert (await alice.get(SIDEBAR)).json()["groups"][0]["channels"][0]["unread"] == 0


@pytest.mark.parametrize("key", ["/old", "lobby"])
async def test_the_lobby_is_always_there_and_what_is_new_is_before_the_rest(
    alice: Person, anyone: Person, key: str
) -> None:
    for number in range(8):
        await alice.post("/api/groups/home/channels", {"key": f"/{number}"})
    await alice.post("/api/groups/home/channels", {"key": key})
    assert (await shown(anyone))["home"][:3] == ["Lobby", *(["/old", "/7"] if key == "/old" else ["/7", "/6"])]
    assert (await anyone.get(SIDEBAR)).json()["groups"][0]["more"] is True


async def test_pages_show_it_and_whoever_is_in_one_group_alone_arrives_there(
    alice: Person, bob: Person, anyone: Person, root: Person, world: World
) -> None:
    arrived = await bob.get("/")
    assert (arrived.status_code, arrived.headers["Location"]) == (303, "/groups/class")
    page = (await bob.get("/groups/class")).text
    assert page.count(f'href="/channels/{world.class_channel}"') == 2  # in the sidebar, and in the list
    assert "Alice" in page
    assert "Alice" not in (await root.get("/groups/home")).text
    await root.post("/api/groups/home/members", {"uid": "bob"})
    assert (await bob.get("/")).status_code == 200
    for path in ("/", "/channels/1", "/groups/home", "/discussions"):
        before = (await anyone.get(path)).text
        await alice.post("/api/groups/home/channels", {"title": f"Seen at {path}"})
        assert f"Seen at {path}" in (await anyone.get(path)).text.replace("&#x2F;", "/"), before


async def test_an_admin_is_told_the_next_steps_until_they_are_done(root: Person, alice: Person, anyone: Person) -> None:
    await root.delete("/api/groups/class")
    assert "Welcome!" in (await root.get("/")).text
    assert "Welcome!" not in (await anyone.get("/")).text
    await root.post("/api/groups", {"slug": "4b", "name": "Class 4b"})
    assert 'href="/groups/4b/manage#invitations"' in (await root.get("/")).text
    await root.post("/api/groups/4b/invitations", {})
    await root.post("/api/groups/4b/channels", {"title": "Tides"})
    assert "Welcome!" not in (await root.get("/")).text
