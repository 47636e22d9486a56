"""Nothing that a moderator has not seen becomes public: new posts, edits of approved ones, new discussions.

Alice moderates `site`, where everybody else's posts wait. Seen to fail with each of these left out: that an edit waits,
the versions that approving compares and asks for, the texts that model/talk/channel.py holds back.
"""

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import httpx
import pytest
from quart import Quart

from model.settings import Settings
from tests import databases
from tests.api.conftest import Json, dump, joined, opened, posted, refused, wrong_fields
from tests.conftest import PASSWORD, Person, World
from tests.flask.conftest import SITE

SECRET = "unseensecret"
HTML = {"Accept": "text/html"}
PRIVATE = ("private, no-cache", "no-store")


@pytest.fixture
def settings(instance: Path) -> Settings:
    """With the routes of Flask back ends, which show the same posts."""
    return Settings(instance=instance, rate_limits=False, flask_origins=(SITE,))


@pytest.fixture
async def room(root: Person) -> int:
    """A channel where everybody's posts wait; Alice moderates."""
    channel = await opened(root, "site", review="all", posting="guests")
    await joined(root, "site", "alice", "moderator")
    return channel


@pytest.fixture
async def public(room: int, alice: Person, bob: Person) -> Json:
    """A post of Bob's that Alice has approved."""
    made = await posted(bob, "Seen and approved", room)
    return await decided(alice, made, "published")


async def decided(moderator: Person, post: Json, state: str) -> Json:
    """A post that a moderator has read, and approved, restored or removed."""
    answer = await moderator.patch(f"/api/posts/{post['id']}", {"state": state}, headers=seen(post))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def edited(author: Person, post: Json, body: str = f"An **{SECRET}** edit") -> Json:
    """The answer to an edit that waits."""
    answer = await author.patch(f"/api/posts/{post['id']}", {"body": body})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def seen(thing: Json) -> dict[str, str]:
    """The header that names the version of what was read."""
    return {"If-Match": f'"{thing["version"]}-0"'}


def waiting(channel: int) -> str:
    return f"/api/channels/{channel}/posts?state=pending"


@pytest.fixture
async def everything(app: Quart, anyone: Person, charlie: Person) -> Callable[[], object]:
    """All that others than Bob and the moderators can read, as one text: every GET there is, pages and Flask's too."""
    document = (await anyone.get("/openapi.json")).json()
    ids = {"channel_id": range(1, 8), "post_id": range(1, 10), "slug": ["home", "site"], "uid": ["bob"]}
    paths = ["/", "/channels/{channel_id}", *document["paths"]]

    async def read() -> str:
        said: list[httpx.Response] = []
        for path in paths:
            if "get" not in document["paths"].get(path, {"get": 1}):
                continue
            names = re.findall(r"{(\w+)}", path)
            for given in product(*(ids.get(name, [""]) for name in names)):
                url = path.format(**dict(zip(names, given, strict=True)))
                for query in queries(url):
                    said += [await who.get(url + query, headers={"Origin": SITE}) for who in (anyone, charlie)]
        said += [await anyone.post("/flask/api/posts/filter", {"channel_id": id_}) for id_ in ids["channel_id"]]
        said += [await anyone.post("/flask/api/channels/filter", {"group_name": "site"})]
        return "\n".join(answer.text for answer in said)

    return read


def queries(url: str) -> list[str]:
    if url == "/api/counts":
        return ["?group=site&key=room"]
    if url in ("/flask/api/post", "/flask/api/vote/post"):
        name = "id" if url.endswith("api/post") else "post_id"
        return [f"?{name}={id_}" for id_ in range(1, 10)]
    return ["", "?state=pending", "?state=removed"] if url.startswith("/api/") else [""]


class TestAnEdit:
    """PATCH /api/posts/{id} by somebody whose posts wait."""

    async def test_it_waits_while_the_approved_text_stays(
        self, room: int, alice: Person, bob: Person, anyone: Person, public: Json
    ) -> None:
        listed = await anyone.get(f"/api/channels/{room}/posts")
        answer = await edited(bob, public)
        assert answer.pop("edit") | {"created": ""} == {
            "body": f"An **{SECRET}** edit",
            "html": f"<p>An <strong>{SECRET}</strong> edit</p>",
            "state": "pending",
            "created": "",
            "version": 1,
        }
        assert answer == public, "what everybody sees is what it was"
        for who in (anyone, bob, alice):
            assert (await who.get(f"/api/posts/{public['id']}")).json() == public
        again = await anyone.get(f"/api/channels/{room}/posts")
        assert (again.content, again.headers["ETag"]) == (listed.content, listed.headers["ETag"])

    async def test_nobody_else_reads_it_anywhere(
        self, room: int, alice: Person, bob: Person, public: Json, everything: Callable[[], object]
    ) -> None:
        before = await everything()  # type: ignore[misc]
        await edited(bob, public)
        assert SECRET not in await everything()  # type: ignore[misc]
        found = (await alice.get(f"/api/posts/{public['id']}/edit")).json()
        await alice.patch(f"/api/posts/{public['id']}/edit", {"state": "published"}, headers=seen(found))
        assert SECRET in await everything()  # type: ignore[misc]
        assert "Seen and approved" in before

    async def test_its_author_and_moderators_read_it(
        self, alice: Person, bob: Person, charlie: Person, anyone: Person, root: Person, public: Json
    ) -> None:
        answer = await edited(bob, public)
        path = f"/api/posts/{public['id']}/edit"
        for who in (bob, alice, root):
            shown = await who.get(path)
            assert shown.json() == answer["edit"]
            assert shown.headers["Cache-Control"] in PRIVATE
        refused(await charlie.get(path), 404)
        refused(await anyone.get(path), 401)

    async def test_a_moderator_approves_it(
        self, room: int, alice: Person, bob: Person, anyone: Person, public: Json
    ) -> None:
        await edited(bob, public)
        path = f"/api/posts/{public['id']}/edit"
        etag = (await alice.get(path)).headers["ETag"]
        approved = (await alice.patch(path, {"state": "published"}, headers={"If-Match": etag})).json()
        assert "edit" not in approved
        assert SECRET in approved["html"]
        assert approved["version"] == public["version"] + 1
        assert approved["edited"]
        assert (await anyone.get(f"/api/channels/{room}/posts")).json()["posts"] == [approved]
        refused(await bob.get(path), 404)

    async def test_approving_names_the_version_that_was_read(
        self, alice: Person, bob: Person, public: Json, anyone: Person, nothing_changes: Callable[..., object]
    ) -> None:
        read = (await edited(bob, public, "Harmless"))["edit"]
        await edited(bob, public, f"Swapped for {SECRET}")
        path = f"/api/posts/{public['id']}/edit"
        with nothing_changes():  # type: ignore[attr-defined]
            for headers in ({}, {"If-Match": "*"}):
                problem = refused(await alice.patch(path, {"state": "published"}, headers=headers), 428)
                assert "name the version" in problem["detail"]
            refused(await alice.patch(path, {"state": "published"}, headers=seen(read)), 412)
            refused(await alice.patch(path, {"state": "removed"}, headers=seen(read)), 412)
        assert SECRET not in (await anyone.get(f"/api/posts/{public['id']}")).text

    async def test_no_version_comes_twice(self, alice: Person, bob: Person, public: Json) -> None:
        """Else a text that was taken back and replaced could be approved by who read the first one."""
        read = (await edited(bob, public, "Harmless"))["edit"]
        path = f"/api/posts/{public['id']}/edit"
        assert (await bob.delete(path)).status_code == 204
        await edited(bob, public)
        refused(await alice.patch(path, {"state": "published"}, headers=seen(read)), 412)

    async def test_a_moderator_declines_it_and_its_author_is_told(
        self, room: int, alice: Person, bob: Person, anyone: Person, public: Json
    ) -> None:
        read = (await edited(bob, public))["edit"]
        path = f"/api/posts/{public['id']}/edit"
        declined = (await alice.patch(path, {"state": "removed"}, headers=seen(read))).json()
        assert declined["edit"]["state"] == "removed"
        assert (await anyone.get(f"/api/posts/{public['id']}")).json() == public
        assert (await alice.get(waiting(room))).json()["posts"] == []
        (own,) = (await bob.get("/api/me/posts")).json()["posts"]
        assert own == {**public, "edit": {**read, "state": "removed"}}
        refused(await alice.patch(path, {"state": "published"}, headers=seen(read)), 409)

        again = (await edited(bob, public, "Then like this"))["edit"]
        assert (await alice.get(waiting(room))).json()["posts"] == [{**public, "edit": again}]
        assert (await bob.delete(path)).status_code == 204
        assert (await bob.get("/api/me/posts")).json()["posts"] == []
        refused(await bob.delete(path), 404)

    async def test_nobody_else_decides(
        self,
        alice: Person,
        bob: Person,
        charlie: Person,
        anyone: Person,
        public: Json,
        nothing_changes: Callable[..., object],
    ) -> None:
        read = (await edited(bob, public))["edit"]
        path = f"/api/posts/{public['id']}/edit"
        with nothing_changes():  # type: ignore[attr-defined]
            for state in ("published", "removed"):
                refused(await bob.patch(path, {"state": state}, headers=seen(read)), 403)
                refused(await charlie.patch(path, {"state": state}, headers=seen(read)), 403)
                refused(await anyone.patch(path, {"state": state}, headers=seen(read)), 401)
            for who in (alice, charlie):
                refused(await who.delete(path), 403)
            assert wrong_fields(await alice.patch(path, {"state": "pending"})) == {"state"}
            assert wrong_fields(await alice.patch(path, {"body": "Hers"})) == {"state", "body"}

    async def test_what_is_waiting_is_approved_by_nothing_else(
        self, alice: Person, bob: Person, anyone: Person, public: Json
    ) -> None:
        """Neither by approving the post, nor by removing and restoring it."""
        read = (await edited(bob, public))["edit"]
        path = f"/api/posts/{public['id']}/edit"
        assert (await decided(alice, public, "published"))["body"] == public["body"]
        removed = await decided(alice, public, "removed")
        assert removed["edit"]["state"] == "pending"
        refused(await alice.patch(path, {"state": "published"}, headers=seen(read)), 409)
        restored = await decided(alice, removed, "published")
        assert (restored["body"], restored["edit"]) == (public["body"], read)
        assert (await anyone.get(f"/api/posts/{public['id']}")).json()["body"] == public["body"]
        approved = await alice.patch(path, {"state": "published"}, headers=seen(read))
        assert SECRET in approved.json()["body"]

    async def test_the_approved_text_again_takes_it_back(self, room: int, bob: Person, public: Json) -> None:
        await edited(bob, public)
        back = await bob.patch(f"/api/posts/{public['id']}", {"body": public["body"]})
        assert (back.status_code, back.json()["body"]) == (200, public["body"])
        assert (await bob.get("/api/me/posts")).json()["posts"] == []

    async def test_deleting_the_post_erases_it(
        self, alice: Person, bob: Person, public: Json, instance: Path, app: Quart
    ) -> None:
        reply = await posted(alice, channel=public["channel"], parent=public["id"])
        await edited(bob, public)
        assert (await bob.delete(f"/api/posts/{public['id']}")).status_code == 204
        assert SECRET not in str(dump(instance))
        refused(await bob.get(f"/api/posts/{public['id']}/edit"), 404)
        await app.shutdown()
        assert SECRET.encode() not in databases.contents(instance)
        await app.startup()
        assert reply["parent"] == public["id"]

    async def test_it_leaves_with_its_authors_account(
        self, bob: Person, alice: Person, public: Json, room: int, instance: Path
    ) -> None:
        await edited(bob, public)
        begun = await bob.post("/api/groups/site/channels", {"key": "bobs"})
        assert (await bob.http.request("DELETE", "/api/me", json={"password": PASSWORD})).status_code == 204
        assert SECRET not in str(dump(instance))
        assert (await alice.get(waiting(room))).json()["posts"] == []
        (left,) = (await alice.get("/api/groups/site/channels?state=pending")).json()["channels"]
        assert (left["id"], left["by"]) == (begun.json()["id"], None)

    async def test_a_locked_channel_takes_none(self, alice: Person, bob: Person, public: Json) -> None:
        await alice.patch(f"/api/channels/{public['channel']}", {"locked": True})
        refused(await bob.patch(f"/api/posts/{public['id']}", {"body": "Late"}), 403)

    async def test_if_match_still_names_the_post(self, bob: Person, public: Json) -> None:
        path = f"/api/posts/{public['id']}"
        refused(await bob.patch(path, {"body": "x"}, headers={"If-Match": '"99-0"'}), 412)
        for body in ("One", "Two"):
            assert (await bob.patch(path, {"body": body}, headers=seen(public))).status_code == 202

    async def test_the_same_public_post_has_reactions_and_replies_meanwhile(
        self, alice: Person, bob: Person, charlie: Person, public: Json
    ) -> None:
        await edited(bob, public)
        path = f"/api/posts/{public['id']}"
        assert (await charlie.put(f"{path}/reactions/up")).status_code == 200
        await posted(alice, "A reply", public["channel"], parent=public["id"])
        now = (await charlie.get(path)).json()
        assert (now["body"], now["reactions"], now["replies"]) == (public["body"], {"up": 1}, 1)
        read = (await bob.get(f"{path}/edit")).json()
        approved = (await alice.patch(f"{path}/edit", {"state": "published"}, headers=seen(read))).json()
        assert (approved["reactions"], approved["replies"]) == ({"up": 1}, 1)


class TestWhoseEditsWait:
    """As of the moment of the edit, whatever held when the post was made."""

    async def test_a_moderators_do_not(self, room: int, alice: Person) -> None:
        made = await posted(alice, channel=room)
        assert (await alice.patch(f"/api/posts/{made['id']}", {"body": "New"})).status_code == 200

    async def test_those_of_posts_from_before_the_rule_do(self, alice: Person, bob: Person, world: World) -> None:
        made = await posted(bob, "Before", world.class_channel)
        await alice.patch("/api/groups/class", {"review": "all"})
        await edited(bob, made)

    async def test_those_of_a_demoted_moderator_do(self, room: int, root: Person, alice: Person, bob: Person) -> None:
        made = await posted(alice, "As a moderator", room)
        await joined(root, "site", "alice", "member")
        await joined(root, "site", "bob", "moderator")
        read = (await edited(alice, made))["edit"]
        path = f"/api/posts/{made['id']}/edit"
        refused(await alice.patch(path, {"state": "published"}, headers=seen(read)), 403)
        assert (await bob.patch(path, {"state": "published"}, headers=seen(read))).status_code == 200

    async def test_with_guests_review_users_do_not(self, root: Person, bob: Person) -> None:
        channel = await opened(root, "blog", review="guests", posting="guests")
        made = await posted(bob, channel=channel)
        assert (await bob.patch(f"/api/posts/{made['id']}", {"body": "New"})).status_code == 200

    async def test_one_that_waits_goes_on_waiting_when_the_rule_ends(
        self, room: int, alice: Person, bob: Person, anyone: Person, public: Json
    ) -> None:
        """But the next one is public at once, and takes its place."""
        new = await posted(bob, f"New {SECRET}", room)
        await edited(bob, public)
        await alice.patch("/api/groups/site", {"review": "none"})
        assert SECRET not in (await anyone.get(f"/api/channels/{room}/posts")).text
        assert [post["id"] for post in (await alice.get(waiting(room))).json()["posts"]] == [new["id"], public["id"]]
        direct = await bob.patch(f"/api/posts/{public['id']}", {"body": "At once"})
        assert direct.status_code == 200
        assert "edit" not in direct.json()
        assert [post["id"] for post in (await alice.get(waiting(room))).json()["posts"]] == [new["id"]]


class TestApproving:
    """PATCH /api/posts/{id} with `published`: of new posts, and of removed ones."""

    async def test_a_text_that_was_swapped_is_not_approved(
        self, room: int, alice: Person, bob: Person, nothing_changes: Callable[..., object]
    ) -> None:
        read = await posted(bob, "Harmless", room)
        assert (await bob.patch(f"/api/posts/{read['id']}", {"body": "Swapped"})).json()["state"] == "pending"
        path, approve = f"/api/posts/{read['id']}", {"state": "published"}
        with nothing_changes():  # type: ignore[attr-defined]
            refused(await alice.patch(path, approve, headers=seen(read)), 412)
            refused(await alice.patch(path, approve), 428)
            refused(await alice.patch(path, approve, headers={"If-Match": "*"}), 428)
        (now,) = (await alice.get(waiting(room))).json()["posts"]
        assert (await decided(alice, now, "published"))["body"] == "Swapped"

    async def test_a_text_that_was_never_another_needs_no_version(self, room: int, alice: Person, bob: Person) -> None:
        read = await posted(bob, "The only one", room)
        for state in ("published", "removed", "published"):
            assert (await alice.patch(f"/api/posts/{read['id']}", {"state": state})).status_code == 200

    async def test_what_was_declined_is_what_is_restored(self, room: int, alice: Person, bob: Person) -> None:
        read = await posted(bob, "Harmless", room)
        swapped = (await bob.patch(f"/api/posts/{read['id']}", {"body": "Swapped"})).json()
        refused(await alice.patch(f"/api/posts/{read['id']}", {"state": "removed"}), 428)
        refused(await alice.delete(f"/api/posts/{read['id']}"), 428)
        await decided(alice, swapped, "removed")
        refused(await bob.patch(f"/api/posts/{read['id']}", {"body": "Swapped again"}), 409)
        refused(await alice.patch(f"/api/posts/{read['id']}", {"state": "published"}, headers=seen(swapped)), 412)
        (removed,) = (await alice.get("/api/groups/site/posts?state=removed")).json()["posts"]
        assert removed["body"] == "Swapped"
        assert (await decided(alice, removed, "published"))["body"] == "Swapped"

    async def test_a_retry_with_a_key_says_what_was_made_and_no_more(
        self, room: int, alice: Person, bob: Person, anyone: Person
    ) -> None:
        new, key = {"body": f"Once {SECRET}"}, {"Idempotency-Key": "7"}
        path = f"/api/channels/{room}/posts"
        made = await bob.post(path, new, headers=key)
        public = await decided(alice, made.json(), "published")
        await edited(bob, public, "Another")
        assert (await bob.post(path, new, headers=key)).json() in (made.json(), public)
        guest = await anyone.post(path, {**new, "guest": "Gus"}, headers=key)
        assert guest.json()["id"] != made.json()["id"]


class TestTheQueue:
    """?state=pending of a channel and of a group: new posts, and edits with both texts."""

    async def test_it_works(self, room: int, alice: Person, bob: Person, public: Json) -> None:
        answer = await edited(bob, public)
        new = await posted(bob, "A new one", room)
        for path in (waiting(room), "/api/groups/site/posts"):
            shown = await alice.get(path)
            assert shown.json()["posts"] == [new, answer]
            assert shown.headers["Cache-Control"] in PRIVATE

    async def test_it_comes_in_pages(self, room: int, alice: Person, bob: Person) -> None:
        made = []
        for number in range(4):
            post = await posted(bob, f"Post {number}", room)
            if number % 2:
                await edited(bob, await decided(alice, post, "published"))
            made.append(post["id"])
        for path in (waiting(room), "/api/groups/site/posts?state=pending"):
            first = (await alice.get(f"{path}&limit=3")).json()
            rest = (await alice.get(f"{path}&limit=3&before={first['next']}")).json()
            assert [post["id"] for post in first["posts"] + rest["posts"]] == made[::-1]

    async def test_another_groups_are_not_in_it(self, room: int, root: Person, bob: Person, public: Json) -> None:
        other = await opened(root, "other", review="all")
        await edited(bob, public)
        assert (await root.get("/api/groups/other/posts")).json()["posts"] == []
        assert (await root.get(waiting(other))).json()["posts"] == []

    async def test_what_was_done_is_in_the_trail_without_its_text(
        self, alice: Person, bob: Person, public: Json, instance: Path
    ) -> None:
        path = f"/api/posts/{public['id']}/edit"
        for state in ("removed", "published"):
            read = (await edited(bob, public))["edit"]
            await alice.patch(path, {"state": state}, headers=seen(read))
        trail = (await alice.get("/api/groups/site/audit")).json()["entries"]
        assert [(entry["action"], entry["subject"], entry["detail"]) for entry in trail[:2]] == [
            ("edit.approved", f"post {public['id']}", "by bob"),
            ("edit.declined", f"post {public['id']}", "by bob"),
        ]
        assert SECRET not in str(trail)


class TestOnesOwn:
    """GET /api/me/posts: what waits, and what was removed, for the author."""

    async def test_it_works(self, room: int, alice: Person, bob: Person, public: Json) -> None:
        pending = await posted(bob, "A new one", room)
        removed = await posted(bob, "A rude one", room)
        await decided(alice, removed, "removed")
        answer = await edited(bob, public)
        shown = await bob.get(f"/api/me/posts?channel={room}")
        assert shown.headers["Cache-Control"] in PRIVATE
        own = shown.json()["posts"]
        assert own == [{**removed, "state": "removed", "version": 2}, pending, answer]
        assert (await bob.get("/api/me/posts")).json()["posts"] == own
        assert (await alice.get("/api/me/posts")).json()["posts"] == []
        assert (await bob.get("/api/me/posts?channel=1")).json()["posts"] == []

    async def test_what_is_as_one_left_it_is_not_in_it(self, room: int, bob: Person, public: Json) -> None:
        gone = await posted(bob, "Regretted", room)
        await bob.delete(f"/api/posts/{gone['id']}")
        await posted(bob, "In the lobby")
        assert (await bob.get("/api/me/posts")).json()["posts"] == []

    async def test_it_comes_in_pages(self, room: int, bob: Person) -> None:
        made = [(await posted(bob, f"Post {number}", room))["id"] for number in range(3)]
        first = (await bob.get("/api/me/posts?limit=2")).json()
        rest = (await bob.get(f"/api/me/posts?before={first['next']}")).json()
        assert [post["id"] for post in first["posts"] + rest["posts"]] == made[::-1]

    async def test_a_group_that_one_left_is_not_in_it(self, alice: Person, bob: Person, world: World) -> None:
        made = await posted(bob, "In the class", world.class_channel)
        await decided(alice, made, "removed")
        assert len((await bob.get("/api/me/posts")).json()["posts"]) == 1
        await alice.delete("/api/groups/class/members/bob")
        assert (await bob.get("/api/me/posts")).json()["posts"] == []
        assert (await bob.get(f"/api/me/posts?channel={world.class_channel}")).json()["posts"] == []

    async def test_it_rejects_nobody(self, anyone: Person) -> None:
        refused(await anyone.get("/api/me/posts"), 401)


class TestAnErasedPost:
    """DELETE by its author, of a post without replies: it is there for nobody."""

    async def test_it_works(self, alice: Person, bob: Person, anyone: Person, root: Person, world: World) -> None:
        for author, channel in ((bob, world.class_channel), (alice, world.class_channel), (root, 1)):
            made = await posted(author, channel=channel)
            path = f"/api/posts/{made['id']}"
            assert (await author.delete(path)).status_code == 204
            for who in (author, alice, bob, root, anyone):
                refused(await who.get(path), 404)
            for who in (author, root):
                refused(await who.delete(path), 404)
                refused(await who.patch(path, {"body": "Back"}), 404)
                refused(await who.patch(path, {"state": "published"}), 404)
                refused(await who.put(f"{path}/reactions/up"), 404)

    async def test_one_that_a_moderator_removed_first(self, alice: Person, bob: Person, world: World) -> None:
        made = await posted(bob, channel=world.class_channel)
        await alice.delete(f"/api/posts/{made['id']}")
        assert (await bob.get(f"/api/posts/{made['id']}")).json()["state"] == "removed", "its author is told"
        await bob.delete(f"/api/posts/{made['id']}")
        for who in (alice, bob):
            refused(await who.get(f"/api/posts/{made['id']}"), 404)


NEW = {"key": "/2026/unseenkey/", "title": "An unseentitle", "url": "https://unseenurl.example/"}


class TestANewDiscussion:
    """POST /api/groups/{slug}/channels by somebody whose posts wait."""

    async def begun(self, who: Person, **more: object) -> Json:
        answer = await who.post("/api/groups/site/channels", NEW)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def test_it_waits_with_its_texts(
        self, room: int, alice: Person, bob: Person, anyone: Person, everything: Callable[[], object]
    ) -> None:
        made = await self.begun(bob)
        assert (made["state"], made["title"], made["url"]) == ("pending", NEW["title"], NEW["url"])
        post = await posted(bob, "First!", made["id"])
        await decided(alice, post, "published")  # which says nothing of the title
        read = await everything()  # type: ignore[misc]
        assert "First!" in read
        assert "unseen" not in read
        shown = (await anyone.get(f"/api/channels/{made['id']}")).json()
        assert shown["active"] >= made["active"]
        made["active"] = shown["active"]  # when its first post appeared
        assert shown == {**made, "key": "", "title": "New discussion", "url": None, "posts": 1}

        read_by_alice = (await alice.get("/api/groups/site/channels?state=pending")).json()["channels"]
        assert read_by_alice == [{**made, "posts": 1, "by": "bob"}]
        approved = await alice.patch(f"/api/channels/{made['id']}", {"state": "published"}, headers=seen(made))
        assert approved.json() == {**made, "state": "published", "posts": 1, "version": 2}
        assert (await anyone.get(f"/api/channels/{made['id']}")).json() == approved.json()
        everybody = await everything()  # type: ignore[misc]
        assert all(word in everybody for word in ("unseenkey", "unseentitle", "unseenurl"))
        assert (await alice.get("/api/groups/site/channels?state=pending")).json()["channels"] == []

    async def test_the_first_comment_below_a_page_works(self, room: int, anyone: Person, alice: Person) -> None:
        """Two guests on the same page, as an embed does it: each is told of the one channel by the page's own key."""
        made = await self.begun(anyone)
        first = await posted(anyone, "First!", made["id"], guest="Gus")
        found = (await anyone.get("/api/groups/site/channels", params={"key": NEW["key"]})).json()["channels"]
        again = await anyone.post("/api/groups/site/channels", NEW)
        assert again.status_code == 200
        assert found == [again.json()]
        assert found == [{**made, "title": "New discussion", "url": None}]
        second = await posted(anyone, "Second!", found[0]["id"], guest="Gil")
        for post in (first, second):
            await decided(alice, post, "published")
        listed = (await anyone.get(f"/api/channels/{made['id']}/posts")).json()["posts"]
        assert [post["body"] for post in listed] == ["Second!", "First!"]
        assert (await anyone.get("/api/counts", params={"group": "site", "key": NEW["key"]})).json() == {
            "counts": {NEW["key"]: 2}
        }

    async def test_its_page_says_to_whom_it_waits(
        self, room: int, alice: Person, bob: Person, charlie: Person, anyone: Person
    ) -> None:
        made = await self.begun(bob)
        for who in (bob, alice):
            page = (await who.get(f"/channels/{made['id']}", headers=HTML)).text
            assert "An unseentitle" in page
            assert "Waiting for review" in page.partition('<ol class="posts"')[0]
        for who in (charlie, anyone):
            page = (await who.get(f"/channels/{made['id']}", headers=HTML)).text
            assert "New discussion" in page

    async def test_an_edit_of_it_keeps_its_texts(self, room: int, alice: Person, bob: Person) -> None:
        made = await self.begun(bob)
        locked = (await alice.patch(f"/api/channels/{made['id']}", {"locked": True})).json()
        assert locked == {**made, "locked": True, "version": 2}
        better = {"title": "A better title", "state": "published"}
        assert (await alice.patch(f"/api/channels/{made['id']}", better)).json() == {
            **locked,
            **better,
            "version": 3,
        }

    async def test_only_moderators_approve_it_and_list_those_that_wait(
        self, room: int, alice: Person, bob: Person, charlie: Person, anyone: Person
    ) -> None:
        made = await self.begun(bob)
        path = f"/api/channels/{made['id']}"
        for who, status in ((bob, 403), (charlie, 403), (anyone, 401)):
            refused(await who.patch(path, {"state": "published"}), status)
            refused(await who.get("/api/groups/site/channels?state=pending"), status)
        refused(await alice.patch(path, {"state": "published"}, headers={"If-Match": '"9-0"'}), 412)
        assert wrong_fields(await alice.patch(path, {"state": "pending"})) == {"state"}
        assert wrong_fields(await alice.get("/api/groups/site/channels?state=pending&key=a")) == {"key"}

    async def test_a_declined_one_is_deleted_and_its_key_is_free(self, room: int, alice: Person, bob: Person) -> None:
        made = await self.begun(bob)
        assert (await alice.delete(f"/api/channels/{made['id']}")).status_code == 204
        assert (await self.begun(bob))["id"] > made["id"]

    async def test_those_of_moderators_and_where_nobody_waits_do_not(
        self, room: int, alice: Person, bob: Person, root: Person
    ) -> None:
        assert (await self.begun(alice))["state"] == "published"
        assert (await bob.post("/api/groups/home/channels", NEW)).json()["state"] == "published"
        await opened(root, "blog", review="guests", posting="guests")
        assert (await bob.post("/api/groups/blog/channels", NEW)).json()["state"] == "published"

    async def test_who_began_it_is_kept_only_while_it_waits(
        self, room: int, alice: Person, bob: Person, instance: Path
    ) -> None:
        made = await self.begun(bob)

        def begun_by() -> object:
            with databases.opened(instance) as raw:
                return raw.execute("SELECT begun_by FROM channels WHERE id = ?", (made["id"],)).fetchone()[0]

        assert begun_by() is not None
        await alice.patch(f"/api/channels/{made['id']}", {"state": "published"})
        assert begun_by() is None
        (entry, *_) = (await alice.get("/api/groups/site/audit")).json()["entries"]
        assert (entry["action"], entry["detail"]) == ("channel.approved", NEW["title"])


class TestFlask:
    """The same rules below /flask; an author's own answers have what the author wrote last."""

    @pytest.fixture
    def page(self, bob: Person) -> Person:
        """Bob on a page of a Flask front end."""
        bob.http.headers["Origin"] = SITE
        bob.http.headers["Cookie"] = f"jwt_python_flask={bob.token}"
        del bob.http.headers["Authorization"]
        return bob

    async def test_an_edit_waits(
        self, room: int, alice: Person, page: Person, anyone: Person, everything: Callable[[], object]
    ) -> None:
        new = {"title": "Mine", "comment": "Seen", "channel_id": room}
        made = (await page.post("/flask/api/post", new)).json()
        assert (await alice.patch(f"/api/posts/{made['id']}", {"state": "published"})).status_code == 200
        for field in ({"title": f"{SECRET} one"}, {"comment": f"{SECRET} two"}):
            answer = await page.put("/flask/api/post", json={"id": made["id"], **field})
            assert answer.status_code == 200
        latest = {**made, "title": f"{SECRET} one", "comment": f"{SECRET} two"}
        assert answer.json() == latest, "one change after another, none lost"
        assert (await page.get("/flask/api/post/user")).json() == [latest]
        assert SECRET not in await everything()  # type: ignore[misc]
        read = (await alice.get(f"/api/posts/{made['id']}/edit")).json()
        await alice.patch(f"/api/posts/{made['id']}/edit", {"state": "published"}, headers=seen(read))
        assert (await anyone.get(f"/flask/api/post?id={made['id']}")).json() == latest

    async def test_the_title_of_a_discussion_that_waits_is_held_back(
        self, room: int, page: Person, bob: Person, anyone: Person, alice: Person
    ) -> None:
        made = (await anyone.post("/api/groups/site/channels", NEW)).json()
        new = {"title": "Mine", "comment": "Seen", "channel_id": made["id"]}
        answers: list[httpx.Response] = [
            await page.post("/flask/api/post", new),
            await page.get("/flask/api/post/user"),
            await page.get("/flask/api/channels"),
            await page.post("/flask/api/channels/filter", {"group_name": "site"}),
        ]
        assert all(answer.status_code == 200 and "unseen" not in answer.text for answer in answers)
        assert answers[0].json()["channel_name"] == "New discussion"

    async def test_what_a_page_keeps_with_a_discussion_that_waits_is_not_kept(
        self, room: int, page: Person, charlie: Person, alice: Person
    ) -> None:
        """A moderator would not see it, and whoever asks for the same name would."""
        group = (await alice.get("/flask/api/groups", headers={"Origin": SITE})).json()
        site = next(one["id"] for one in group if one["name"] == "Site")
        new = {"name": "Fresh", "group_id": site, "attributes": {"content": SECRET}}
        assert (await page.post("/flask/api/channel", new)).json()["attributes"] == {}
        charlie.http.headers.update({"Origin": SITE, "Cookie": f"jwt_python_flask={charlie.token}"})
        assert (await charlie.post("/flask/api/channel", new)).json()["attributes"] == {}
        await alice.patch("/api/groups/site", {"review": "none"})
        kept = (await page.post("/flask/api/channel", {**new, "name": "Fresher"})).json()
        assert kept["attributes"] == {"content": SECRET}
