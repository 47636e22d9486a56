"""What is for members is not there for anybody else: the group `class`, which Alice moderates and Bob belongs to."""

from collections.abc import Callable

import pytest

from tests.api.conftest import Json, bearer, posted, refused
from tests.conftest import Person, World

SECRET = "Only for the class"


@pytest.fixture
async def secret(bob: Person, world: World) -> Json:
    """A post in the class."""
    return await posted(bob, SECRET, world.class_channel)


def reads(channel: int, post: int) -> list[str]:
    """Every path that shows something of the class."""
    return [
        "/api/groups/class",
        "/api/groups/class/channels",
        "/api/groups/class/channels?key=room",
        "/api/counts?group=class&key=room",
        f"/api/channels/{channel}",
        f"/api/channels/{channel}/posts",
        f"/api/posts/{post}",
    ]


def writes(channel: int, post: int) -> list[tuple[str, str, Json | None]]:
    """Every request that changes something in the class."""
    return [
        ("PATCH", "/api/groups/class", {"name": "Ours"}),
        ("POST", "/api/groups/class/members", {"uid": "charlie"}),
        ("DELETE", "/api/groups/class/members/bob", None),
        ("POST", "/api/groups/class/channels", {"key": "room"}),
        ("POST", "/api/groups/class/channels", {"key": "new"}),
        ("PATCH", f"/api/channels/{channel}", {"title": "Ours"}),
        ("DELETE", f"/api/channels/{channel}", None),
        ("POST", f"/api/channels/{channel}/posts", {"body": "Hello"}),
        ("POST", f"/api/channels/{channel}/posts", {"body": "Hello", "parent": post}),
        ("PATCH", f"/api/posts/{post}", {"body": "Hello"}),
        ("PATCH", f"/api/posts/{post}", {"state": "removed"}),
        ("DELETE", f"/api/posts/{post}", None),
        ("PUT", f"/api/posts/{post}/reactions/up", None),
        ("DELETE", f"/api/posts/{post}/reactions/up", None),
    ]


async def test_a_member_reads(bob: Person, secret: Json, world: World) -> None:
    for path in reads(world.class_channel, secret["id"]):
        assert (await bob.get(path)).status_code == 200


async def test_an_admin_reads(root: Person, secret: Json, world: World) -> None:
    for path in reads(world.class_channel, secret["id"]):
        assert (await root.get(path)).status_code == 200


async def test_an_outsider_finds_nothing(charlie: Person, anyone: Person, secret: Json, world: World) -> None:
    for path in reads(world.class_channel, secret["id"]):
        refused(await charlie.get(path), 404)
        refused(await anyone.get(path), 404)


async def test_an_outsider_finds_nothing_after_a_member_has_read(
    charlie: Person, bob: Person, secret: Json, world: World
) -> None:
    for path in reads(world.class_channel, secret["id"]):
        await bob.get(path)
        refused(await charlie.get(path), 404)


async def test_an_outsider_changes_nothing(
    charlie: Person, secret: Json, world: World, nothing_changes: Callable[..., object]
) -> None:
    with nothing_changes():  # type: ignore[attr-defined]
        for method, path, body in writes(world.class_channel, secret["id"]):
            answer = await charlie.http.request(method, path, json=body)
            assert (method, path, answer.status_code) == (method, path, 404)
            refused(answer, 404)


async def test_what_is_hidden_looks_like_what_is_not_there(
    charlie: Person, bob: Person, secret: Json, world: World
) -> None:
    hidden = [*reads(world.class_channel, secret["id"])]
    missing = [path.replace("class", "nowhere") for path in reads(999_999, 999_999)]
    for there, gone in zip(hidden, missing, strict=True):
        answers = [refused(await charlie.get(path), 404)["detail"] for path in (there, gone)]
        ids = (str(world.class_channel), str(secret["id"]), "999999", "class", "nowhere")
        for id_ in ids:
            answers = [answer.replace(id_, "…") for answer in answers]
        assert answers[0] == answers[1]


async def test_lists_leave_it_out(charlie: Person, anyone: Person, bob: Person, secret: Json) -> None:
    for who in (charlie, anyone):
        for path in ("/discussions", "/api/groups", "/api/groups/home/channels", "/api/channels/1/posts"):
            shown = (await who.get(path)).text
            assert SECRET not in shown
            assert "Class" not in shown
    assert "class" in (await bob.get("/discussions")).text


async def test_a_page_shows_it_to_members_only(
    bob: Person, charlie: Person, anyone: Person, secret: Json, world: World
) -> None:
    path, html = f"/channels/{world.class_channel}", {"Accept": "text/html"}
    shown = await bob.get(path, headers=html)
    assert SECRET in shown.text
    assert shown.headers["Cache-Control"] == "no-store"
    for who in (charlie, anyone):
        page = await who.get(path, headers=html)
        assert page.status_code == 404
        assert SECRET not in page.text


async def test_a_member_does_not_moderate(
    bob: Person, alice: Person, world: World, nothing_changes: Callable[..., object]
) -> None:
    hers = await posted(alice, channel=world.class_channel)
    moderating: list[tuple[str, str, Json | None]] = [
        ("PATCH", f"/api/posts/{hers['id']}", {"state": "removed"}),
        ("PATCH", f"/api/posts/{hers['id']}", {"body": "Hers"}),
        ("DELETE", f"/api/posts/{hers['id']}", None),
        ("PATCH", f"/api/channels/{world.class_channel}", {"locked": True}),
        ("DELETE", f"/api/channels/{world.class_channel}", None),
        ("PATCH", "/api/groups/class", {"reading": "public"}),
        ("DELETE", "/api/groups/class", None),
        ("POST", "/api/groups/class/members", {"uid": "bob", "role": "moderator"}),
        ("GET", "/api/groups/class/members", None),
        ("GET", f"/api/channels/{world.class_channel}/posts?state=pending", None),
    ]
    with nothing_changes():  # type: ignore[attr-defined]
        for method, path, body in moderating:
            refused(await bob.http.request(method, path, json=body), 403)


async def test_whoever_leaves_the_group_sees_no_more_at_once(
    alice: Person, bob: Person, secret: Json, world: World
) -> None:
    await alice.delete("/api/groups/class/members/bob")
    for path in reads(world.class_channel, secret["id"]):
        refused(await bob.get(path), 404)
    refused(await bob.patch(f"/api/posts/{secret['id']}", {"body": "Still mine"}), 404)
    refused(await bob.delete(f"/api/posts/{secret['id']}"), 404)


async def test_whoever_lost_a_session_sees_no_more_at_once(bob: Person, secret: Json, world: World) -> None:
    await bob.delete("/api/session")
    for path in reads(world.class_channel, secret["id"]):
        refused(await bob.get(path, headers=bearer(bob.token)), 401)
