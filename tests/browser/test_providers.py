"""Signing in with a real provider of OpenID Connect, on our pages and in the window for a page of another site."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import chromium, says_yes
from tests.browser.test_admin import PHONE, is_not_too_wide
from tests.browser.test_sign_in import asks, gone, heard, own, site
from tests.conftest import World
from tests.server import PATIENCE, Server, calling, clean_environment, free_port, wait_until

pytestmark = pytest.mark.slow

ANNA = {"sub": "17", "name": "Anna Schmidt", "email": "anna@school.example", "email_verified": True}
SIGN_IN = 'school = {{id = "pottle", secret = "hush", issuer = "{issuer}", label = "the school", newcomers = true}}'

_ = site  # the fixture


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A provider where Anna has an account, and whoever says so."""
    folder, port = tmp_path_factory.mktemp("provider"), free_port()
    known = [part for one in (ANNA, ANNA | {"sub": "18"}) for part in ("--user-claims", json.dumps(one))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), *known]
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, env=clean_environment(folder))
    url = f"http://127.0.0.1:{port}"

    def ready() -> bool:
        try:
            return httpx.get(f"{url}/.well-known/openid-configuration").status_code == 200
        except httpx.TransportError:
            return False

    wait_until(ready, "the provider", (folder / "log").read_text)
    yield url
    running.terminate()
    running.wait(PATIENCE)


@pytest.fixture(scope="module")
def server(world: World, site: str, issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Pottle where nobody new has an account but by the school or a code, and with a group `blog` that has a site."""
    folder = tmp_path_factory.mktemp("providers")
    instance = Path(shutil.copytree(world.folder, folder / "instance"))
    with Server(instance, folder, POTTLE_SIGN_UP="invitation", POTTLE_SIGN_IN=SIGN_IN.format(issuer=issuer)) as running:
        by_root = {"Authorization": f"Bearer {world.tokens['root']}"}
        blog = {"slug": "blog", "name": "Blog", "origins": [site]}
        httpx.post(f"{running.url}/api/groups", json=blog, headers=by_root).raise_for_status()
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium("--test-third-party-cookie-phaseout") as running:
        yield running


async def is_there(page: Page, sub: str) -> None:
    """Signs in at the provider."""
    await page.get_by_role("button", name=sub, exact=True).first.click()


async def look(page: Page, name: str) -> None:
    """With SCREENSHOTS=folder there is a picture to look at."""
    assert await is_not_too_wide(page)
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"providers-{name}.png")


async def test_on_our_pages(server: Server, browser: Browser) -> None:
    """Back to the page where one was; from there on, a second account is added, and taken off again."""
    context = await browser.new_context()
    page = await context.new_page()
    await says_yes(page)
    await page.goto(f"{server.url}/groups/home?order=oldest#top")
    await page.get_by_role("button", name="Sign in").first.click()
    await look(page, "dialog")
    await page.locator("dialog[open]").get_by_role("link", name="Sign in with the school").click()
    await is_there(page, "17")
    await page.wait_for_url(f"{server.url}/groups/home?order=oldest#top")
    await expect(page.locator(".mine .me")).to_have_text("Anna Schmidt")

    await page.goto(f"{server.url}/account/access")
    linked = page.locator("#linked")
    await expect(linked.locator(".row")).to_contain_text("the school anna@school.example")
    await linked.get_by_role("button", name="Take off").click()
    await expect(linked.get_by_role("alert").first).to_contain_text("It is your only way to sign in.")
    await linked.get_by_role("button", name="Add the school").click()
    await is_there(page, "18")
    await page.wait_for_url(f"{server.url}/account/access#linked")
    await expect(linked.locator(".row")).to_have_count(2)
    await look(page, "linked")
    await linked.get_by_role("button", name="Take off").first.click()
    await expect(linked.locator(".row")).to_have_count(1)
    await expect(page.locator("#sessions .row")).to_have_count(1)


async def test_without_javascript_and_on_a_telephone(server: Server, browser: Browser) -> None:
    page = await (await browser.new_context(java_script_enabled=False, **PHONE)).new_page()
    await page.goto(f"{server.url}/account/sign-in?next=/discussions")
    await look(page, "phone")
    await page.get_by_role("link", name="Sign in with the school").click()
    await page.get_by_role("button", name="Deny").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.goto(f"{server.url}/account/sign-in?next=/discussions")
    await page.get_by_role("link", name="Sign in with the school").click()
    await is_there(page, "17")
    await page.wait_for_url(f"{server.url}/discussions")
    await expect(page.locator(".mine .me")).to_have_text("Anna Schmidt")


async def test_in_the_window_for_another_site(server: Server, browser: Browser, site: str) -> None:
    """The page gets a session of its own; nobody is signed in on our pages by it."""
    context = await browser.new_context()
    page = await context.new_page()
    window = await asks(page, server, site)
    await look(window, "window")
    await window.get_by_role("link", name="Sign in with the school").click()
    await is_there(window, "17")
    message = await heard(page)
    assert message["origin"] == server.url
    token = message["data"]["token"]
    assert (await own(server, token, Origin=site)).json()["name"] == "Anna Schmidt"
    assert (await own(server, token)).status_code == 401
    await gone(window)
    anywhere = await context.new_page()
    await anywhere.goto(server.url)
    await expect(anywhere.locator("header [data-open=sign-in]")).to_be_visible()

    # Some providers cut a window off from the page that opened it (Cross-Origin-Opener-Policy): then once more.
    await anywhere.goto(f"{server.url}/account/with/school?group=blog&origin={site}")
    await is_there(anywhere, "17")
    await expect(anywhere.locator("[data-part=lost]")).to_contain_text("there it takes one more click")
    again = await context.new_page()
    window = await asks(again, server, site)
    await window.get_by_role("button", name="Go on as Anna Schmidt").click()
    assert (await heard(again))["data"]["token"]


async def test_with_a_code(server: Server, browser: Browser, world: World, stack: AsyncExitStack) -> None:
    """Into the group that it is for."""
    root = await calling(stack, server, world.tokens["root"])
    made = (await root.post("/api/groups/blog/invitations", json={})).json()
    page = await (await browser.new_context()).new_page()
    await page.goto(f"{server.url}/join#{made['code']}")
    on = page.get_by_role("button", name="Go on with the school")
    await expect(on).to_be_visible()
    await look(page, "code")
    await on.click()
    await page.locator("[name=sub]").first.fill("eve@school.example")
    await page.get_by_role("button", name="Authorize").click()
    await page.wait_for_url(f"{server.url}/groups/blog")
    members = (await root.get("/api/groups/blog/members")).json()["members"]
    assert "eve" in {one["uid"] for one in members}
