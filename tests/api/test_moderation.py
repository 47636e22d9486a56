"""Tombstones, restoring, erasing, and review: what becomes of a post."""

from collections.abc import Callable
from pathlib import Path

import pytest
from quart import Quart

from model.talk.search import upkeep
from pottle.store import db
from tests import databases
from tests.api.conftest import LOBBY, Json, dump, joined, opened, posted, refused
from tests.conftest import Person, World


def pending(channel: int) -> str:
    return f"/api/channels/{channel}/posts?state=pending"


class TestRemoving:
    """DELETE /api/posts/{id}, and PATCH with state."""

    async def test_it_works(self, alice: Person, anyone: Person) -> None:
        made = await posted(alice)
        gone = await alice.delete(f"/api/posts/{made['id']}")
        assert gone.status_code == 204
        assert gone.content == b""
        assert (await anyone.get(LOBBY)).json()["posts"] == []
        refused(await anyone.get(f"/api/posts/{made['id']}"), 404)

    async def test_one_with_replies_stays_as_a_tombstone(self, alice: Person, bob: Person, anyone: Person) -> None:
        made = await posted(alice, "What I regret")
        await alice.put(f"/api/posts/{made['id']}/reactions/up")
        reply = await posted(bob, parent=made["id"])
        await alice.delete(f"/api/posts/{made['id']}")

        listed = (await anyone.get(LOBBY)).json()["posts"]
        assert [post["id"] for post in listed] == [reply["id"], made["id"]]
        tombstone = listed[1]
        assert (tombstone["state"], tombstone["body"], tombstone["html"]) == ("removed", "", "")
        assert (tombstone["reactions"], tombstone["replies"]) == ({}, 1)
        assert (await anyone.get(f"/api/posts/{made['id']}")).json() == tombstone
        page = (await anyone.get("/")).text
        assert "This post was removed." in page
        assert "regret" not in page

    async def test_the_tombstone_goes_with_the_last_reply(self, alice: Person, bob: Person, anyone: Person) -> None:
        made = await posted(alice)
        reply = await posted(bob, parent=made["id"])
        await alice.delete(f"/api/posts/{made['id']}")
        await bob.delete(f"/api/posts/{reply['id']}")
        assert (await anyone.get(LOBBY)).json()["posts"] == []
        refused(await anyone.get(f"/api/posts/{made['id']}"), 404)

    async def test_nobody_replies_to_a_removed_post(self, alice: Person, bob: Person) -> None:
        made = await posted(alice)
        await posted(bob, parent=made["id"])
        await alice.delete(f"/api/posts/{made['id']}")
        refused(await bob.post(LOBBY, {"body": "Too late", "parent": made["id"]}), 409)

    async def test_a_removed_post_is_not_edited(self, alice: Person, bob: Person) -> None:
        made = await posted(alice)
        await posted(bob, parent=made["id"])
        await alice.delete(f"/api/posts/{made['id']}")
        refused(await alice.patch(f"/api/posts/{made['id']}", {"body": "Back again"}), 409)

    async def test_removing_twice_is_removing_once(self, alice: Person, bob: Person, anyone: Person) -> None:
        made = await posted(alice)
        await posted(bob, parent=made["id"])
        for _ in range(2):
            assert (await alice.delete(f"/api/posts/{made['id']}")).status_code == 204
        assert (await anyone.get("/api/channels/1")).json()["posts"] == 1


class TestRestoring:
    """A moderator removes, and may restore."""

    async def test_it_works(self, alice: Person, bob: Person, world: World) -> None:
        made = await posted(bob, "Was it so bad?", world.class_channel)
        path = f"/api/posts/{made['id']}"
        removed = await alice.patch(path, {"state": "removed"})
        assert removed.status_code == 200
        assert (removed.json()["state"], removed.json()["body"], removed.json()["html"]) == ("removed", "", "")
        assert (await bob.get(path)).json()["state"] == "removed"  # its author, who may want to erase it

        restored = (await alice.patch(path, {"state": "published"})).json()
        assert restored == {**made, "version": restored["version"]}
        assert restored["version"] > made["version"]
        assert (await bob.get(path)).json() == restored
        assert (await bob.get(f"/api/channels/{world.class_channel}")).json()["posts"] == 1

    async def test_what_a_moderator_removed_its_author_can_erase(
        self, alice: Person, bob: Person, world: World, instance: Path
    ) -> None:
        made = await posted(bob, "Was it so bad, really?", world.class_channel)
        await alice.delete(f"/api/posts/{made['id']}")
        assert (await bob.delete(f"/api/posts/{made['id']}")).status_code == 204
        assert "Was it so bad, really?" not in str(dump(instance))

    async def test_a_moderators_delete_can_be_undone_too(self, alice: Person, bob: Person, world: World) -> None:
        made = await posted(bob, "Was it so bad?", world.class_channel)
        await alice.delete(f"/api/posts/{made['id']}")
        restored = await alice.patch(f"/api/posts/{made['id']}", {"state": "published"})
        assert restored.json()["body"] == "Was it so bad?"

    async def test_what_its_author_deleted_stays_deleted(self, alice: Person, bob: Person, world: World) -> None:
        made = await posted(bob, channel=world.class_channel)
        await posted(alice, channel=world.class_channel, parent=made["id"])
        await bob.delete(f"/api/posts/{made['id']}")
        refused(await alice.patch(f"/api/posts/{made['id']}", {"state": "published"}), 409)

    async def test_its_author_does_not_restore_it(self, alice: Person, bob: Person, world: World) -> None:
        made = await posted(bob, channel=world.class_channel)
        await posted(alice, channel=world.class_channel, parent=made["id"])
        await alice.delete(f"/api/posts/{made['id']}")
        refused(await bob.patch(f"/api/posts/{made['id']}", {"state": "published"}), 403)

    async def test_a_reply_counts_again(self, alice: Person, bob: Person, world: World) -> None:
        parent = await posted(alice, channel=world.class_channel)
        reply = await posted(bob, channel=world.class_channel, parent=parent["id"])
        replies = []
        for state in ("removed", "removed", "published", "published"):
            await alice.patch(f"/api/posts/{reply['id']}", {"state": state})
            replies.append((await bob.get(f"/api/posts/{parent['id']}")).json()["replies"])
        assert replies == [0, 0, 1, 1]


class TestErasing:
    """What its author deletes is gone from the disk too; from the index of search with its next two sweeps."""

    async def kept(self, app: Quart, instance: Path) -> bytes:
        """The database as it is on disk, after everything in memory and in the log of writes was put there."""
        for _ in range(2):
            await db.write(upkeep.forget)
        await app.shutdown()
        content = databases.contents(instance)
        await app.startup()
        return content

    @pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "1234"}], ids=["plain", "with a key"])
    async def test_it_works(self, alice: Person, app: Quart, instance: Path, headers: dict[str, str]) -> None:
        made = (await alice.post(LOBBY, {"body": "embarrassing **words**"}, headers=headers)).json()
        assert b"embarrassing" in await self.kept(app, instance)
        await alice.delete(f"/api/posts/{made['id']}")
        assert b"embarrassing" not in await self.kept(app, instance)

    async def test_an_edit_erases_what_was_there(self, alice: Person, app: Quart, instance: Path) -> None:
        made = await posted(alice, "embarrassing " * 500)
        await alice.patch(f"/api/posts/{made['id']}", {"body": "short"})
        assert b"embarrassing" not in await self.kept(app, instance)

    async def test_a_tombstone_has_no_text(self, alice: Person, bob: Person, app: Quart, instance: Path) -> None:
        made = await posted(alice, "embarrassing words")
        await posted(bob, parent=made["id"])
        await alice.delete(f"/api/posts/{made['id']}")
        assert b"embarrassing" not in await self.kept(app, instance)

    async def test_what_a_moderator_removes_is_kept(
        self, alice: Person, bob: Person, app: Quart, instance: Path, world: World
    ) -> None:
        made = await posted(bob, "questionable words", world.class_channel)
        await alice.delete(f"/api/posts/{made['id']}")
        assert b"questionable" in await self.kept(app, instance)

    async def test_deleting_a_channel_erases_its_posts(
        self, alice: Person, bob: Person, app: Quart, instance: Path, world: World
    ) -> None:
        await posted(bob, "embarrassing words", world.class_channel)
        await alice.delete(f"/api/channels/{world.class_channel}")
        assert b"embarrassing" not in await self.kept(app, instance)


class TestReview:
    """Groups where posts wait for a moderator."""

    @pytest.fixture
    async def channel(self, root: Person) -> int:
        """A channel where everybody's posts wait; Alice moderates."""
        channel = await opened(root, "site", review="all")
        await joined(root, "site", "alice", "moderator")
        return channel

    async def test_it_works(self, channel: int, alice: Person, bob: Person, anyone: Person) -> None:
        before = (await anyone.get(f"/api/channels/{channel}/posts")).json()
        made = await posted(bob, "Please print this", channel)
        assert made["state"] == "pending"
        assert (await anyone.get(f"/api/channels/{channel}/posts")).json() == before
        assert (await anyone.get(f"/api/channels/{channel}")).json()["posts"] == 0
        assert (await alice.get(pending(channel))).json()["posts"] == [made]

        approved = (await alice.patch(f"/api/posts/{made['id']}", {"state": "published"})).json()
        assert approved == {**made, "state": "published", "version": approved["version"]}
        assert (await anyone.get(f"/api/channels/{channel}/posts")).json()["posts"] == [approved]
        assert (await anyone.get(f"/api/channels/{channel}")).json()["posts"] == 1
        assert (await alice.get(pending(channel))).json()["posts"] == []

    async def test_its_author_sees_and_changes_it(self, channel: int, bob: Person) -> None:
        made = await posted(bob, "Please print this", channel)
        shown = await bob.get(f"/api/posts/{made['id']}")
        assert shown.json() == made
        assert shown.headers["Cache-Control"] == "no-store"
        edited = (await bob.patch(f"/api/posts/{made['id']}", {"body": "Please"})).json()
        assert (edited["state"], edited["body"]) == ("pending", "Please")
        assert (await bob.delete(f"/api/posts/{made['id']}")).status_code == 204

    async def test_nobody_else_does(
        self, channel: int, alice: Person, bob: Person, charlie: Person, anyone: Person
    ) -> None:
        made = await posted(bob, "Please print this", channel)
        path = f"/api/posts/{made['id']}"
        assert (await alice.get(path)).status_code == 200  # a moderator; and it must not be kept for others
        for who in (charlie, anyone):
            refused(await who.get(path), 404)
        refused(await charlie.put(f"{path}/reactions/up"), 404)
        refused(await charlie.post(f"/api/channels/{channel}/posts", {"body": "Re", "parent": made["id"]}), 422)
        for where in ("/", f"/channels/{channel}", f"/api/channels/{channel}/posts"):
            assert "Please print" not in (await anyone.get(where)).text

    async def test_only_moderators_list_what_waits(
        self, channel: int, bob: Person, anyone: Person, alice: Person
    ) -> None:
        await posted(bob, "Please print this", channel)
        assert (await alice.get(pending(channel))).headers["Cache-Control"] == "no-store"
        refused(await bob.get(pending(channel)), 403)
        refused(await anyone.get(pending(channel)), 401)
        refused(await alice.get(f"/api/channels/{channel}/posts?state=removed"), 422)

    async def test_its_author_does_not_approve_it(
        self, channel: int, bob: Person, nothing_changes: Callable[..., object]
    ) -> None:
        made = await posted(bob, "Please print this", channel)
        with nothing_changes():  # type: ignore[attr-defined]
            refused(await bob.patch(f"/api/posts/{made['id']}", {"state": "published"}), 403)

    async def test_a_moderator_declines(self, channel: int, alice: Person, bob: Person, anyone: Person) -> None:
        made = await posted(bob, "Please print this", channel)
        before = (await anyone.get(f"/api/channels/{channel}/posts")).json()
        assert (await alice.patch(f"/api/posts/{made['id']}", {"state": "removed"})).status_code == 200
        assert (await alice.get(pending(channel))).json()["posts"] == []
        refused(await anyone.get(f"/api/posts/{made['id']}"), 404)
        assert (await anyone.get(f"/api/channels/{channel}/posts")).json() == before  # readers never knew of it

    async def test_a_pending_reply_does_not_count(
        self, channel: int, alice: Person, bob: Person, anyone: Person
    ) -> None:
        parent = await posted(alice, channel=channel)
        reply = await posted(bob, channel=channel, parent=parent["id"])
        assert (await anyone.get(f"/api/posts/{parent['id']}")).json()["replies"] == 0
        await alice.patch(f"/api/posts/{reply['id']}", {"state": "published"})
        assert (await anyone.get(f"/api/posts/{parent['id']}")).json()["replies"] == 1

    async def test_a_moderators_own_posts_do_not_wait(self, channel: int, alice: Person, root: Person) -> None:
        assert (await posted(alice, channel=channel))["state"] == "published"
        assert (await posted(root, channel=channel))["state"] == "published"

    async def test_only_guests_wait_where_only_guests_do(self, root: Person, bob: Person, anyone: Person) -> None:
        channel = await opened(root, "blog", posting="guests", review="guests")
        assert (await posted(bob, channel=channel))["state"] == "published"
        waiting = await posted(anyone, channel=channel, guest="Gus")
        assert waiting["state"] == "pending"
        refused(await anyone.get(f"/api/posts/{waiting['id']}"), 404)
        shown: list[Json] = (await root.get(pending(channel))).json()["posts"]
        assert shown == [waiting]


class TestWhatThereIsToModerate:
    """GET /api/groups/{slug}/posts: what waits, and what was removed, in all channels of a group."""

    async def test_it_works(self, alice: Person, bob: Person, world: World) -> None:
        await alice.patch("/api/groups/class", {"review": "all"})
        other = (await alice.post("/api/groups/class/channels", {"key": "other"})).json()["id"]
        first = await posted(bob, "May I?", world.class_channel)
        second = await posted(bob, "And here?", other)
        listed = (await alice.get("/api/groups/class/posts")).json()
        assert listed == {"posts": [second, first], "next": None, "prev": None}
        await alice.patch(f"/api/posts/{second['id']}", {"state": "published"})
        assert (await alice.get("/api/groups/class/posts?state=pending")).json()["posts"] == [first]

    async def test_removed_ones_come_with_their_text(self, alice: Person, bob: Person, world: World) -> None:
        made = await posted(bob, "Was it so bad?", world.class_channel)
        await alice.delete(f"/api/posts/{made['id']}")
        (removed,) = (await alice.get("/api/groups/class/posts?state=removed")).json()["posts"]
        assert (removed["body"], removed["html"]) == (made["body"], made["html"])
        assert removed["state"] == "removed"

    async def test_what_its_author_deleted_is_not_among_them(self, alice: Person, bob: Person, world: World) -> None:
        made = [await posted(bob, "Oh no", world.class_channel) for _ in range(2)]
        await bob.delete(f"/api/posts/{made[0]['id']}")
        await alice.delete(f"/api/posts/{made[1]['id']}")
        await bob.delete(f"/api/posts/{made[1]['id']}")
        assert (await alice.get("/api/groups/class/posts?state=removed")).json()["posts"] == []

    async def test_it_comes_in_pages(self, alice: Person, bob: Person, world: World) -> None:
        made = [await posted(bob, "Oh no", world.class_channel) for _ in range(3)]
        for post in made:
            await alice.delete(f"/api/posts/{post['id']}")
        first = (await alice.get("/api/groups/class/posts?state=removed&limit=2")).json()
        rest = (await alice.get(f"/api/groups/class/posts?state=removed&before={first['next']}")).json()
        assert [post["id"] for post in first["posts"] + rest["posts"]] == [post["id"] for post in reversed(made)]

    async def test_another_groups_are_not_among_them(self, root: Person, bob: Person, world: World) -> None:
        made = await posted(bob, "Oh no", world.class_channel)
        await root.delete(f"/api/posts/{made['id']}")
        assert (await root.get("/api/groups/home/posts?state=removed")).json()["posts"] == []

    async def test_it_rejects_everybody_else(self, bob: Person, charlie: Person, anyone: Person) -> None:
        refused(await anyone.get("/api/groups/class/posts"), 401)
        refused(await bob.get("/api/groups/class/posts"), 403)
        refused(await charlie.get("/api/groups/class/posts"), 404)
        refused(await bob.get("/api/groups/home/posts"), 403)

    async def test_it_rejects_another_state(self, alice: Person) -> None:
        refused(await alice.get("/api/groups/class/posts?state=published"), 422)
