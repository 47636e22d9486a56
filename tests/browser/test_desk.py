"""The moderators' desk in a real browser: reports, a history with notes, an appeal, and clearing up; on a phone too."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import chromium
from tests.browser.test_admin import PHONE, is_not_too_wide, person, post, removes
from tests.conftest import PASSWORD, World
from tests.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def comes(server: Server, browser: Browser, uid: str, path: str, **options: object) -> Page:
    """Somebody who is signed in, on a page."""
    context = await browser.new_context(**options)  # type: ignore[arg-type]
    assert (await context.request.post(f"{server.url}/api/session", data={"uid": uid, "password": PASSWORD})).ok
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    await page.goto(server.url + path)
    return page


async def is_sound(page: Page, name: str) -> None:
    """For everybody, and as wide as the screen. With SCREENSHOTS=folder there is a picture to look at."""
    results = await Axe().run(page, options={"resultTypes": ["violations"]})
    assert [f"{found['id']}: {found['nodes'][0]['html']}" for found in results.response["violations"]] == []
    assert await is_not_too_wide(page)
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


async def test_from_a_report_to_an_appeal(
    server: Server, browser: Browser, stack: AsyncExitStack, world: World
) -> None:
    bob, root, charlie = [await person(stack, server, world, uid) for uid in ("bob", "root", "charlie")]
    await root.post("/api/groups/class/members", json={"uid": "charlie"})
    ids = [await post(bob, world.class_channel, text) for text in ("Hm", "You **fool**", "Buy now")]
    for who, id_ in ((charlie, ids[1]), (root, ids[1]), (charlie, ids[0])):
        said = await who.post(f"/api/posts/{id_}/reports", json={"reason": "rude", "note": "Look at this!"})
        assert said.status_code == 201, said.text

    alice = await comes(server, browser, "alice", "/groups/class/queue?state=reported", **PHONE)
    rows = alice.locator("#waiting .row")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("Reported by 2 people:")
    await expect(rows.first).to_contain_text("Unkind or hurtful: Look at this! root")
    await expect(alice.locator(".lists .waiting-count").nth(1)).to_have_text("2")
    await is_sound(alice, "desk-reported-phone")
    await rows.nth(1).get_by_role("button", name="Keep").click()
    await expect(rows).to_have_count(1)
    await expect(alice.locator(".toast")).to_contain_text("1 post stays.")

    await rows.first.focus()
    await alice.keyboard.press("h")
    history = alice.locator("dialog.person")
    await expect(history).to_contain_text("3 times")
    await history.get_by_role("button", name="Write a note").click()
    await alice.locator("dialog.note textarea").fill("Was warned.")
    await alice.locator("dialog.note").get_by_role("button", name="Write it").click()
    await expect(history.locator(".notes")).to_contain_text("Was warned.")
    await history.get_by_label("The rules of the group hold back").select_option("all that this person writes")
    await expect(history.locator(".saved")).to_have_text("Saved.")
    await is_sound(alice, "desk-history-phone")
    await history.get_by_role("button", name="Done").click()
    await expect(rows.first).to_be_focused()
    await alice.keyboard.press("r")
    await removes(alice, "Unkind or hurtful", "Say it kindly.")
    await expect(alice.locator("#waiting .none")).to_be_visible()

    author = await comes(server, browser, "bob", "/inbox")
    await author.locator(".decided").get_by_role("link", name="Your post was removed").click()
    await expect(author.locator(".decision")).to_contain_text("Unkind or hurtful: Say it kindly.")
    await expect(author.locator(".decision")).to_contain_text("Somebody reported it")
    await is_sound(author, "desk-decision")
    await author.locator("textarea").fill("I meant it kindly.")
    await author.get_by_role("button", name="Send the appeal").click()
    await expect(author.locator("#appeal-title")).to_have_text("Your appeal waits for a moderator")

    admin = await comes(server, browser, "root", "/queue?state=appeals")
    appeal = admin.locator("#appeals .row")
    await expect(appeal).to_contain_text("I meant it kindly.")
    await expect(appeal).to_contain_text("Removed by alice. Unkind or hurtful: Say it kindly.")
    await is_sound(admin, "desk-appeals")
    await appeal.get_by_role("button", name="Grant the appeal").click()
    await admin.locator("dialog.answer textarea").fill("You are right.")
    await admin.locator("dialog.answer").get_by_role("button", name="Grant").click()
    await expect(admin.locator("#appeals .none")).to_be_visible()
    await expect(author.locator("#appeal-title")).to_have_text("Your appeal was granted")  # by itself
    await expect(author.locator(".decision")).to_contain_text("You are right.")
    assert (await charlie.get(f"/api/posts/{ids[1]}")).json()["state"] == "published"

    await alice.goto(f"{server.url}/groups/class/history/bob")
    await is_sound(alice, "desk-page-phone")
    await alice.get_by_role("button", name="Remove all and block").click()
    clearing = alice.locator("dialog.clear")
    await expect(clearing).to_contain_text("posts are removed.")
    await is_sound(alice, "desk-clearing-phone")
    await clearing.get_by_role("button", name="Remove all").click()
    await expect(alice.locator(".history")).to_contain_text("Blocked until")
    refused = await bob.post(f"/api/channels/{world.class_channel}/posts", json={"body": "More"})
    assert refused.status_code == 403
