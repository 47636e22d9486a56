"""Searching in a real browser: while somebody types, by keys alone, on a telephone; and the page of results."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.chromium import chromium
from tests.browser.test_every_page import TOO_WIDE, broken
from tests.conftest import PASSWORD, World
from tests.server import Server

pytestmark = pytest.mark.slow

HIGHLIGHTED = """() => new Promise((tell) => {
  const words = () => [...CSS.highlights.get('found')].map((range) =>
    range.startContainer.data.slice(range.startOffset, range.endOffset));
  const look = () => (CSS.highlights.has('found') ? tell(words()) : requestAnimationFrame(look));
  look();
})"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
def posts(server: Server, world: World) -> dict[str, int]:
    """What there is to find, by the word that it alone has."""
    said = [(world.class_channel, "Stomata open at *dawn*: <b>`leaf()`</b>"), (1, "stomata close at noon"), (1, "Rain")]
    made = {}
    headers = {"Authorization": f"Bearer {world.tokens['alice']}"}
    with httpx.Client(base_url=server.url, headers=headers) as alice:
        for (channel, body), word in zip(said, ("dawn", "noon", "rain"), strict=True):
            answer = alice.post(f"/api/channels/{channel}/posts", json={"body": body})
            made[word] = int(answer.raise_for_status().json()["id"])
    return made


async def bob(server: Server, browser: Browser, path: str, width: int) -> Page:
    context = await browser.new_context(viewport={"width": width, "height": 800})
    await context.request.post(f"{server.url}/api/session", data={"uid": "bob", "password": PASSWORD})
    page = await context.new_page()
    await page.goto(server.url + path)
    await expect(page.locator("#searching [role=combobox]")).to_be_attached()
    return page


async def test_it_works(server: Server, browser: Browser, world: World, posts: dict[str, int]) -> None:
    """From a discussion: this group's posts come first, the arrows choose, and Enter goes there."""
    page = await bob(server, browser, f"/channels/{world.class_channel}", 1280)
    field, options = page.locator("#searching [name=q]"), page.locator("#searching [role=option]")

    late: list[Route] = []

    async def hold(route: Route) -> None:
        late.append(route)

    await page.route("**/api/search?q=rain*", hold)
    await page.keyboard.press("/")
    await page.keyboard.type("rain")
    await expect(page.locator("#searching .finds")).to_have_attribute("aria-busy", "true")
    async with page.expect_event("requestfailed"):
        await field.fill("stomata")
    await expect(page.locator("#searching .hit .words")).to_have_text(
        [re.compile("Stomata open at.*dawn"), re.compile("stomata close")]
    )
    await expect(page.locator("#searching [role=status]")).to_have_text("2 posts were found")
    await expect(page.locator("#searching mark")).to_have_text(["Stomata", "stomata"])
    await expect(options.first).to_have_text("Search in Class")
    assert len(late) == 1
    assert await broken(page) == []

    await page.keyboard.press("Escape")
    await expect(field).to_have_attribute("aria-expanded", "false")
    await expect(field).to_have_value("stomata")
    for _ in range(3):
        await page.keyboard.press("ArrowDown")
    await expect(field).to_have_attribute("aria-activedescendant", await options.nth(2).get_attribute("id") or "")
    await page.keyboard.press("Enter")
    post = page.locator(f"#p{posts['dawn']}")
    await expect(post).to_contain_class("named")
    await expect(post.locator("code")).to_have_text("leaf()")
    assert await page.evaluate(HIGHLIGHTED) == ["Stomata"]

    await expect(page.locator("#searching [role=combobox]")).to_be_attached()
    await page.keyboard.press("/")
    await page.keyboard.type("stomata")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/search?q=stomata+in%3Aclass")
    await expect(page.locator(".hits > li")).to_have_count(1)
    await page.locator("#narrows select").select_option("All groups")
    await expect(page.locator(".hits > li")).to_have_count(2)
    await expect(page.locator("#asks [name=q]")).to_have_value("stomata")
    await page.get_by_role("link", name="Code", exact=True).click()
    await page.wait_for_url("**/search?q=stomata+has%3Acode")
    await expect(page.locator(".hits .where")).to_have_text("Room · Class")


async def test_on_a_telephone(server: Server, browser: Browser, posts: dict[str, int]) -> None:
    page = await bob(server, browser, "/", 360)
    await page.get_by_role("link", name="Search").click()
    await page.keyboard.type("stomata")
    await expect(page.locator("#searching .words")).to_have_count(2)
    assert await page.evaluate(TOO_WIDE) == []
    assert await broken(page) == []
    await page.locator("#searching .hit").filter(has_text="noon").click()
    await expect(page.locator(f"#p{posts['noon']}")).to_contain_class("named")
