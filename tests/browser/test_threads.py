"""Long discussions in a real browser: read on by scrolling, from anywhere, without losing one's place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser.chromium import chromium
from tests.browser.test_home import Visitor
from tests.browser.test_permalinks import posted, stands_out
from tests.conftest import World
from tests.server import Server, calling

pytestmark = pytest.mark.slow

TOP = "post => post.getBoundingClientRect().top"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def alice(server: Server, world: World, stack: AsyncExitStack) -> httpx.AsyncClient:
    return await calling(stack, server, world.tokens["alice"])


@pytest.fixture
async def dora(server: Server, browser: Browser) -> Visitor:
    context = await browser.new_context()
    return Visitor(server, context, await context.new_page())


async def test_a_long_discussion_is_read_by_scrolling(server: Server, dora: Visitor, alice: httpx.AsyncClient) -> None:
    """To its end; and from a post in its midst both ways. What comes meanwhile is at its place."""
    roots = [await posted(alice, f"number {number}.") for number in range(50)]
    answer = await posted(alice, "An answer", roots[20])
    await dora.page.goto(f"{server.url}/channels/1")
    await dora.is_live()
    posts = dora.page.locator(".posts .post")
    await expect(posts).to_have_count(20)
    for count in (41, 51):
        await dora.page.locator(".older").scroll_into_view_if_needed()
        await expect(posts).to_have_count(count)
    await expect(dora.page.locator(".older")).to_be_hidden()
    assert await dora.page.evaluate("document.querySelectorAll('.posts *').length") < 15 * 51  # as pages of 1,000 need
    await expect(dora.page.locator(f"#p{answer} .context")).to_have_count(0)  # it answers what it stands below

    await dora.page.goto(f"{server.url}/posts/{answer}")
    await dora.page.get_by_role("link", name="The whole discussion").click()
    await stands_out(dora.page, answer)
    await dora.is_live()
    await expect(posts.first).to_have_id(f"p{roots[22]}")
    await dora.page.locator(".newer").scroll_into_view_if_needed()
    top = await dora.page.locator(f"#p{answer}").evaluate(TOP)
    await dora.page.locator(".newer").click()
    await expect(posts.first).to_have_id(f"p{roots[42]}")
    assert abs(await dora.page.locator(f"#p{answer}").evaluate(TOP) - top) < 2
    reply = await posted(alice, "Another", roots[30])
    await expect(dora.page.locator(f"[data-root='{roots[30]}'] #p{reply}")).to_be_visible()
    elsewhere = await posted(alice, "On top")
    await dora.page.locator(".newer").click()
    await expect(posts.first).to_have_id(f"p{elsewhere}")
    await expect(dora.page.locator(".newest")).to_be_hidden()
    new = await posted(alice, "Live on top")
    await expect(posts.first).to_have_id(f"p{new}")

    await dora.page.get_by_role("link", name="Most active first").click()
    await dora.is_live()
    await expect(posts.first).to_have_id(f"p{new}")
    await posted(alice, "It goes on", roots[30])
    await expect(posts.first).to_have_id(f"p{roots[30]}")
    dora.has_nothing_to_complain_of()


async def test_what_one_writes_is_there_at_once(server: Server, dora: Visitor, alice: httpx.AsyncClient) -> None:
    """Before the server has it; not twice, once it has; and not lost where it has it not, nor by a reload."""
    question = await posted(alice, "A question")
    await dora.page.goto(f"{server.url}/channels/1")
    await dora.sign_up("dora", "Dora")
    await dora.is_live()
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def held_up(route: Route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    await dora.page.route("**/api/channels/1/posts", held_up)
    await dora.page.locator(f"#p{question} [data-do=reply]").click()
    await dora.page.keyboard.press("Escape")
    await expect(dora.page.locator(".post .composer")).to_have_count(0)
    await expect(dora.page.locator(f"#p{question}")).to_be_focused()
    for opens in ("pick", "more"):
        button = dora.page.locator(f"#p{question} [data-do={opens}]")
        await button.click()
        await expect(dora.page.locator(".menu button:focus")).to_be_visible()
        await dora.page.keyboard.press("Escape")
        await expect(dora.page.locator(".menu")).to_be_hidden()
        await expect(button).to_be_focused()
    await dora.page.locator(f"#p{question} [data-do=reply]").click()
    await dora.page.locator(".post .composer textarea").fill("An *answer*")
    await dora.page.keyboard.press("Control+Enter")
    mine = dora.page.locator(".replies .post")
    await expect(mine.locator(".outgoing")).to_have_text("Sending…")
    await expect(mine).to_be_focused()
    await asked.wait()
    go_on.set()
    await expect(mine.locator("em")).to_have_text("answer")
    await expect(mine).to_have_count(1)
    await expect(mine).to_be_focused()
    await dora.page.unroute("**/api/channels/1/posts")

    await dora.page.route("**/api/channels/1/posts", lambda route: route.fulfill(status=500, body="{}"))
    await dora.page.locator("#compose textarea").fill("Is anybody there?")
    await dora.page.locator("#compose [type=submit]").click()
    lost = dora.article("Is anybody there?")
    await expect(lost.locator(".outgoing")).to_contain_text("Not sent")
    await expect(dora.page.locator("#compose textarea")).to_have_value("")
    await dora.page.reload()
    await expect(lost.locator(".outgoing")).to_contain_text("Not sent")
    await lost.get_by_role("button", name="Edit").click()
    await expect(dora.page.locator("#compose textarea")).to_have_value("Is anybody there?")
    await dora.page.locator("#compose [type=submit]").click()
    await expect(lost.locator(".outgoing")).to_contain_text("Not sent")
    await dora.page.unroute("**/api/channels/1/posts")
    await lost.get_by_role("button", name="Try again").click()
    await expect(lost.locator(".outgoing")).to_have_count(0)
    await dora.page.reload()
    await dora.is_live()
    await expect(lost).to_have_count(1)


async def test_it_is_live_where_no_websocket_gets_through(
    server: Server, dora: Visitor, alice: httpx.AsyncClient
) -> None:
    """As behind a proxy that lets none through: after three tries, by requests that wait. Fails with a fourth."""
    broken = "window.WebSocket = function () { setTimeout(() => this.onclose({ code: 1006 })); };"
    await dora.page.add_init_script(broken)
    await dora.page.goto(f"{server.url}/channels/1")
    await dora.is_live()
    for text in ("Through the wall", "And again"):
        await posted(alice, text)
        await expect(dora.page.locator(".posts .post", has_text=text)).to_have_count(1)
