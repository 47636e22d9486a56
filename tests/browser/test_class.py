"""What a class has, in real browsers: anonymous questions, answers, what is endorsed and pinned, and the room."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import chromium
from tests.browser.menu import choose
from tests.browser.test_admin import person
from tests.browser.test_review import in_the_class
from tests.conftest import World
from tests.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def test_a_question_that_nobody_dares_to_sign(
    server: Server, browser: Browser, stack: AsyncExitStack, world: World
) -> None:
    """Bob asks; all others see somebody anonymous, Alice may learn who; the answer is found by its badges."""
    alice_api = await person(stack, server, world, "alice")
    assert (await alice_api.patch("/api/groups/class", json={"anonymous": True})).status_code == 200
    bob, alice = [await in_the_class(server, browser, uid, world.class_channel) for uid in ("bob", "alice")]
    await bob.page.locator("#compose [name=anonymous]").select_option("true")
    await bob.post("Is this right?")
    for reader in (bob, alice):
        await expect(reader.article("Is this right?").locator(".author")).to_have_text("Anonymous")
        await expect(reader.article("Is this right?").locator(".badge")).to_have_count(0)

    question = alice.article("Is this right?")
    await question.locator("[data-do=more]").click()
    await question.locator("[data-do=author]").click()
    await expect(question.locator("[data-do=author]")).to_contain_text("Bob")
    await alice.page.keyboard.press("Escape")
    await question.get_by_role("button", name="Reply").click()
    await alice.page.locator(".post .composer textarea").fill("It is.")
    await alice.page.locator(".post .composer [type=submit]").click()
    await expect(alice.page.locator(".post .composer")).to_have_count(0)

    await choose(bob.page.locator(".replies .post"), "Mark as the answer")
    await choose(alice.page.locator(".replies .post"), "Endorse")
    await choose(alice.article("Is this right?").first, "Pin")
    for reader in (bob, alice):
        reply = reader.page.locator(".replies .post")
        await expect(reply.locator(".badge:not(.rank)")).to_have_text(["Answer", "Endorsed"])
        await expect(reader.article("Is this right?").first.locator(".is-pinned")).to_have_text("Pinned")
    await bob.page.reload()
    await bob.is_live()
    mine = bob.article("Is this right?").first
    await choose(mine, "Edit")
    await bob.page.locator(".post .composer textarea").fill("Is this still right?")
    await bob.page.locator(".post .composer [type=submit]").click()
    await expect(alice.article("Is this still right?").first.locator(".is-pinned")).to_be_visible()
    await choose(bob.page.locator(".replies .post"), "Not the answer")
    await expect(alice.page.locator(".replies .is-answer")).to_have_count(0)
    await expect(bob.page.locator(".pinned a")).to_have_text("Is this still right?")
    await choose(alice.article("Is this still right?").first, "Unpin")
    await expect(bob.page.locator(".pinned")).to_be_hidden()
    await bob.page.get_by_role("link", name="Questions without an answer").click()  # endorsed: it has one
    await expect(bob.page.locator(".empty")).to_have_text("There is nothing of that here.")
    await bob.page.get_by_role("link", name="Answers").click()
    await expect(bob.page.locator(".replies .is-endorsed")).to_be_visible()
    await bob.is_live()
    await alice.page.locator(".replies .post").get_by_role("button", name="Reply").click()
    await alice.page.locator(".post .composer textarea").fill("And more")
    await alice.page.locator(".post .composer [type=submit]").click()
    await expect(bob.article("And more")).to_be_visible()
    for reader in (bob, alice):
        reader.has_nothing_to_complain_of()


async def test_the_room_is_live(server: Server, browser: Browser, world: World) -> None:
    alice = await in_the_class(server, browser, "alice", world.class_channel)
    bob = await in_the_class(server, browser, "bob", world.class_channel)
    await alice.page.goto(f"{server.url}/groups/class/room")
    await expect(alice.page.locator(".room .names li")).to_have_text(["Bob"])
    await bob.post("What now?")
    await expect(alice.page.locator(".room .names li")).to_have_count(0)
    await expect(alice.page.get_by_role("row", name="Bob bob 1 0 0")).to_be_visible()
    await expect(alice.page.get_by_role("link", name="What now?")).to_be_visible()
    await alice.page.get_by_role("link", name="Posts", exact=True).click()
    await expect(alice.page.locator("[aria-sort=ascending]")).to_have_text("Posts")
    alice.has_nothing_to_complain_of()
