"""Long discussions in a real browser: read on by scrolling, from anywhere, without losing one's place."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from playwright.async_api import Browser, expect

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
        await dora.page.mouse.wheel(0, 20_000)
        await expect(posts).to_have_count(count)
    await expect(dora.page.locator(".older")).to_be_hidden()
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
