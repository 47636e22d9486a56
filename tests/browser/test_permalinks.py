"""Links to posts in a real browser: old ones, of every form, lead to the post in its conversation."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from playwright.async_api import Browser, Page, WebSocketRoute, expect

from tests.browser.chromium import chromium
from tests.browser.test_home import Visitor
from tests.conftest import World
from tests.server import Server, calling

pytestmark = pytest.mark.slow


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def alice(server: Server, world: World, stack: AsyncExitStack) -> httpx.AsyncClient:
    return await calling(stack, server, world.tokens["alice"])


async def posted(client: httpx.AsyncClient, body: str, parent: int | None = None) -> int:
    fields = {"body": body} if parent is None else {"body": body, "parent": parent}
    made = await client.post("/api/channels/1/posts", json=fields)
    return int(made.raise_for_status().json()["id"])


async def stands_out(page: Page, post: int) -> None:
    """The post is on the page, in sight, and marked."""
    article = page.locator(f"#p{post}")
    await expect(article).to_be_in_viewport()
    await expect(article).to_have_class("post named")
    await expect(article).to_be_focused()


async def test_it_works(server: Server, browser: Browser, alice: httpx.AsyncClient) -> None:
    """An old link, as people have copied them for long; and the conversation is live."""
    question = await posted(alice, "The question")
    answer = await posted(alice, "An answer\n\n" * 40, question)
    for number in range(30):
        await posted(alice, f"number {number}.")
    context = await browser.new_context()
    dora = Visitor(server, context, await context.new_page())
    for path in (f"/channels/1#p{answer}", f"/#p{answer}", f"/posts/{answer}"):
        await dora.page.goto(server.url + path)
        await expect(dora.page).to_have_url(f"{server.url}/posts/{answer}")
        await stands_out(dora.page, answer)
        await expect(dora.page.locator(".posts .post")).to_have_count(2)
    await dora.is_live()
    await posted(alice, "Elsewhere")
    late = await posted(alice, "A late answer", answer)
    await expect(dora.page.locator(f"#p{late}")).to_contain_text("A late answer")
    await expect(dora.page.locator(".posts .post")).to_have_count(3)
    await dora.sign_up("dora", "Dora")
    await dora.page.locator(f"#p{late}").get_by_role("button", name="Reply").click()
    await dora.page.locator(".post .composer textarea").fill("Thanks")
    await dora.page.locator(".post .composer [type=submit]").click()
    await expect(dora.article("Thanks")).to_be_focused()
    await dora.page.get_by_role("link", name="The whole discussion").click()
    await expect(dora.page).to_have_url(f"{server.url}/channels/1?at={answer}#p{answer}")
    dora.has_nothing_to_complain_of()


async def test_every_post_has_its_link_wherever_it_came_from(
    server: Server, browser: Browser, alice: httpx.AsyncClient
) -> None:
    """From the server or live; and on the newest page a fragment is enough."""
    first = await posted(alice, "From the server")
    page = await browser.new_page()
    await page.goto(f"{server.url}/channels/1#p{first}")
    await expect(page.locator(".status")).to_have_attribute("data-state", "live")
    await expect(page).to_have_url(f"{server.url}/channels/1#p{first}")
    second = await posted(alice, "Live")
    for id_ in (first, second):
        await expect(page.locator(f"#p{id_} .when")).to_have_attribute(
            "href", f"{server.url}/posts/{id_}" if id_ == second else f"/posts/{id_}"
        )
    await page.locator(f"#p{second} .when").click()
    await stands_out(page, second)


async def test_it_is_read_again_where_it_missed_something(
    server: Server, browser: Browser, alice: httpx.AsyncClient
) -> None:
    """As after a week without a connection: the server says that it cannot tell what was missed."""
    question = await posted(alice, "The question")
    page = await browser.new_page()

    async def forgets(socket: WebSocketRoute) -> None:
        await posted(alice, "Missed", question)
        server_side = socket.connect_to_server()

        def told(frame: str | bytes) -> None:
            text = str(frame)
            if "post.created" not in text:
                socket.send(text.replace('"recovered":true', '"recovered":false') if page.url not in read else text)

        read: set[str] = set()
        page.on("requestfinished", lambda request: read.add(request.url))
        server_side.on_message(told)
        socket.on_message(server_side.send)

    await page.route_web_socket("**/api/live", forgets)
    await page.goto(f"{server.url}/posts/{question}")
    await expect(page.locator(".posts .post")).to_have_count(2)
    await expect(page.locator(".replies .post")).to_contain_text("Missed")
    await expect(page.locator(".status")).to_have_attribute("data-state", "live")
