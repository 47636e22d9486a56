"""An address, a forgotten password, an invitation and what admins see of mail, in a browser, by real letters."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import chromium
from tests.browser.test_admin import PHONE, Visitor, comes, is_not_too_wide
from tests.mailbox import Got, Mailbox, receiving
from tests.server import Server

pytestmark = pytest.mark.slow

NEW = "another horse"


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with receiving() as received:
        yield received


@pytest.fixture
async def mailing(box: Mailbox, instance: Path, tmp_path: Path) -> AsyncIterator[Server]:
    """A server with mail, whose links lead to itself."""
    mail = f"{box.url}&pause=0.2&rate=6000"
    made = Server(instance, tmp_path, WEB_CONCURRENCY="1", POTTLE_MAIL=mail)
    made.settings["POTTLE_URL"] = made.url
    with made as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


def link(letter: Got) -> str:
    found = re.search(r"^http://\S+/(account|join)\S+", letter.text, re.MULTILINE)
    assert found
    return found[0]


async def test_it_works(mailing: Server, box: Mailbox, browser: Browser) -> None:
    """Root gives an address, confirms it and comes back by it; invites two; looks at letters."""
    root = await comes(mailing, browser, "root", "/account")
    card = root.page.locator("#address")
    await card.locator("[name=email]").fill("root@school.example")
    await card.get_by_role("button", name="Save").click()
    await expect(card).to_contain_text("A link to confirm it is on its way.")
    await card.get_by_role("button", name="Send another link").click()
    await expect(card.locator(".asking .saved")).to_have_text("A link is on its way.")
    await root.page.goto(link((await box.has(2))[0]))
    await root.page.get_by_role("button", name="Confirm the address").click()
    await expect(card).to_contain_text("Confirmed.")
    await expect(card.get_by_role("button", name="Send another link")).to_be_hidden()

    await root.page.goto(f"{mailing.url}/groups/class/manage/people")
    mailed = root.page.locator("#mailed")
    await mailed.locator("textarea").fill("dora@school.example, zoe@school.example")
    await mailed.get_by_role("button", name="Send invitations").click()
    await expect(mailed.locator(".row .address")).to_have_text(["zoe@school.example", "dora@school.example"])
    await box.has(4)
    await mailed.locator(".row").first.get_by_role("button", name="Revoke").click()
    await expect(mailed.locator(".row")).to_have_count(1)

    await root.page.goto(f"{mailing.url}/admin/mail?kind=invitation")
    await expect(root.page.locator("iframe").first.content_frame.locator("h1")).to_have_text(
        "You are invited to Class 4b"
    )
    await root.page.get_by_role("button", name="Send me a test").click()
    assert (await box.has(5))[-1].message["Subject"] == "A test"
    assert root.complaints == []

    lost = Visitor(mailing, context := await browser.new_context(**PHONE), await context.new_page())
    await lost.page.goto(f"{mailing.url}/account/sign-in")
    await lost.page.locator("main").get_by_role("link", name="Forgot your password?").click()
    assert await is_not_too_wide(lost.page)
    await lost.page.locator("main [name=who]").fill("root@school.example")
    await lost.page.get_by_role("button", name="Send me a link").click()
    await expect(lost.page.locator("main")).to_contain_text("a mail with a link is on its way")
    await lost.page.goto(link((await box.has(6))[-1]))
    await lost.page.locator("form.password [name=password]").fill(NEW)
    await lost.page.get_by_role("button", name="Set the password and sign in").click()
    await expect(lost.page.locator(".me").first).to_have_text("Root")
    assert lost.complaints == []
