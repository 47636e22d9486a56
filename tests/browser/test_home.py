"""The front page in a real browser: two people, in front of gunicorn with three workers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.browser.chromium import chromium
from tests.browser.menu import choose
from tests.conftest import PASSWORD
from tests.server import Server

pytestmark = pytest.mark.slow


class Visitor:
    """Somebody with a browser of their own; notes what their pages complain of and where they turn to."""

    def __init__(self, server: Server, context: BrowserContext, page: Page) -> None:
        self.server, self.context, self.page = server, context, page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket: self.asked.append(socket.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} {message.location}")

    async def come(self) -> None:
        """Opens the front page and waits until it is live."""
        await self.page.goto(self.server.url)
        await self.is_live()

    async def is_live(self) -> None:
        await expect(self.page.locator(".status")).to_have_attribute("data-state", "live")

    async def sign_up(self, uid: str, name: str) -> None:
        """By the form."""
        await self.page.locator(".site [data-open=sign-up]").click()
        form = self.page.locator("#sign-up")
        await form.locator("[name=name]").fill(name)
        await form.locator("[name=uid]").fill(uid)
        await form.locator("[name=password]").fill(PASSWORD)
        await form.get_by_role("button", name="Sign up").click()
        await expect(self.page.locator(".site .me")).to_have_text(name)
        await self.is_live()

    async def post(self, text: str) -> None:
        await self.page.locator("#compose textarea").fill(text)
        await self.page.locator("#compose [type=submit]").click()
        await expect(self.page.locator("#compose textarea")).to_have_value("")

    def article(self, text: str) -> Locator:
        """The post with that text."""
        return self.page.locator(".posts .post").filter(has_text=text)

    def has_nothing_to_complain_of(self) -> None:
        """No error, no violation of the page's policy, nothing asked of another host."""
        assert self.complaints == []
        assert {urlsplit(url).netloc for url in self.asked} == {urlsplit(self.server.url).netloc}


Newcomer = Callable[..., Awaitable[Visitor]]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
def visitor(server: Server, browser: Browser) -> Newcomer:
    """`await visitor()` is somebody who has just opened a browser."""

    async def make(**options: Any) -> Visitor:
        context = await browser.new_context(**options)
        return Visitor(server, context, await context.new_page())

    return make


async def test_two_people_talk(visitor: Newcomer) -> None:
    """One signs up and posts; the other sees everything as it happens, and answers."""
    dora, emil = await visitor(), await visitor()
    await asyncio.gather(dora.come(), emil.come())
    await expect(emil.page.locator(".empty")).to_be_visible()

    await dora.sign_up("dora", "Dora")
    await dora.post("Hello, **Emil**")
    await expect(emil.article("Hello, Emil").locator("strong")).to_have_text("Emil")
    await expect(emil.page.locator(".empty")).to_be_hidden()

    await emil.sign_up("emil", "Emil")
    await emil.article("Hello, Emil").get_by_role("button", name="Reply").click()
    await emil.page.locator(".post .composer textarea").fill("Hello, Dora")
    await emil.page.locator(".post .composer [type=submit]").click()
    reply = dora.page.locator(".replies .post").filter(has_text="Hello, Dora")
    await expect(reply.locator(".author")).to_have_text("Emil")
    for person in (dora, emil):  # the count beside the discussion moves too
        await expect(person.page.locator(".sidebar [href='/channels/1'] .tally")).to_contain_text("2 posts")

    await emil.article("Hello, Emil").first.get_by_role("button", name="React").click()
    await emil.article("Hello, Emil").first.locator("[data-kind=heart]").click()
    await expect(dora.article("Hello, Emil").first.locator("[data-kind=heart] .count")).to_have_text("1")

    for person in (dora, emil):
        person.has_nothing_to_complain_of()


async def test_edits_and_deletions_are_seen(visitor: Newcomer) -> None:
    dora, emil = await visitor(), await visitor()
    await asyncio.gather(dora.come(), emil.come())
    await dora.sign_up("dora", "Dora")
    await dora.post("Frist")
    await expect(emil.article("Frist")).to_be_visible()

    mine = dora.article("Frist")
    await choose(mine, "Edit")
    await dora.page.locator(".post .composer textarea").fill("First")
    await dora.page.locator(".post .composer [type=submit]").click()
    await expect(emil.article("First").locator(".edited")).to_be_visible()
    await expect(emil.article("Frist")).to_have_count(0)

    post = dora.article("First")
    question = dora.page.get_by_role("alertdialog")
    await choose(post, "Delete")
    await expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    await expect(question).to_have_css("display", "block")  # and not in the style of something else that is called so
    await dora.page.keyboard.press("Escape")
    await expect(question).to_have_count(0)
    await expect(post.locator("[data-do=more]")).to_be_focused()
    await choose(post, "Delete")
    await question.get_by_role("button", name="Delete").click()
    await expect(emil.page.locator(".posts .post")).to_have_count(0)
    await expect(emil.page.locator(".empty")).to_be_visible()
    dora.has_nothing_to_complain_of()
    emil.has_nothing_to_complain_of()


async def test_it_goes_on_after_a_restart(visitor: Newcomer, server: Server) -> None:
    """What was posted meanwhile shows up, in place and without a reload."""
    dora, emil = await visitor(), await visitor()
    await asyncio.gather(dora.come(), emil.come())
    await dora.sign_up("dora", "Dora")
    await dora.post("Before")
    await expect(emil.article("Before")).to_be_visible()
    await emil.page.evaluate("window.notReloaded = true")

    await emil.context.set_offline(True)
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    await dora.is_live()
    await dora.post("Meanwhile")
    await expect(dora.article("Meanwhile")).to_be_visible()
    await emil.context.set_offline(False)

    await expect(emil.article("Meanwhile")).to_be_visible()
    await emil.is_live()
    await dora.post("After")
    await expect(emil.article("After")).to_be_visible()
    assert await emil.page.evaluate("window.notReloaded")
    assert await emil.page.locator(".posts .body").all_inner_texts() == ["After", "Meanwhile", "Before"]


async def test_it_can_be_read_without_javascript(visitor: Newcomer) -> None:
    dora = await visitor()
    await dora.come()
    await dora.sign_up("dora", "Dora")
    await dora.post("Readable by *everybody*")
    await expect(dora.article("Readable by everybody")).to_be_visible()  # rendered: it has been sent

    emil = await visitor(java_script_enabled=False)
    await emil.page.goto(dora.server.url)
    await expect(emil.article("Readable by everybody").locator("em")).to_have_text("everybody")
    await expect(emil.page.locator("noscript").first).to_be_visible()
    await expect(emil.page.locator(".needs-js:visible")).to_have_count(0)
    emil.has_nothing_to_complain_of()


async def test_signing_up_survives_a_reload_and_ends_with_signing_out(visitor: Newcomer) -> None:
    dora = await visitor()
    await dora.come()
    await dora.sign_up("dora", "Dora")
    await dora.page.reload()
    await expect(dora.page.locator(".site .me")).to_have_text("Dora")
    await dora.page.get_by_role("button", name="Sign out").click()
    await expect(dora.page.locator("#compose")).to_be_hidden()


async def test_a_title_that_differs_is_another_discussion(visitor: Newcomer) -> None:
    """And one that is there is offered: nobody lands in another discussion without a word."""
    dora = await visitor()
    await dora.come()
    await dora.sign_up("dora", "Dora")
    title = dora.page.locator("form.begin [name=title]")
    await dora.page.goto(f"{dora.server.url}/groups/home")
    for name in ("C", "C++", "\U0001f389 Party", "\U0001f38a Party", "\u0915\u0940", "\u0915\u094b"):
        await title.fill(name)
        await title.press("Enter")
        await expect(dora.page.locator(".discussion .channel-title")).to_have_text(name)
        await dora.page.goto(f"{dora.server.url}/groups/home")

    await title.fill("c++")
    await title.press("Enter")
    await expect(dora.page.get_by_role("alert")).to_contain_text("There is a discussion of that title already.")
    await expect(title).to_be_focused()
    await expect(title).to_have_value("c++")
    await dora.page.get_by_role("link", name="Go to \u201cC++\u201d").click()
    await expect(dora.page.locator(".channel-title")).to_have_text("C++")


async def test_a_phone_has_the_sidebar_in_a_drawer(visitor: Newcomer) -> None:
    """It takes the focus and gives it back; and what is begun elsewhere is in it at once."""
    dora, emil = await visitor(), await visitor(viewport={"width": 360, "height": 700})
    await dora.come()
    await emil.come()
    await dora.sign_up("dora", "Dora")
    opens, sidebar = emil.page.locator(".opens-sidebar"), emil.page.locator(".sidebar")
    await expect(sidebar).to_be_hidden()
    await opens.click()
    await expect(sidebar.get_by_role("link", name="Close")).to_be_focused()
    await expect(opens).to_have_attribute("aria-expanded", "true")
    await emil.page.keyboard.press("Escape")
    await expect(sidebar).to_be_hidden()
    await expect(opens).to_be_focused()
    await opens.press("Enter")
    await dora.page.goto(f"{dora.server.url}/groups/home")
    await dora.page.locator("form.begin [name=title]").fill("Tides")
    await dora.page.locator("form.begin [type=submit]").click()
    await sidebar.get_by_role("link", name="Tides").click()
    await expect(emil.page.locator(".discussion .channel-title")).to_have_text("Tides")
    await dora.post("Twice a day")
    await expect(emil.page.locator(".sidebar [aria-current] .tally")).to_contain_text("1 post")
    assert dora.complaints == emil.complaints == []
