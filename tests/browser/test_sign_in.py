"""The window in which people sign in for a page of another site, opened by such a page in a real browser.

The page is of another origin (`localhost`, while Pottle is at `127.0.0.1`), and third-party cookies are blocked.
"""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect
from playwright.async_api import Error as PlaywrightError

from tests.api.conftest import signed
from tests.browser.chromium import chromium
from tests.browser.test_admin import comes
from tests.conftest import PASSWORD, World
from tests.server import Server, calling

pytestmark = pytest.mark.slow

PAGE = b"""<!doctype html><title>A blog</title><button>Sign in</button><script>
const asked = new URLSearchParams(location.search);
const [host, origin] = [asked.get('host'), asked.get('origin') ?? location.origin];
globalThis.heard = [];
addEventListener('message', ({ data, origin, source }) => heard.push({ data, origin, known: source === popup }));
document.querySelector('button').addEventListener('click', () => {
  const query = new URLSearchParams({ group: 'blog', origin });
  globalThis.popup = open(`${host}/sign-in?${query}`, 'pottle', 'width=420,height=600');
});
</script>"""


class Blog(BaseHTTPRequestHandler):
    """Any page of a site that embeds discussions."""

    def do_GET(self) -> None:
        """Sends it."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_: object) -> None:
        """Is quiet."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The origin of the blog."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Blog) as serving:
        Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://localhost:{serving.server_port}"
        serving.shutdown()


@pytest.fixture(scope="module")
def server(world: World, site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Pottle with a group `blog`, which has that site."""
    folder = tmp_path_factory.mktemp("sign-in")
    with Server(Path(shutil.copytree(world.folder, folder / "instance")), folder) as running:
        blog = {"slug": "blog", "name": "Blog", "origins": [site]}
        by_root = {"Authorization": f"Bearer {world.tokens['root']}"}
        httpx.post(f"{running.url}/api/groups", json=blog, headers=by_root).raise_for_status()
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium("--test-third-party-cookie-phaseout") as running:
        yield running


@pytest.fixture
async def root(stack: AsyncExitStack, server: Server, world: World) -> httpx.AsyncClient:
    return await calling(stack, server, world.tokens["root"])


async def own(server: Server, token: str, path: str = "", **headers: str) -> httpx.Response:
    """What whoever has a token is answered about themselves."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        return await client.get(f"/api/me{path}", headers={"Authorization": f"Bearer {token}", **headers})


async def asks(page: Page, server: Server, site: str, **more: str) -> Page:
    """The window that a page of the blog opens."""
    await page.goto(str(httpx.URL(site, params={"host": server.url, **more})))
    async with page.expect_popup() as opened:
        await page.get_by_role("button").click()
    window = await opened.value
    await window.wait_for_load_state()
    return window


async def heard(page: Page) -> Any:
    """The one message that the page got."""
    await page.wait_for_function("heard.length")
    (message,) = await page.evaluate("heard")
    return message


async def gone(window: Page) -> None:
    """Waits until a window is closed."""
    if not window.is_closed():
        await window.wait_for_event("close")


async def look(page: Page, name: str) -> None:
    """With SCREENSHOTS=folder there is a picture to look at."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"sign-in-{name}.png", full_page=True)


async def test_by_a_password(server: Server, browser: Browser, site: str, world: World) -> None:
    """By Enter, as password managers do. It leaves nobody signed in on Pottle's own pages."""
    context = await browser.new_context()
    page = await context.new_page()
    window = await asks(page, server, site)
    assert await window.evaluate("document.activeElement.name") == "uid"
    await look(window, "password")
    await window.keyboard.type("bob")
    await window.keyboard.press("Tab")
    await window.keyboard.type("wrong password")
    await window.keyboard.press("Enter")
    await expect(window.get_by_role("alert")).to_have_text("Wrong user name or password.")
    await window.locator("[name=password]:visible").fill(PASSWORD)
    await window.keyboard.press("Enter")
    message = await heard(page)
    assert message["origin"] == server.url
    assert message["known"]
    assert message["data"].keys() == {"pottle", "token", "expires"}
    token = message["data"]["token"]
    assert (await own(server, token, Origin=site)).json()["uid"] == "bob"
    assert (await own(server, token)).status_code == 401
    await gone(window)
    assert await context.cookies() == []
    shown = (await own(server, world.tokens["bob"], "/sessions")).json()["sessions"]
    assert [one["origin"] for one in shown] == [site, None], "that of the window has ended"


async def test_whoever_is_signed_in_goes_on(server: Server, browser: Browser, site: str) -> None:
    context = await browser.new_context()
    await context.request.post(f"{server.url}/api/session", data={"uid": "bob", "password": PASSWORD})
    page = await context.new_page()
    window = await asks(page, server, site)
    await look(window, "go-on")
    await window.get_by_role("button", name="Go on as Bob").click()
    assert (await heard(page))["data"]["pottle"] == "signed-in"
    await gone(window)
    account = await context.new_page()
    await account.goto(f"{server.url}/account/access")
    await expect(account.locator("#sessions .row").first).to_contain_text(f"for {site}")
    await expect(account.locator("#sessions .row").nth(1)).to_contain_text("this one")


async def test_somebody_new_and_somebody_with_a_code(
    server: Server, browser: Browser, site: str, root: httpx.AsyncClient
) -> None:
    page = await (await browser.new_context()).new_page()
    window = await asks(page, server, site)
    await window.get_by_role("button", name="Create an account").click()
    form = window.locator("[data-part=sign-up]")
    for field, value in (("name", "Dora"), ("uid", "dora"), ("password", "correct donkey")):
        await form.locator(f"[name={field}]").fill(value)
    await look(window, "sign-up")
    await form.get_by_role("button", name="Sign up").click()
    assert (await heard(page))["data"]["token"]

    enrolled = await root.post("/api/groups/blog/roster", json={"names": ["Eve"]})
    code = enrolled.json()["accounts"][0]["code"]
    window = await asks(page, server, site)
    await window.get_by_role("button", name="Use your code").click()
    await window.locator("[name=code]:visible").fill(code)
    await window.keyboard.press("Enter")
    await window.locator("[name=password]:visible").fill("correct donkey")
    await look(window, "code")
    await window.keyboard.press("Enter")
    token = (await heard(page))["data"]["token"]
    assert (await own(server, token, Origin=site)).json()["uid"] == "eve"

    invitation = (await root.post("/api/groups/blog/invitations", json={})).json()["code"]
    window = await asks(page, server, site)
    await window.get_by_role("button", name="Use your code").click()
    await window.locator("[name=code]:visible").fill(invitation)
    await window.keyboard.press("Enter")
    await window.locator("[data-kind=group]").get_by_role("button", name="Sign in").click()
    form = window.locator("[data-part=sign-in]")
    await form.locator("[name=uid]").fill("charlie")
    await form.locator("[name=password]").fill(PASSWORD)
    await window.keyboard.press("Enter")
    await heard(page)
    members = (await root.get("/api/groups/blog/members")).json()["members"]
    assert "charlie" in {one["uid"] for one in members}


async def test_another_page_hears_nothing(server: Server, browser: Browser, site: str) -> None:
    """One that names the blog's origin, and is not of it; and one whose own origin is not listed."""
    evil = site.replace("localhost", "127.0.0.1")
    page = await (await browser.new_context()).new_page()
    window = await asks(page, server, evil, origin=site)
    await window.locator("[name=uid]:visible").fill("bob")
    await window.locator("[name=password]:visible").fill(PASSWORD)
    with suppress(PlaywrightError):  # it may be gone before the key is let go
        await window.keyboard.press("Enter")
    await gone(window)
    assert await page.evaluate("heard") == []

    window = await asks(page, server, evil)
    await expect(window.get_by_role("heading")).to_have_text("This site is not listed")
    await look(window, "not-listed")
    assert await window.locator("form").count() == 0


async def test_a_window_that_nobody_opened_says_so(server: Server, browser: Browser, site: str) -> None:
    page = await (await browser.new_context(color_scheme="dark")).new_page()
    await page.goto(f"{server.url}/sign-in?group=blog&origin={site}")
    await expect(page.get_by_role("alert")).to_contain_text("The page that opened this window is gone.")
    await expect(page.locator("form:visible")).to_have_count(0)
    await look(page, "lost")


async def test_a_secret_on_the_groups_page(server: Server, browser: Browser, root: httpx.AsyncClient) -> None:
    """It is made, shown once, used, and deleted, which the page asks about first."""
    admin = await comes(server, browser, "root", "/groups/blog/manage/site")
    page, section = admin.page, admin.page.locator("#secrets")
    await section.get_by_role("button", name="Make a secret").click()
    secret = await section.locator(".fresh code").text_content()
    assert secret
    await expect(section.locator(".row")).to_contain_text("never used")
    entered = await root.post("/api/groups/blog/sso", json={"token": signed(secret)}, headers={"Authorization": ""})
    assert entered.status_code == 201, entered.text
    await expect(section.locator(".row")).to_contain_text("last used on")
    await look(page, "secrets")
    await page.reload()
    await expect(section.locator(".row")).to_have_count(1)
    assert secret not in await page.content()
    await section.get_by_role("button", name="Delete").click()
    await expect(section.locator(".row")).to_have_count(0)
    await page.get_by_role("link", name="Activity log").click()
    await expect(page.locator("#trail")).to_contain_text("deleted secret 1 for single sign-on")
    assert admin.complaints == []


async def test_without_javascript_it_says_what_is_needed(server: Server, browser: Browser, site: str) -> None:
    page = await (await browser.new_context(java_script_enabled=False)).new_page()
    await page.goto(f"{server.url}/sign-in?group=blog&origin={site}")
    await expect(page.get_by_role("heading").first).to_contain_text("Sign in for")
    await expect(page.locator("noscript p")).to_be_visible()
    await expect(page.locator("form:visible")).to_have_count(0)
