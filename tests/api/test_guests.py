"""Posting without an account, where a group allows it."""

from collections.abc import Callable

import pytest

from tests.api.conftest import LOBBY, opened, posted, refused, wrong_fields
from tests.cases import in_turn
from tests.conftest import PASSWORD, Person

BLOG = "https://blog.example"


@pytest.fixture
async def channel(root: Person) -> int:
    """A channel where guests post, also from the pages of a blog."""
    return await opened(root, "blog", posting="guests", origins=[BLOG])


async def test_it_works(channel: int, anyone: Person) -> None:
    made = await posted(anyone, channel=channel, guest=" Gus ")
    assert made["author"] == {"guest": "Gus"}
    assert (await anyone.get(f"/api/channels/{channel}/posts")).json()["posts"] == [made]


@pytest.mark.parametrize("origin", [None, BLOG, "http://pottle.test"])
async def test_a_guest_posts_from_where_the_group_says(channel: int, anyone: Person, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    made = await anyone.post(f"/api/channels/{channel}/posts", {"body": "Hi", "guest": "Gus"}, headers=headers)
    assert made.status_code == 201


@in_turn("origin", ["https://evil.example", "null", "https://blog.example.evil.example", "http://blog.example"])
async def test_a_guest_does_not_post_from_elsewhere(
    channel: int, anyone: Person, origin: str, nothing_changes: Callable[..., object]
) -> None:
    foreign = {"Origin": origin}
    with nothing_changes():  # type: ignore[attr-defined]
        body = {"body": "Hi", "guest": "Gus"}
        refused(await anyone.post(f"/api/channels/{channel}/posts", body, headers=foreign), 403)
        refused(await anyone.post("/api/groups/blog/channels", {"key": "new"}, headers=foreign), 403)


async def test_a_guest_may_begin_a_channel(channel: int, anyone: Person) -> None:
    made = await anyone.post("/api/groups/blog/channels", {"key": "/2", "title": "Two"}, headers={"Origin": BLOG})
    assert made.status_code == 201


async def test_a_user_posts_from_everywhere(channel: int, alice: Person) -> None:
    made = await alice.post(f"/api/channels/{channel}/posts", {"body": "Hi"}, headers={"Origin": "https://x.example"})
    assert made.status_code == 201
    assert made.json()["author"]["uid"] == "alice"


async def test_a_cookie_does_not_make_a_user_of_a_guest_elsewhere(channel: int, anyone: Person) -> None:
    await anyone.post("/api/session", {"uid": "alice", "password": PASSWORD})
    body = {"body": "Hi", "guest": "Gus"}
    made = await anyone.post(f"/api/channels/{channel}/posts", body, headers={"Origin": BLOG})
    assert made.json()["author"] == {"guest": "Gus"}


async def test_a_guest_needs_a_name(channel: int, anyone: Person) -> None:
    for name in (None, "", " ", "g" * 81):
        body = {"body": "Hi", "guest": name}
        assert wrong_fields(await anyone.post(f"/api/channels/{channel}/posts", body)) == {"guest"}


async def test_a_user_does_not_post_as_a_guest(channel: int, alice: Person) -> None:
    body = {"body": "Hi", "guest": "Bob"}
    assert wrong_fields(await alice.post(f"/api/channels/{channel}/posts", body)) == {"guest"}


async def test_guests_do_not_post_where_only_users_do(anyone: Person) -> None:
    refused(await anyone.post(LOBBY, {"body": "Hi", "guest": "Gus"}), 401)


async def test_a_guest_owns_nothing(channel: int, anyone: Person, bob: Person) -> None:
    made = await posted(anyone, channel=channel, guest="Gus")
    path = f"/api/posts/{made['id']}"
    for who, status in ((anyone, 401), (bob, 403)):
        refused(await who.patch(path, {"body": "Edited"}), status)
        refused(await who.delete(path), status)


async def test_a_moderator_removes_what_a_guest_wrote(channel: int, anyone: Person, root: Person) -> None:
    made = await posted(anyone, channel=channel, guest="Gus")
    assert (await root.delete(f"/api/posts/{made['id']}")).status_code == 204
    refused(await anyone.get(f"/api/posts/{made['id']}"), 404)


async def test_guests_who_may_post_may_not_read_what_is_for_members(root: Person, anyone: Person) -> None:
    channel = await opened(root, "closed", posting="guests", reading="members")
    refused(await anyone.post(f"/api/channels/{channel}/posts", {"body": "Hi", "guest": "Gus"}), 404)
