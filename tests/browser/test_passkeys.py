"""Passkeys and the second step in Chromium, with its virtual authenticator. Passkeys need a name: `localhost`."""

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from playwright.async_api import Browser, CDPSession, Page, expect

from tests import databases
from tests.browser.chromium import chromium
from tests.browser.test_sign_in import asks, gone, heard, look, site  # noqa: F401  # fixture
from tests.conftest import PASSWORD, World
from tests.server import Server

pytestmark = pytest.mark.slow

DEVICE = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip
# Without the browser's own list of passkeys at the field, from which the device would choose by itself.
NO_LIST = "PublicKeyCredential.isConditionalMediationAvailable = async () => false"


@pytest.fixture(scope="module")
def server(world: World, site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:  # noqa: F811
    """Pottle at a name, with a group `blog` that has a site."""
    folder = tmp_path_factory.mktemp("passkeys")
    with Server(Path(shutil.copytree(world.folder, folder / "instance")), folder, WEB_CONCURRENCY="1") as running:
        blog = {"slug": "blog", "name": "Blog", "origins": [site]}
        by_root = {"Authorization": f"Bearer {world.tokens['root']}"}
        httpx.post(f"{running.url}/api/groups", json=blog, headers=by_root).raise_for_status()
        running.url = running.url.replace("127.0.0.1", "localhost")
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium("--test-third-party-cookie-phaseout") as running:
        yield running


class Key:
    """A virtual authenticator of one page."""

    def __init__(self, page: CDPSession, id_: str) -> None:
        self.page, self.id = page, id_

    @classmethod
    async def of(cls, page: Page, server: Server) -> "Key":
        if page.url == "about:blank":  # where Chromium may forget it on the way to the first page, another process
            await page.goto(f"{server.url}/join")
        session = await page.context.new_cdp_session(page)
        await session.send("WebAuthn.enable", {"enableUI": False})
        added = await session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
        return cls(session, added["authenticatorId"])

    async def credentials(self) -> list[Any]:
        found = await self.page.send("WebAuthn.getCredentials", {"authenticatorId": self.id})
        return list(found["credentials"])

    async def take(self, credential: Any) -> None:
        await self.page.send("WebAuthn.addCredential", {"authenticatorId": self.id, "credential": credential})


async def signs_in(page: Page, server: Server, uid: str = "alice", password: str = PASSWORD) -> None:
    await page.goto(f"{server.url}/account/sign-in")
    form = page.locator(".entering form")
    await form.get_by_label("User name").fill(uid)
    await form.get_by_label("Password").fill(password)
    await form.get_by_role("button", name="Sign in", exact=True).click()


async def adds(page: Page, server: Server) -> None:
    await page.goto(f"{server.url}/account/access")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.locator("#passkeys .items li")).to_have_count(1)


async def test_it_works(server: Server, browser: Browser, site: str) -> None:  # noqa: F811
    """Added, renamed, signed in with: in the dialog, where a name is typed, and in the window for a site."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.add_init_script(NO_LIST)
    key = await Key.of(page, server)
    await signs_in(page, server)
    await expect(page.locator(".signed-in .me")).to_have_text("Alice")
    await adds(page, server)
    await page.get_by_role("button", name="Rename").click()
    await page.locator("#renaming").get_by_label("Name").fill("My laptop")
    await page.locator("#renaming").get_by_role("button", name="Save").click()
    row = page.locator("#passkeys .items li")
    await expect(row.locator(".name")).to_have_text("My laptop")
    await look(page, "access")

    await page.get_by_role("button", name="Sign out", exact=True).first.click()
    await page.locator("header").get_by_role("button", name="Sign in").click()
    await look(page, "dialog")
    await page.locator("dialog#sign-in").get_by_role("button", name="With a passkey").click()
    await expect(page.locator(".signed-in .me")).to_have_text("Alice")
    await page.goto(f"{server.url}/account/access")
    await expect(page.locator("#sessions .items li").first).to_contain_text("by a passkey")

    await context.clear_cookies()
    (credential,) = await key.credentials()
    page = await context.new_page()
    key = await Key.of(page, server)
    await key.take(credential)
    # The browser's own list of passkeys at the field: this device chooses by itself, once the browser asks it.
    await page.goto(f"{server.url}/account/sign-in?next=/channels/1")
    await page.wait_for_url(f"{server.url}/channels/1")
    await expect(page.locator(".signed-in .me")).to_have_text("Alice")

    await context.clear_cookies()
    (credential,) = await key.credentials()  # which has counted meanwhile
    await context.add_init_script(NO_LIST)  # it would sign in beside the button, a second time
    window = await asks(page, server, site)
    theirs = await Key.of(window, server)
    await theirs.take(credential)
    await window.get_by_role("button", name="With a passkey").first.click(no_wait_after=True)
    message = await heard(page)
    assert message["known"]
    assert message["data"]["token"].startswith("ses_")
    await gone(window)
    await context.close()


async def test_an_account_without_a_password(server: Server, browser: Browser) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await Key.of(page, server)
    await page.goto(f"{server.url}/account/sign-up?next=/account/access")
    form = page.locator(".entering form")
    await form.get_by_label("Your name").fill("Dora")
    await form.get_by_label("User name").fill("dora")
    await look(page, "sign-up")
    await form.get_by_role("button", name="With a passkey").click()
    await page.wait_for_url(f"{server.url}/account/access")
    await expect(page.locator("#password")).to_contain_text("You have none")
    await page.get_by_role("button", name="Delete", exact=True).click()
    await page.locator("dialog.asks").get_by_role("button", name="Delete").click()
    await expect(page.locator("#passkeys")).to_contain_text("only way to sign in")

    with databases.opened(server.instance) as raw:
        raw.execute("UPDATE sessions SET confirmed = '2026-01-01T00:00:00.000Z'")
    await page.goto(f"{server.url}/account/access")
    await page.locator("#tokens").get_by_label("What it is for").fill("a bot")
    await page.locator("#tokens").get_by_role("button", name="Make a token").click()
    await page.locator("dialog#confirm").get_by_role("button", name="With a passkey").click()
    await expect(page.locator("#tokens .fresh code")).to_contain_text("tok_")

    await page.goto(f"{server.url}/account/data")
    await expect(page.get_by_label("Your password")).to_have_count(0)
    await page.get_by_role("button", name="Delete my account").click()
    await page.wait_for_url(f"{server.url}/")
    await expect(page.locator("header .signed-out")).to_be_visible()
    await context.close()


async def test_a_second_step(server: Server, browser: Browser) -> None:
    """Set up by the picture, asked for in the dialog and in the window; a recovery code instead; and switched off."""
    context = await browser.new_context()
    page = await context.new_page()
    await signs_in(page, server, "bob")
    await expect(page.locator(".signed-in .me")).to_have_text("Bob")
    await page.goto(f"{server.url}/account/access")
    await page.get_by_role("button", name="Set up an authenticator app").click()
    secret = await page.locator(".set-up code").inner_text()
    await look(page, "set-up")
    await page.get_by_role("textbox", name="Code").fill("000000")
    await page.get_by_role("button", name="Switch it on").click()
    await expect(page.locator(".set-up").get_by_role("alert")).to_contain_text("wrong")
    await page.get_by_role("textbox", name="Code").fill(pyotp.TOTP(secret).now())
    await page.get_by_role("button", name="Switch it on").click()
    codes = await page.locator(".recovery code").all_inner_texts()
    assert len(codes) == 10
    await look(page, "recovery")

    await context.clear_cookies()
    await page.goto(f"{server.url}/channels/1")
    await page.locator("header").get_by_role("button", name="Sign in").click()
    dialog = page.locator("dialog#sign-in")
    await dialog.get_by_label("User name").fill("bob")
    await dialog.get_by_label("Password").fill(PASSWORD)
    await dialog.get_by_role("button", name="Sign in", exact=True).click()
    second = page.locator("dialog#give-second")
    await second.get_by_label("Code").fill("123 456")
    await second.get_by_role("button", name="Go on").click()
    await expect(second.get_by_role("alert")).to_contain_text("wrong")
    await look(page, "second")
    await second.get_by_label("Code").fill(codes[0])
    await second.get_by_role("button", name="Go on").click()
    await expect(page.locator(".signed-in .me")).to_have_text("Bob")

    await context.clear_cookies()
    await signs_in(page, server, "bob")
    await page.locator(".entering").get_by_label("Code").fill(codes[1])
    await page.locator(".entering").get_by_role("button", name="Go on").click()
    await expect(page.locator(".signed-in .me")).to_have_text("Bob")
    await page.goto(f"{server.url}/account/access")
    await expect(page.locator("#second")).to_contain_text("8 recovery codes are left")
    await page.get_by_role("button", name="Switch it off").click()
    await expect(page.get_by_role("button", name="Set up an authenticator app")).to_be_visible()
    await context.close()


async def test_a_second_step_in_the_window_for_a_site(server: Server, browser: Browser, site: str) -> None:  # noqa: F811
    context = await browser.new_context()
    page = await context.new_page()
    await signs_in(page, server, "charlie")
    await expect(page.locator(".signed-in .me")).to_have_text("Charlie")
    made = await page.request.post(f"{server.url}/api/me/second")
    totp = pyotp.TOTP((await made.json())["secret"])
    await page.request.put(f"{server.url}/api/me/second", data={"code": totp.now()})
    with databases.opened(server.instance) as raw:
        raw.execute("UPDATE authenticators SET last_step = NULL")  # as if half a minute had gone by
    await context.clear_cookies()
    window = await asks(page, server, site)
    part = window.locator("[data-part=sign-in]")
    await part.get_by_label("User name").fill("charlie")
    await part.get_by_label("Password").fill(PASSWORD)
    await part.get_by_role("button", name="Sign in", exact=True).click()
    part = window.locator("[data-part=second]")
    await part.get_by_label("Code").fill(totp.now())
    await part.get_by_role("button", name="Go on").click(no_wait_after=True)
    assert re.match("ses_", (await heard(page))["data"]["token"])
    await gone(window)
    await context.close()
