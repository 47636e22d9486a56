"""Lists that pages poll: from memory, never stale (L6), and never what somebody else may see."""

from pathlib import Path

import pytest

from model.settings import Settings
from pottle.http import caching
from pottle.store.paging import Cursor
from tests.api.conftest import joined, opened
from tests.conftest import Person, World
from tests.faults.test_forgotten_tags import about, all_writes
from tests.flask.conftest import SITE, Visit, ok, posted

POLLED = ["groups", "channels", "posts", "section"]


async def test_it_works(visit: Visit, alice: Person) -> None:
    """Who is signed in has them from memory as well, whoever asked first."""
    made = await posted(visit("bob"))
    for path in [*POLLED, f"vote/post?post_id={made['id']}"]:
        await visit().get(f"/flask/api/{path}")
        before = caching.shelf.hits
        answer = await visit("charlie").get(f"/flask/api/{path}")
        assert caching.shelf.hits == before + 1, path
        assert ok(answer) == ok(await visit().get(f"/flask/api/{path}"))


async def test_a_class_shares_its_own(visit: Visit, world: World) -> None:
    await posted(visit("bob"), channel_id=world.class_channel)
    for path in POLLED:
        first = await visit("bob").get(f"/flask/api/{path}")
        before = caching.shelf.hits
        assert ok(await visit("alice").get(f"/flask/api/{path}")) == ok(first)
        assert caching.shelf.hits == before + 1, path


async def test_nobody_gets_what_others_may_see(visit: Visit, world: World) -> None:
    """Seen to fail without the audience in the cache's key."""
    made = await posted(visit("bob"), channel_id=world.class_channel)
    for uid, sees in (("bob", True), ("", False), ("root", True), ("charlie", False), ("alice", True), ("", False)):
        assert ok(await visit(uid).get("/flask/api/posts")) == ([made] if sees else [])
        votes = await visit(uid).get(f"/flask/api/vote/post?post_id={made['id']}")
        assert votes.status_code == (200 if sees else 404)
        for path in ("groups", "channels", "section"):
            assert len(ok(await visit(uid).get(f"/flask/api/{path}"))) == (2 if sees else 1)


async def test_one_that_waits_is_kept_for_nobody(visit: Visit, root: Person) -> None:
    """Seen to fail when the votes of every post are kept."""
    await root.patch("/api/groups/home", {"review": "all"})
    path = f"/flask/api/vote/post?post_id={(await posted(visit('charlie')))['id']}"
    assert (await visit("charlie").get(path)).status_code == 200
    assert (await visit().get(path)).status_code == 404


async def test_who_joins_meanwhile_leaves_nothing_for_others(visit: Visit, world: World) -> None:
    """What somebody gets who came in between, after it was said whom the answer is for, is not kept for those.

    Seen to fail without the comparison in `kept_for`, and in `kept_in`.
    """

    async def everybody(_: object) -> str:
        return ""

    made = await posted(visit("bob"), channel_id=world.class_channel)
    paths = [f"/flask/api/{path}" for path in [*POLLED, f"vote/post?post_id={made['id']}"]]
    before = [(await visit().get(path)).json() for path in paths]
    caching.shelf.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("api.flask.front_ends.audience_of", everybody)
        for path in paths:
            assert (await visit("bob").get(path)).status_code == 200
    assert [(await visit().get(path)).json() for path in paths] == before


async def test_whoever_comes_or_goes_sees_it_at_once(visit: Visit, world: World, alice: Person) -> None:
    await posted(visit("bob"), channel_id=world.class_channel)
    charlie = visit("charlie")

    async def seen() -> list[int]:
        return [len(ok(await charlie.get(f"/flask/api/{path}"))) for path in POLLED]

    for _ in range(2):
        assert await seen() == [1, 1, 0, 1]
        await joined(alice, "class", "charlie")
        assert await seen() == [2, 2, 1, 2]
        await alice.delete("/api/groups/class/members/charlie")


async def test_a_page_that_polls_sees_what_is_posted_elsewhere(visit: Visit, alice: Person) -> None:
    page = visit("bob")
    assert ok(await page.get("/flask/api/posts")) == []
    made = (await alice.post("/api/channels/1/posts", {"body": "Hello"})).json()
    answer = await page.get("/flask/api/posts")
    assert [one["id"] for one in answer.json()] == [made["id"]]
    known = {"If-None-Match": answer.headers["ETag"]}
    assert (await page.get("/flask/api/posts", headers=known)).status_code == 304
    await alice.patch(f"/api/posts/{made['id']}", {"body": "Hello, you"})
    assert (await page.get("/flask/api/posts", headers=known)).json()[0]["comment"] == "Hello, you"


async def test_whoever_has_it_already_has_it_kept_as_well(visit: Visit) -> None:
    """Else a list whose readers all send an ETag would never come from memory again. Seen to fail without `keeps`."""
    await posted(visit("bob"))
    before = await visit().get("/flask/api/posts")
    known = {"If-None-Match": before.headers["ETag"]}
    caching.shelf.clear()
    first = caching.shelf.hits
    for hits in range(first, first + 3):
        answer = await visit().get("/flask/api/posts", headers=known)
        assert (answer.status_code, answer.content, caching.shelf.hits) == (304, b"", hits)
        assert answer.headers["ETag"] == before.headers["ETag"]
        assert "Content-Length" not in answer.headers
    assert ok(await visit().get("/flask/api/posts")) == before.json()
    assert caching.shelf.hits == first + 3


async def test_the_list_ends_somewhere(visit: Visit, root: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the newest, and without counting what is for others."""
    monkeypatch.setattr("model.flask.overview.WHOLE", Cursor(2))
    await opened(root, "closed", reading="members")
    made = [await posted(visit("bob"), title) for title in "abc"]
    await posted(visit("root"), channel_id=3)
    assert ok(await visit("bob").get("/flask/api/posts")) == made[1:]
    assert ok(await visit("bob").post("/flask/api/posts/filter", {"channel_id": 1})) == made[1:]


async def test_the_list_ends_before_it_is_large(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account's posts, a channel's and everybody's: they are asked for in full each second."""
    monkeypatch.setattr("model.flask.overview.WHOLE", Cursor(500, room=70_000))
    made = [await posted(visit("bob"), title, comment="words " * 1_500) for title in "abcdef"]
    for asked in (
        visit("charlie").get("/flask/api/posts"),
        visit("charlie").post("/flask/api/posts/filter", {"channel_id": 1}),
        visit("bob").get("/flask/api/post/user"),
    ):
        assert ok(await asked) == made[3:]


async def test_the_list_of_channels_ends_before_it_is_large(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each may have 4 KB of attributes."""
    monkeypatch.setattr("model.flask.overview.MOST_BYTES", 10_000)
    for name in "abcd":
        new = {"name": name, "group_id": 1, "attributes": {"content": "x" * 4_000}}
        assert (await visit("bob").post("/flask/api/channel", new)).status_code == 200
    for asked in (
        visit("charlie").get("/flask/api/channels"),
        visit("charlie").post("/flask/api/channels/filter", {"group_name": "home"}),
    ):
        assert [channel["name"] for channel in ok(await asked)] == ["c", "d"]


@pytest.mark.slow
class TestNoWriteForgets:
    """Every kind of write there is, by `/api`; after each, what is kept is what is true, for each audience."""

    @pytest.fixture
    def settings(self, instance: Path) -> Settings:
        return Settings(instance=instance, flask_origins=(SITE,), rate_limits=False)

    async def test_it_works(
        self, visit: Visit, anyone: Person, alice: Person, bob: Person, charlie: Person, root: Person
    ) -> None:
        """Seen to fail without the tag "posts" in talk/posting.py, and with any of the tags that lists give left out
        where no other tag of the same change is among them."""
        paths = [*POLLED, "vote/post?post_id=1", "vote/post?post_id=6"]
        asked = [(visit(uid), f"/flask/api/{path}") for uid in ("", "bob") for path in paths]
        asked.append((visit("root"), "/flask/api/posts"))
        async for operation, what in all_writes(anyone, alice, bob, charlie, root):
            said = [await page.get(path) for page, path in asked]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(caching, "shelf", caching.Shelf())
                for (page, path), kept in zip(asked, said, strict=True):
                    true = await page.get(path)
                    assert about(kept) == about(true), f"after {operation}: {what}, {path} is stale"
