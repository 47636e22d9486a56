"""The pages of moderators and admins in a real browser, in front of gunicorn."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

from tests import databases
from tests.browser.chromium import chromium, says_yes
from tests.browser.menu import choose
from tests.browser.test_home import Visitor
from tests.conftest import PASSWORD, World
from tests.server import Server, calling

pytestmark = pytest.mark.slow

PHONE = {"viewport": {"width": 375, "height": 800}, "is_mobile": True, "has_touch": True}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def comes(server: Server, browser: Browser, uid: str, path: str, **options: object) -> Visitor:
    """Somebody on a page that asks them to sign in first; says yes to every question."""
    context = await browser.new_context(**options)  # type: ignore[arg-type]
    visitor = Visitor(server, context, await context.new_page())
    page = visitor.page
    await says_yes(page)
    await page.goto(server.url + path)
    await page.locator("main [data-open=sign-in]").click()
    form = page.locator("#sign-in")
    await form.locator("[name=uid]").fill(uid)
    await form.locator("[name=password]").fill(PASSWORD)
    await form.locator("[type=submit]").click()
    await expect(page.locator(".managing")).to_be_visible()
    visitor.complaints.clear()  # that the page was a 401 before, which Chromium tells
    return visitor


async def person(stack: AsyncExitStack, server: Server, world: World, uid: str) -> httpx.AsyncClient:
    return await calling(stack, server, world.tokens[uid])


async def post(http: httpx.AsyncClient, channel: int, body: str) -> int:
    made = await http.post(f"/api/channels/{channel}/posts", json={"body": body})
    assert made.status_code == 201, made.text
    return int(made.json()["id"])


async def is_not_too_wide(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def forget_refusals(visitor: Visitor) -> None:
    """Of what Chromium complains of: the 422s that a form has told at its fields."""
    visitor.complaints = [complaint for complaint in visitor.complaints if "422" not in complaint]


async def removes(page: Page, reason: str = "Say nothing", note: str = "") -> None:
    """Says why, where that is asked, and goes on."""
    dialog = page.locator("dialog.why")
    await dialog.get_by_label(reason).check()
    await dialog.locator("[name=note]").fill(note)
    await dialog.get_by_role("button", name="Remove").click()


async def turns_to(visitor: Visitor, tab: str) -> None:
    """Goes on to another of the pages that belong together."""
    await visitor.page.locator(".tabs").get_by_role("link", name=tab).click()
    await expect(visitor.page.locator(".tabs [aria-current]")).to_contain_text(tab)


async def test_a_moderator_looks_after_a_group(
    server: Server, browser: Browser, stack: AsyncExitStack, world: World
) -> None:
    alice = await comes(server, browser, "alice", "/groups/class/manage/rules")
    page, room = alice.page, world.class_channel
    bob = await person(stack, server, world, "bob")

    rules = page.locator("#rules form")
    await rules.locator("[name=name]").fill("Class 4b")
    await rules.locator("[name=review]").select_option("all")
    await rules.get_by_role("button", name="Save").click()
    await expect(page.locator("h1")).to_have_text("Class 4b")

    good, rude = await post(bob, room, "May I **ask**?"), await post(bob, room, "Something rude")
    await expect(page.locator(".tabs .waiting-count")).to_have_text("2")
    await turns_to(alice, "Waiting")
    waiting = page.locator("#waiting .row")
    await expect(waiting).to_have_count(2)
    await waiting.filter(has_text="May I ask?").get_by_role("button", name="Approve").click()
    await expect(waiting).to_have_count(1)
    await waiting.get_by_role("button", name="Remove").click()
    await removes(page, "Unkind or hurtful", "Say it kindly.")
    await expect(page.locator("#waiting .none")).to_be_visible()
    await expect(page.locator(".tabs .waiting-count")).to_be_hidden()
    assert (await bob.get(f"/api/posts/{good}")).json()["state"] == "published"
    (told,) = (await bob.get("/api/me/posts")).json()["posts"]
    assert (told["id"], told["decision"]["reason"]) == (rude, "unkind")
    await page.locator(".lists").get_by_role("link", name="Removed").click()
    removed = page.locator("#waiting .row")
    await expect(removed).to_contain_text("Removed by alice. Unkind or hurtful: Say it kindly.")
    await removed.get_by_role("button", name="Restore").click()
    await expect(page.locator("#waiting .none")).to_be_visible()
    assert (await bob.get(f"/api/posts/{rude}")).json()["state"] == "published"

    await turns_to(alice, "Discussions")
    discussion = page.locator("#discussions .row").filter(has_text="Room")
    await discussion.get_by_role("button", name="Lock").click()
    await expect(discussion.get_by_text("locked")).to_be_visible()
    assert (await bob.post(f"/api/channels/{room}/posts", json={"body": "Too late"})).status_code == 403

    await turns_to(alice, "People")
    await page.locator("#members form [name=uid]").fill("charlie")
    await page.locator("#members form [type=submit]").click()
    charlie = page.locator("#members .row").filter(has_text="Charlie")
    await charlie.locator("select").select_option("moderator")
    await charlie.get_by_role("button", name="Remove").click()
    await expect(charlie).to_have_count(0)
    await turns_to(alice, "Activity log")
    done = page.locator("#trail .row")
    await expect(done.nth(1)).to_contain_text("alice made charlie a moderator")
    await expect(done.filter(has_text="changed the group class")).to_contain_text("name: Class 4b")
    alice.has_nothing_to_complain_of()


async def test_a_moderator_works_through_the_queue_by_keys(
    server: Server, browser: Browser, stack: AsyncExitStack, world: World
) -> None:
    """In all groups at once; and takes back what was a slip."""
    alice, bob = [await person(stack, server, world, uid) for uid in ("alice", "bob")]
    await alice.patch("/api/groups/class", json={"review": "all"})
    posts = [await post(bob, world.class_channel, f"Number {number}") for number in range(4)]
    visitor = await comes(server, browser, "alice", "/queue")
    page = visitor.page
    rows, toast = page.locator("#waiting .row"), page.locator(".toast")
    await expect(rows).to_have_count(4)

    async def states() -> list[str]:
        return [(await bob.get(f"/api/posts/{id_}")).json()["state"] for id_ in posts]

    await expect(rows.first).to_be_focused()
    await expect(rows.first).to_contain_text("Number 3")
    await page.keyboard.press("j")
    await page.keyboard.press("a")
    await expect(toast).to_contain_text("1 approved.")
    await expect(rows).to_have_count(3)
    await expect(rows.nth(1)).to_be_focused()
    assert await states() == ["pending", "pending", "published", "pending"]
    await page.keyboard.press("u")
    await expect(rows).to_have_count(4)
    await expect(toast).to_contain_text("Undone.")
    await page.keyboard.press("r")
    await expect(page.locator("dialog.why")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog.why")).to_have_count(0)
    assert await states() == ["pending"] * 4

    await page.keyboard.press("x")
    await page.keyboard.press("k")
    await page.keyboard.press("x")
    await page.get_by_role("button", name="Remove 2").click()
    await removes(page)
    await expect(rows).to_have_count(2)
    await toast.get_by_role("button", name="Undo").click()
    await expect(rows).to_have_count(4)
    await page.get_by_role("button", name="Approve all").click()
    await expect(page.locator("#waiting .none")).to_be_visible()
    assert await states() == ["published"] * 4
    visitor.has_nothing_to_complain_of()


async def test_a_moderator_sees_what_to_paste_and_allows_a_site(server: Server, browser: Browser) -> None:
    alice = await comes(server, browser, "alice", "/groups/class/manage/site")
    page = alice.page
    site, sites = page.locator("#site"), page.locator("#sites [name=origins]")
    address, says, allow = site.locator("[name=address]"), site.locator(".listed"), site.locator("[type=submit]")
    tag = f'<script type="module" src="{server.url}/embed.js" data-group="class"></script>'
    await expect(site.locator(".tag")).to_have_text(tag)
    await expect(says).to_have_text("No site is allowed yet.")
    await sites.fill("https://not-saved.example")
    await address.fill("Class.example/2026/hello/?a=b")
    await expect(says).to_contain_text("https://class.example is not allowed yet")
    await allow.click()
    await expect(says).to_contain_text("https://class.example is allowed")
    await expect(allow).to_be_hidden()
    await expect(sites).to_have_value("https://not-saved.example\nhttps://class.example")
    await page.locator("#sites").get_by_role("button", name="Save").click()
    await expect(page.locator("#sites .saved")).to_have_text("Saved.")
    await address.fill("")
    await expect(says).to_have_text("Allowed: https://not-saved.example, https://class.example")
    await address.fill("mailto:somebody")
    await address.press("Enter")
    await expect(site.get_by_role("alert")).to_contain_text("such as https://class.example")
    assert await is_not_too_wide(page)
    alice.has_nothing_to_complain_of()


async def test_a_class_comes_in(server: Server, browser: Browser) -> None:
    """By a code on the board, and by slips of paper; also from a phone."""
    alice = await comes(server, browser, "alice", "/groups/class/manage", **PHONE)
    page = alice.page
    assert await is_not_too_wide(page)
    await page.locator("#invitations form [type=submit]").click()
    await expect(page.locator("#code")).to_be_visible()
    code = await page.locator("#code .big").inner_text()
    await expect(page.locator("#code .address a")).to_have_attribute("href", f"{server.url}/join#{code}")
    await page.locator("#code [data-close]").click()
    await page.locator("#invitations .row").get_by_role("button", name="Revoke").click()
    await expect(page.locator("#invitations .none")).to_be_visible()

    names = page.locator("#roster form [name=csv]")
    await names.fill("Ada Lovelace\n" + "x" * 81)
    await page.locator("#roster form [type=submit]").click()
    await expect(page.locator("#roster .form-error")).to_contain_text(
        "Line 2 has a name that cannot be used: it must have at most 80 characters."
    )
    await expect(names).to_have_value("Ada Lovelace\n" + "x" * 81)
    file = {"name": "4b.csv", "mimeType": "text/csv", "buffer": "Name;Uid\nÄnne Schmidt;aenne\n".encode("cp1252")}
    await page.locator("#roster form [type=file]").set_input_files(file)  # type: ignore[arg-type]
    await expect(names).to_have_value("Name;Uid\nÄnne Schmidt;aenne\n")
    await page.locator("#roster form [type=submit]").click()
    await expect(page.locator(".slip")).to_have_count(1)
    await expect(page.locator(".slip")).to_contain_text("Änne Schmidt")
    assert await is_not_too_wide(page)
    await page.emulate_media(media="print")
    await expect(page.locator("header.site")).to_be_hidden()
    await page.emulate_media(media="screen")
    await page.locator(".printable [data-do=done]").click()
    await expect(page.locator("#members .row").filter(has_text="Änne Schmidt")).to_be_visible()
    forget_refusals(alice)
    alice.has_nothing_to_complain_of()


async def test_what_matters_asks_for_the_password_again(server: Server, browser: Browser) -> None:
    """Where it was typed long ago; who cancels has changed nothing, and a wrong one is told at the dialog."""
    root = await comes(server, browser, "root", "/admin/accounts")
    page = root.page
    with databases.opened(server.instance) as raw:
        raw.execute("UPDATE sessions SET confirmed = '2020'")
    bob = page.locator("#users .row").filter(has_text="bob")
    dialog = page.locator("#confirm")

    await bob.get_by_role("button", name="Disable").click()
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(bob.get_by_role("alert")).to_have_text("Please enter your password again before you do that.")
    await expect(bob.get_by_text("disabled")).to_be_hidden()

    await bob.get_by_role("button", name="Disable").click()
    await dialog.locator("[name=password]").fill("not this one")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_have_text("That is not your password.")
    await dialog.locator("[name=password]").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(bob.get_by_text("disabled")).to_be_visible()
    await expect(dialog).to_be_hidden()
    await bob.get_by_role("button", name="Enable").click()
    await expect(bob.get_by_text("disabled")).to_be_hidden()


async def test_an_admin_looks_after_everything(
    server: Server, browser: Browser, stack: AsyncExitStack, world: World
) -> None:
    root = await comes(server, browser, "root", "/admin/accounts")
    page = root.page
    bob = await person(stack, server, world, "bob")
    users = page.locator("#users .row")
    await expect(users).to_have_count(4)
    await page.locator("#users form [name=q]").fill("bo")
    await page.keyboard.press("Enter")
    await expect(users).to_have_count(1)
    await users.get_by_role("button", name="Disable").click()
    await expect(users.get_by_text("disabled")).to_be_visible()
    assert (await bob.get("/api/me")).status_code == 401
    await users.get_by_role("button", name="Enable").click()
    await expect(users.get_by_text("disabled")).to_be_hidden()
    await users.locator("select").select_option("admin")
    await users.get_by_role("button", name="Password link").click()
    await expect(page.locator("#code .address a")).to_contain_text("/join#")
    await page.locator("#code [data-close]").click()
    await turns_to(root, "Activity log")
    await expect(page.locator("#trail .row").nth(1)).to_contain_text("root gave bob the role admin")

    await turns_to(root, "Overview")
    await expect(page.locator("[data-fact=workers]")).to_have_text("1")
    await expect(page.locator(".warnings")).to_contain_text("There is no backup yet.")
    assert await is_not_too_wide(page)
    await turns_to(root, "Groups")
    groups = page.locator("#groups form")
    await groups.locator("[name=name]").fill("The Club")
    await groups.locator("[name=slug]").fill("The Club")
    await groups.locator("[type=submit]").click()
    await expect(groups.locator(".field-error")).to_be_visible()
    await groups.locator("[name=slug]").fill("club")
    await groups.locator("[type=submit]").click()
    await page.locator("#groups").get_by_role("link", name="The Club").click()
    await expect(page.locator("h1")).to_have_text("The Club")
    await page.goto(server.url + "/admin/import")
    imports = page.locator("#imports")
    await imports.locator("[name=group]").fill("club")
    old = [{"id": 1, "author": "Eve", "created": 1, "text": "<b>From elsewhere</b>"}]
    comments = json.dumps([{"id": "/page/", "title": "A page", "comments": old}]).encode()
    await imports.locator("[name=file]").set_input_files(FilePayload(name="isso.json", mimeType="", buffer=comments))
    await imports.locator("[type=submit]").click()
    await expect(imports.locator(".state")).to_have_text("can be imported", timeout=30_000)
    await expect(imports.locator(".counts")).to_contain_text("Posts: 1")
    await imports.get_by_role("button", name="Import it").click()
    await expect(imports.locator(".state")).to_have_text("imported", timeout=30_000)
    assert await is_not_too_wide(page)
    forget_refusals(root)
    root.has_nothing_to_complain_of()


async def test_a_moderator_acts_in_the_discussion(
    server: Server, browser: Browser, stack: AsyncExitStack, world: World
) -> None:
    bob = await person(stack, server, world, "bob")
    rude = await post(bob, world.class_channel, "Something rude")
    await bob.post(f"/api/channels/{world.class_channel}/posts", json={"body": "So there", "parent": rude})
    alice = await comes(server, browser, "alice", "/groups/class/manage/discussions")
    page = alice.page
    await page.locator("#discussions").get_by_role("link", name="Room").click()
    await alice.is_live()
    first = page.locator(f"#p{rude}")
    await choose(first, "Delete")
    await removes(page)
    await expect(first).to_contain_text("This post was removed.")
    await page.locator(".toast").get_by_role("button", name="Undo").click()
    await expect(first).to_contain_text("Something rude")
    await choose(first, "Delete")
    await removes(page)
    await choose(first, "Restore")
    await expect(first).to_contain_text("Something rude")
    await page.get_by_role("button", name="Lock", exact=True).click()
    await expect(page.locator(".notice.locked")).to_be_visible()
    await page.get_by_role("button", name="Unlock").click()
    await expect(page.locator(".notice.locked")).to_be_hidden()
    await page.get_by_role("link", name="Manage").click()
    await expect(page.locator(".managing h1")).to_have_text("Class")
    alice.has_nothing_to_complain_of()
