"""The moderators' desk: notes, and what authors can do about what was decided on their posts."""

import re

import pytest
from sqlalchemy.dialects import sqlite

from model.talk import queue
from model.talk.desk import appeal
from model.talk.judging import verdict
from pottle.store import db
from tests.api.conftest import Json, joined, opened, posted, refused, wrong_fields
from tests.api.test_review import decided, edited, seen
from tests.conftest import PASSWORD, Person

NOTES = "/api/groups/site/notes"


@pytest.fixture
async def room(root: Person) -> int:
    """A channel of `site`, which Alice moderates; Bob belongs to it, Charlie does not."""
    channel = await opened(root, "site")
    await joined(root, "site", "alice", "moderator")
    await joined(root, "site", "bob")
    return channel


async def removed(moderator: Person, post: Json, **why: str) -> Json:
    """A post that a moderator removed."""
    text = {"post": post["id"], "version": post["version"]}
    outcome = (await moderator.post("/api/decisions", {"decisions": [text], "state": "removed", **why})).json()
    assert outcome["refused"] == []
    return dict(outcome["posts"][0])


async def decisions(author: Person) -> list[Json]:
    """What was decided on somebody's posts."""
    return list((await author.get("/api/me/decisions")).json()["decisions"])


async def appealed(author: Person, text: str = "I meant it kindly.") -> Json:
    """An appeal against the newest decision on somebody's posts."""
    (newest, *_) = await decisions(author)
    answer = await author.put(f"/api/me/decisions/{newest['id']}/appeal", json={"text": text})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def reported(post: Json, *people: Person, reason: str = "rude") -> None:
    """What several people say of a post."""
    for who in people:
        assert (await who.post(f"/api/posts/{post['id']}/reports", {"reason": reason})).status_code == 201


async def waiting(moderator: Person, state: str) -> list[Json]:
    """A list of the queue."""
    return list((await moderator.get("/api/queue", params={"state": state})).json()["posts"])


class TestReported:
    """Public posts that were reported, those by most people first; keeping one closes its reports, until undone."""

    async def test_it_works(self, room: int, root: Person, alice: Person, bob: Person, charlie: Person) -> None:
        by_two, by_one, fine = [await posted(bob, text, room) for text in ("Fool", "Hm", "Fine")]
        await reported(by_two, charlie, root)
        await reported(by_one, charlie)
        first, second = await waiting(alice, "reported")
        assert (first["id"], first["reported"], second["id"]) == (by_two["id"], 2, by_one["id"])
        assert [(said["by"], said["reason"]) for said in first["reports"]] == [("root", "rude"), ("charlie", "rude")]
        (counted,) = (await alice.get("/api/queue/counts")).json()["groups"]
        assert (counted["waiting"], counted["reported"]) == (2, 2)
        texts = [{"post": post["id"], "version": post["version"]} for post in (by_two, by_one, fine)]
        kept = await alice.post("/api/decisions", {"decisions": texts, "state": "published"})
        ids = [post["decision"]["id"] for post in kept.json()["posts"] if "decision" in post]
        assert len(ids) == 2  # there was nothing to decide on the third
        assert await waiting(alice, "reported") == []
        assert {row["outcome"] for row in (await charlie.get("/api/me/reports")).json()["reports"]} == {"kept"}
        await alice.post("/api/decisions/undo", {"decisions": ids})
        assert [post["id"] for post in await waiting(alice, "reported")] == [by_two["id"], by_one["id"]]

    async def test_what_is_removed_says_that_it_was_reported(
        self, room: int, alice: Person, bob: Person, charlie: Person
    ) -> None:
        post = await posted(bob, "Fool", room)
        await reported(post, charlie)
        gone = await removed(alice, post, reason="unkind")
        (told,) = await decisions(bob)
        assert told["found"] == "report"
        assert "charlie" not in str(told)
        await alice.post("/api/decisions/undo", {"decisions": [gone["decision"]["id"]]})
        assert [post["reported"] for post in await waiting(alice, "reported")] == [1]
        (told,) = await decisions(bob)
        assert told["ended"]

    async def test_what_rules_held_back_says_why(self, root: Person, alice: Person, bob: Person) -> None:
        room = await opened(root, "site", review="all")
        await joined(root, "site", "alice", "moderator")
        post = await posted(bob, "Buy", room)
        said = verdict.Verdict((verdict.Reason("links", 1.2, "4"), verdict.Reason("new", 0.3, "0")))
        await db.write(lambda tx: verdict.keep(tx, post["id"], "post", said))
        (shown,) = await waiting(alice, "pending")
        why = [*map(str, verdict.in_words(said.reasons))]
        assert shown["verdict"] == {"score": 1.5, "reasons": why}
        await removed(alice, shown)
        (told,) = await decisions(bob)
        assert (told["found"], told["rules"], told["automated_detection"]) == ("rule", why, True)
        day = post["created"][:10]
        path = f"/api/groups/site/statements?since={day}&until={day}"
        held, gone = (await alice.get(path)).json()["statements"]
        assert (held["automated_decision"], held["ended"]) == ("AUTOMATED_DECISION_FULLY", "decided")
        assert why[0] in held["incompatible_content_explanation"]
        assert (gone["automated_detection"], gone["automated_decision"]) == ("Yes", "AUTOMATED_DECISION_NOT_AUTOMATED")

    @pytest.mark.sqlite("what it says of how it would look")
    async def test_what_waits_is_found_by_indexes(self, room: int) -> None:
        """It is counted for each page that a moderator sees, and must not look at all posts there ever were."""
        for statement in (queue.COUNTS, appeal.WAITING):
            compiled = statement.compile(dialect=sqlite.dialect())
            plan = f"EXPLAIN QUERY PLAN {compiled}"
            async with db.session() as session:
                connection = await session.connection()
                rows = await connection.exec_driver_sql(plan, (1,) * str(compiled).count("?"))
                steps = [str(row[3]) for row in rows]
            looked = [step for step in steps if re.fullmatch(r"SCAN (posts|channels|statements|reports)", step)]
            assert looked == [], steps

    async def test_nobody_else_sees_who_reported(self, room: int, bob: Person, charlie: Person, root: Person) -> None:
        await reported(await posted(root, "Hm", room), charlie)
        assert await waiting(bob, "reported") == []
        refused(await bob.get("/api/queue?state=reported&group=site"), 403)


class TestNotes:
    """/api/groups/{slug}/notes."""

    async def test_it_works(self, room: int, root: Person, alice: Person, bob: Person) -> None:
        post = await posted(bob, "Hm", room)
        on_bob = (await alice.post(NOTES, {"uid": "bob", "text": "Was warned."})).json()
        on_post = (await root.post(NOTES, {"post": post["id"], "text": "Borderline."})).json()
        assert [on_bob["by"], on_bob["post"], on_post["by"], on_post["post"]] == ["alice", None, "root", post["id"]]
        assert (await alice.get(NOTES, params={"uid": "bob"})).json()["notes"] == [on_post, on_bob]
        assert (await alice.get(NOTES, params={"post": post["id"]})).json()["notes"] == [on_post]
        trail = (await alice.get("/api/groups/site/audit")).json()["entries"]
        assert (trail[0]["action"], trail[0]["subject"]) == ("note.made", f"post {post['id']}")
        assert "Borderline" not in str(trail)
        assert (await alice.delete(f"{NOTES}/{on_post['id']}")).status_code == 204
        assert (await alice.get(NOTES, params={"uid": "bob"})).json()["notes"] == [on_bob]

    async def test_they_are_in_the_persons_export_without_who_wrote_them(
        self, room: int, alice: Person, bob: Person
    ) -> None:
        await alice.post(NOTES, {"uid": "bob", "text": "Was warned."})
        everything = (await bob.post("/api/me/export", {"password": PASSWORD})).json()
        (row,) = everything["moderator_notes"]
        assert (row["text"], row["group"]) == ("Was warned.", "site")
        assert "alice" not in str(row)

    async def test_nobody_else_reads_or_writes_them(
        self, room: int, root: Person, alice: Person, bob: Person, charlie: Person
    ) -> None:
        await opened(root, "other")
        post = await posted(bob)  # in the lobby
        for who, status in ((bob, 403), (charlie, 403)):
            refused(await who.get(NOTES, params={"uid": "bob"}), status)
            refused(await who.post(NOTES, {"uid": "bob", "text": "x"}), status)
        refused(await alice.get("/api/groups/other/notes", params={"uid": "bob"}), 403)
        refused(await alice.get(NOTES, params={"uid": "charlie"}), 404)  # who has nothing to do with the group
        refused(await alice.post(NOTES, {"post": post["id"], "text": "x"}), 404)
        made = (await root.post("/api/groups/home/notes", {"uid": "bob", "text": "x"})).json()
        refused(await alice.delete(f"{NOTES}/{made['id']}"), 404)
        assert wrong_fields(await alice.post(NOTES, {"text": "x"})) == {"uid"}


HISTORY = "/api/groups/site/history/bob"


class TestHistory:
    """/api/groups/{slug}/history/{uid}."""

    async def test_it_works(
        self, room: int, root: Person, alice: Person, bob: Person, charlie: Person, anyone: Person
    ) -> None:
        await alice.patch("/api/groups/site", {"anonymous": True})
        good, bad = await posted(bob, "Good", room), await posted(bob, "Bad", room)
        secret = await posted(bob, "Nobody knows", room, anonymous=True)
        await alice.post(NOTES, {"post": secret["id"], "text": "Whose is this?"})
        await posted(bob, "Elsewhere")  # in the lobby, which Alice does not moderate
        await reported(bad, charlie)
        await reported(await posted(charlie, "Fine", room), bob)
        await removed(alice, bad, reason="unkind")
        await alice.post(NOTES, {"uid": "bob", "text": "Was warned."})
        shown = (await alice.get(HISTORY)).json()
        assert (shown["uid"], shown["standing"], shown["level"]) == ("bob", "member", None)
        counts = {"published": 2, "pending": 0, "removed": 1, "share": 0.333, "first": good["created"]}
        assert shown["posts"] == counts
        assert shown["reports"] == {"made": 1, "upheld": 0, "received": 1}
        assert [post["words"] for post in shown["latest"]] == ["Bad", "Good"]  # and not the anonymous one
        assert [(one["post"], one["reason"]) for one in shown["decisions"]] == [(bad["id"], "unkind")]
        assert [one["text"] for one in shown["notes"]] == ["Was warned."]
        page = await alice.get("/groups/site/history/bob", headers={"Accept": "text/html"})
        assert "Was warned." in page.text
        assert "Nobody knows" not in page.text

    async def test_nobody_else_sees_it(self, room: int, bob: Person, charlie: Person, alice: Person) -> None:
        refused(await bob.get(HISTORY), 403)
        refused(await alice.get("/api/groups/site/history/charlie"), 404)  # who has nothing to do with the group
        refused(await alice.get("/api/groups/home/history/bob"), 403)
        assert (await bob.get("/groups/site/history/bob", headers={"Accept": "text/html"})).status_code == 404


class TestClearing:
    """All that somebody wrote in the last days is removed, and they are blocked, in one step that can be undone."""

    async def test_it_works(self, room: int, root: Person, alice: Person, bob: Person, charlie: Person) -> None:
        other = await posted(bob, "Elsewhere")
        theirs = [await posted(bob, f"Buy {number}", room) for number in range(3)]
        await posted(charlie, "Fine", room)
        assert (await alice.get(f"{HISTORY}/clearing?days=1")).json() == {
            "posts": 3,
            "anonymous": 0,
            "edits": 0,
            "more": False,
        }
        new = {"days": 1, "reason": "spam", "block": {"why": "Advertising", "until": "2099-01-01T00:00:00.000Z"}}
        done = (await alice.post(f"{HISTORY}/clearing", new)).json()
        assert (done["posts"], done["block"]["user"], len(done["decisions"])) == (3, "bob", 3)
        assert [post["id"] for post in await waiting(alice, "removed")] == [post["id"] for post in theirs[::-1]]
        assert (await bob.get(f"/api/posts/{other['id']}")).json()["state"] == "published"
        refused(await bob.post(f"/api/channels/{room}/posts", {"body": "More"}), 403)
        assert {told["reason"] for told in await decisions(bob)} == {"spam"}
        again = (await alice.post(f"{HISTORY}/clearing", {"days": 1})).json()
        assert (again["posts"], again["decisions"]) == (0, [])
        await alice.post("/api/decisions/undo", {"decisions": done["decisions"]})
        assert await waiting(alice, "removed") == []

    async def test_new_texts_go_too(self, root: Person, alice: Person, bob: Person) -> None:
        room = await opened(root, "site", review="all")
        await joined(root, "site", "alice", "moderator")
        post = await decided(alice, await posted(bob, "Seen", room), "published")
        await edited(bob, post, "Buy")
        await posted(bob, "Buy", room)
        done = (await alice.post(f"{HISTORY}/clearing", {"days": 1})).json()
        assert (done["posts"], done["edits"], done["block"]) == (2, 1, None)
        assert await waiting(alice, "pending") == []

    async def test_not_of_moderators_and_not_by_others(
        self, room: int, root: Person, alice: Person, bob: Person
    ) -> None:
        refused(await alice.post("/api/groups/site/history/root/clearing", {"days": 1}), 409)
        refused(await bob.post(f"{HISTORY}/clearing", {"days": 1}), 403)
        assert wrong_fields(await alice.post(f"{HISTORY}/clearing", {"days": 0})) == {"days"}
        past = {"days": 1, "block": {"why": "x", "until": "2001-01-01T00:00:00.000Z"}}
        refused(await alice.post(f"{HISTORY}/clearing", past), 422)


class TestAppeals:
    """An author appeals once; another moderator answers, where there is one."""

    async def test_it_works(
        self, room: int, root: Person, alice: Person, bob: Person, charlie: Person, anyone: Person
    ) -> None:
        await joined(root, "site", "charlie", "moderator")
        post = await posted(bob, "You fool", room)
        await removed(alice, post, reason="unkind", note="Say it kindly.")
        (told,) = await decisions(bob)
        assert (told["text"], told["reason"], told["note"]) == ("You fool", "unkind", "Say it kindly.")
        assert (told["found"], told["automated_detection"], told["automated_decision"]) == ("look", False, False)
        assert told["appeal_until"] > told["created"]
        assert "alice" not in str(told)

        assert (await appealed(bob))["appeal"]["state"] == "open"
        (waiting,) = (await alice.get("/api/appeals")).json()["appeals"]
        assert (waiting["text"], waiting["by"], waiting["yours"]) == ("I meant it kindly.", "alice", True)
        assert waiting["post"]["body"] == "You fool"
        refused(await alice.patch(f"/api/appeals/{waiting['id']}", {"state": "granted"}), 403)
        answer = {"state": "granted", "answer": "You are right."}
        assert (await charlie.patch(f"/api/appeals/{waiting['id']}", answer)).status_code == 204
        assert (await anyone.get(f"/api/posts/{post['id']}")).json()["state"] == "published"
        (told,) = await decisions(bob)
        assert (told["appeal"]["state"], told["appeal"]["answer"]) == ("granted", "You are right.")
        assert told["ended"]
        refused(await charlie.patch(f"/api/appeals/{waiting['id']}", {"state": "declined"}), 409)

    async def test_once_for_each_decision(self, room: int, root: Person, alice: Person, bob: Person) -> None:
        """Alice is the group's only moderator, so she answers herself."""
        assert (await root.delete("/api/groups/site/members/root")).status_code == 204
        post = await removed(alice, await posted(bob, "You fool", room))
        told = await appealed(bob, "Please")
        path = f"/api/me/decisions/{told['id']}/appeal"
        assert (await bob.put(path, json={"text": "Please"})).status_code == 200
        refused(await bob.put(path, json={"text": "Pretty please"}), 409)
        assert (await alice.patch(f"/api/appeals/{told['id']}", {"state": "declined"})).status_code == 204
        assert (await alice.get("/api/appeals")).json()["appeals"] == []
        refused(await bob.put(path, json={"text": "Pretty please"}), 409)
        back = await decided(alice, post, "published")
        await removed(alice, back)
        assert (await appealed(bob, "Again?"))["id"] != told["id"]

    async def test_a_declined_text(self, root: Person, alice: Person, bob: Person, anyone: Person) -> None:
        room = await opened(root, "site", review="all")
        await joined(root, "site", "alice", "moderator")
        post = await decided(alice, await posted(bob, "As it was", room), "published")
        edit = (await edited(bob, post, "Better"))["edit"]
        declined = await alice.patch(f"/api/posts/{post['id']}/edit", {"state": "removed"}, headers=seen(edit))
        assert declined.status_code == 200
        told = await appealed(bob)
        assert (told["about"], told["text"], told["found"]) == ("edit", "Better", "review")
        assert (await root.patch(f"/api/appeals/{told['id']}", {"state": "granted"})).status_code == 204
        assert (await anyone.get(f"/api/posts/{post['id']}")).json()["body"] == "Better"

    async def test_restoring_grants_it_and_deleting_withdraws_it(self, room: int, alice: Person, bob: Person) -> None:
        first, second = [await removed(alice, await posted(bob, text, room)) for text in ("One", "Two")]
        newer, older = await decisions(bob)
        for told in (older, newer):
            await bob.put(f"/api/me/decisions/{told['id']}/appeal", json={"text": "Please"})
        await decided(alice, first, "published")
        assert (await bob.delete(f"/api/posts/{second['id']}")).status_code == 204
        newer, older = await decisions(bob)
        assert (older["appeal"]["state"], newer["appeal"]["state"]) == ("granted", "withdrawn")
        assert (newer["text"], newer["appeal_until"]) == ("", None)
        assert (await alice.get("/api/appeals")).json()["appeals"] == []
        refused(await alice.patch(f"/api/appeals/{newer['id']}", {"state": "declined"}), 404)

    async def test_it_goes_with_the_account(self, room: int, alice: Person, bob: Person) -> None:
        await removed(alice, await posted(bob, "You fool", room), note="Bob, please!")
        await appealed(bob)
        assert (await bob.delete("/api/me", json={"password": PASSWORD})).status_code == 204
        assert (await alice.get("/api/appeals")).json()["appeals"] == []
        found = (await alice.get("/api/groups/site/statements?since=2001-01-01&until=2999-01-01")).json()["statements"]
        assert [row["appeal"] for row in found] == [""]
        assert "Bob" not in str(found)

    async def test_nobody_elses(self, room: int, alice: Person, bob: Person, charlie: Person, anyone: Person) -> None:
        await removed(alice, await posted(bob, "You fool", room))
        told = await appealed(bob)
        refused(await charlie.get(f"/api/me/decisions/{told['id']}"), 404)
        refused(await charlie.put(f"/api/me/decisions/{told['id']}/appeal", json={"text": "x"}), 404)
        refused(await anyone.get("/api/me/decisions"), 401)
        assert (await bob.get("/api/appeals")).json()["appeals"] == []
        refused(await bob.get("/api/appeals?group=site"), 403)
        refused(await bob.patch(f"/api/appeals/{told['id']}", {"state": "granted"}), 403)
        refused(await charlie.patch(f"/api/appeals/{told['id']}", {"state": "granted"}), 404)


class TestStatements:
    """GET /api/groups/{slug}/statements: what was decided in a period, in the words of the DSA, without names."""

    async def test_it_works(self, room: int, alice: Person, bob: Person, charlie: Person) -> None:
        post = await posted(bob, "You fool", room)
        await reported(post, charlie)
        gone = await removed(alice, post, reason="unkind", note="=Say it kindly.")
        spam = await removed(alice, await posted(bob, "Buy", room), reason="spam")
        await alice.post("/api/decisions/undo", {"decisions": [spam["decision"]["id"]]})
        block = {"user": "bob", "why": "Three times", "until": "2099-01-01T00:00:00.000Z"}
        assert (await alice.post("/api/groups/site/blocks", block)).status_code == 201
        day = gone["decision"]["created"][:10]
        path = f"/api/groups/site/statements?since={day}&until={day}"
        found = (await alice.get(path)).json()
        first, second, third = found["statements"]
        assert found["complete"]
        assert first["decision_visibility"] == ["DECISION_VISIBILITY_CONTENT_REMOVED"]
        assert first["source_type"] == "SOURCE_TYPE_OTHER_NOTIFICATION"
        assert first["category"] == "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH"
        assert (second["incompatible_content_ground"], second["end_date_visibility_restriction"]) == (
            "Advertising",
            day,
        )
        assert third["decision_provision"] == "DECISION_PROVISION_PARTIAL_SUSPENSION"
        assert not {"alice", "bob", "charlie", "Bob"} & set(str(found).replace("'", " ").split())
        table = (await alice.get(f"{path}&format=csv")).text
        assert table.count("\n") == 4
        assert "'=Say it kindly." in table  # no formula
        earlier = await alice.get("/api/groups/site/statements?since=2001-01-01&until=2001-12-31")
        assert earlier.json()["statements"] == []

    async def test_it_rejects_nonsense(self, room: int, alice: Person, bob: Person) -> None:
        path = "/api/groups/site/statements"
        assert wrong_fields(await alice.get(path)) == {"since", "until"}
        assert wrong_fields(await alice.get(f"{path}?since=2026-02-31&until=yesterday")) == {"until"}
        assert wrong_fields(await alice.get(f"{path}?since=2026-02-31&until=2026-03-01")) == {"since"}
        refused(await bob.get(f"{path}?since=2026-01-01&until=2026-03-01"), 403)
