"""The page /join in a real browser: codes from a link and from the board."""

import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from tests.browser.chromium import chromium
from tests.conftest import PASSWORD, World
from tests.server import Server, wait_until

pytestmark = pytest.mark.slow

PHONE = {"width": 360, "height": 640}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A phone's page, which must have nothing to complain of but refusals that the test provokes."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    context = await browser.new_context(viewport=PHONE)
    context.on("console", hear)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    yield await context.new_page()
    assert complaints == []


@pytest.fixture
def alice(server: Server, world: World) -> Iterator[httpx.Client]:
    """Alice, a moderator of `class`, with a client of her own."""
    headers = {"Authorization": f"Bearer {world.tokens['alice']}"}
    with httpx.Client(base_url=server.url, headers=headers) as client:
        yield client


def code_for_class(alice: httpx.Client, **more: object) -> str:
    return str(alice.post("/api/groups/class/invitations", json=more).raise_for_status().json()["code"])


def enrolled(alice: httpx.Client, name: str) -> str:
    """The link of somebody new on the roster of `class`."""
    made = alice.post("/api/groups/class/roster", json={"names": [name]}).raise_for_status()
    return str(made.json()["accounts"][0]["url"])


async def shown(page: Page, name: str) -> None:
    """Nothing sticks out of the phone; with SCREENSHOTS=folder there is a picture to look at."""
    widths = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths[0] <= widths[1]
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


async def create_account(page: Page, uid: str, name: str) -> None:
    form = page.locator(".sign-up:visible")
    await form.locator("[name=name]").fill(name)
    await form.locator("[name=uid]").fill(uid)
    await form.locator("[name=password]").fill(PASSWORD)
    await form.locator("[type=submit]").click()


async def test_somebody_new_joins_by_a_link(page: Page, server: Server, alice: httpx.Client) -> None:
    await page.goto(f"{server.url}/join#{code_for_class(alice)}")
    await expect(page.get_by_role("heading", name="Join Class")).to_be_visible()
    assert page.url == f"{server.url}/join", "the code is in nobody's way"
    await shown(page, "group")
    await create_account(page, "dora", "Dora")
    await page.wait_for_url(f"{server.url}/groups/class")
    await expect(page.locator(".site .me")).to_have_text("Dora")


async def test_a_code_is_typed_from_the_board(page: Page, server: Server, alice: httpx.Client) -> None:
    code = code_for_class(alice)
    await page.goto(f"{server.url}/join")
    field = page.locator("[name=code]:visible")
    await expect(field).to_be_focused()
    await field.fill("K7QD")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("alert")).to_contain_text("8 letters and digits")
    await field.fill("ZZZZ-ZZZZ")
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("alert")).to_contain_text("isn't valid or has expired")
    await shown(page, "wrong")
    await field.fill(code.lower().replace("-", " "))
    await field.press("Enter")
    await expect(page.get_by_role("heading", name="Join Class")).to_be_visible()


async def test_a_bad_link_leads_to_the_field(page: Page, shared: Server) -> None:
    await page.goto(f"{shared.url}/join#ZZZZ-ZZZZ")
    await expect(page.get_by_role("alert")).to_contain_text("isn't valid or has expired")
    await expect(page.locator("[name=code]:visible")).to_have_value("ZZZZ-ZZZZ")
    await page.goto(f"{shared.url}/join#%E0%A4%A")
    await expect(page.get_by_role("alert")).to_be_visible()


async def test_who_has_an_account_signs_in_and_joins(page: Page, server: Server, alice: httpx.Client) -> None:
    await page.goto(f"{server.url}/join#{code_for_class(alice, role='moderator')}")
    await expect(page.get_by_text("one of its moderators")).to_be_visible()
    await page.locator(".joining [data-open=sign-in]").click()
    await page.locator("#sign-in [name=uid]").fill("charlie")
    await page.locator("#sign-in [name=password]").fill(PASSWORD)
    await page.locator("#sign-in [type=submit]").click()
    await expect(page.locator(".joining .me")).to_have_text("Charlie")
    await shown(page, "signed-in")
    await page.get_by_role("button", name="Join", exact=True).click()
    await page.wait_for_url(f"{server.url}/groups/class")


async def test_a_pupil_chooses_a_password(page: Page, server: Server, alice: httpx.Client) -> None:
    await page.goto(enrolled(alice, "Anna Schmidt"))
    await expect(page.locator(".user-name")).to_have_text("Anna Schmidt")
    await expect(page.locator(".password [name=uid]")).to_have_value("anna.schmidt")
    await shown(page, "password")
    password = page.locator(".password [name=password]")
    await password.fill("short")
    await password.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("8 characters")
    await password.fill(PASSWORD)
    await password.press("Enter")
    await page.wait_for_url(f"{server.url}/groups/class")
    await expect(page.locator(".site .me")).to_have_text("Anna Schmidt")


async def test_the_first_admin_comes_by_the_link_in_the_log(page: Page, tmp_path: Path) -> None:
    with Server(tmp_path / "new", tmp_path) as server:
        wait_until(lambda: "/join#" in server.output(), "the link")  # another worker may be ready before
        await page.goto(server.url + re.findall(r"/join#\S+", server.output())[0])
        await expect(page.get_by_role("heading", name="Create the first admin")).to_be_visible()
        await shown(page, "admin")
        await create_account(page, "grace", "Grace")
        await page.wait_for_url(f"{server.url}/")
        await expect(page.locator("body")).to_have_attribute("data-role", "admin")


async def test_where_sign_up_is_by_invitation_the_front_page_leads_here(
    page: Page, instance: Path, tmp_path: Path
) -> None:
    with Server(instance, tmp_path, POTTLE_SIGN_UP="invitation") as server:
        await page.goto(server.url)
        await shown(page, "by-invitation")
        await page.locator(".site").get_by_role("link", name="Join").click()
        await expect(page.locator("[name=code]:visible")).to_be_visible()


async def test_without_javascript_it_says_what_is_needed(browser: Browser, shared: Server) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{shared.url}/join")
    await expect(page.locator("main noscript")).to_be_visible()
    assert "please turn JavaScript on" in await page.content()
    await expect(page.locator(".joining")).to_be_hidden()
    await context.close()
