"""Pinned, endorsed and answering posts; pinned channels. Alice moderates `class`, to which Bob and Ben belong."""

from typing import Any

import pytest

from model.talk.marks import MOST_PINNED
from tests.api.conftest import Json, posted, refused, wrong_fields
from tests.conftest import Person, World
from tests.make import Make


@pytest.fixture
async def question(bob: Person, world: World) -> Json:
    return await posted(bob, "How long is a mole?", world.class_channel)


@pytest.fixture
async def reply(alice: Person, question: Json) -> Json:
    return await posted(alice, "About 15 cm", question["channel"], parent=question["id"])


async def marked(by: Person, post: Json, **mark: bool) -> Json:
    answer = await by.patch(f"/api/posts/{post['id']}", mark)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def marks_of(reader: Person, channel: int) -> dict[int, list[str]]:
    posts = (await reader.get(f"/api/channels/{channel}/posts")).json()["posts"]
    return {post["id"]: [mark for mark in ("pinned", "endorsed", "answer") if post[mark]] for post in posts}


async def test_it_works(alice: Person, bob: Person, question: Json, reply: Json) -> None:
    assert (await marked(alice, question, pinned=True))["pinned"]
    assert (await marked(alice, reply, endorsed=True))["endorsed"]
    assert (await marked(bob, reply, answer=True))["version"] == reply["version"] + 2
    assert await marks_of(bob, question["channel"]) == {
        question["id"]: ["pinned"],
        reply["id"]: ["endorsed", "answer"],
    }
    for mark in ("pinned", "endorsed", "answer"):
        await marked(alice, question if mark == "pinned" else reply, **{mark: False})
    assert await marks_of(bob, question["channel"]) == {question["id"]: [], reply["id"]: []}
    log = (await alice.get("/api/groups/class/audit")).json()["entries"]
    assert [entry["action"] for entry in log if entry["action"].startswith("post.")] == [
        "post.unendorsed", "post.unpinned", "post.endorsed", "post.pinned",
    ]  # fmt: skip


async def test_a_conversation_has_one_answer(alice: Person, bob: Person, question: Json, reply: Json) -> None:
    better = await posted(alice, "15.2 cm", question["channel"], parent=reply["id"])
    await marked(bob, reply, answer=True)
    await marked(bob, better, answer=True)
    assert await marks_of(bob, question["channel"]) == {question["id"]: [], reply["id"]: [], better["id"]: ["answer"]}


async def test_only_who_asked_or_a_moderator_says_what_is_the_answer(
    alice: Person, bob: Person, question: Json, make: Make
) -> None:
    ben = await make.user("ben")
    await alice.post("/api/groups/class/members", {"uid": "ben"})
    reply = await posted(ben, "A metre", question["channel"], parent=question["id"])
    refused(await ben.patch(f"/api/posts/{reply['id']}", {"answer": True}), 403)
    assert wrong_fields(await bob.patch(f"/api/posts/{question['id']}", {"answer": True})) == {"answer"}
    await alice.patch(f"/api/channels/{question['channel']}", {"locked": True})
    refused(await bob.patch(f"/api/posts/{reply['id']}", {"answer": True}), 403)
    await marked(alice, reply, answer=True)


@pytest.mark.parametrize("fields", [{"pinned": "yes"}, {"pinned": True, "body": "New"}, {"endorsed": None}])
async def test_bad_input_changes_nothing(alice: Person, question: Json, nothing_changes: Any, fields: Json) -> None:
    with nothing_changes():
        assert (await alice.patch(f"/api/posts/{question['id']}", fields)).status_code == 422


async def test_one_that_is_not_public_or_was_changed_meanwhile(alice: Person, question: Json) -> None:
    path = f"/api/posts/{question['id']}"
    refused(await alice.patch(path, {"pinned": True}, headers={"If-Match": '"7-0"'}), 412)
    await alice.patch(path, {"state": "removed"})
    refused(await alice.patch(path, {"pinned": True}), 409)


async def test_no_more_than_a_few_are_pinned(alice: Person, world: World) -> None:
    posts = [await posted(alice, f"Rule {number}", world.class_channel) for number in range(MOST_PINNED + 1)]
    for post in posts[:-1]:
        await marked(alice, post, pinned=True)
    refused(await alice.patch(f"/api/posts/{posts[-1]['id']}", {"pinned": True}), 409)
    await alice.patch(f"/api/posts/{posts[0]['id']}", {"state": "removed"})
    await marked(alice, posts[-1], pinned=True)


async def test_a_removed_post_shows_no_marks(alice: Person, bob: Person, question: Json, reply: Json) -> None:
    await marked(alice, question, pinned=True)
    await alice.patch(f"/api/posts/{question['id']}", {"state": "removed"})
    assert (await marks_of(bob, question["channel"]))[question["id"]] == []
    assert (await alice.patch(f"/api/posts/{question['id']}", {"state": "published"})).json()["pinned"]


async def test_a_discussion_is_pinned(alice: Person, bob: Person, world: World) -> None:
    path = f"/api/channels/{world.class_channel}"
    assert (await alice.patch(path, {"pinned": True})).json()["pinned"]
    assert (await bob.get(path)).json()["pinned"]
    assert not (await alice.patch(path, {"pinned": False})).json()["pinned"]
    log = (await alice.get("/api/groups/class/audit")).json()["entries"]
    assert [entry["action"] for entry in log[:2]] == ["channel.unpinned", "channel.pinned"]
