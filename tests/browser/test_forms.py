"""Forms in a real browser whose scripts are late or never come: nothing typed is lost, or shown in an address."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.chromium import chromium
from tests.browser.test_home import Visitor
from tests.conftest import PASSWORD, World
from tests.server import ROOT, Server
from tests.test_examples import elsewhere

pytestmark = pytest.mark.slow

SCRIPTS = "**/*.js"
TYPED = "Long thoughts,\nin two lines"
EXAMPLE = (ROOT / "examples" / "own-page" / "index.html").read_text()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def page(browser: Browser) -> Page:
    return await browser.new_page()


class Gate:
    """Holds back a page's scripts until it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    async def __call__(self, route: Route) -> None:
        await self.opened.wait()
        await route.continue_()


def navigations(page: Page) -> list[str]:
    """What the page's frame asks for from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.is_navigation_request() else None)
    return asked


async def try_to_send(page: Page, selector: str, **fields: str) -> None:
    """Types into a form, and does what sends one: Enter in each field, and a click."""
    form = page.locator(selector)
    for name, text in fields.items():
        await form.locator(f"[name={name}]").fill(text)
    for name in fields:
        await form.locator(f"[name={name}]").press("Enter")
    await form.locator("button:not([type=button])").click(force=True)


async def reveal(page: Page) -> None:
    """Shows what scripts would show: so that every form of a page is tried."""
    await page.evaluate(
        """() => {
          document.querySelectorAll('[hidden]').forEach((part) => { part.hidden = false; });
          document.querySelectorAll('dialog').forEach((dialog) => dialog.show());
        }"""
    )


@pytest.mark.parametrize("path", ["/", "/join", "/join?x=1", "/channels/1"])
async def test_without_its_script_a_form_sends_nothing(page: Page, shared: Server, path: str) -> None:
    """By no key and no click; and the page says what is the matter."""
    await page.route(SCRIPTS, lambda route: route.abort())
    await page.goto(shared.url + path)
    await reveal(page)
    asked, address = navigations(page), page.url
    forms = page.locator("form:not(.searching, .doing)")  # which need none
    for number in range(await forms.count()):
        form = forms.nth(number)
        fields = form.locator("input:not([readonly])")
        for index in range(await fields.count()):
            await fields.nth(index).fill(PASSWORD)
            await fields.nth(index).press("Enter")
        await form.locator("[type=submit]").click(force=True)
    await expect(page.locator(".unready")).to_be_visible()
    assert asked == []
    assert page.url == address


async def test_a_page_that_is_ready_does_not_say_otherwise(page: Page, shared: Server) -> None:
    await page.goto(shared.url)
    await expect(page.locator(".status")).to_have_attribute("data-state", "live")
    await expect(page.locator(".unready")).to_have_count(0)


async def test_what_was_typed_before_the_scripts_came_stays(browser: Browser, server: Server) -> None:
    """And can then be sent; also if there was a draft already, of which nothing is lost either."""
    context = await browser.new_context()
    dora = Visitor(server, context, await context.new_page())
    page = dora.page
    await dora.come()
    await dora.sign_up("dora", "Dora")
    field = page.locator("#compose textarea")
    await field.fill("An older draft")
    gate = Gate()
    await page.route(SCRIPTS, gate)
    await page.goto(server.url, wait_until="commit")
    await field.fill(TYPED)
    gate.opened.set()
    await dora.is_live()
    await expect(field).to_have_value(f"An older draft\n\n{TYPED}")
    await page.locator("#compose [type=submit]").click()
    await expect(dora.article("Long thoughts")).to_contain_text("An older draft")
    await expect(field).to_have_value("")


async def test_a_code_that_was_typed_before_the_scripts_came_stays(page: Page, shared: Server) -> None:
    gate = Gate()
    await page.route(SCRIPTS, gate)
    await page.goto(f"{shared.url}/join", wait_until="commit")
    asked = navigations(page)
    code = page.locator("[name=code]:visible")
    await code.fill("ZZZZ-ZZZZ")
    await code.press("Enter")
    gate.opened.set()
    await expect(page.locator("[data-kind=code] [type=submit]")).to_be_enabled()
    await expect(code).to_have_value("ZZZZ-ZZZZ")
    await code.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("isn't valid or has expired")
    assert asked == []


async def test_a_code_in_the_query_is_used_and_taken_out_of_the_address(page: Page, shared: Server) -> None:
    """Some send it so by hand. It is in no history then, and no page that follows is told of it."""
    response = await page.goto(f"{shared.url}/join?code=ZZZZ-ZZZZ")
    assert response
    assert response.headers["referrer-policy"] == "no-referrer"
    await expect(page.get_by_role("alert")).to_contain_text("isn't valid or has expired")
    assert page.url == f"{shared.url}/join"


async def test_a_form_that_is_sent_all_the_same_loses_nothing(page: Page, shared: Server) -> None:
    """Some extension sends it, say: a page says what happened, and `Back` shows what was typed."""
    await page.route(SCRIPTS, lambda route: route.abort())
    await page.goto(shared.url)
    await reveal(page)
    await page.locator("#compose textarea").fill(TYPED)
    await page.evaluate("document.querySelector('#compose').submit()")
    await expect(page.get_by_text("what you typed is still there")).to_be_visible()
    assert page.url == f"{shared.url}/"
    await page.go_back()
    await expect(page.locator("#compose textarea")).to_have_value(TYPED)


class TestAStaticSite:
    """examples/own-page on an origin of its own."""

    @pytest.fixture
    def site(self, tmp_path: Path, server: Server) -> Path:
        folder = tmp_path / "site"
        folder.mkdir()
        (folder / "index.html").write_text(EXAMPLE.replace("https://your-pottle.example", server.url))
        return folder

    async def test_with_the_server_away_it_sends_nothing(self, page: Page, site: Path, server: Server) -> None:
        server.stop()
        with elsewhere(site) as url:
            await page.goto(url)
            asked = navigations(page)
            await try_to_send(page, "#sign-in", uid="alice", password=PASSWORD)
            assert asked == []
            assert urlsplit(page.url).query == ""
            await expect(page.locator("#sign-in [name=password]")).to_have_value(PASSWORD)

    async def test_with_the_server_slow_it_waits(self, page: Page, site: Path, server: Server) -> None:
        """Signing in works as soon as the script is there, whatever the discussion waits for."""
        gate, posts = Gate(), Gate()
        await page.route(SCRIPTS, gate)
        await page.route("**/channels?*", posts)
        with elsewhere(site) as url:
            await page.goto(url, wait_until="commit")
            asked = navigations(page)
            await try_to_send(page, "#sign-in", uid="alice", password=PASSWORD)
            gate.opened.set()
            button = page.locator("#sign-in button")
            await expect(button).to_be_enabled()
            await button.click()
            await expect(page.locator("#post")).to_be_visible()
            posts.opened.set()
            await expect(page.locator("#state")).to_have_text("live")
            await page.fill("#post [name=body]", "At last")
            await page.click("#post button")
            await expect(page.locator("#posts li")).to_contain_text("At last")
            assert asked == []

    async def test_of_a_closed_group_it_says_so(self, page: Page, site: Path, server: Server, world: World) -> None:
        """And whoever belongs to it signs in and reads."""
        file = site / "index.html"
        file.write_text(file.read_text().replace("'home', 'lobby'", "'class', 'room'"))
        with elsewhere(site) as url:
            await page.goto(url)
            await expect(page.locator("#state")).to_have_text("There is no group class.")
            await page.fill("[name=uid]", "bob")
            await page.fill("[name=password]", PASSWORD)
            await page.click("#sign-in button")
            await expect(page.locator("#state")).to_have_text("live")
            assert urlsplit(page.url).query == ""


class TestTyping:
    """What is typed is sent when its author says so, and whole."""

    @pytest.fixture
    async def dora(self, browser: Browser, instance: Path, tmp_path: Path) -> AsyncIterator[Visitor]:
        """Dora, where a post has at most 50 characters."""
        with Server(instance, tmp_path, POTTLE_POST_LENGTH="50") as server:
            context = await browser.new_context()
            dora = Visitor(server, context, await context.new_page())
            await dora.come()
            await dora.sign_up("dora", "Dora")
            yield dora

    async def test_half_a_word_is_not_sent(self, dora: Visitor) -> None:
        """Ctrl+Enter is an input method's while it composes."""
        field = dora.page.locator("#compose textarea")
        await field.focus()
        typist = await dora.context.new_cdp_session(dora.page)
        await typist.send("Input.imeSetComposition", {"text": "にほ", "selectionStart": 2, "selectionEnd": 2})
        await expect(field).to_have_value("にほ")
        await dora.page.keyboard.press("Control+Enter")
        for event in ("isComposing: true", "keyCode: 229"):
            init = f"{{key: 'Enter', ctrlKey: true, bubbles: true, {event}}}"
            await field.evaluate(f"field => field.dispatchEvent(new KeyboardEvent('keydown', {init}))")
        await typist.send("Input.insertText", {"text": "日本"})
        await expect(field).to_have_value("日本")
        await dora.page.keyboard.press("Control+Enter")
        await expect(dora.article("日本")).to_be_visible()
        await expect(dora.page.locator(".posts .post")).to_have_count(1)

    async def test_a_long_text_is_kept_whole_and_counted_as_the_server_counts(self, dora: Visitor) -> None:
        """An emoji is one character there, and two to `maxlength`."""
        field, send = dora.page.locator("#compose textarea"), dora.page.locator("#compose [type=submit]")
        left = dora.page.locator("#compose .count-left:visible")
        await field.fill("🎈" * 44)
        await expect(left).to_have_count(0)
        await field.fill("🎈" * 49)
        await expect(left).to_have_text("1 character left")
        await field.fill("🎈" * 52)
        await expect(left).to_have_text("Too long by 2 characters")
        await send.click()
        await expect(dora.page.get_by_role("alert")).to_have_text("Too long by 2 characters.")
        await expect(field).to_be_focused()
        await expect(field).to_have_value("🎈" * 52)
        await field.fill("🎈" * 50)
        await send.click()
        await expect(dora.article("🎈" * 50)).to_be_visible()
        await expect(left).to_have_count(0)
        assert await dora.page.locator(".posts .post").count() == 1

    async def test_a_problem_is_told_at_its_field(self, dora: Visitor) -> None:
        """With the focus there."""
        page = dora.page
        await page.get_by_role("button", name="Sign out").click()
        await page.locator(".site [data-open=sign-up]").click()
        form = page.locator("#sign-up")
        fields = {"name": "Emil", "uid": "emil", "password": PASSWORD}
        for name, wrong in (("name", ""), ("uid", " "), ("password", "short"), ("uid", "dora")):
            for other, text in {**fields, name: wrong}.items():
                await form.locator(f"[name={other}]").fill(text)
            await form.locator("[type=submit]").click()
            await expect(form.locator(f"[name={name}]")).to_be_focused()
            await expect(form.locator(f"[name={name}]")).to_have_attribute("aria-invalid", "true")
            await expect(form.locator(f".field:has([name={name}]) + .field-error")).to_be_visible()
