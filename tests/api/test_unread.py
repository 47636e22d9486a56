"""What one has not read: /api/channels/{id}/unread and …/read, /api/me/unread and /api/me/inbox."""

from typing import Any

import pytest

from tests.api.conftest import joined, opened, posted, refused, wrong_fields
from tests.conftest import Person, World
from tests.make import Make


async def unread(person: Person, channel: int) -> Any:
    """The unread posts of a channel."""
    answer = await person.get(f"/api/channels/{channel}/unread")
    assert answer.status_code == 200, answer.text
    return answer.json()["posts"]


async def read(person: Person, channel: int, *posts: int, until: int | None = None) -> Any:
    """Marks posts as read; the ones that are left."""
    answer = await person.put(f"/api/channels/{channel}/read", json={"until": until} if until else {"posts": posts})
    assert answer.status_code == 200, answer.text
    return answer.json()["posts"]


async def counted(person: Person) -> Any:
    """What `/api/me/unread` says."""
    return (await person.get("/api/me/unread")).json()


async def test_posts_are_unread_until_they_are_seen_in_whatever_order(alice: Person, bob: Person, world: World) -> None:
    ours = world.class_channel
    posts = [(await posted(alice, str(number), ours))["id"] for number in range(4)]
    await posted(bob, "one's own is not unread", ours)
    assert await unread(bob, ours) == posts
    assert (await counted(bob))["channels"] == {str(ours): 4}
    assert await read(bob, ours, posts[3], posts[1]) == [posts[0], posts[2]]
    assert await read(bob, ours, posts[1], 10**9) == [posts[0], posts[2]], "what was seen or is not there counts not"
    assert await read(bob, ours, posts[0]) == [posts[2]]
    assert (await counted(bob))["channels"] == {str(ours): 1}
    await alice.delete(f"/api/posts/{posts[2]}")
    assert await counted(bob) == {"channels": {}, "inbox": 0}
    last = (await posted(alice, "new", ours))["id"]
    assert await unread(bob, ours) == [last]


async def test_until_marks_all_before_it(alice: Person, bob: Person, world: World) -> None:
    ours = world.class_channel
    posts = [(await posted(alice, str(number), ours))["id"] for number in range(3)]
    assert await read(bob, ours, until=posts[1]) == [posts[2]]
    assert await read(bob, ours, until=posts[0]) == [posts[2]], "it never goes back"
    wrong = await bob.put(f"/api/channels/{ours}/read", json={"until": 10**9})
    assert wrong_fields(wrong) == {"until"}
    both = await bob.put(f"/api/channels/{ours}/read", json={"until": posts[0], "posts": []})
    assert wrong_fields(both) == {"until"}


async def test_what_was_there_before_one_joined_is_read(root: Person, alice: Person, charlie: Person) -> None:
    there = await opened(root, "chess", reading="members")
    await joined(root, "chess", "alice")
    await posted(alice, "before", there)
    await joined(root, "chess", "charlie")
    assert await counted(charlie) == {"channels": {}, "inbox": 0}
    new = (await posted(alice, "after", there))["id"]
    assert await unread(charlie, there) == [new]
    assert (await counted(charlie))["channels"] == {str(there): 1}
    assert await read(charlie, there, new) == []


async def test_elsewhere_nothing_is_unread_until_one_was_there(alice: Person, charlie: Person) -> None:
    old = (await posted(alice, "before"))["id"]
    answer = (await charlie.get("/api/channels/1/unread")).json()
    assert answer == {"posts": [], "more": False, "newest": old, "follows": False}
    assert await read(charlie, 1) == []
    new = (await posted(alice, "after"))["id"]
    answer = (await charlie.get("/api/channels/1/unread")).json()
    assert answer == {"posts": [new], "more": False, "newest": new, "follows": True}
    assert (await counted(charlie))["channels"] == {"1": 1}


async def test_a_post_that_is_approved_later_is_new_then(alice: Person, bob: Person, root: Person, make: Make) -> None:
    await make.group("club", members=(alice, bob), review="all")
    there = (await make.channel("club"))["id"]
    waiting = [(await posted(bob, str(number), there))["id"] for number in range(2)]
    newest = (await posted(root, "newer", there))["id"]
    assert await read(alice, there, newest) == []
    for id_ in waiting:
        assert (await root.patch(f"/api/posts/{id_}", {"state": "published"})).status_code == 200
        assert await unread(alice, there) == [id_]
        assert (await counted(alice))["channels"] == {str(there): 1}
        assert await read(alice, there, id_) == []
    late = (await posted(bob, "late", there))["id"]
    await posted(root, "newest", there)
    await root.patch(f"/api/posts/{late}", {"state": "published"})
    assert len(await unread(alice, there)) == 2
    assert (await alice.delete("/api/me/unread")).status_code == 204
    assert await counted(alice) == {"channels": {}, "inbox": 0}
    assert await unread(alice, there) == []


async def test_more_than_a_hundred(root: Person, bob: Person, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are told; who sees many of them leaves the oldest behind."""
    from model.talk import unread as module

    monkeypatch.setattr(module, "MOST", 5)
    monkeypatch.setattr(module, "MOST_SEEN", 4)
    ours = world.class_channel
    posts = [(await posted(root, str(number), ours))["id"] for number in range(9)]
    answer = (await bob.get(f"/api/channels/{ours}/unread")).json()
    assert answer == {"posts": posts[4:], "more": True, "newest": posts[-1], "follows": True}
    assert (await counted(bob))["channels"] == {str(ours): 5}
    assert await read(bob, ours, *posts[4:]) == []
    assert (await bob.get(f"/api/channels/{ours}/unread")).json()["more"] is False


async def test_the_inbox_has_replies_to_oneself(alice: Person, bob: Person, charlie: Person, world: World) -> None:
    mine = (await posted(bob, "Who comes along?"))["id"]
    await posted(bob, "I do", parent=mine)
    reply = (await posted(alice, "Me too", parent=mine))["id"]
    hidden = (await posted(alice, "Here", world.class_channel))["id"]
    await posted(bob, "There", world.class_channel, parent=hidden)
    (item,) = (await bob.get("/api/me/inbox")).json()["inbox"]
    assert (item["post"]["id"], item["title"], item["group"], item["unread"]) == (reply, "Lobby", "home", True)
    assert (await counted(bob))["inbox"] == (await counted(alice))["inbox"] == 1
    await read(bob, 1, reply)
    assert (await counted(bob))["inbox"] == 0
    assert (await bob.get("/api/me/inbox")).json()["inbox"][0]["unread"] is False
    await alice.delete("/api/groups/class/members/bob")
    assert (await counted(alice))["inbox"] == 1
    refused(await charlie.get(f"/api/channels/{world.class_channel}/unread"), 404)


async def test_the_inbox_has_mentions(alice: Person, bob: Person, root: Person, make: Make) -> None:
    await make.group("club", members=(alice, bob), review="all")
    there = (await make.channel("club"))["id"]
    made = await posted(alice, "Ask @bob or @charlie", there)
    assert (await counted(bob))["inbox"] == 0, "it waits for a moderator"
    await root.patch(f"/api/posts/{made['id']}", {"state": "published"})
    reply = await posted(bob, "Here I am", there, parent=made["id"])
    await root.patch(f"/api/posts/{reply['id']}", {"state": "published"})
    (item,) = (await bob.get("/api/me/inbox")).json()["inbox"]
    assert (item["kind"], item["post"]["id"], item["unread"]) == ("mention", made["id"], True)
    (item,) = (await alice.get("/api/me/inbox")).json()["inbox"]
    assert (item["kind"], item["post"]["id"]) == ("reply", reply["id"])
    assert (await counted(bob))["inbox"] == (await counted(alice))["inbox"] == 1
    await read(bob, there, made["id"])
    assert (await counted(bob)) == {"channels": {}, "inbox": 0}


async def test_nothing_is_written_where_nothing_is_new(
    alice: Person, bob: Person, world: World, nothing_changes: Any
) -> None:
    post = (await posted(alice, "Hello", world.class_channel))["id"]
    await read(bob, world.class_channel, post)
    with nothing_changes():
        await read(bob, world.class_channel, post)
