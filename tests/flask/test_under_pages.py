"""The discussion under each page, as front ends of 2026 call for it: every row of the contract's last tables."""

from datetime import datetime

import pytest

from model.settings import Settings
from tests.api.conftest import Json, opened, posted
from tests.cases import in_turn
from tests.conftest import Person
from tests.flask.conftest import SITE, Visit, ok, refused

PAGE = "/csp/lessons/binary-search/"
KEY = "/csp/lessons/binary-search"
ATTACK = '<img src=x onerror="hacked()">'
MICROBLOG = "/flask/api/microblog"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(instance=settings.instance, flask_origins=settings.flask_origins, rate_limits=False)


async def said(visitor: Person, content: str = "First!", **more: object) -> Json:
    """A row that somebody made, under PAGE unless it says where."""
    return ok(await visitor.post(MICROBLOG, {"content": content, "topicPath": PAGE, **more}))


async def under(visitor: Person, query: str = f"pagePath={PAGE}") -> list[Json]:
    found = ok(await visitor.get(f"{MICROBLOG}?{query}"))
    assert found["count"] == len(found["microblogs"])
    return list(found["microblogs"])


async def channel_of(visitor: Person, key: str = KEY) -> Json:
    (channel,) = (await visitor.get(f"/api/groups/home/channels?key={key}")).json()["channels"]
    return dict(channel)


class TestMicroblog:
    async def test_a_row_has_all_fields(self, visit: Visit, anyone: Person) -> None:
        bob = visit("bob")
        me = ok(await bob.get("/flask/api/id"))
        assert me["roles"] == [{"name": "User"}]
        row = await said(bob, "What is *log n*?", data={"mood": "curious", "content": "other"})
        assert datetime.fromisoformat(row.pop("timestamp")) == datetime.fromisoformat(row.pop("updatedAt"))
        assert row == {
            "id": row["id"],
            "userId": me["id"],
            "userName": "Bob",
            "userUid": "bob",
            "content": "What is *log n*?",
            "topicId": row["topicId"],
            "topicKey": "csp_lessons_binary-search",
            "topicPath": KEY,
            "characterCount": 16,
            "replies": [],
            "reactions": {},
            "mood": "curious",
        }
        channel = await channel_of(anyone)
        assert (channel["title"], channel["url"]) == ("Csp Lessons Binary-Search", f"{SITE}{KEY}")

    async def test_it_is_the_thread_of_the_embed_of_that_page(
        self, visit: Visit, alice: Person, anyone: Person
    ) -> None:
        bob = visit("bob")
        row = await said(bob, "From the panel")
        channel = (await channel_of(anyone))["id"]
        made = await posted(alice, "From **the** embed", channel)
        await posted(alice, "A reply from there", channel, parent=row["id"])
        newest, first = await under(bob)
        assert (newest["id"], newest["content"]) == (made["id"], "From **the** embed")
        assert [reply["content"] for reply in first["replies"]] == ["A reply from there"]
        assert "From the panel" in (await anyone.get(f"/groups/home/thread?key={PAGE}")).text
        for path in (KEY, f"{SITE}{PAGE}?utm_source=x#top", "csp/lessons/binary-search"):
            assert (await said(bob, "Again", topicPath=path))["topicId"] == channel

    async def test_it_needs_somebody(self, visit: Visit) -> None:
        await said(visit("bob"))
        for path, method in (("", "GET"), ("", "POST"), ("", "PUT"), ("", "DELETE"), ("/reply", "POST")):
            answer = await visit().http.request(method, MICROBLOG + path, json={"content": "x"})
            refused(answer, 401)

    async def test_what_is_wrong_is_400(self, visit: Visit) -> None:
        bob = visit("bob")
        for body in (
            {},
            {"content": " "},
            {"content": "x" * 281},
            {"content": 1},
            {"content": "x", "topicPath": "/" + "x" * 400},
            {"content": "x", "data": [1]},
            {"content": "\u200b", "topicPath": "/nothing"},
        ):
            refused(await bob.post(MICROBLOG, {"topicPath": PAGE, **body}), 400)
        assert await under(bob, "") == []
        assert (await bob.get("/api/groups/home/channels?key=/nothing")).json()["channels"] == []
        assert (await said(bob, "x" * 280))["characterCount"] == 280

    async def test_filters(self, visit: Visit, anyone: Person) -> None:
        bob, alice = visit("bob"), visit("alice")
        here, there = await said(bob, "100% here"), await said(alice, "there", topicPath="/elsewhere/")
        for query, expected in (
            ("", [there, here]),
            (f"pagePath={PAGE}", [here]),
            ("pagePath=/nowhere", []),
            (f"topicId={there['topicId']}", [there]),
            ("topicId=999", []),
            (f"userId={here['userId']}", [here]),
            ("userId=999", []),
            ("search=HERE", [here]),
            ("search=nowhere", []),
            ("limit=1", [there]),
        ):
            assert [row["id"] for row in await under(bob, query)] == [row["id"] for row in expected], query

    async def test_texts_are_safe_in_inner_html(self, visit: Visit) -> None:
        bob = visit("bob")
        await said(bob, ATTACK, topicPath=f"/x/{ATTACK}", data={ATTACK: [ATTACK]})
        await bob.post(f"{MICROBLOG}/reply", {"postId": (await under(bob, ""))[0]["id"], "content": ATTACK})
        text = (await bob.get(MICROBLOG)).text + (await bob.get(f"{MICROBLOG}/topics")).text
        assert "<" not in text
        assert "&lt;img src=x" in text

    async def test_it_is_edited_by_its_author(self, visit: Visit) -> None:
        bob = visit("bob")
        row = await said(bob, "a < b & c", data={"mood": "calm", "n": 1})
        same = ok(await bob.put(MICROBLOG, json={"id": str(row["id"]), "content": row["content"], "topicPath": PAGE}))
        assert same["content"] == "a &lt; b &amp; c"
        edited = ok(await bob.put(MICROBLOG, json={"id": row["id"], "content": "Better", "data": {"n": 2}}))
        assert (edited["content"], edited["mood"], edited["n"]) == ("Better", "calm", 2)
        assert edited["updatedAt"] > edited["timestamp"]
        assert (await under(bob))[0]["content"] == "Better"
        for who in ("charlie", "root"):
            refused(await visit(who).put(MICROBLOG, json={"id": row["id"], "content": "Mine"}), 403)
        refused(await bob.put(MICROBLOG, json={"id": 999, "content": "x"}), 404)
        refused(await bob.put(MICROBLOG, json={"id": row["id"], "content": "x" * 281}), 400)

    async def test_it_is_deleted_by_a_body(self, visit: Visit) -> None:
        bob = visit("bob")
        rows = [await said(bob, text) for text in ("one", "two")]
        refused(await visit("charlie").http.request("DELETE", MICROBLOG, json={"id": rows[0]["id"]}), 403)
        for who, row in (("bob", rows[0]), ("root", rows[1])):
            gone = ok(await visit(who).http.request("DELETE", MICROBLOG, json={"id": row["id"]}))
            assert gone == {"message": "MicroBlog post deleted successfully"}
        assert await under(bob) == []
        refused(await bob.http.request("DELETE", MICROBLOG, json={"id": rows[0]["id"]}), 404)

    async def test_replies(self, visit: Visit, bob: Person) -> None:
        row = await said(visit("bob"))
        charlie = visit("charlie")
        for name in ("postId", "microblogId"):
            answer = ok(await charlie.post(f"{MICROBLOG}/reply", {name: row["id"], "content": name, "topicPath": PAGE}))
            reply = answer["reply"]
            assert (reply["userName"], reply["content"]) == ("Charlie", name)
            assert answer["microblog"]["replies"][-1] == reply
            assert answer["message"] == "Reply added successfully"
        nested = ok(await visit("bob").post(f"{MICROBLOG}/reply", {"postId": reply["id"], "content": "And so on"}))
        public = ok(await visit().get(f"{MICROBLOG}/reply?postId={row['id']}"))
        assert public["replies"] == nested["microblog"]["replies"] == (await under(charlie))[0]["replies"]
        assert public["count"] == 3
        for wrong in ({}, {"postId": row["id"]}, {"content": "x"}, {"postId": row["id"], "content": "x" * 281}):
            refused(await charlie.post(f"{MICROBLOG}/reply", wrong), 400)
        refused(await charlie.post(f"{MICROBLOG}/reply", {"postId": 999, "content": "x"}), 404)
        refused(await visit().get(f"{MICROBLOG}/reply"), 400)
        assert (await bob.get(f"/api/posts/{row['id']}")).json()["replies"] == 2

    async def test_reactions(self, visit: Visit, anyone: Person) -> None:
        row = await said(visit("bob"))
        alice, bob = visit("alice"), visit("bob")
        path = f"{MICROBLOG}/reaction"
        for name in ("👍", "like", "up", " UP "):
            found = ok(await alice.post(path, {"postId": row["id"], "reactionType": name}))
            mine = ok(await alice.get("/flask/api/id"))["id"]
            assert found["microblog"]["reactions"] == {"👍": [mine]}
        found = ok(await bob.post(path, {"microblogId": row["id"], "reactionType": "👍"}))
        assert len(found["microblog"]["reactions"]["👍"]) == 2
        assert found["microblog"]["reactions"]["👍"].count(None) == 1  # how many, not who
        assert (await anyone.get(f"/api/posts/{row['id']}")).json()["reactions"] == {"up": 2}
        assert "❤️" in refused(await bob.post(path, {"postId": row["id"], "reactionType": "🦖"}), 400)
        gone = ok(await bob.http.request("DELETE", path, json={"postId": row["id"], "reactionType": "like"}))
        assert gone["microblog"]["reactions"] == {"👍": [None]}
        refused(await bob.http.request("DELETE", path, json={"postId": row["id"], "reactionType": "like"}), 404)

    async def test_topics(self, visit: Visit, root: Person, anyone: Person) -> None:
        row = await said(visit("bob"))
        await said(visit("bob"), topicPath="/another/")
        topic = ok(await visit().get(f"{MICROBLOG}/topics?pagePath={PAGE}"))
        assert topic.pop("topics") == [{name: value for name, value in topic.items() if name != "count"}]
        assert topic.pop("count") == 1
        assert (topic["id"], topic["pageKey"], topic["pagePath"]) == (row["topicId"], row["topicKey"], KEY)
        assert (topic["pageTitle"], topic["displayName"]) == ("Csp Lessons Binary-Search",) * 2
        assert (topic["allowAnonymous"], topic["moderated"], topic["isActive"], topic["postCount"]) == (
            True,
            False,
            True,
            1,
        )
        listed = ok(await visit().get(f"{MICROBLOG}/topics"))
        assert [one["pagePath"] for one in listed["topics"]] == ["/another", KEY]
        assert ok(await visit().get(f"{MICROBLOG}/topics?search=ANOTHER"))["count"] == 1
        refused(await visit().get(f"{MICROBLOG}/topics?pagePath=/nowhere"), 404)
        page = ok(await visit("bob").get(f"{MICROBLOG}/page/{row['topicKey']}"))
        assert (page["topic"], page["count"], page["canPost"], page["userPostCount"]) == (topic, 1, True, 1)
        await root.patch(f"/api/channels/{row['topicId']}", {"locked": True})
        page = ok(await visit().get(f"{MICROBLOG}/page/{row['topicKey']}"))
        assert (page["topic"]["isActive"], page["canPost"]) == (False, False)
        refused(await visit("bob").post(MICROBLOG, {"content": "x", "topicPath": PAGE}), 403)
        refused(await visit().get(f"{MICROBLOG}/page/nowhere"), 404)

    async def test_where_posts_wait_only_their_author_sees_them(self, visit: Visit, root: Person) -> None:
        await root.patch("/api/groups/home", {"review": "all"})
        row = await said(visit("bob"), topicPath="/new/")
        assert row["content"] == "First!"
        assert [one["id"] for one in await under(visit("bob"), "")] == [row["id"]]
        assert await under(visit("alice"), "") == []

    async def test_the_group_is_the_one_that_is_named(self, visit: Visit, root: Person) -> None:
        await opened(root, "closed", reading="members", posting="members")
        await said(visit("bob"))
        await posted(root, "In another group", 2)
        assert len(await under(visit("root"), "")) == 1


class TestPosts:
    async def test_a_post_has_all_fields(self, visit: Visit, anyone: Person) -> None:
        bob = visit("bob")
        new = {
            "content": " I got it ",
            "gradeReceived": "A (93-96%)",
            "pageUrl": f"{SITE}{PAGE}",
            "pageTitle": "Binary search",
        }
        answer = await bob.post("/flask/api/post", new, headers={"Idempotency-Key": "once"})
        assert answer.status_code == 201
        again = await bob.post("/flask/api/post", new, headers={"Idempotency-Key": "once"})
        assert (again.status_code, again.json()) == (201, answer.json())
        post = answer.json()
        assert datetime.fromisoformat(post.pop("timestamp")) == datetime.fromisoformat(post.pop("updatedAt"))
        assert post == {
            "id": post["id"],
            "userId": ok(await bob.get("/flask/api/id"))["id"],
            "studentName": "Bob",
            "content": "I got it",
            "gradeReceived": "A (93-96%)",
            "pageUrl": KEY,
            "pageTitle": "Binary search",
            "parentId": None,
            "replyCount": 0,
            "replies": [],
        }
        assert (await channel_of(anyone))["title"] == "Binary search"
        (row,) = await under(bob)
        assert (row["content"], row["gradeReceived"]) == ("I got it", "A (93-96%)")

    async def test_lists_and_replies(self, visit: Visit) -> None:
        bob = visit("bob")
        first = (await bob.post("/flask/api/post", {"content": "About a page", "pageUrl": PAGE})).json()
        second = (await bob.post("/flask/api/post", {"content": "About none"})).json()
        assert (second["pageUrl"], second["pageTitle"]) == (None, None)
        answer = await visit("charlie").post("/flask/api/post/reply", {"parentId": first["id"], "content": ATTACK})
        assert answer.status_code == 201
        reply = answer.json()
        assert (reply["parentId"], reply["studentName"]) == (first["id"], "Charlie")
        everyone = visit()
        listed = ok(await everyone.get("/flask/api/post/all"))
        assert [post["id"] for post in listed] == [second["id"], first["id"]]
        assert listed[1]["replyCount"] == 1
        (shown,) = listed[1]["replies"]
        assert shown == {name: reply[name] for name in ("id", "userId", "studentName", "content", "timestamp")}
        assert "<" not in shown["content"]
        assert ok(await everyone.get(f"/flask/api/post/page?url={PAGE}")) == [listed[1]]
        assert ok(await everyone.get("/flask/api/post/page?url=/nowhere")) == []
        assert ok(await everyone.get(f"/flask/api/post/user/{first['userId']}")) == listed
        assert ok(await everyone.get(f"/flask/api/post/{first['id']}")) == listed[1]
        assert ok(await everyone.get(f"/flask/api/post/{reply['id']}"))["parentId"] == first["id"]

    async def test_it_is_changed_and_deleted_by_its_author(self, visit: Visit) -> None:
        bob = visit("bob")
        post = (await bob.post("/flask/api/post", {"content": "One", "gradeReceived": "B", "pageUrl": PAGE})).json()
        path = f"/flask/api/post/{post['id']}"
        changed = ok(await bob.put(path, json={"content": "Two"}))
        assert (changed["content"], changed["gradeReceived"]) == ("Two", "B")
        assert ok(await bob.put(path, json={"gradeReceived": "A"}))["gradeReceived"] == "A"
        for method in ("PUT", "DELETE"):
            refused(await visit("charlie").http.request(method, path, json={"content": "x"}), 403)
        assert ok(await bob.delete(path)) == {"message": "Post deleted successfully"}
        refused(await bob.get(path), 404)

    @in_turn(
        ("method", "path", "body", "status"),
        [
            ("POST", "", {"content": " "}, 400),
            ("POST", "", {"content": "x" * 10_001}, 400),
            ("POST", "", {"content": "x", "channel_id": 1}, 400),
            ("POST", "", {}, 400),
            ("POST", "/reply", {"content": "x"}, 400),
            ("POST", "/reply", {"parentId": 1}, 400),
            ("POST", "/reply", {"parentId": 999, "content": "x"}, 404),
            ("GET", "/page", None, 400),
            ("GET", "/999", None, 404),
            ("GET", "/user/x", None, 404),
            ("PUT", "/999", {"content": "x"}, 404),
            ("DELETE", "/999", None, 404),
        ],
    )
    async def test_what_is_wrong(self, visit: Visit, method: str, path: str, body: object, status: int) -> None:
        refused(await visit("bob").http.request(method, f"/flask/api/post{path}", json=body), status)
