"""Writing in a real browser: the toolbar and its keys, the preview, names to choose from, images, drafts."""

import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from axe_playwright_python.async_playwright import Axe
from PIL import Image
from playwright.async_api import Browser, expect

from tests.browser.chromium import chromium
from tests.browser.test_admin import person
from tests.browser.test_review import in_the_class
from tests.conftest import World
from tests.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def test_writing_has_help(server: Server, browser: Browser, stack: AsyncExitStack, world: World) -> None:
    api = await person(stack, server, world, "alice")
    assert (await api.patch("/api/groups/class", json={"images": True})).status_code == 200
    alice = await in_the_class(server, browser, "alice", world.class_channel)
    page = alice.page
    form = page.locator("#compose")
    field = form.locator("textarea")
    await field.click()
    bar = form.get_by_role("toolbar")
    await expect(bar.get_by_role("button")).to_have_count(10)

    # keys, and the toolbar: what is done can be undone
    await field.press_sequentially("now")
    await field.press("Control+a")
    await field.press("Control+b")
    await expect(field).to_have_value("**now**")
    await bar.get_by_role("button", name="Bold").click()
    await expect(field).to_have_value("now")
    await bar.get_by_role("button", name="Quote").click()
    await expect(field).to_have_value("> now")
    await field.press("Control+z")
    await expect(field).to_have_value("now")
    await bar.get_by_role("button", name="Bold").focus()
    await page.keyboard.press("ArrowRight")
    await expect(bar.get_by_role("button", name="Italic")).to_be_focused()

    await bar.get_by_role("button", name="Help").click()
    await expect(form.get_by_text("a footnote")).to_be_visible()

    # names
    await field.fill("")
    await field.press_sequentially("Hello @bo")
    await expect(form.get_by_role("option")).to_have_count(1)
    assert (await Axe().run(page)).violations_count == 0
    await field.press("Enter")
    await expect(field).to_have_value("Hello @bob ")

    # an image
    out = io.BytesIO()
    Image.new("RGB", (60, 40), "green").save(out, "PNG")
    async with page.expect_file_chooser() as choosing:
        await bar.get_by_role("button", name="Image").click()
    await (await choosing.value).set_files({"name": "a.png", "mimeType": "image/png", "buffer": out.getvalue()})
    group = form.get_by_role("group", name="Image")
    await group.get_by_role("button", name="Add image").click()
    await expect(group.get_by_role("alert")).to_be_visible()
    await group.get_by_role("textbox").fill("a green field")
    await group.get_by_role("textbox").press("Enter")
    await expect(group).to_have_count(0)

    # the preview, and the post
    await bar.get_by_role("button", name="Preview").click()
    shown = form.get_by_role("region", name="Preview")
    await expect(shown.locator(".mention")).to_have_text("@bob")
    await expect(shown.get_by_alt_text("a green field")).to_be_visible()
    assert (await Axe().run(page)).violations_count == 0
    await form.locator("[type=submit]").click()
    await expect(field).to_have_value("")
    image = page.locator(".posts .post").first.get_by_alt_text("a green field")
    await expect(image).to_be_visible()
    assert await image.evaluate("(image) => image.complete && image.naturalWidth") == 60
    alice.has_nothing_to_complain_of()

    # a draft outlives the tab, but not the person
    await field.fill("Half a thought")
    await page.close(run_before_unload=True)
    page = await alice.context.new_page()
    await page.goto(f"{server.url}/channels/{world.class_channel}")
    await expect(page.locator("#compose textarea")).to_have_value("Half a thought")
    await page.evaluate("document.querySelector('.site [data-do=sign-out]').click()")
    await expect(page.locator(".site [data-open=sign-in]").first).to_be_visible()
    assert await page.evaluate("Object.keys({...localStorage, ...sessionStorage}).join()") == ""

    # where nothing is kept, it is said
    denied = "Object.defineProperty(window, NAME, { get() { throw new DOMException('no', 'SecurityError'); } });"
    script = "".join(denied.replace("NAME", f"'{name}'") for name in ("localStorage", "sessionStorage"))
    await alice.context.add_init_script(script)
    await page.goto(f"{server.url}/channels/1")
    await expect(page.locator("#compose .hint")).to_contain_text("keeps no drafts")
