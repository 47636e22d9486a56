"""News while no page is open: switched on in Chromium, received, and opened by a click on the notification.

No push service is reached from here. The browser's subscription is one of the test's, whose endpoint is a server beside
it; what arrives there, and that browser alone can read, is handed to Chromium as its push service would.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import CDPSession, Page, async_playwright, expect

from tests import databases
from tests.browser.chromium import ARGUMENTS, chromium
from tests.browser.desktop import Desktop, desktop
from tests.browser.test_admin import PHONE, comes, is_not_too_wide
from tests.conftest import PASSWORD, World
from tests.pushed import Browser
from tests.receiver import receiving
from tests.server import Server, calling

pytestmark = pytest.mark.slow

SUBSCRIBES = """
PushManager.prototype.subscribe = async () => ({ toJSON: () => (%s), unsubscribe: async () => true });
PushManager.prototype.getSubscription = async () => null;
"""


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Desktop]:
    async with desktop() as made:
        yield made


async def push(session: CDPSession, server: Server, message: dict[str, Any]) -> None:
    """Hands a message to the service worker, as a push service does by way of the browser."""
    registration = {"origin": server.url, "registrationId": "0"}
    await session.send("ServiceWorker.deliverPushMessage", {**registration, "data": json.dumps(message)})


async def works_and_is_installable(page: Page) -> CDPSession:
    """That Chromium finds nothing wrong."""
    session = await page.context.new_cdp_session(page)
    assert (await session.send("Page.getAppManifest"))["errors"] == []
    assert (await session.send("Page.getInstallabilityErrors"))["installabilityErrors"] == []
    await session.send("ServiceWorker.enable")
    return session


async def test_a_push_is_received_and_opened(
    instance: Path, tmp_path: Path, world: World, there: Desktop, stack: AsyncExitStack
) -> None:
    """Alice answers Bob: it arrives, Chromium shows it, and a click leads to the answer; the next one to the same
    window. What Bob looks at anyway is not shown. The browser sends its new endpoint. With his session it ends; without
    the server he is told that."""
    service = await stack.enter_async_context(receiving())
    server = stack.enter_context(Server(instance, tmp_path, POTTLE_PUSH_NETWORKS="127.0.0.1", WEB_CONCURRENCY="1"))
    playwright = await stack.enter_async_context(async_playwright())
    context = await playwright.chromium.launch_persistent_context(
        tmp_path / "profile",
        executable_path="/usr/bin/chromium",
        args=ARGUMENTS,
        env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": there.address},
    )
    stack.push_async_callback(context.close)
    browser = Browser(service.url)
    await context.add_init_script(SUBSCRIBES % json.dumps(browser.subscription()))
    await context.grant_permissions(["notifications"], origin=server.url)
    signed_in = await context.request.post(f"{server.url}/api/session", data={"uid": "bob", "password": PASSWORD})
    assert signed_in.status == 201
    page, room = context.pages[0], world.class_channel
    await page.goto(f"{server.url}/account/messages")
    session = await works_and_is_installable(page)
    await page.get_by_role("button", name="Switch it on").click()
    await expect(page.get_by_text("It is on in this browser.")).to_be_visible()

    bob, alice = [await calling(stack, server, world.tokens[uid]) for uid in ("bob", "alice")]
    asked = (await bob.post(f"/api/channels/{room}/posts", json={"body": "How long?"})).json()["id"]
    answered = await alice.post(f"/api/channels/{room}/posts", json={"body": "Two hours", "parent": asked})
    answer = answered.json()["id"]
    (got,) = await service.has(1)
    message = browser.read(got["raw"])
    await push(session, server, message)
    shown = await there.has(1)
    assert (shown.title, shown.body.split("\n")[-1]) == ("Room", "Alice answered you: Two hours")
    async with context.expect_page() as opening:
        await there.click(shown)
    opened = await opening.value
    await expect(opened.locator(f"#p{answer}")).to_be_in_viewport()
    await expect(opened.locator(".unready")).to_have_count(0)

    as_it_is = await context.new_cdp_session(opened)
    await as_it_is.send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    await page.bring_to_front()
    elsewhere = message | {"body": "Alice mentioned you: @bob", "path": f"/channels/{room}#p{asked}"}
    await push(session, server, elsewhere)
    await there.click(await there.has(2))
    await opened.wait_for_url(f"**#p{asked}")
    await opened.wait_for_function("document.hasFocus()")
    assert len(context.pages) == 2
    await push(session, server, message | {"body": "Which Bob sees"})
    await push(session, server, message | {"body": "Something else", "path": "/channels/1", "tag": "other"})
    assert (await there.has(3)).body.endswith("Something else")

    (worker,) = context.service_workers
    renewed = Browser(f"{service.url}&renewed").subscription()
    await worker.evaluate("made => renew({ newSubscription: { toJSON: () => made } })", renewed)
    with databases.opened(instance) as raw:
        assert raw.execute("SELECT endpoint FROM push_subscriptions").fetchall() == [(renewed["endpoint"],)]

    await opened.get_by_role("button", name="Sign out").first.click()
    await expect(opened.locator(".site [data-open=sign-in]")).to_be_visible()
    with databases.opened(instance) as raw:
        assert raw.execute("SELECT count(*) FROM push_subscriptions").fetchone() == (0,)
    server.stop()
    await opened.goto(f"{server.url}/inbox")
    await expect(opened.get_by_role("heading", name="No connection")).to_be_visible()


async def test_why_it_cannot_be_switched_on(server: Server) -> None:
    """Where the reader said no before, the page says where to change that; on a telephone too."""
    async with chromium() as running:
        bob = await comes(server, running, "bob", "/account/messages", **PHONE)
        await bob.context.add_init_script("Object.defineProperty(Notification, 'permission', { value: 'denied' })")
        await bob.page.reload()
        await expect(bob.page.get_by_text("You told this browser not to show notifications")).to_be_visible()
        await expect(bob.page.get_by_role("button", name="Switch it on")).to_be_hidden()
        assert await is_not_too_wide(bob.page)
        assert bob.complaints == []
