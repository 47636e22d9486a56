"""The page of one's own account, in a real browser."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import chromium
from tests.browser.test_admin import PHONE, comes, forget_refusals, is_not_too_wide
from tests.conftest import PASSWORD
from tests.server import Server

pytestmark = pytest.mark.slow

NEW = "another horse"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def test_it_works(server: Server, browser: Browser) -> None:
    """Bob sees where he is signed in, ends that, and chooses another password."""
    elsewhere = await comes(server, browser, "bob", "/account")
    bob = await comes(server, browser, "bob", "/account")
    await bob.page.goto(server.url)
    await bob.page.get_by_role("link", name="Bob").click()
    sessions = bob.page.locator("#sessions .row")
    await expect(sessions).to_have_count(3)  # with the one that every test begins with
    await expect(sessions.first).to_contain_text("Chrome on Linux this one")
    await expect(sessions.first.get_by_role("button", name="Sign out")).to_be_hidden()
    await sessions.nth(1).get_by_role("button", name="Sign out").click()
    await expect(sessions).to_have_count(2)
    await elsewhere.page.reload()
    await expect(elsewhere.page.locator("main [data-open=sign-in]")).to_be_visible()

    form = bob.page.locator("#password form")
    await form.locator("[name=current_password]").fill(PASSWORD)
    await form.locator("[name=password]").fill("iloveyou")
    await form.get_by_role("button", name="Change it").click()
    await expect(form.get_by_role("alert")).to_have_text("The password is too easy to guess: many people use it.")
    await form.locator("[name=password]").fill(NEW)
    await form.get_by_role("button", name="Change it").click()
    await expect(form.get_by_role("status")).to_have_text("Changed.")
    await expect(sessions).to_have_count(1)
    forget_refusals(bob)
    assert bob.complaints == []


async def test_all_others_can_be_ended_at_once_on_a_telephone(server: Server, browser: Browser) -> None:
    bob = await comes(server, browser, "bob", "/account", **PHONE)
    await expect(bob.page.locator("#sessions .row")).to_have_count(2)
    assert await is_not_too_wide(bob.page)
    await bob.page.get_by_role("button", name="Sign out everywhere else").click()
    await expect(bob.page.locator("#sessions .row")).to_have_count(1)


async def test_replies_get_an_address_for_a_feed_reader(server: Server, browser: Browser) -> None:
    bob = await comes(server, browser, "bob", "/account")
    feed = bob.page.locator("#feed")
    await feed.get_by_role("button", name="Make an address").click()
    await expect(feed.get_by_role("status")).to_have_text("Copy it now: it is not shown again.")
    address = await feed.locator("a").get_attribute("href")
    assert address is not None
    answer = await bob.page.request.get(address)
    assert "Replies to Bob" in await answer.text()
    await feed.get_by_role("button", name="End it").click()
    await expect(feed.get_by_role("status")).to_have_text("It has ended.")
    assert (await bob.page.request.get(address)).status == 404
    assert bob.complaints == []
