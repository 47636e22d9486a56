"""Languages in a real browser: Arabic runs from right to left, and the tag speaks the language of its page."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import chromium
from tests.browser.test_embed import serving
from tests.conftest import PASSWORD, World
from tests.server import Server

pytestmark = pytest.mark.slow

SIDEWAYS = """() => {
  const room = document.documentElement.clientWidth;
  const sticksOut = ({ left, right }) => left < -1 || right > room + 1;
  const unseen = (element) => element.closest('.visually-hidden, .skip, .sidebar, pre, table');
  const all = [...document.body.querySelectorAll('*')];
  const found = all.filter((one) => sticksOut(one.getBoundingClientRect()) && !unseen(one));
  return document.documentElement.scrollWidth > room ? found.map((one) => one.outerHTML.slice(0, 120)).slice(0, 5) : [];
}"""
PLACES = ("/", "/channels/{room}", "/account", "/groups/class/manage", "/join")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def reader(browser: Browser, language: str, complaints: list[str]) -> Page:
    page = await (await browser.new_context(locale=language)).new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    return page


async def test_arabic_runs_from_right_to_left(server: Server, world: World, browser: Browser) -> None:
    """As the person chose it, whatever the browser asks for."""
    complaints: list[str] = []
    page = await reader(browser, "en-US", complaints)
    api = page.context.request
    await api.post(f"{server.url}/api/session", data={"uid": "alice", "password": PASSWORD})
    assert (await api.patch(f"{server.url}/api/me", data={"language": "ar"})).ok
    for path in PLACES:
        for width in (360, 1280):
            await page.set_viewport_size({"width": width, "height": 800})
            await page.goto(server.url + path.format(room=world.class_channel))
            await expect(page.locator("html")).to_have_attribute("dir", "rtl")
            await page.wait_for_load_state("networkidle")
            assert await page.evaluate(SIDEWAYS) == [], f"{path} at {width}"
            brand = await page.locator(".brand").bounding_box()
            assert brand is not None
            assert brand["x"] + brand["width"] / 2 > width / 2, path
    await page.goto(f"{server.url}/channels/{world.class_channel}")
    await page.locator("#compose textarea").fill("Left to right")
    await page.locator("#compose [type=submit]").click()
    post = page.locator(".post .body").filter(has_text="Left to right")
    await expect(post).to_have_css("direction", "ltr")
    assert [said for said in complaints if "404" not in said] == []


async def test_the_tag_speaks_its_pages_language(server: Server, browser: Browser) -> None:
    """The browser's own counts only where the page says none."""
    complaints: list[str] = []
    page = await reader(browser, "fr-FR", complaints)
    told = (("ar-EG", "ar", "rtl"), ("de", "de", "ltr"), ("", "fr", "ltr"), ("pt", "en", "ltr"))
    with serving() as site:
        script = f'<script type="module" src="{server.url}/embed.js" data-group="home"></script>'
        for asked, _spoken, _direction in told:
            site.pages[f"/{asked}"] = f"<html{f' lang={asked}' if asked else ''}><link rel=icon href=data:,>{script}"
        for asked, spoken, direction in told:
            await page.goto(f"{site.origin}/{asked}")
            thread = page.locator("pottle-thread .discussion")
            await expect(thread).to_have_attribute("lang", spoken)
            await expect(thread).to_have_attribute("dir", direction)
            await expect(thread.locator(".status")).to_have_attribute("data-state", "live")
    assert complaints == []
