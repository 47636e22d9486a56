"""What somebody types stays, whatever others do meanwhile: it can be copied, or sent elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.browser.chromium import chromium
from tests.browser.menu import choose
from tests.browser.test_home import Visitor
from tests.conftest import PASSWORD, World
from tests.server import Server, calling

pytestmark = pytest.mark.slow

TYPED = "Long thoughts of mine"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def dora(server: Server, browser: Browser) -> Visitor:
    """Dora, signed in on the front page."""
    context = await browser.new_context()
    visitor = Visitor(server, context, await context.new_page())
    await visitor.come()
    await visitor.sign_up("dora", "Dora")
    return visitor


@pytest.fixture
async def alice(server: Server, world: World, stack: AsyncExitStack) -> httpx.AsyncClient:
    return await calling(stack, server, world.tokens["alice"])


@pytest.fixture
async def root(server: Server, world: World, stack: AsyncExitStack) -> httpx.AsyncClient:
    return await calling(stack, server, world.tokens["root"])


async def posted(client: httpx.AsyncClient, body: str) -> int:
    made = await client.post("/api/channels/1/posts", json={"body": body})
    return int(made.raise_for_status().json()["id"])


async def replying(dora: Visitor, to: str) -> Locator:
    """The field below a post, in which Dora has typed."""
    await dora.article(to).get_by_role("button", name="Reply").click()
    field = dora.page.locator(".post .composer textarea")
    await field.fill(TYPED)
    return field


async def fill_in(page: Page, uid: str) -> None:
    """Signs in by the dialog."""
    form = page.locator("#sign-in")
    await form.locator("[name=uid]").fill(uid)
    await form.locator("[name=password]").fill(PASSWORD)
    await form.locator("[type=submit]").click()


@pytest.mark.parametrize("by", ["its author", "a moderator"])
async def test_a_reply_survives_its_parent(
    dora: Visitor, alice: httpx.AsyncClient, root: httpx.AsyncClient, by: str
) -> None:
    parent = await posted(alice, "Soon gone")
    field = await replying(dora, "Soon gone")
    await (alice if by == "its author" else root).delete(f"/api/posts/{parent}")
    await expect(dora.page.locator(".post.removed")).to_contain_text("You can post your text on its own, or copy it.")
    await expect(field).to_have_value(TYPED)
    await expect(field).to_be_focused()
    await field.press("End")
    await dora.page.keyboard.type(", and more")
    await dora.page.get_by_role("button", name="Post on its own").click()
    await expect(dora.page.locator(".conversation > .post")).to_have_count(1)
    await expect(dora.article(f"{TYPED}, and more").locator(".author")).to_have_text("Dora")
    await expect(dora.page.locator(".post .composer")).to_have_count(0)
    dora.has_nothing_to_complain_of()


async def test_nothing_is_left_of_a_removed_post_once_the_reply_is_given_up(
    dora: Visitor, alice: httpx.AsyncClient
) -> None:
    parent = await posted(alice, "Soon gone")
    await replying(dora, "Soon gone")
    await alice.delete(f"/api/posts/{parent}")
    await expect(dora.page.locator(".post.removed")).to_be_visible()
    await dora.page.get_by_role("button", name="Cancel").click()
    await expect(dora.page.locator(".posts .post")).to_have_count(0)
    await expect(dora.page.locator(".empty")).to_be_visible()


async def test_an_empty_reply_goes_with_its_parent(dora: Visitor, alice: httpx.AsyncClient) -> None:
    parent = await posted(alice, "Soon gone")
    await dora.article("Soon gone").get_by_role("button", name="Reply").click()
    await alice.delete(f"/api/posts/{parent}")
    await expect(dora.page.locator(".posts .post")).to_have_count(0)


async def test_an_edit_survives_its_post(dora: Visitor, root: httpx.AsyncClient) -> None:
    await dora.post("Frist")
    mine = dora.article("Frist")
    await choose(mine, "Edit")
    field = dora.page.locator(".post .composer textarea")
    await expect(field).to_have_value("Frist")
    await field.fill(TYPED)
    id_ = await mine.get_attribute("data-id")
    await root.patch(f"/api/posts/{id_}", json={"state": "removed"})
    await expect(dora.page.locator(".post.removed")).to_contain_text("You can post your text anew, or copy it.")
    await expect(field).to_have_value(TYPED)
    await dora.page.get_by_role("button", name="Post on its own").click()
    await expect(dora.article(TYPED)).to_have_attribute("data-version", "1")
    await expect(dora.page.locator(".posts .post")).to_have_count(2)
    await expect(dora.article("Frist").locator(".badge.waiting").first).to_have_text("Removed by a moderator")


async def test_a_text_survives_a_lock(dora: Visitor, alice: httpx.AsyncClient, root: httpx.AsyncClient) -> None:
    await posted(alice, "What do you think?")
    field = await replying(dora, "What do you think?")
    other = dora.page.locator("#compose textarea")
    await other.fill(f"{TYPED}, for all")
    await root.patch("/api/channels/1", json={"locked": True})
    await expect(dora.page.locator(".notice.locked")).to_be_visible()
    for typed in (field, other):
        await expect(typed).to_be_visible()
        await typed.press("Control+Enter")
    await expect(dora.page.get_by_role("alert")).to_have_count(2)
    await expect(field).to_have_value(TYPED)
    await expect(other).to_have_value(f"{TYPED}, for all")
    await root.patch("/api/channels/1", json={"locked": False})
    await expect(dora.page.locator(".notice.locked")).to_be_hidden()
    await other.press("Control+Enter")
    await expect(dora.article(f"{TYPED}, for all")).to_be_visible()


async def test_a_text_survives_the_end_of_a_session(dora: Visitor, alice: httpx.AsyncClient) -> None:
    await posted(alice, "What do you think?")
    field = await replying(dora, "What do you think?")
    other = dora.page.locator("#compose textarea")
    await other.fill(f"{TYPED}, for all")
    assert (await dora.context.request.delete(f"{dora.server.url}/api/session")).ok  # in another tab
    await expect(dora.page.locator(".site .signed-out")).to_be_visible()
    await expect(other).to_be_visible()
    await other.press("Control+Enter")
    await expect(dora.page.get_by_role("alert")).to_contain_text("Your text stays here")
    await fill_in(dora.page, "dora")
    await expect(dora.page.locator(".site .me")).to_have_text("Dora")
    await other.press("Control+Enter")
    await expect(dora.article(f"{TYPED}, for all")).to_be_visible()
    await expect(field).to_have_value(TYPED)
    await field.press("Control+Enter")
    await expect(dora.page.locator(".replies .post").filter(has_text=TYPED)).to_be_visible()


async def test_a_text_survives_its_discussion(dora: Visitor, root: httpx.AsyncClient) -> None:
    field = dora.page.locator("#compose textarea")
    await field.fill(TYPED)
    await root.delete("/api/channels/1")
    await expect(dora.page.locator(".status")).to_contain_text("Copy what you have typed before you leave.")
    await field.press("Control+Enter")
    await expect(dora.page.get_by_role("alert")).to_be_visible()
    await expect(field).to_have_value(TYPED)


async def test_a_class_list_survives_the_end_of_a_session(server: Server, browser: Browser) -> None:
    """Whoever comes back finds it as it was; somebody else gets a page of their own."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{server.url}/groups/class/manage")
    await page.locator("main [data-open=sign-in]").click()
    await fill_in(page, "alice")
    await expect(page.locator("#members .row")).to_have_count(3)
    names = page.locator("#roster [name=csv]")
    for uid in ("alice", "root"):
        await names.fill("Ada Lovelace\nAlan Turing")
        await context.request.delete(f"{server.url}/api/session")
        await expect(page.locator("#sign-in")).to_be_visible()  # by itself: the page is live
        await expect(names).to_have_value("Ada Lovelace\nAlan Turing")
        await fill_in(page, uid)
        await expect(page.locator(".site .me")).to_have_text(uid.title())
        await expect(page.locator("#sign-in")).to_be_hidden()
        await expect(names).to_have_value("Ada Lovelace\nAlan Turing" if uid == "alice" else "")


async def test_what_is_typed_while_a_post_is_on_its_way_stays(dora: Visitor) -> None:
    field = dora.page.locator("#compose textarea")
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def held_up(route: Route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    await dora.page.route("**/api/channels/1/posts", held_up)
    await field.fill("Sent")
    await field.press("Control+Enter")
    await asked.wait()
    await field.fill(TYPED)
    go_on.set()
    await expect(dora.article("Sent")).to_be_visible()
    await expect(field.locator("xpath=ancestor::form").locator("[type=submit]")).to_be_enabled()
    await expect(field).to_have_value(TYPED)
