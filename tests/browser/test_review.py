"""Review in real browsers: what authors see of what waits, and that moderators approve what they have read."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from playwright.async_api import Browser, Locator, expect

from tests.browser.chromium import chromium, says_yes
from tests.browser.menu import choose
from tests.browser.test_admin import comes, person, post, removes
from tests.browser.test_home import Visitor
from tests.conftest import World
from tests.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def room(server: Server, stack: AsyncExitStack, world: World) -> int:
    """The class's channel, where everybody's posts wait for Alice."""
    alice = await person(stack, server, world, "alice")
    assert (await alice.patch("/api/groups/class", json={"review": "all"})).status_code == 200
    return world.class_channel


async def goes(visitor: Visitor, channel: int) -> None:
    """To the page of a discussion."""
    await visitor.page.goto(f"{visitor.server.url}/channels/{channel}")
    await visitor.is_live()


async def in_the_class(server: Server, browser: Browser, uid: str, channel: int) -> Visitor:
    """Somebody who is signed in, on the page of the class's discussion, who says yes to every question."""
    context = await browser.new_context()
    visitor = Visitor(server, context, await context.new_page())
    await says_yes(visitor.page)
    await visitor.come()
    signed = await context.request.post(f"{server.url}/api/session", data={"uid": uid, "password": "correct horse"})
    assert signed.ok
    await goes(visitor, channel)
    return visitor


async def comes_back(visitor: Visitor) -> None:
    """Turns to the page again, which somebody had left for another tab."""
    await visitor.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def approved(moderator: httpx.AsyncClient, id_: int) -> None:
    assert (await moderator.patch(f"/api/posts/{id_}", json={"state": "published"})).status_code == 200


async def changed(author: Visitor, article: Locator, text: str) -> None:
    """By the form below a post."""
    await choose(article, "Edit")
    await author.page.locator(".post .composer textarea").fill(text)
    await author.page.locator(".post .composer [type=submit]").click()
    await expect(author.page.locator(".post .composer")).to_have_count(0)


async def test_an_author_sees_what_waits_and_what_was_decided(
    server: Server, browser: Browser, stack: AsyncExitStack, world: World, room: int
) -> None:
    alice = await person(stack, server, world, "alice")
    assert (await alice.post("/api/groups/class/members", json={"uid": "charlie"})).is_success
    bob, reader = [await in_the_class(server, browser, uid, room) for uid in ("bob", "charlie")]
    await bob.post("May I?")
    mine = bob.article("May I?")
    await expect(mine.locator(".badge.waiting").first).to_have_text("Waiting for review")
    await bob.page.reload()
    await expect(mine.locator(".badge.waiting").first).to_have_text("Waiting for review")
    await expect(reader.article("May I?")).to_have_count(0)
    id_ = int(await mine.get_attribute("data-id") or 0)
    await approved(alice, id_)
    await expect(reader.article("May I?")).to_be_visible()
    await expect(mine.locator(".badge.waiting").first).to_be_hidden()

    await changed(bob, mine, "Something new")
    await expect(mine.locator(".unapproved")).to_have_text("Your edit is waiting for review")
    await expect(reader.article("Something new")).to_have_count(0)
    await choose(mine, "Edit")
    await expect(bob.page.locator(".post .composer textarea")).to_have_value("Something new")
    await bob.page.locator(".post form [data-do=cancel]").click()

    path = f"/api/posts/{id_}/edit"
    seen = {"If-Match": (await alice.get(path)).headers["ETag"]}
    assert (await alice.patch(path, json={"state": "removed"}, headers=seen)).status_code == 200
    await comes_back(bob)
    await expect(mine.locator(".unapproved")).to_have_text("Your edit was not approved")
    await changed(bob, mine, "Something better")
    await expect(mine.locator(".unapproved")).to_have_text("Your edit is waiting for review")
    seen = {"If-Match": (await alice.get(path)).headers["ETag"]}
    assert (await alice.patch(path, json={"state": "published"}, headers=seen)).status_code == 200
    await expect(reader.article("Something better")).to_be_visible()
    await expect(bob.article("Something better").locator(".unapproved")).to_be_hidden()

    await changed(bob, bob.article("Something better"), "Once more")
    await choose(bob.article("Something better"), "Take back the edit")
    await expect(bob.article("Something better").locator(".unapproved")).to_be_hidden()
    assert (await alice.get(path)).status_code == 404

    assert (await alice.delete(f"/api/posts/{id_}")).status_code == 204
    await expect(reader.article("Something better")).to_have_count(0)
    gone = bob.article("Something better")
    await expect(gone.locator(".badge.waiting").first).to_have_text("Removed by a moderator")
    await choose(gone, "Delete")
    await expect(bob.page.locator(".posts .post")).to_have_count(0)
    for visitor in (bob, reader):
        visitor.has_nothing_to_complain_of()


async def test_a_moderator_judges_in_place_and_the_author_reads_why(
    server: Server, browser: Browser, stack: AsyncExitStack, world: World, room: int
) -> None:
    http = await person(stack, server, world, "bob")
    alice, bob = [await in_the_class(server, browser, uid, room) for uid in ("alice", "bob")]
    good, bad = await post(http, room, "May I?"), await post(http, room, "You fool")
    await expect(alice.article("May I?")).to_be_visible()  # by itself, among what everybody sees
    await expect(alice.article("May I?").locator(".waiting")).to_have_text("Waiting for review")
    await alice.article("May I?").get_by_role("button", name="Approve").click()
    await alice.page.locator(".toast").get_by_role("button", name="Undo").click()
    await expect(alice.article("May I?").locator(".waiting")).to_be_visible()
    await choose(alice.article("May I?"), "Approve")
    await expect(bob.article("May I?").locator(".waiting")).to_have_count(0)
    await choose(alice.article("You fool"), "Delete")
    await removes(alice.page, "Unkind or hurtful", "Say it kindly.")
    await expect(alice.article("You fool")).to_have_count(0)
    assert (await http.get(f"/api/posts/{good}")).json()["state"] == "published"
    assert (await http.get(f"/api/posts/{bad}")).json()["state"] == "removed"
    await comes_back(bob)
    await expect(bob.article("You fool").locator(".reason")).to_have_text("Unkind or hurtful: Say it kindly.")
    for visitor in (alice, bob):
        visitor.has_nothing_to_complain_of()


async def test_a_moderator_approves_only_what_was_on_the_page(
    server: Server, browser: Browser, stack: AsyncExitStack, world: World, room: int
) -> None:
    bob = await person(stack, server, world, "bob")
    moderator = await person(stack, server, world, "alice")
    new, old = await post(bob, room, "Harmless"), await post(bob, room, "As it was")
    await approved(moderator, old)
    assert (await bob.patch(f"/api/posts/{old}", json={"body": "A harmless edit"})).status_code == 202
    alice = await comes(server, browser, "alice", "/groups/class/queue")
    rows = alice.page.locator("#waiting .row")
    await expect(rows).to_have_count(2)
    edit, post_ = rows.nth(0), rows.nth(1)
    await expect(edit).to_contain_text("A harmless edit")
    await expect(edit.locator(".was")).to_contain_text("As it was")

    await bob.patch(f"/api/posts/{new}", json={"body": "Swapped post"})
    await bob.patch(f"/api/posts/{old}", json={"body": "Swapped edit"})
    await post_.get_by_role("button", name="Approve").click()
    for row, text in ((post_, "Swapped post"), (edit, "Swapped edit")):  # the list was read again, all of it
        await expect(row).to_contain_text(text)
        await expect(row).to_contain_text("This was changed while you were reading")
    for id_, text in ((new, "Swapped post"), (old, "As it was")):
        shown = (await bob.get(f"/api/posts/{id_}")).json()
        assert (shown["body"], shown["state"]) == (text, "pending" if id_ == new else "published")

    await post_.get_by_role("button", name="Approve").click()
    await expect(rows).to_have_count(1)
    await rows.get_by_role("button", name="Approve").click()
    await expect(alice.page.locator("#waiting .none")).to_be_visible()
    assert (await bob.get(f"/api/posts/{old}")).json()["body"] == "Swapped edit"

    assert (await bob.patch(f"/api/posts/{old}", json={"body": "Taken back"})).status_code == 202
    await expect(rows).to_have_count(1)  # the queue moves by itself
    assert (await bob.delete(f"/api/posts/{old}")).status_code == 204
    await expect(alice.page.locator("#waiting .none")).to_be_visible()
    alice.complaints = [said for said in alice.complaints if "412" not in said and "404" not in said]
    alice.has_nothing_to_complain_of()


async def test_a_discussion_waits_with_its_title(
    server: Server, browser: Browser, stack: AsyncExitStack, world: World, room: int
) -> None:
    """Who began it sees it so, whoever else comes to it sees no title, and the moderator approves it."""
    http = await person(stack, server, world, "bob")
    begun = await http.post("/api/groups/class/channels", json={"key": "unseen", "title": "An unseen title"})
    channel = begun.json()["id"]
    assert (
        await (await person(stack, server, world, "root")).post("/api/groups/class/members", json={"uid": "charlie"})
    ).is_success
    bob, charlie = [await in_the_class(server, browser, uid, channel) for uid in ("bob", "charlie")]
    heading = "h1.channel-title"
    await expect(bob.page.locator(heading)).to_have_text("An unseen title")
    await expect(charlie.page.locator(heading)).to_have_text("New discussion")
    for visitor in (bob, charlie):
        await expect(visitor.page.locator(".unreviewed")).to_contain_text("Waiting for review")
    assert "unseen" not in await charlie.page.content()

    await bob.post("The first post")
    alice = await comes(server, browser, "alice", "/groups/class/queue")
    await expect(alice.page.locator("#waiting .place")).to_have_text("An unseen title")
    await alice.page.locator("#waiting .row").get_by_role("button", name="Approve").click()
    await expect(charlie.article("The first post")).to_be_visible()
    await expect(charlie.page.locator(heading)).to_have_text("New discussion")
    row = alice.page.locator("#begun .row")
    await expect(row).to_contain_text("begun by bob")
    await row.get_by_role("button", name="Approve").click()
    await expect(row).to_have_count(0)
    for visitor in (bob, charlie):
        await expect(visitor.page.locator(heading)).to_have_text("An unseen title")
        await expect(visitor.page.locator(".unreviewed")).to_be_hidden()
    for visitor in (alice, bob, charlie):
        visitor.has_nothing_to_complain_of()


async def test_a_moderator_in_the_discussion_removes_what_is_to_be_seen_there(
    server: Server, browser: Browser, stack: AsyncExitStack, world: World
) -> None:
    """Without the change that tells of an edit, as in a page whose connection has just broken."""
    http = await person(stack, server, world, "bob")
    id_ = await post(http, world.class_channel, "Something rude")
    alice = await in_the_class(server, browser, "alice", world.class_channel)
    await alice.page.route_web_socket("**/api/live", lambda _: None)
    await alice.page.reload()
    await expect(alice.page.locator(".unready")).to_have_count(0)
    await http.patch(f"/api/posts/{id_}", json={"body": "Something polite"})
    await choose(alice.article("Something rude"), "Delete")
    await removes(alice.page)
    await expect(alice.page.locator(".status")).to_contain_text("It was changed meanwhile")
    await expect(alice.article("Something polite")).to_be_visible()
    assert (await http.get(f"/api/posts/{id_}")).json()["state"] == "published"
    await choose(alice.article("Something polite"), "Delete")
    await removes(alice.page)
    await expect(alice.page.locator(".posts .post")).to_have_count(0)
