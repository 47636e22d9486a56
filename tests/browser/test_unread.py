"""What one has not read, in a real browser: marked, counted, gone to by a key, and read once it was seen."""

import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import chromium
from tests.browser.test_home import Visitor
from tests.conftest import PASSWORD, World
from tests.server import Server

pytestmark = pytest.mark.slow


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest.fixture
def alice(server: Server, world: World) -> Iterator[httpx.Client]:
    with client(server, world, "alice") as alice:
        yield alice


def client(server: Server, world: World, uid: str) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {world.tokens[uid]}"})


async def bob_at(server: Server, browser: Browser, path: str) -> Visitor:
    """Bob, on a device more."""
    context = await browser.new_context(viewport={"width": 1280, "height": 1000})
    await context.request.post(f"{server.url}/api/session", data={"uid": "bob", "password": PASSWORD})
    visitor = Visitor(server, context, await context.new_page())
    await visitor.page.goto(server.url + path)
    return visitor


def posts(by: httpx.Client, body: str, channel: int, **more: int) -> int:
    made = by.post(f"/api/channels/{channel}/posts", json={"body": body, **more})
    assert made.status_code == 201, made.text
    return int(made.json()["id"])


async def test_it_works(server: Server, browser: Browser, world: World, alice: httpx.Client) -> None:
    """Bob finds what Alice wrote while he was away, on two devices."""
    ours = world.class_channel
    with client(server, world, "bob") as bob:
        mine = posts(bob, "Who comes along?", 1)
    ids = [posts(alice, f"Number {number}" + "\n\nand more" * 12, ours) for number in range(6)]
    posts(alice, "Me, @bob", 1, parent=mine)

    at_home = await bob_at(server, browser, f"/channels/{ours}")
    page = at_home.page
    await expect(page).to_have_title(re.compile(r"^\(\d\) Room"))
    await expect(page.locator(".to-inbox .tally")).to_contain_text("1")
    await expect(page.locator(".unread-posts")).to_contain_text("unread posts")
    newest = page.locator(f"#p{ids[-1]}")
    await expect(newest).to_contain_class("first-unread")
    await expect(newest).not_to_contain_class("unread")  # it was seen
    await expect(page.locator(f"#p{ids[0]}")).to_contain_class("unread")
    await expect(page.locator(".unread-posts")).to_contain_text("unread posts")

    on_the_way = await bob_at(server, browser, "/channels/1")
    await expect(on_the_way.page).to_have_title(re.compile(r"^\(\d\) Lobby"))
    while await page.locator(".post.unread").count():
        await page.keyboard.press("n")
        await expect(page.locator(".post:focus")).not_to_contain_class("unread")
    await expect(page).to_have_title("Room · Class · Pottle")
    await expect(on_the_way.page).to_have_title(re.compile("^Lobby"))
    await expect(page.locator(".unread-posts")).to_be_hidden()
    await expect(newest).to_contain_class("first-unread")

    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Go to the next unread post")
    await page.keyboard.press("Escape")
    await page.locator(".to-inbox a").click()
    item = page.locator(".addressed > li")
    await expect(item).to_contain_text("Alice replied to you")
    await expect(item).not_to_contain_class("unread")  # on the other device the lobby is open
    last = posts(alice, "And another, @bob", ours)
    await expect(item).to_have_count(2)
    await expect(item.first).to_contain_text("Alice mentioned you")
    await expect(item.first).to_contain_class("unread")
    await expect(page).to_have_title("(1) Inbox · Pottle")
    await on_the_way.page.keyboard.press("n")
    await expect(on_the_way.page.locator(f"#p{last}")).to_be_focused()
    await expect(item.first).not_to_contain_class("unread")
    assert (await page.title(), at_home.complaints, on_the_way.complaints) == ("Inbox · Pottle", [], [])


async def test_the_bell_and_what_one_chooses_to_be_told(
    server: Server, browser: Browser, world: World, alice: httpx.Client
) -> None:
    """What is new is in the bell of every page, live; and what comes beside it is chosen on the account's page."""
    bob = await bob_at(server, browser, "/account/messages")
    page, bell = bob.page, bob.page.get_by_role("button", name="What is new")
    await page.set_viewport_size({"width": 360, "height": 700})
    with client(server, world, "bob") as program:
        mine = posts(program, "A question?", world.class_channel)
    posts(alice, "An answer", world.class_channel, parent=mine)
    await expect(bell).to_contain_text("1 is new")
    await bell.click()
    news = page.get_by_role("dialog", name="What is new")
    await expect(news.get_by_role("link", name="replied to you")).to_be_visible()
    posts(alice, "Look, @bob", world.class_channel)
    await expect(news.get_by_role("listitem")).to_have_count(2)
    await page.keyboard.press("Escape")
    await expect(news).to_be_hidden()
    await expect(bell).to_be_focused()
    await bell.click()
    await news.get_by_role("button", name="Mark all as read").click()
    await expect(bell.locator(".many")).to_have_text("")
    await news.get_by_role("link", name="mentioned you").click()
    await expect(page.locator(".post:focus")).to_contain_text("Look")
    async with page.expect_response(re.compile(rf"channels/{world.class_channel}/notices")):
        await page.get_by_label("What I am told of this discussion").select_option("Every new post")
    await page.reload()
    await expect(page.get_by_label("What I am told of this discussion")).to_have_value("follow")

    await page.goto(f"{server.url}/account/messages")
    form = page.locator("#messages form")
    await expect(form.get_by_role("button", name="Save")).to_be_enabled()  # what was chosen until now has arrived
    await form.get_by_role("combobox", name="By mail Replies to my posts").select_option("Once a day")
    await form.get_by_role("checkbox", name="On devices Posts that mention me").uncheck()
    await form.get_by_label("Quiet hours").check()
    await form.get_by_label("From").fill("20:30")
    await form.get_by_label("Time zone").select_option("Europe/Berlin")
    await form.get_by_role("button", name="Save").click()
    await expect(form.locator(".saved")).to_have_text("Saved.")
    group = page.get_by_role("listitem").filter(has_text="Class").get_by_role("combobox", name="By mail: Class")
    async with page.expect_response(re.compile("notices/groups/class")):
        await group.select_option("Nothing at all")
    await page.reload()
    await expect(form.get_by_label("From")).to_have_value("20:30")
    await expect(group).to_have_value("mute")
    with client(server, world, "bob") as program:
        chosen = program.get("/api/me/notices/settings").json()
    assert (chosen["mail"]["reply"], chosen["mail"]["mention"], chosen["zone"]) == ("daily", "now", "Europe/Berlin")
    assert (chosen["push"], chosen["quiet"]) == (["reply", "decided"], {"start": "20:30", "end": "07:00"})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert bob.complaints == []


async def test_all_can_be_marked_as_read_and_keys_turned_off(
    server: Server, browser: Browser, world: World, alice: httpx.Client
) -> None:
    for number in range(20):
        posts(alice, f"{number} @bob" + "\n\nmore" * 9, world.class_channel)
    bob = await bob_at(server, browser, f"/channels/{world.class_channel}")
    await bob.page.get_by_role("button", name="Mark as read").click()
    await expect(bob.page.locator(".post.unread")).to_have_count(0)
    await expect(bob.page).to_have_title("Room · Class · Pottle")

    await bob.page.get_by_role("button", name="Keys").click()
    await bob.page.get_by_label("Use these keys").uncheck()
    await bob.page.keyboard.press("Escape")
    await bob.page.reload()
    await expect(bob.page.locator(".status")).to_have_attribute("data-state", "live")
    await bob.page.keyboard.press("n")
    await expect(bob.page.locator(".toast")).to_have_count(0)

    posts(alice, "Here, too, @bob", 1)
    await bob.page.goto(f"{server.url}/inbox")
    await expect(bob.page.locator(".addressed > .unread")).to_have_count(1)
    await bob.page.get_by_role("button", name="Mark all as read").click()
    await expect(bob.page.locator(".addressed > .unread")).to_have_count(0)
    await bob.page.get_by_role("link", name="Older").click()
    await expect(bob.page.locator(".addressed > li")).to_have_count(1)
    assert bob.complaints == []
