"""What moderators decide: the queue of all their groups, many at once, reasons that authors read, and undoing it."""

from pathlib import Path

import pytest
from quart import Quart

from model.talk import decision
from model.talk.search import upkeep
from pottle import times
from pottle.store import db
from tests import databases
from tests.api.conftest import Json, joined, opened, posted, refused, wrong_fields
from tests.api.test_review import decided, edited, room, seen, settings
from tests.conftest import Person

__all__ = ["room", "settings"]
TOLD = {"reason": "off-topic", "note": "Please ask in the room for homework."}


@pytest.fixture
async def other(root: Person) -> int:
    """A channel of another group where everybody's posts wait, which Alice does not moderate."""
    return await opened(root, "other", review="all")


async def judged(moderator: Person, *made: Json, **said: object) -> Json:
    """The answer to decisions on posts, or on their edits, in the versions that are given."""
    texts = [(post["id"], post.get("edit"), (post.get("edit") or post)["version"]) for post in made]
    new = [{"post": id_, "edit": bool(edit), "version": version} for id_, edit, version in texts]
    answer = await moderator.post("/api/decisions", {"decisions": new, **said})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def undone(moderator: Person, outcome: Json) -> Json:
    """The answer to undoing what was decided."""
    ids = [(post.get("decision") or post["edit"]["decision"])["id"] for post in outcome["posts"]]
    answer = await moderator.post("/api/decisions/undo", {"decisions": ids})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def waiting(moderator: Person, **query: str) -> list[Json]:
    """The queue, without places."""
    posts = (await moderator.get("/api/queue", params=query)).json()["posts"]
    return [{name: value for name, value in post.items() if name != "place"} for post in posts]


class TestTheQueue:
    """GET /api/queue, and its counts."""

    async def test_it_works(self, room: int, other: int, alice: Person, bob: Person, root: Person) -> None:
        public = await decided(alice, await posted(bob, "Seen", room), "published")
        edit = await edited(bob, public)
        new, theirs = await posted(bob, "New", room), await posted(bob, "Elsewhere", other)
        await bob.post("/api/groups/site/channels", {"key": "bobs"})
        shown = await alice.get("/api/queue")
        place = {"place": {"group": "site", "group_name": "Site", "title": "room"}}
        assert shown.json() == {"posts": [{**new, **place}, {**edit, **place}], "next": None, "prev": None}
        assert shown.headers["Cache-Control"] == "no-store"
        assert [post["id"] for post in await waiting(root)] == [theirs["id"], new["id"], edit["id"]]
        assert [post["id"] for post in await waiting(root, group="other")] == [theirs["id"]]
        assert (await alice.get("/api/queue/counts")).json() == {
            "waiting": 3,
            "groups": [{"slug": "site", "name": "Site", "waiting": 3, "pending": 3, "reported": 0, "appeals": 0}],
        }
        assert (await root.get("/api/queue/counts")).json()["waiting"] == 4

    async def test_others_have_none(self, room: int, bob: Person, anyone: Person, alice: Person) -> None:
        await posted(bob, "New", room)
        assert await waiting(bob) == []
        assert (await bob.get("/api/queue/counts")).json() == {"waiting": 0, "groups": []}
        refused(await bob.get("/api/queue?group=site"), 403)
        refused(await alice.get("/api/queue?group=nowhere"), 404)
        refused(await anyone.get("/api/queue"), 401)

    async def test_it_ends_with_the_role(self, room: int, root: Person, alice: Person, bob: Person) -> None:
        await posted(bob, "New", room)
        await joined(root, "site", "alice", "member")
        assert await waiting(alice) == []


class TestManyAtOnce:
    """POST /api/decisions."""

    async def test_it_works(self, room: int, alice: Person, bob: Person, anyone: Person) -> None:
        public = await decided(alice, await posted(bob, "Seen", room), "published")
        made = [await posted(bob, text, room) for text in ("One", "Two")] + [await edited(bob, public, "Better")]
        outcome = await judged(alice, *made, state="published")
        assert outcome["refused"] == []
        assert [post["state"] for post in outcome["posts"]] == ["published"] * 3
        shown = (await anyone.get(f"/api/channels/{room}/posts")).json()["posts"]
        assert {post["body"] for post in shown} == {"One", "Two", "Better"}
        trail = (await alice.get("/api/groups/site/audit")).json()["entries"]
        assert [entry["action"] for entry in trail[:3]] == ["edit.approved", "post.approved", "post.approved"]

    async def test_what_is_refused_keeps_nothing_else_from_being_done(
        self, room: int, other: int, alice: Person, bob: Person
    ) -> None:
        swapped, fine = await posted(bob, "Harmless", room), await posted(bob, "Fine", room)
        theirs = await posted(bob, "Elsewhere", other)
        await bob.patch(f"/api/posts/{swapped['id']}", {"body": "Swapped"})
        outcome = await judged(alice, swapped, theirs, fine, {"id": 999, "version": 1}, state="published")
        assert [post["id"] for post in outcome["posts"]] == [fine["id"]]
        assert [(row["id"], row["status"]) for row in outcome["refused"]] == [
            (swapped["id"], 412),
            (theirs["id"], 404),
            (999, 404),
        ]
        assert [post["body"] for post in await waiting(alice)] == ["Swapped"]

    async def test_nobody_else_decides(self, room: int, bob: Person, charlie: Person, anyone: Person) -> None:
        made = await posted(bob, "New", room)
        for who, status in ((bob, 403), (charlie, 404)):
            assert [row["status"] for row in (await judged(who, made, state="published"))["refused"]] == [status]
        refused(await anyone.post("/api/decisions", {"decisions": []}), 401)

    async def test_it_rejects_nonsense(self, room: int, alice: Person, bob: Person) -> None:
        new, state = {"post": 1, "version": 1}, {"state": "published"}
        for texts in ([], [new] * 101):
            assert wrong_fields(await alice.post("/api/decisions", {"decisions": texts, **state})) == {"decisions"}
        assert wrong_fields(await alice.post("/api/decisions", {"decisions": [new], **state, **TOLD})) == {"reason"}
        made = await posted(bob, "New", room)
        path = f"/api/posts/{made['id']}"
        assert wrong_fields(await alice.patch(path, {"state": "published", **TOLD})) == {"reason"}
        assert wrong_fields(await alice.patch(path, {"reason": "spam"})) == {"reason"}
        assert wrong_fields(await bob.patch(path, {"body": "New", "reason": "spam"})) == {"reason"}


class TestReasons:
    """Why a post was removed, or its edit declined: its author reads it, and nobody else but the moderators."""

    async def test_it_works(self, room: int, alice: Person, bob: Person, anyone: Person) -> None:
        public = await decided(alice, await posted(bob, "Seen", room), "published")
        edit, rude = await edited(bob, public), await posted(bob, "Rude", room)
        await alice.patch(f"/api/posts/{rude['id']}", {"state": "removed", **TOLD}, headers=seen(rude))
        path = f"/api/posts/{public['id']}/edit"
        await alice.patch(path, {"state": "removed", "note": "Worse"}, headers=seen(edit["edit"]))
        of_post, of_edit = (await bob.get("/api/me/posts")).json()["posts"]
        told = of_post["decision"]
        assert (told["reason"], told["note"], "by" in told) == (TOLD["reason"], TOLD["note"], False)
        assert (of_edit["edit"]["decision"]["note"], of_edit["edit"]["decision"]["reason"]) == ("Worse", None)
        inbox = (await bob.get("/inbox", headers={"Accept": "text/html"})).text
        assert f"Off topic: {TOLD['note']}</p>" in inbox
        assert "Your new text was declined</a>" in inbox
        (removed,) = await waiting(alice, group="site", state="removed")
        assert (removed["decision"]["by"], removed["decision"]["note"]) == ("alice", TOLD["note"])
        for path in (f"/api/channels/{room}/posts", f"/api/posts/{public['id']}", "/"):
            assert "Worse" not in (await anyone.get(path)).text
        trail = (await alice.get("/api/groups/site/audit")).json()["entries"]
        assert trail[1]["detail"] == "by bob, off-topic"
        assert TOLD["note"] not in str(trail)

    async def test_it_goes_with_the_removal(self, room: int, alice: Person, bob: Person) -> None:
        rude = await posted(bob, "Rude", room)
        await judged(alice, rude, state="removed", **TOLD)
        (removed,) = await waiting(alice, state="removed")
        await decided(alice, removed, "published")
        assert (await bob.get("/api/me/posts")).json()["posts"] == []
        shown = (await alice.get(f"/api/posts/{rude['id']}")).json()
        assert "decision" not in shown


class TestUndoing:
    """POST /api/decisions/undo."""

    async def test_an_approval_waits_again(self, room: int, alice: Person, bob: Person, anyone: Person) -> None:
        made = await posted(bob, "New", room)
        back = await undone(alice, await judged(alice, made, state="published"))
        assert [post["state"] for post in back["posts"]] == ["pending"]
        assert (await anyone.get(f"/api/channels/{room}/posts")).json()["posts"] == []
        assert (await anyone.get(f"/api/channels/{room}")).json()["posts"] == 0
        assert [post["id"] for post in await waiting(alice)] == [made["id"]]
        trail = (await alice.get("/api/groups/site/audit")).json()["entries"]
        assert (trail[0]["action"], trail[0]["subject"]) == ("decision.undone", f"post {made['id']}")

    async def test_what_was_declined_waits_again_and_what_was_removed_is_back(
        self, room: int, alice: Person, bob: Person
    ) -> None:
        public = await decided(alice, await posted(bob, "Seen", room), "published")
        made = await posted(bob, "New", room)
        back = await undone(alice, await judged(alice, made, public, state="removed", **TOLD))
        assert [post["state"] for post in back["posts"]] == ["pending", "published"]
        assert [post["id"] for post in (await bob.get("/api/me/posts")).json()["posts"]] == [made["id"]]

    async def test_edits_too(self, room: int, alice: Person, bob: Person, anyone: Person) -> None:
        public = await decided(alice, await posted(bob, "Seen", room), "published")
        edit = await edited(bob, public, "Better")
        declined = await undone(alice, await judged(alice, edit, state="removed", **TOLD))
        assert declined["posts"] == [edit]
        approved = await judged(alice, edit, state="published")
        (back,) = (await undone(alice, approved))["posts"]
        assert (back["body"], back["html"], back["edited"]) == (public["body"], public["html"], public["edited"])
        assert (back["edit"]["body"], back["edit"]["state"]) == ("Better", "pending")
        assert (await anyone.get(f"/api/posts/{public['id']}")).json()["body"] == "Seen"

    async def test_a_restored_one_is_removed_again_with_its_reason(self, room: int, alice: Person, bob: Person) -> None:
        await judged(alice, await posted(bob, "Rude", room), state="removed", **TOLD)
        (removed,) = await waiting(alice, state="removed")
        await undone(alice, await judged(alice, removed, state="published"))
        (own,) = (await bob.get("/api/me/posts")).json()["posts"]
        assert (own["state"], own["decision"]["note"]) == ("removed", TOLD["note"])

    async def test_not_what_has_changed_since(self, room: int, alice: Person, bob: Person, charlie: Person) -> None:
        replied, edited_, twice = [await posted(bob, text, room) for text in ("One", "Two", "Three")]
        outcome = await judged(alice, replied, edited_, state="published")
        await posted(alice, "Re", room, parent=replied["id"])
        await alice.patch("/api/groups/site", {"review": "none"})
        assert (await bob.patch(f"/api/posts/{edited_['id']}", {"body": "Two and a half"})).status_code == 200
        assert [row["status"] for row in (await undone(alice, outcome))["refused"]] == [409, 409]
        outcome = await judged(alice, twice, state="removed")
        await decided(alice, outcome["posts"][0], "published")
        assert [row["status"] for row in (await undone(alice, outcome))["refused"]] == [404]

    async def test_nobody_else_does(self, room: int, alice: Person, bob: Person, charlie: Person) -> None:
        outcome = await judged(alice, await posted(bob, "New", room), state="published")
        for who in (bob, charlie):
            assert [row["status"] for row in (await undone(who, outcome))["refused"]] == [403]

    async def test_the_text_before_is_gone_after_an_hour_or_with_the_next(
        self, room: int, alice: Person, bob: Person, app: Quart, instance: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        public = [await decided(alice, await posted(bob, f"embarrassing {n}", room), "published") for n in range(2)]
        for post in public:
            await judged(alice, await edited(bob, post, "Better"), state="published")
        await edited(bob, public[0], "Best")
        later = times.later(hours=1.1)
        monkeypatch.setattr(decision.times, "later", lambda **_: later)
        for sweep in (decision.forget_old, upkeep.forget, upkeep.forget):
            await db.write(sweep)
        await app.shutdown()
        assert b"embarrassing" not in databases.contents(instance)
        await app.startup()


class TestThePage:
    """GET /queue and /groups/{slug}/queue."""

    async def test_it_works(self, room: int, alice: Person, bob: Person) -> None:
        await posted(bob, "New", room)
        await bob.post("/api/groups/site/channels", {"key": "bobs", "title": "Bob's"})
        for path in ("/queue", "/groups/site/queue"):
            page = await alice.get(path, headers={"Accept": "text/html"})
            assert page.headers["Cache-Control"] == "no-store"
            assert '<span class="waiting-count" data-waiting="site">2</span>' in page.text
            assert "<p>New</p>" in page.text  # which one reads without a script, too
        begun = (await alice.get("/api/queue/channels")).json()["channels"]
        assert [(channel["title"], channel["by"]) for channel in begun] == [("Bob's", "bob")]
        assert (await bob.get("/api/queue/channels")).json()["channels"] == []
