"""/api/channels/{id}/posts and /api/posts/{id}."""

from collections.abc import Callable

import pytest

from tests.api.conftest import LOBBY, opened, posted, refused, wrong_fields
from tests.cases import in_turn
from tests.conftest import Person, World


async def test_it_works(alice: Person, anyone: Person) -> None:
    made = await alice.post(LOBBY, {"body": "Hello **all**"})
    assert made.status_code == 201
    assert made.json()["html"] == "<p>Hello <strong>all</strong></p>"
    assert made.json()["author"] == {"uid": "alice", "name": "Alice", "avatar": None}

    listed = (await anyone.get(LOBBY)).json()
    assert listed["posts"] == [made.json()]


async def test_it_rejects_nobody(anyone: Person) -> None:
    refused = await anyone.post(LOBBY, {"body": "Hello"})
    assert refused.status_code == 401
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:pottle:unauthorized"


async def test_it_has_the_fields_of_the_contract(alice: Person, anyone: Person) -> None:
    made = await alice.post(LOBBY, {"body": "Hello"})
    post = made.json()
    assert made.headers["Location"] == f"/api/posts/{post['id']}"
    assert post.pop("created").endswith("Z")
    assert post == {
        "id": post["id"],
        "channel": 1,
        "parent": None,
        "author": {"uid": "alice", "name": "Alice", "avatar": None},
        "body": "Hello",
        "html": "<p>Hello</p>",
        "state": "published",
        "reactions": {},
        "replies": 0,
        "edited": None,
        "version": 1,
        "pinned": False,
        "endorsed": False,
        "answer": False,
    }
    assert (await anyone.get(f"/api/posts/{post['id']}")).json() == made.json()


async def test_the_list_says_where_it_is(alice: Person, anyone: Person) -> None:
    empty = (await anyone.get(LOBBY)).json()
    assert empty.keys() == {"posts", "next", "prev", "epoch", "seq"}
    assert (empty["posts"], empty["next"], empty["prev"], empty["seq"]) == ([], None, None, 0)

    made = await posted(alice)
    first = (await anyone.get(LOBBY)).json()
    assert first["seq"] > 0
    assert first["epoch"] == empty["epoch"]
    await alice.patch(f"/api/posts/{made['id']}", {"body": "Edited"})
    assert (await anyone.get(LOBBY)).json()["seq"] > first["seq"]


async def test_every_reader_gets_the_same(alice: Person, bob: Person, anyone: Person) -> None:
    made = await posted(alice)
    await bob.put(f"/api/posts/{made['id']}/reactions/up")
    for path in (LOBBY, f"/api/posts/{made['id']}"):
        shown = [await who.get(path) for who in (alice, bob, anyone)]
        assert len({answer.content for answer in shown}) == 1
        assert {answer.headers["Cache-Control"] for answer in shown} == {"no-cache"}


async def test_what_members_read_is_not_shared(bob: Person, world: World) -> None:
    made = await posted(bob, channel=world.class_channel)
    for path in (f"/api/channels/{world.class_channel}/posts", f"/api/posts/{made['id']}"):
        assert (await bob.get(path)).headers["Cache-Control"] == "no-store"


async def test_a_reply_counts_for_its_parent(alice: Person, bob: Person, anyone: Person) -> None:
    parent = await posted(alice)
    reply = await posted(bob, "Hello to you", parent=parent["id"])
    assert reply["parent"] == parent["id"]
    assert (await anyone.get(f"/api/posts/{parent['id']}")).json() == {**parent, "replies": 1}
    assert [post["id"] for post in (await anyone.get(LOBBY)).json()["posts"]] == [reply["id"], parent["id"]]

    await bob.delete(f"/api/posts/{reply['id']}")
    assert (await anyone.get(f"/api/posts/{parent['id']}")).json() == parent


async def test_a_reply_stays_in_its_channel(alice: Person, root: Person, world: World) -> None:
    elsewhere = await posted(alice, channel=world.class_channel)
    for parent in (elsewhere["id"], 10**17, 0, -1, 10**30, "1", 1.5, True):
        assert wrong_fields(await alice.post(LOBBY, {"body": "Hello", "parent": parent})) == {"parent"}


async def test_a_reply_does_not_tell_whether_a_hidden_post_exists(alice: Person, charlie: Person, world: World) -> None:
    hidden = await posted(alice, channel=world.class_channel)
    there = refused(await charlie.post(LOBBY, {"body": "Hello", "parent": hidden["id"]}), 422)
    missing = refused(await charlie.post(LOBBY, {"body": "Hello", "parent": 10**17}), 422)
    assert there == missing


async def test_an_edit_shows_at_once(alice: Person, anyone: Person) -> None:
    made = await posted(alice)
    for path in (LOBBY, f"/api/posts/{made['id']}", "/"):
        assert "Hello" in (await anyone.get(path)).text
    edited = (await alice.patch(f"/api/posts/{made['id']}", {"body": "*Goodbye*"})).json()
    assert edited == {
        **made,
        "body": "*Goodbye*",
        "html": "<p><em>Goodbye</em></p>",
        "edited": edited["edited"],
        "version": 2,
    }
    assert edited["edited"] >= made["created"]
    for path in (LOBBY, f"/api/posts/{made['id']}", "/"):
        shown = (await anyone.get(path)).text
        assert "Goodbye" in shown
        assert "Hello" not in shown


async def test_only_its_author_edits_a_post(
    alice: Person, bob: Person, root: Person, anyone: Person, nothing_changes: Callable[..., object]
) -> None:
    made = await posted(alice)
    with nothing_changes():  # type: ignore[attr-defined]
        for who, status in ((bob, 403), (root, 403), (anyone, 401)):
            refused(await who.patch(f"/api/posts/{made['id']}", {"body": "I am Alice"}), status)


async def test_only_its_author_and_moderators_delete_a_post(
    alice: Person, bob: Person, anyone: Person, nothing_changes: Callable[..., object]
) -> None:
    made = await posted(alice)
    with nothing_changes():  # type: ignore[attr-defined]
        refused(await bob.delete(f"/api/posts/{made['id']}"), 403)
        refused(await anyone.delete(f"/api/posts/{made['id']}"), 401)


@in_turn("fields", [{}, {"body": "x", "state": "removed"}, {"parent": 1}, {"state": "pending"}])
async def test_it_rejects_a_bad_change(root: Person, fields: dict[str, object]) -> None:
    made = await posted(root)
    refused(await root.patch(f"/api/posts/{made['id']}", fields), 422)


@pytest.mark.parametrize("body", ["", " \n\t", "x" * 10_001])
async def test_it_rejects_a_bad_text(alice: Person, body: str) -> None:
    made = await posted(alice)
    assert wrong_fields(await alice.post(LOBBY, {"body": body})) == {"body"}
    assert wrong_fields(await alice.patch(f"/api/posts/{made['id']}", {"body": body})) == {"body"}


async def test_a_post_may_have_10_000_characters(alice: Person) -> None:
    made = await posted(alice, "\U0001f600" * 10_000)
    assert len(made["body"]) == 10_000


async def test_a_text_comes_back_as_it_was_sent(alice: Person) -> None:
    body = "  é e\u0301 \u202e \u200d ﷽ \U0001f468\u200d\U0001f469\r\n\ttab \\ \" ' 𝕳 \u2028"
    assert (await posted(alice, body))["body"] == body


@in_turn("field", ["id", "author", "html", "state", "reactions", "created", "version", "channel"])
async def test_what_the_server_owns_is_not_a_field(alice: Person, field: str) -> None:
    assert wrong_fields(await alice.post(LOBBY, {"body": "Hello", field: 1})) == {field}


async def test_members_only_posting_is_for_members(root: Person, charlie: Person, anyone: Person) -> None:
    channel = await opened(root, "site", posting="members")
    path = f"/api/channels/{channel}/posts"
    assert (await anyone.get(path)).status_code == 200
    refused(await charlie.post(path, {"body": "Hello"}), 403)
    refused(await anyone.post(path, {"body": "Hello"}), 401)


async def test_there_are_no_posts_where_there_is_no_channel(alice: Person) -> None:
    refused(await alice.get("/api/channels/999/posts"), 404)
    refused(await alice.post("/api/channels/999/posts", {"body": "Hello"}), 404)
    refused(await alice.get("/api/posts/999"), 404)
    refused(await alice.patch("/api/posts/999", {"body": "Hello"}), 404)
    refused(await alice.delete("/api/posts/999"), 404)
