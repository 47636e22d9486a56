"""The API's description in a real browser: readable for everybody, in light and dark, and everything can be tried."""

import json
from collections.abc import AsyncIterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from tests.browser.chromium import chromium
from tests.browser.test_home import Visitor
from tests.conftest import World
from tests.server import Server

pytestmark = pytest.mark.slow

# The relative luminance and contrast of WCAG 2.2, of every text that is seen, against what is behind it.
TOO_FAINT = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (value) => (value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((value) => linear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const [red, green, blue, alpha = 1] = channels(getComputedStyle(element).backgroundColor);
    return alpha > 0 || !element.parentElement ? [red, green, blue] : behind(element.parentElement);
  };
  const faint = new Set();
  let seen = 0;
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = texts.nextNode());) {
    const element = node.parentElement;
    if (!node.data.trim() || !element.checkVisibility() || element.matches(':disabled')) continue;
    seen += 1;
    const [one, other] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) faint.add(`${contrast.toFixed(2)} ${element.outerHTML.slice(0, 100)}`);
  }
  return { seen, faint: [...faint].slice(0, 5) };
}"""
# What axe-core calls nested-interactive, label, duplicate-id, heading-order and scrollable-region-focusable.
FAULTS = """() => {
  const interactive = 'a[href], button, input, select, textarea, summary, details, [tabindex]';
  const found = [];
  const shown = (element) => element.outerHTML.slice(0, 100);
  const tell = (what, elements) => elements.forEach((element) => found.push(`${what}: ${shown(element)}`));
  const all = (selector) => [...document.querySelectorAll(selector)];
  const controls = all('a[href], button, summary, [role=button]');
  tell('nested', controls.filter((element) => element.querySelector(interactive)));
  tell('no label', all('input, select, textarea').filter(({ labels }) => !labels[0]?.textContent.trim()));
  const ids = all('[id]').map(({ id }) => id);
  ids.filter((id, index) => ids.indexOf(id) !== index).forEach((id) => found.push(`twice: ${id}`));
  const levels = all('h1, h2, h3, h4, h5, h6').map(({ tagName }) => Number(tagName[1]));
  const leaps = levels.filter((level, index) => level > (levels[index - 1] ?? 0) + 1);
  leaps.forEach((level) => found.push(`h${level} after a higher one`));
  tell('scrolls', all('pre').filter((element) => element.tabIndex < 0));
  if (all('main').length !== 1 || !document.documentElement.lang || !document.title) found.push('no frame');
  return found.slice(0, 10);
}"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everybody_can_read_it(shared: Server, browser: Browser, scheme: str) -> None:
    context = await browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    dora = Visitor(shared, context, await context.new_page())
    await dora.page.goto(f"{shared.url}/docs")
    await expect(dora.page.locator(".try [type=submit]").first).to_be_enabled()
    await dora.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    contrast = await dora.page.evaluate(TOO_FAINT)
    assert contrast["faint"] == []
    assert contrast["seen"] > 1000
    assert await dora.page.evaluate(FAULTS) == []
    paper = await dora.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 250, 244)") is (scheme == "light")
    dora.has_nothing_to_complain_of()
    await dora.page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = false; })")
    assert (await Axe().run(dora.page)).response["violations"] == []


async def test_all_of_the_document_is_there(shared: Server, browser: Browser) -> None:
    """Also without JavaScript."""
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{shared.url}/docs")
    document = json.loads(await (await context.request.get(f"{shared.url}/openapi.json")).text())
    for item in document["paths"].values():
        for operation in item.values():
            await expect(page.locator(f"details#{operation['operationId']}")).to_have_count(1)
    for name in document["components"]["schemas"]:
        await expect(page.locator(f"details[id='{name}']")).to_have_count(1)
    await expect(page.locator("main form:visible, h3.needs-js:visible")).to_have_count(0)


async def test_it_is_tried_by_keyboard(shared: Server, browser: Browser, world: World) -> None:
    """A read, a refusal, and a write with a token."""
    context = await browser.new_context()
    dora = Visitor(shared, context, await context.new_page())
    page = dora.page
    await page.goto(f"{shared.url}/docs#channels_show")
    shown = page.locator("#channels_show")
    await expect(shown).to_have_attribute("open", "")
    await shown.locator("summary").focus()
    await page.keyboard.press("Enter")
    await expect(shown.locator("form")).to_be_hidden()
    await page.keyboard.press("Space")
    field = shown.locator("[name='path:channel_id']")
    for _ in range(10):
        if await field.evaluate("field => field === document.activeElement"):
            break
        await page.keyboard.press("Tab")
    await page.keyboard.type("1")
    await page.keyboard.press("Enter")
    answer = shown.locator(".answer")
    await expect(answer).to_be_focused()
    await expect(answer).to_contain_text("200")
    await expect(answer).to_contain_text('"title": "Lobby"')

    made = page.locator("#posts_create")
    await made.locator("summary").click()
    await made.locator("[name='path:channel_id']").fill("1")
    await made.locator("[name=body]").fill('{"body": "Tried *out*"}')
    await made.locator("[type=submit]").click()
    await expect(made.locator(".answer")).to_contain_text("401")
    await page.locator("#token").fill(world.tokens["alice"])
    await made.locator("[type=submit]").click()
    await expect(made.locator(".answer")).to_contain_text("201")
    await expect(made.locator(".answer")).to_contain_text("<em>out</em>")
    assert page.url == f"{shared.url}/docs#channels_show"
    await made.get_by_role("link", name="PostView").first.click()
    await expect(page.locator("#PostView")).to_have_attribute("open", "")
