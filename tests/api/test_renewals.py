"""The newest posts of a channel, which the response cache renews when there are more: always what a handler would say.

Seen to fail with each left out of api/talk/posts.py or model/talk/post.py: that only new posts may have come, that a
post which was answered is read again, the cursor of a page that has become full, the ETag; and with each bound of
pottle/http/shelf.py and `until` left out.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from model.settings import Settings
from pottle.http import caching
from pottle.http.shelf import MOST_CHANGES, RENEWALS
from pottle.store import changes, db
from tests.api.conftest import LOBBY, opened, posted
from tests.conftest import Person

Act = Callable[[], Awaitable[object]]


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, rate_limits=False)


async def same_as_made_anew(anyone: Person, url: str) -> httpx.Response:
    """What the cache says, after it was compared with what the handler does."""
    plain = {"Accept-Encoding": "identity"}  # of a large one only what was made anew is compressed
    said = await anyone.get(url, headers=plain)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(caching, "shelf", caching.Shelf())
        assert about(said) == about(await anyone.get(url, headers=plain))
    return said


def about(answer: httpx.Response) -> tuple[int, str, dict[str, str]]:
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, answer.text, headers


async def renewals(act: Act) -> tuple[int, int]:
    """How many answers were renewed, and how many made by handlers, while `act` ran."""
    shelf = caching.shelf
    await db.caught_up()
    renewed, missed = shelf.renewals, shelf.misses
    await act()
    await db.caught_up()
    return shelf.renewals - renewed, shelf.misses - missed


async def test_a_list_has_the_new_post_without_its_handler(anyone: Person, alice: Person, bob: Person) -> None:
    await posted(alice, "One")
    await anyone.get(LOBBY)

    async def two_more() -> None:
        await posted(bob, "Two")
        assert [post["body"] for post in (await anyone.get(LOBBY)).json()["posts"][:2]] == ["Two", "One"]
        await posted(alice, "Three")
        assert [post["body"] for post in (await anyone.get(LOBBY)).json()["posts"][:2]] == ["Three", "Two"]

    assert await renewals(two_more) == (2, 0)
    await same_as_made_anew(anyone, LOBBY)


@pytest.mark.parametrize("limit", [1, 2, 3])
async def test_a_page_fills_up_and_gets_a_cursor(anyone: Person, alice: Person, root: Person, limit: int) -> None:
    url = f"/api/channels/{await opened(root, 'club')}/posts?limit={limit}"
    place = int(url.split("/")[3])
    for count in range(1, limit + 3):
        await anyone.get(url)
        await posted(alice, f"Post {count}", channel=place)
        said = await same_as_made_anew(anyone, url)
        assert len(said.json()["posts"]) == min(count, limit)
        assert ("Link" in said.headers) == (said.json()["next"] is not None) == (count > limit)


async def test_one_that_waited_does_not_come_to_a_page_that_ends_before_it(
    anyone: Person, bob: Person, root: Person
) -> None:
    """A page that its bytes have ended has room for a small one, but between them there are others."""
    place = await opened(root, "club", review="all")
    url = f"/api/channels/{place}/posts?limit=100"
    waiting = await posted(bob, "Small", channel=place)
    for _ in range(5):
        await posted(root, "\N{GRINNING FACE}" * 10_000, channel=place)
    page = (await anyone.get(url)).json()
    assert 0 < len(page["posts"]) < 5
    assert await renewals(lambda: root.patch(f"/api/posts/{waiting['id']}", {"state": "published"})) == (1, 0)
    assert (await same_as_made_anew(anyone, url)).json()["next"] == page["next"]


async def test_who_has_the_list_is_told_that_it_changed(anyone: Person, alice: Person) -> None:
    await anyone.get(LOBBY)
    before = (await anyone.get(LOBBY)).headers["ETag"]
    await posted(alice)
    after = await anyone.get(LOBBY, headers={"If-None-Match": before})
    assert after.status_code == 200
    assert (await anyone.get(LOBBY, headers={"If-None-Match": after.headers["ETag"]})).status_code == 304


async def test_an_answered_post_has_its_reply(anyone: Person, alice: Person) -> None:
    asked = await posted(alice, "Who?")
    await anyone.get(LOBBY)
    assert await renewals(lambda: posted(alice, "Me", parent=asked["id"])) == (1, 0)
    assert (await same_as_made_anew(anyone, LOBBY)).json()["posts"][1]["replies"] == 1


async def test_what_nobody_asks_for_is_not_renewed(anyone: Person, alice: Person) -> None:
    async def more_than_it_is_worth() -> None:
        for _ in range(RENEWALS + 1):
            await posted(alice)

    await anyone.get(LOBBY)
    assert await renewals(more_than_it_is_worth) == (RENEWALS, 0)
    await anyone.get(LOBBY)
    await posted(alice)
    await anyone.get(LOBBY)
    assert await renewals(more_than_it_is_worth) == (RENEWALS, 0), "as often again"
    await same_as_made_anew(anyone, LOBBY)


async def test_a_name_on_a_renewed_list_changes_with_its_owners(anyone: Person, alice: Person, bob: Person) -> None:
    await anyone.get(LOBBY)
    await posted(bob)
    await anyone.get(LOBBY)
    assert (await bob.patch("/api/me", {"name": "Robert"})).status_code == 200
    assert (await same_as_made_anew(anyone, LOBBY)).json()["posts"][0]["author"]["name"] == "Robert"


async def test_it_is_made_anew_as_soon_as_without_renewals(
    anyone: Person, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five seconds after the handler ran: what somebody changed in a SQLite editor shows at last."""
    now = 1_000.0
    monkeypatch.setattr("pottle.http.shelf.time.monotonic", lambda: now)
    await anyone.get(LOBBY)
    now += 4
    await posted(alice)
    assert await renewals(lambda: anyone.get(LOBBY)) == (0, 0)
    now += 2
    assert await renewals(lambda: anyone.get(LOBBY)) == (0, 1)


async def test_what_the_handler_saw_before_the_follower_comes_once(anyone: Person, alice: Person, root: Person) -> None:
    """A handler's snapshot may have changes that this worker follows a moment later, with some of other channels."""
    first = await posted(alice, "One")
    await posted(alice, "Elsewhere", channel=await opened(root, "club"))
    await posted(alice, "Two", parent=first["id"])
    urls = [LOBBY, f"{LOBBY}?limit=1"]

    async def follow(count: int) -> None:
        rows = [row for row in await db.read(changes.since, 0) if row.kind == "post.created"]
        assert len(rows) == 3
        caching.shelf.apply(await db.read(caching.shelf.prepare, rows[-count:]))

    for count in (3, 1):
        for url in urls:
            await anyone.get(url)
        assert await renewals(partial(follow, count)) == (2, 0)
        for url in urls:
            await same_as_made_anew(anyone, url)


async def test_what_would_hold_others_up_is_dropped(
    anyone: Person, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = [f"{LOBBY}?limit={limit}" for limit in range(1, 11)]
    for url in urls:
        await anyone.get(url)
    monkeypatch.setattr("pottle.http.shelf.RENEWED_BYTES", 3 * 3_000)  # an empty list takes 2,100 there
    assert await renewals(lambda: posted(alice)) == (4, 0)
    for url in urls:
        await same_as_made_anew(anyone, url)


async def test_after_an_import_all_is_made_anew(anyone: Person, alice: Person) -> None:
    made = await posted(alice)
    await anyone.get(LOBBY)

    async def follow() -> None:
        log = await db.read(changes.since, 0)
        (row,) = [row for row in log if row.subject == made["id"] and row.kind == "post.created"]
        caching.shelf.apply(await db.read(caching.shelf.prepare, [row] * (MOST_CHANGES + 1)))

    assert await renewals(follow) == (0, 0)


async def test_after_whatever_happens(
    anyone: Person, alice: Person, bob: Person, root: Person, rng: random.Random
) -> None:
    """500 writes by chance, sometimes several at once, between readings of pages of 1, 3 and 20 posts."""
    place = await opened(root, "club", posting="guests", review="guests")
    urls = [f"/api/channels/{place}/posts", *(f"/api/channels/{place}/posts?limit={n}" for n in (1, 3))]
    made: list[int] = []

    async def post() -> None:
        more = {"parent": rng.choice(made[-4:])} if made and rng.random() < 0.3 else {}
        answer = await alice.post(urls[0], {"body": f"Post {len(made)}", **more})
        made.extend([answer.json()["id"]] if answer.status_code == 201 else [])

    async def post_as_a_guest() -> None:
        made.append((await posted(anyone, channel=place, guest="Gwen"))["id"])

    async def edit() -> None:
        await alice.patch(f"/api/posts/{rng.choice(made[-5:])}", {"body": f"Edited {rng.random()}"})

    async def remove_or_publish() -> None:
        state = rng.choice(["published", "removed"])
        await root.patch(f"/api/posts/{rng.choice(made[-5:])}", {"state": state})

    async def react() -> None:
        await bob.put(f"/api/posts/{rng.choice(made[-5:])}/reactions/up")

    await post()
    before = caching.shelf.renewals
    for _ in range(150):
        for url in urls:
            await anyone.get(url)
        for _ in range(rng.choice([1, 1, 3])):
            others = rng.choice([post_as_a_guest, edit, remove_or_publish, react])
            await asyncio.gather(*[(post if rng.random() < 0.6 else others)() for _ in range(rng.choice([1, 1, 4]))])
        for url in urls:
            await same_as_made_anew(anyone, url)
    assert caching.shelf.renewals - before > 50
