"""The bell: replies, mentions and decisions, newest first; how many are unread; and what waits for moderators."""

import asyncio

from tests.api.conftest import Json, joined, opened, posted, refused
from tests.conftest import Person, World
from tests.server import PATIENCE

BELL = "/api/me/notices"


async def bell(person: Person, unread: int) -> Json:
    """What somebody's bell has, once so much is unread: what was decided comes a moment later."""
    async with asyncio.timeout(PATIENCE):
        while (found := (await person.get(BELL)).json())["unread"] != unread:
            await asyncio.sleep(0.01)
    assert (await person.get("/api/sidebar")).json()["bell"] == unread
    return dict(found)


async def test_it_has_what_concerns_one(alice: Person, bob: Person, world: World) -> None:
    """Each post once; one's own never; and what is read in its discussion is read here."""
    mine = await posted(bob, "A question?", world.class_channel)
    reply = await posted(alice, "An answer, @bob", world.class_channel, parent=mine["id"])
    mention = await posted(alice, "Look, @bob", world.class_channel)
    await posted(bob, "Myself, @bob", world.class_channel, parent=reply["id"])
    found = await bell(bob, 2)
    assert [(one["kind"], one["post"], one["words"]) for one in found["notices"]] == [
        ("mention", mention["id"], "Look, @bob"),
        ("reply", reply["id"], "An answer, @bob"),
    ]
    assert found["notices"][0]["author"]["uid"] == "alice"
    assert (found["notices"][0]["title"], found["notices"][0]["group"], found["waiting"]) == ("Room", "class", [])
    await bob.put(f"/api/channels/{world.class_channel}/read", json={"posts": [mention["id"]]})
    await bell(bob, 1)
    await bob.put(f"{BELL}/read", json={})
    assert [one["unread"] for one in (await bell(bob, 0))["notices"]] == [False, False]
    await alice.delete(f"/api/posts/{mention['id']}")
    assert len((await bell(bob, 0))["notices"]) == 1


async def test_it_says_what_was_decided_and_why(alice: Person, bob: Person, charlie: Person, root: Person) -> None:
    channel = await opened(root, "news", review="all")
    for uid, role in (("alice", "moderator"), ("bob", "member")):
        await joined(root, "news", uid, role)
    first, second = [(await bob.post(f"/api/channels/{channel}/posts", {"body": body})).json() for body in ("1", "2")]
    (waiting,) = (await bell(alice, 0))["waiting"]
    assert (waiting["slug"], waiting["name"], waiting["waiting"]) == ("news", "News", 2)
    await alice.patch(f"/api/posts/{first['id']}", {"state": "published"}, headers={"If-Match": '"1-0"'})
    why = {"state": "removed", "reason": "spam", "note": "Twice"}
    await alice.post("/api/decisions", {"decisions": [{"post": second["id"], "version": 1}], **why})
    found = (await bell(bob, 2))["notices"]
    assert [(one["kind"], one["post"], one["verdict"]) for one in found] == [
        ("decided", second["id"], "removed"),
        ("decided", first["id"], "approved"),
    ]
    assert (found[0]["decision"]["note"], found[0]["words"]) == ("Twice", "2")
    assert "by" not in found[0]["decision"]
    await bob.put(f"{BELL}/read", json={"posts": [second["id"]]})
    assert [one["unread"] for one in (await bell(bob, 1))["notices"]] == [False, True]
    await bell(alice, 0)
    await bob.delete(f"/api/posts/{first['id']}")
    await bell(bob, 0)
    statement = f"decisions/{found[0]['statement']}"
    await bob.put(f"/api/me/{statement}/appeal", json={"text": "I need it"})
    assert (await bell(alice, 0))["waiting"][0]["appeals"] == 1
    answered = await root.patch(f"/api/appeals/{found[0]['statement']}", {"state": "declined"})
    assert answered.status_code in (200, 204), answered.text
    (told,) = (await bell(bob, 1))["notices"]
    assert (told["verdict"], told["post"], told["unread"]) == ("upheld", second["id"], True)
    refused(await charlie.put(f"{BELL}/read", json={"posts": ["x"]}), 422)
