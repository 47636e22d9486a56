"""PUT and DELETE /api/posts/{id}/reactions/{kind}."""

from collections.abc import Callable
from pathlib import Path

from tests import databases
from tests.api.conftest import LOBBY, opened, posted, refused
from tests.cases import in_turn
from tests.conftest import Person, World

KINDS = ("up", "down", "heart", "laugh", "hooray", "eyes")


async def test_it_works(alice: Person, bob: Person, anyone: Person) -> None:
    post = (await posted(alice))["id"]
    assert (await alice.put(f"/api/posts/{post}/reactions/heart")).json() == {"id": post, "reactions": {"heart": 1}}
    assert (await bob.put(f"/api/posts/{post}/reactions/heart")).json()["reactions"] == {"heart": 2}
    assert (await anyone.get(f"/api/posts/{post}")).json()["reactions"] == {"heart": 2}
    assert (await anyone.get(LOBBY)).json()["posts"][0]["reactions"] == {"heart": 2}

    assert (await bob.delete(f"/api/posts/{post}/reactions/heart")).json()["reactions"] == {"heart": 1}
    assert (await anyone.get(LOBBY)).json()["posts"][0]["reactions"] == {"heart": 1}


@in_turn("kind", KINDS)
async def test_every_kind_can_be_marked(alice: Person, kind: str) -> None:
    post = (await posted(alice))["id"]
    assert (await alice.put(f"/api/posts/{post}/reactions/{kind}")).json()["reactions"] == {kind: 1}


async def test_marking_twice_is_marking_once(alice: Person, anyone: Person) -> None:
    post = (await posted(alice))["id"]
    for _ in range(2):
        assert (await alice.put(f"/api/posts/{post}/reactions/up")).json()["reactions"] == {"up": 1}
    seq = (await anyone.get(LOBBY)).json()["seq"]
    await alice.put(f"/api/posts/{post}/reactions/up")
    assert (await anyone.get(LOBBY)).json()["seq"] == seq  # nothing happened, so nobody is told


async def test_taking_back_what_was_not_there_changes_nothing(
    alice: Person, nothing_changes: Callable[..., object]
) -> None:
    post = (await posted(alice))["id"]
    with nothing_changes():  # type: ignore[attr-defined]
        assert (await alice.delete(f"/api/posts/{post}/reactions/up")).json()["reactions"] == {}


async def test_up_and_down_exclude_each_other(alice: Person) -> None:
    post = (await posted(alice))["id"]
    await alice.put(f"/api/posts/{post}/reactions/eyes")
    await alice.put(f"/api/posts/{post}/reactions/up")
    assert (await alice.put(f"/api/posts/{post}/reactions/down")).json()["reactions"] == {"down": 1, "eyes": 1}
    assert (await alice.put(f"/api/posts/{post}/reactions/up")).json()["reactions"] == {"up": 1, "eyes": 1}


async def test_others_keep_their_marks(alice: Person, bob: Person) -> None:
    post = (await posted(alice))["id"]
    await bob.put(f"/api/posts/{post}/reactions/down")
    assert (await alice.put(f"/api/posts/{post}/reactions/up")).json()["reactions"] == {"up": 1, "down": 1}


async def test_it_rejects_nobody(alice: Person, anyone: Person, nothing_changes: Callable[..., object]) -> None:
    post = (await posted(alice))["id"]
    with nothing_changes():  # type: ignore[attr-defined]
        refused(await anyone.put(f"/api/posts/{post}/reactions/up"), 401)
        refused(await anyone.delete(f"/api/posts/{post}/reactions/up"), 401)


@in_turn("kind", ["thumbs", "UP", "up,down", "%00"])
async def test_there_is_no_other_kind(alice: Person, kind: str) -> None:
    post = (await posted(alice))["id"]
    refused(await alice.put(f"/api/posts/{post}/reactions/{kind}"), 404)


async def test_a_hidden_post_cannot_be_marked(bob: Person, charlie: Person, world: World) -> None:
    post = (await posted(bob, channel=world.class_channel))["id"]
    refused(await charlie.put(f"/api/posts/{post}/reactions/up"), 404)
    refused(await charlie.delete(f"/api/posts/{post}/reactions/up"), 404)


async def test_where_only_members_post_only_members_mark(root: Person, charlie: Person) -> None:
    post = (await posted(root, channel=await opened(root, "site", posting="members")))["id"]
    refused(await charlie.put(f"/api/posts/{post}/reactions/up"), 403)


async def test_a_removed_post_cannot_be_marked(alice: Person, bob: Person) -> None:
    post = await posted(alice)
    await posted(bob, parent=post["id"])
    await alice.delete(f"/api/posts/{post['id']}")
    refused(await bob.put(f"/api/posts/{post['id']}/reactions/up"), 409)


MANY = """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
INSERT INTO posts (channel_id, author_id, body, html, state, reactions, replies, created, version)
SELECT channel_id, author_id, body, html, state, reactions, replies, created, version FROM posts, n"""
MARKS = "INSERT INTO reactions (post_id, user_id, kind, created) SELECT id, author_id, 'eyes', created FROM posts"


async def test_of_ones_own_marks_the_newest_come(alice: Person, instance: Path) -> None:
    await posted(alice)
    with databases.opened(instance) as raw:
        raw.execute(MANY)
        raw.execute(MARKS)
    mine = (await alice.get("/api/me/reactions?channel=1")).json()["reactions"]
    assert [mark["post"] for mark in mine] == list(range(6001, 1001, -1))
