"""The page of one's own account, in a real browser."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, expect

from tests.browser.chromium import chromium, says_yes
from tests.browser.test_admin import PHONE, comes, forget_refusals, is_not_too_wide
from tests.conftest import PASSWORD
from tests.server import Server

pytestmark = pytest.mark.slow

NEW = "another horse"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def test_it_works(server: Server, browser: Browser) -> None:
    """Bob sees where he is signed in, ends that, and chooses another password."""
    elsewhere = await comes(server, browser, "bob", "/account/access")
    bob = await comes(server, browser, "bob", "/account")
    await bob.page.goto(server.url)
    await bob.page.get_by_role("link", name="Bob").click()
    await bob.page.get_by_role("link", name="Signing in").click()
    sessions = bob.page.locator("#sessions .row")
    await expect(sessions).to_have_count(3)  # with the one that every test begins with
    await expect(sessions.first).to_contain_text("Chrome on Linux this one")
    await expect(sessions.first.get_by_role("button", name="Sign out")).to_be_hidden()
    await sessions.nth(1).get_by_role("button", name="Sign out").click()
    await expect(sessions).to_have_count(2)
    await expect(elsewhere.page.locator("main [data-open=sign-in]")).to_be_visible()

    form = bob.page.locator("#password form")
    await form.locator("[name=current_password]").fill(PASSWORD)
    await form.locator("[name=password]").fill("iloveyou")
    await form.get_by_role("button", name="Change it").click()
    await expect(form.get_by_role("alert")).to_have_text("The password is too easy to guess: many people use it.")
    await form.locator("[name=password]").fill(NEW)
    await form.get_by_role("button", name="Change it").click()
    await expect(form.get_by_role("status")).to_have_text("Changed.")
    await expect(sessions).to_have_count(1)
    forget_refusals(bob)
    assert bob.complaints == []


async def test_all_others_can_be_ended_at_once_on_a_telephone(server: Server, browser: Browser) -> None:
    bob = await comes(server, browser, "bob", "/account/access", **PHONE)
    await expect(bob.page.locator("#sessions .row")).to_have_count(2)
    assert await is_not_too_wide(bob.page)
    await bob.page.get_by_role("button", name="Sign out everywhere else").click()
    await expect(bob.page.locator("#sessions .row")).to_have_count(1)


async def test_name_picture_and_tokens(server: Server, browser: Browser, tmp_path: Path) -> None:
    """Bob's photo is cut by hand, with the keys; a token is shown once, works, and is deleted."""
    bob = await comes(server, browser, "bob", "/account")
    profile = bob.page.locator("#profile")
    await profile.locator("form [name=name]").fill("Bobby")
    await profile.get_by_role("button", name="Save").click()
    await expect(profile.locator("form .saved")).to_have_text("Saved.")
    await expect(bob.page.locator(".me").first).to_contain_text("Bobby")

    photo = Image.new("RGB", (600, 300), "red")
    photo.paste("blue", (300, 0, 600, 300))
    photo.save(tmp_path / "photo.png")
    await profile.locator("[type=file]").set_input_files(tmp_path / "photo.png")
    await expect(profile.locator("canvas")).to_be_focused()
    for _ in range(30):  # as far to the left as it goes: only blue is left
        await bob.page.keyboard.press("ArrowLeft")
    await profile.get_by_role("button", name="Save").first.click()
    await expect(profile.locator(".shown img")).to_be_visible()
    sent = await bob.page.request.get(f"{server.url}/api/me/avatar")
    square = Image.open(io.BytesIO(await sent.body())).convert("RGB")
    assert square.size == (256, 256)
    assert all(pixel[2] > 200 and pixel[0] < 60 for pixel in (square.getpixel((x, 128)) for x in (30, 128, 250)))
    await profile.get_by_role("button", name="Remove the picture").click()
    await expect(profile.locator(".shown")).to_have_text("B")
    (tmp_path / "photo.png").write_text("no picture")
    await profile.locator("[type=file]").set_input_files(tmp_path / "photo.png")
    await expect(profile.locator(".picture .saved")).to_have_text("This file is no picture that can be shown here.")

    await bob.page.goto(f"{server.url}/account/access")
    tokens = bob.page.locator("#tokens")
    await tokens.locator("[name=name]").fill("bell")
    await tokens.get_by_role("button", name="Make a token").click()
    await expect(tokens.locator(".fresh code")).to_contain_text("tok_")
    token = await tokens.locator(".fresh code").text_content()
    assert token is not None
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await bob.page.request.get(f"{server.url}/api/me/posts", headers=bearer)).status == 200
    await says_yes(bob.page)
    await tokens.locator(".row").get_by_role("button", name="Delete").click()
    await expect(tokens.locator(".row")).to_have_count(0)
    assert (await bob.page.request.get(f"{server.url}/api/me/posts", headers=bearer)).status == 401
    assert bob.complaints == []


async def test_the_language(server: Server, browser: Browser) -> None:
    bob = await comes(server, browser, "bob", "/account", locale="fr-FR")
    shown, choice = bob.page.locator("html"), bob.page.locator("#language select")
    for language, spoken in (("de", "de"), ("", "fr")):
        await choice.select_option(language)
        await bob.page.locator("#language [type=submit]").click()
        await expect(shown).to_have_attribute("lang", spoken)
        await expect(choice).to_have_value(language)
    assert bob.complaints == []


async def test_everything_without_javascript(server: Server, browser: Browser) -> None:
    """Signing up, posting, replying, reacting, editing, deleting, taking one's data along, and leaving."""
    context = await browser.new_context(java_script_enabled=False, base_url=server.url)
    page = await context.new_page()
    await page.goto("/channels/1")
    await page.get_by_role("link", name="Sign up").first.click()
    for name, value in (("name", "Nora"), ("uid", "nora"), ("password", "iloveyou")):
        await page.locator(f"main [name={name}]").fill(value)
    await page.get_by_role("button", name="Sign up").click()
    await expect(page.locator(".field-error")).to_contain_text("too easy to guess")
    await page.locator("main [name=password]").fill(NEW)
    await page.get_by_role("button", name="Sign up").click()
    await page.goto("/channels/1")
    await page.get_by_role("link", name="Write something").click()
    await page.locator("main [name=body]").fill("Written **without** JavaScript")
    await page.get_by_role("button", name="Post").click()
    post = page.locator(".post", has_text="Written without JavaScript")
    await expect(post).to_be_visible()
    await post.get_by_role("button", name="Reply").click()
    await page.locator("#reply + form [name=body]").fill("And answered")
    await page.get_by_role("button", name="Reply").click()
    await expect(page.locator(".replies .post")).to_contain_text("And answered")
    await post.first.get_by_role("button", name="React").click()
    await page.get_by_role("button", name="Love").click()
    await expect(post.locator(".chip")).to_contain_text("1")
    await page.locator(".replies .post").get_by_role("button", name="More").click()
    await page.locator("#edit + form [name=body]").fill("Answered otherwise")
    await page.get_by_role("button", name="Save").click()
    reply = page.locator(".replies .post", has_text="Answered otherwise")
    await reply.get_by_role("button", name="More").click()
    await page.get_by_role("button", name="Delete this post").click()
    await expect(page.locator(".post", has_text="Answered otherwise")).to_have_count(0)
    await page.goto("/account/data")
    await page.locator("#export [name=password]").fill("a guess")
    await page.get_by_role("button", name="Download everything").click()
    await expect(page.get_by_role("alert")).to_have_text("That is not your password.")
    await page.locator("#export [name=password]").fill(NEW)
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download everything").click()
    assert (await download.value).suggested_filename == "pottle-nora.json"
    await page.get_by_role("button", name="Sign out").click()
    await page.goto("/account/sign-in?next=/account/data")
    await page.locator("main [name=uid]").fill("nora")
    await page.locator("main [name=password]").fill(NEW)
    await page.get_by_role("button", name="Sign in").click()
    await page.locator("#leave [name=password]").fill(NEW)
    await page.get_by_role("button", name="Delete my account").click()
    await page.goto("/channels/1")
    await expect(page.locator(".post", has_text="Written without JavaScript")).to_contain_text("Former user")
    await context.close()


async def test_replies_get_an_address_for_a_feed_reader(server: Server, browser: Browser) -> None:
    bob = await comes(server, browser, "bob", "/account/messages")
    feed = bob.page.locator("#feed")
    await feed.get_by_role("button", name="Make an address").click()
    await expect(feed.get_by_role("status")).to_have_text("Copy it now: it is not shown again.")
    address = await feed.locator("a").get_attribute("href")
    assert address is not None
    answer = await bob.page.request.get(address)
    assert "Replies to Bob" in await answer.text()
    await feed.get_by_role("button", name="End it").click()
    await expect(feed.get_by_role("status")).to_have_text("It has ended.")
    assert (await bob.page.request.get(address)).status == 404
    assert bob.complaints == []
