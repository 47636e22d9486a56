"""The tag where browsers keep cookies and storage from it, and through what happens to servers and networks."""

import json
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Route, WebSocket, async_playwright, expect

from tests import databases
from tests.browser.chromium import ARGUMENTS, chromium
from tests.browser.firefox import firefox
from tests.browser.test_embed import SHIFTS, Site, Stage, serving
from tests.conftest import PASSWORD, World, needs
from tests.pages import blocks, page
from tests.server import Server, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

# What Chromium's settings say of cookies and storage; what no setting says, a distribution may.
PROFILES: dict[str, dict[str, Any]] = {
    "all allowed": {"cookie_controls_mode": 0, "default_content_setting_values": {"cookies": 1}},
    "those of other sites blocked": {"cookie_controls_mode": 1, "default_content_setting_values": {"cookies": 1}},
    "all blocked": {"default_content_setting_values": {"cookies": 2}},
}
# In a frame of another site: what it may keep.
KEEPS = """<!doctype html><script>
let storage = 'storage';
try { localStorage.mine = 1; } catch { storage = ''; }
document.cookie = 'mine=1; SameSite=None; Secure';
parent.postMessage([storage, document.cookie && 'cookie'].join(' ').trim(), '*');
</script>"""
ASKS = """<!doctype html><script>
addEventListener('message', ({ data }) => { document.title = `others keep: ${data}`; });
let storage = 'storage';
try { localStorage.mine = 1; } catch { storage = ''; }
document.cookie = 'mine=1';
document.documentElement.dataset.keeps = [storage, document.cookie && 'cookie'].join(' ').trim();
</script><iframe src="{}"></iframe>"""
THEMED = """<meta name="color-scheme" content="light dark">
<style>body { background: canvas; color: canvastext; font: 16px/1.5 sans-serif }</style>"""
# Adds to the posts of a channel as many copies of its first.
MANY = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :more)
INSERT INTO posts (channel_id, author_id, body, html, state, reactions, replies, created, version)
SELECT channel_id, author_id, body, html, state, reactions, 0, created, version FROM posts, numbers
WHERE posts.id = (SELECT min(id) FROM posts WHERE channel_id = :channel)
"""
# When the frame with the thread in it was out.
PAINTED = """document.addEventListener('pottle-loaded', () => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => { globalThis.painted = performance.timeOrigin + performance.now(); };
  port2.postMessage('');
}), { once: true });"""


@asynccontextmanager
async def profile(name: str, folder: Path) -> AsyncIterator[Browser]:
    """A Chromium with those settings; its contexts have them too."""
    needs("chromium")
    settings = folder / name / "Default" / "Preferences"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"profile": PROFILES[name]}))
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            folder / name, executable_path="/usr/bin/chromium", args=ARGUMENTS
        )
        assert context.browser
        yield context.browser
        await context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """gunicorn's three workers on localhost, and a site on 127.0.0.1: other hosts, other sites."""
    folder = tmp_path_factory.mktemp("proofs")
    instance = Path(shutil.copytree(world.folder, folder / "instance"))
    async with AsyncExitStack() as stack:
        site = stack.enter_context(serving())
        site.origin = site.origin.replace("blog.localhost", "127.0.0.1")
        server = stack.enter_context(Server(instance, folder))
        server.url = server.url.replace("127.0.0.1", "localhost")
        browser = await stack.enter_async_context(chromium())
        stage = Stage(server, site, browser, world, stack)
        root = await stage.client("root")
        rules = {"name": "Blog", "origins": [site.origin], "reading": "public", "posting": "users", "review": "none"}
        (await root.post("/api/groups", json={"slug": "blog", **rules})).raise_for_status()
        await root.post("/api/groups/blog/members", json={"uid": "alice", "role": "moderator"})
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def stage(shared: Stage) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield Stage(shared.server, shared.site, shared.browser, shared.world, stack)


def with_browser(stage: Stage, browser: Browser) -> Stage:
    return Stage(stage.server, stage.site, browser, stage.world, stage.stack)


async def kept(browser: Browser, site: Site, other: str) -> tuple[str, str]:
    """What a page of the site may keep, and what a page of another site in it may."""
    site.pages["/asks"] = ASKS.replace("{}", other)
    async with await browser.new_context() as context:
        page = await context.new_page()
        await page.goto(f"{site.origin}/asks")
        await page.wait_for_function("document.title")
        own = await page.evaluate("document.documentElement.dataset.keeps")
        return own, (await page.title()).removeprefix("others keep:").strip()


class Workers:
    """Which worker holds a page's connection, by what its sockets have been told."""

    def __init__(self, page: Page) -> None:
        self.seen: list[int] = []
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._received)

    def _received(self, frame: str | bytes) -> None:
        told = json.loads(frame)
        self.seen += [one["worker"] for one in (told if isinstance(told, list) else [told]) if "worker" in one]


async def said_through(client: httpx.AsyncClient, channel: int, body: str) -> int:
    """As clients do it whom a dying worker leaves without an answer: again, by the same key, so it is there once."""
    for _ in range(5):
        try:
            made = await client.post(
                f"/api/channels/{channel}/posts", json={"body": body}, headers={"Idempotency-Key": body}
            )
            return int(made.raise_for_status().json()["id"])
        except httpx.TransportError:
            continue
    raise AssertionError(f"no worker takes {body!r}")


async def test_cookies_and_storage_are_really_blocked(stage: Stage, tmp_path: Path) -> None:
    """The controls of the test below."""
    with serving() as other:
        other.pages["/keeps"] = KEEPS
        address = f"{other.origin.replace('blog.localhost', 'localhost')}/keeps"
        found = {}
        for name in PROFILES:
            async with profile(name, tmp_path) as browser:
                found[name] = await kept(browser, stage.site, address)
    assert found == {
        "all allowed": ("storage cookie", "storage cookie"),
        "those of other sites blocked": ("storage cookie", ""),
        "all blocked": ("", ""),
    }


async def test_taking_part_from_another_site(stage: Stage, tmp_path: Path) -> None:
    """See others' posts at once, and through a killed worker and a lost network none is missed or there twice."""
    path = stage.written()
    channel = await stage.channel(path)
    said = [await stage.said(channel, "said 0.")]
    browser = await stage.stack.enter_async_context(profile("all blocked", tmp_path))
    alice = await with_browser(stage, browser).reader(stage.written("<p>"), live=False)
    workers = Workers(alice.page)
    await alice.page.goto(stage.site.origin + path)
    await alice.is_live()
    other = await stage.reader(path)
    await expect(alice.article("said 0.")).to_be_visible()

    await alice.sign_in("alice")
    await alice.post("By Alice")
    await expect(other.article("By Alice")).to_contain_text("Alice")
    await other.sign_in("bob")
    took = []
    for number in range(3):
        await other.thread.locator("#compose textarea").fill(f"By Bob {number}.")
        began = time.monotonic()
        await other.thread.locator("#compose [type=submit]").click()
        await expect(alice.article(f"By Bob {number}.")).to_be_visible()
        took.append(time.monotonic() - began)
    assert min(took) < 1, took

    victim = workers.seen[-1]
    assert victim in stage.server.processes()
    bob = await stage.client("bob")
    for number in range(1, 13):
        if number == 4:
            os.kill(victim, signal.SIGKILL)
        said.append(await said_through(bob, channel, f"said {number}."))
    wait_until(lambda: victim not in stage.server.processes(), "the worker to be gone")
    await expect(alice.article("said 12.")).to_be_visible()
    await alice.is_live()
    assert workers.seen[-1] != victim

    await alice.thread.locator("#compose textarea").fill("Typed in a tunnel")
    await alice.context.set_offline(True)  # which spares what is open
    os.kill(workers.seen[-1], signal.SIGKILL)
    await expect(alice.thread.locator(".status")).to_have_attribute("data-state", "reconnecting")
    for number in range(13, 16):
        await said_through(bob, channel, f"said {number}.")
    await alice.thread.locator("#compose [type=submit]").click()
    await expect(alice.thread.locator(".form-error")).to_contain_text("cannot be reached")
    await expect(alice.thread.locator("#compose textarea")).to_have_value("Typed in a tunnel")
    await alice.context.set_offline(False)
    await alice.is_live()
    await expect(alice.article("said 15.")).to_be_visible()
    await alice.thread.locator("#compose [type=submit]").click()
    await expect(other.article("Typed in a tunnel")).to_be_visible()

    root = await stage.client("root")
    (await root.delete(f"/api/posts/{said[5]}")).raise_for_status()
    await expect(alice.article("said 5.")).to_have_count(0)
    everything = [f"said {number}." for number in range(16) if number != 5]
    everything[1:1] = ["By Alice", *(f"By Bob {number}." for number in range(3))]
    await expect(alice.thread.locator(".post .body")).to_have_text(["Typed in a tunnel", *everything[::-1]])
    his = await other.thread.locator(".post .body").all_inner_texts()  # who wrote what was removed still sees it
    assert [text for text in his if text != "said 5."] == ["Typed in a tunnel", *everything[::-1]]


async def test_in_firefox(stage: Stage, tmp_path: Path) -> None:
    """Which here refuses all cookies and storage: reading, signing in, posting, seeing what others post."""
    path = stage.written()
    channel = await stage.channel(path)
    await stage.said(channel, "said 0.")
    async with firefox(tmp_path / "profile", **{"network.cookie.cookieBehavior": 2}) as browser:
        page = await browser.opened(stage.site.origin + path)
        assert await page.evaluate("document.cookie = 'mine=1'; document.cookie || 'refused'") == "refused"
        shown = "document.querySelector('pottle-thread').shadowRoot"
        await page.until(f"{shown}.querySelector('.status')?.dataset.state === 'live'")
        assert "said 0." in await page.evaluate(f"{shown}.querySelector('.posts').innerText")
        await page.click(f"{shown}.querySelector('[data-do=sign-in]')")
        window = await browser.popup()
        await window.until("document.querySelector('[data-part=sign-in] [type=submit]')?.disabled === false")
        for field, text in (("uid", "alice"), ("password", PASSWORD)):
            await window.click(f"document.querySelector('[data-part=sign-in] [name={field}]')")
            await window.type(text)
        await window.click("document.querySelector('[data-part=sign-in] [type=submit]')")
        await page.until(f"{shown}.querySelector('.me').textContent === 'Alice'")
        await page.click(f"{shown}.querySelector('#compose textarea')")
        await page.type("By Firefox")
        await page.click(f"{shown}.querySelector('#compose [type=submit]')")
        await page.until(f"{shown}.querySelector('.posts').innerText.includes('By Firefox')")
        other = await stage.reader(path)
        await expect(other.article("By Firefox")).to_contain_text("Alice")
        await stage.said(channel, "To Firefox")
        await page.until(f"{shown}.querySelector('.posts').innerText.includes('To Firefox')")
        assert len(await browser.windows()) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing(stage: Stage, theme: Literal["light", "dark"]) -> None:
    """With a thread, a reply begun, a moderator's buttons, the choice of reactions; and in the server's window."""
    path = stage.written(head=THEMED)
    channel = await stage.channel(path)
    first = await stage.said(
        channel, "A [link](https://example.org/), `code`\n\n> a quote\n\n| a | b |\n|--|--|\n| 1 | 2 |"
    )
    await stage.said(channel, "A reply", parent=first)
    reader = await stage.reader(path, color_scheme=theme)
    await expect(reader.thread.locator("[data-do=sign-in]")).to_be_visible()
    assert await found_by_axe(reader.page) == []
    async with reader.page.expect_popup() as opening:
        await reader.thread.locator("[data-do=sign-in]").click()
    window = await opening.value
    await expect(window.locator("[data-part=sign-in] [type=submit]")).to_be_enabled()
    assert await found_by_axe(window) == []
    await window.close()
    await reader.sign_in("alice")
    await reader.article("A reply").get_by_role("button", name="Reply").click()
    await reader.thread.locator(".post .composer textarea").fill("Half a reply")
    await reader.article("a quote").get_by_role("button", name="React").first.click()
    await expect(reader.thread.locator("[data-do=lock]")).to_be_visible()
    assert await found_by_axe(reader.page) == []


async def found_by_axe(page: Page) -> list[str]:
    """What it holds against the page, and how much it could see of it."""
    results = await Axe().run(page, options={"resultTypes": ["violations"]})
    assert len(results.response["passes"]) > 25
    return [
        f"{broken['id']}: {[node['html'] for node in broken['nodes']]}" for broken in results.response["violations"]
    ]


async def test_ten_thousand_posts_are_painted_as_fast_as_twenty(stage: Stage) -> None:
    """From the first byte; best of several each, for others use this machine as well."""
    paths = {}
    for _ in ("few", "many"):
        path = stage.written(stage.script(more='data-loading="eager"'))
        paths[path] = channel = await stage.channel(path)
        for number in range(20):
            await stage.said(channel, f"number {number}.")
    with databases.opened(stage.server.instance) as database:
        database.execute(MANY, {"channel": channel, "more": 10_000 - 20})
    took: dict[str, list[float]] = {path: [] for path in paths}
    for _ in range(5):
        for path in paths:
            took[path].append(await painted(stage, path))
    few, many = (min(times) for times in took.values())
    print(f"painted {few:.0f} ms after the first byte of a thread of 20 posts, {many:.0f} ms of one of 10,000")
    assert many < max(200, 2 * few), took


async def painted(stage: Stage, path: str) -> float:
    """How long after the first byte of the thread it was seen, in ms."""
    context = await stage.browser.new_context()
    await context.add_init_script(PAINTED)
    page = await context.new_page()
    async with page.expect_event("requestfinished", lambda request: "/thread?" in request.url) as asking:
        await page.goto(stage.site.origin + path)
    await page.wait_for_function("globalThis.painted")
    assert await page.locator("pottle-thread .post").count() == 20
    timing = (await asking.value).timing
    seen = await page.evaluate("painted")
    await context.close()
    return float(seen - timing["startTime"] - timing["responseStart"])


async def test_nothing_moves_where_the_page_keeps_the_place(stage: Stage) -> None:
    """By the rule of docs/embedding.md: though the page is seen long before the script is there."""
    (rule,) = [block for block in blocks(page("embedding"), "html") if ":defined" in block]
    element = f'<pottle-thread group="blog"></pottle-thread>{stage.script("")}'
    assert await shifted(stage, stage.written()) > 0  # else this could not be seen
    assert await shifted(stage, stage.written(head=rule)) == 0
    assert await shifted(stage, stage.written(element, rule)) == 0


async def shifted(stage: Stage, path: str) -> float:
    """How much moves in a page whose script comes late, until its thread is there (Cumulative Layout Shift)."""
    channel = await stage.channel(path)
    for number in range(8):
        await stage.said(channel, f"number {number}.")
    context = await stage.browser.new_context()
    await context.add_init_script(SHIFTS)
    tab = await context.new_page()

    async def late(route: Route) -> None:
        await tab.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        await route.continue_()

    await tab.route("**/embed.js", late)
    await tab.goto(stage.site.origin + path)
    await expect(tab.locator("pottle-thread .post").first).to_be_visible()
    await tab.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    moved = await tab.evaluate("shifted")
    await context.close()
    return float(moved)
