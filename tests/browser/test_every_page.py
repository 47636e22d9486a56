"""Every page in a real browser, full of what people type: nothing sticks out, each text has its own direction."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from api.pages import TABS
from tests.browser.chromium import chromium
from tests.conftest import PASSWORD, World
from tests.server import Server

pytestmark = pytest.mark.slow

WIDTHS = (320, 360, 768)
LONG = "W" * 80
TITLE = "W" * 200
HEBREW = "שלום עולם"
ARABIC = "مرحبا بالعالم"
BODY = f"""{"W" * 3000}

https://example.org/{"w" * 500}?{"q" * 300}

`{"c" * 400}` and **{"b" * 300}**

```
{"code " * 100}
```

| {"head" * 30} | b | c | d | e | f |
|---|---|---|---|---|---|
| {"cell" * 60} | {"w" * 200} | c | d | e | {"f " * 50} |

> > > > > > > > {"q" * 200}

- - - - - - - - {"w" * 300}

# {"h" * 300}
"""
PAGES = (
    "/",
    "/channels/1",
    "/channels/{room}",
    "/channels/{room}?only=unanswered",
    "/posts/{post}",
    "/inbox",
    "/join",
    "/sign-in?group=class&origin=https://class.example",
    "/docs",
    *(
        "/admin",
        "/admin/accounts",
        "/admin/groups",
        "/admin/import",
        "/admin/webhooks",
        "/admin/log",
        "/queue",
        "/groups/class/queue?state=reported",
        "/groups/class/history/bob",
        "/groups/class/room",
    ),
    "/groups/class",
    "/discussions",
    "/search",
    "/search?q=e",
    *(f"/groups/class/manage/{tab}" for tab in TABS),
    "/nowhere",
)
SHOW_ALL = """() => {
  document.querySelectorAll('[hidden]').forEach((part) => { part.hidden = false; });
  document.querySelectorAll('details').forEach((part) => { part.open = true; });
  document.querySelectorAll('dialog').forEach((dialog) => { dialog.show(); });
}"""
TOO_WIDE = """() => {
  const room = document.documentElement.clientWidth;
  const sticksOut = (element) => element.getBoundingClientRect().right > room + 1;
  const clipped = (element) => element.parentElement?.closest('pre, table, .me, .visually-hidden, .scrolls');
  const found = [...document.body.querySelectorAll('*')].filter((element) => sticksOut(element) && !clipped(element));
  const told = found.map((element) => element.outerHTML.slice(0, 120)).slice(0, 5);
  return document.documentElement.scrollWidth > room ? ['too wide', ...told] : [];
}"""
# Buttons in which a word goes over two lines.
BROKEN_WORDS = """() => [...document.querySelectorAll('button, .button')].filter((button) => {
  const range = document.createRange();
  const texts = document.createTreeWalker(button, NodeFilter.SHOW_TEXT);
  for (let node; (node = texts.nextNode());) {
    for (const { index, 0: word } of node.data.matchAll(/\\S+/g)) {
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      if (button.checkVisibility() && range.getClientRects().length > 1) return true;
    }
  }
  return false;
}).map((button) => button.outerHTML.slice(0, 120))"""
WITHOUT_DIRECTION = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const wrong = [];
  let found = 0;
  for (let node; (node = texts.nextNode());) {
    const unseen = node.parentElement.closest('script, template, option, .avatar');
    if (!/[\\u0590-\\u06ff]/.test(node.data) || unseen) continue;
    found += 1;
    const around = node.parentElement.closest('[dir=auto], bdi');
    const first = around?.textContent.match(/[A-Za-z\\u0590-\\u06ff]/)[0];
    const turned = around && getComputedStyle(around).direction === (/[A-Za-z]/.test(first) ? 'ltr' : 'rtl');
    if (!turned) wrong.push(node.parentElement.outerHTML.slice(0, 200));
  }
  for (const field of document.querySelectorAll('input, textarea')) {
    const turned = getComputedStyle(field).direction === 'rtl';
    if (/[\\u0590-\\u06ff]/.test(field.value) && !turned) wrong.push(field.outerHTML.slice(0, 200));
  }
  return { found, wrong };
}"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


class Site:
    """A server that people have filled with their texts."""

    def __init__(self, server: Server, world: World) -> None:
        self.server, self.world, self.post = server, world, 0

    def client(self, uid: str) -> httpx.Client:
        token = self.world.tokens[uid]
        return httpx.Client(base_url=self.server.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def fill(self, names: dict[str, str], title: str, body: str) -> None:
        """Renames everybody and everything, and posts in both discussions."""
        room = self.world.class_channel
        for uid, name in names.items():
            with self.client(uid) as person:
                person.patch("/api/me", json={"name": name}).raise_for_status()
        with self.client("root") as root:
            class_ = {"name": title[:80], "origins": ["https://class.example"]}
            root.patch("/api/groups/class", json=class_).raise_for_status()
            root.patch("/api/groups/home", json={"name": title[:80]}).raise_for_status()
            for channel in (1, room):
                root.patch(f"/api/channels/{channel}", json={"title": title}).raise_for_status()
            for number in range(3):
                made = root.post(
                    "/api/groups/home/channels", json={"key": f"k{number}", "title": title[:-1] + str(number)}
                )
                made.raise_for_status()
        with self.client("bob") as bob, self.client("alice") as alice:
            alice.patch("/api/groups/class", json={"review": "all"}).raise_for_status()
            for channel in (1, room):
                made = bob.post(f"/api/channels/{channel}/posts", json={"body": body}).raise_for_status()
                parent = made.json()["id"]
                if made.json()["state"] == "published":
                    for _ in range(2):
                        answer = {"body": body, "parent": parent}
                        made = alice.post(f"/api/channels/{channel}/posts", json=answer).raise_for_status()
                        self.post = parent = made.json()["id"]
            alice.post(f"/api/channels/{room}/posts", json={"body": f"{body}\n\n@root"}).raise_for_status()

    def path(self, path: str) -> str:
        return path.format(room=self.world.class_channel, post=self.post)

    async def visit(self, page: Page, path: str) -> None:
        """Opens a page and waits until its lists are there."""
        await page.goto(self.server.url + self.path(path))
        await page.wait_for_load_state("networkidle")
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)


@pytest.fixture
def site(server: Server, world: World) -> Site:
    return Site(server, world)


async def person(site: Site, browser: Browser, uid: str, **options: object) -> Page:
    """A page of somebody who is signed in, or of nobody in particular."""
    context = await browser.new_context(**options)  # type: ignore[arg-type]
    if uid:
        fields = {"uid": uid, "password": PASSWORD}
        assert (await context.request.post(f"{site.server.url}/api/session", data=fields)).ok
    return await context.new_page()


async def look(page: Page, name: str) -> None:
    """With SCREENSHOTS=folder there is a picture to look at."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("uid", ["", "root"], ids=["nobody", "an admin"])
async def test_nothing_makes_a_page_scroll_sideways(site: Site, browser: Browser, uid: str) -> None:
    site.fill({"alice": LONG, "bob": "M" * 80, "root": "Jean-Baptiste Dupont"}, TITLE, BODY)
    page = await person(site, browser, uid)
    for path in PAGES:
        await page.set_viewport_size({"width": WIDTHS[0], "height": 800})
        await site.visit(page, path)
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate(TOO_WIDE) == [], f"{path} at {width}"
            assert await page.evaluate(BROKEN_WORDS) == [], f"{path} at {width}"
            await look(page, f"{uid or 'nobody'}-{path.strip('/').replace('/', '-') or 'home'}-{width}")
        await page.evaluate(SHOW_ALL)
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate(TOO_WIDE) == [], f"all of {path} at {width}"


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
async def test_axe_finds_nothing(site: Site, browser: Browser, theme: str, width: int) -> None:
    """On any page; in a discussion also with what opens: menu, reply, the question before a deletion, drawer."""
    site.fill({"alice": "Alice", "bob": "Bob"}, "A title", "Some *text*, `code` and [a link](https://example.org).")
    page = await person(site, browser, "root", color_scheme=theme, viewport={"width": width, "height": 800})
    found = {}
    for path in (
        *PAGES,
        "/account",
        "/account/access",
        "/account/messages",
        "/account/data",
        "/posts/{post}/act",
        "/channels/{room}/write",
    ):
        await site.visit(page, path)
        found[path] = await broken(page)
    await site.visit(page, "/channels/1")
    post = page.locator(".posts .post").last
    await post.locator("[data-do=reply]").click()
    await post.locator("[data-do=more]").click()
    found["what opens in a discussion"] = await broken(page)
    await post.locator(".menu [data-do=remove]").click()
    await expect(page.locator("dialog[open]")).to_be_visible()
    found["a dialog"] = await broken(page)
    if width == 360:
        await site.visit(page, "/channels/1")
        await page.locator("[aria-controls=sidebar]").click()
        found["the drawer"] = await broken(page)
    assert {where: what for where, what in found.items() if what} == {}


async def broken(page: Page) -> list[str]:
    """What axe-core holds against a page."""
    results = await Axe().run(page, options={"resultTypes": ["violations"]})
    assert len(results.response["passes"]) > 15
    return [f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in results.response["violations"]]


async def test_a_form_full_of_long_words_stays_in_its_page(site: Site, browser: Browser) -> None:
    site.fill({"root": LONG}, TITLE, BODY)
    page = await person(site, browser, "root", viewport={"width": 320, "height": 800})
    await site.visit(page, "/channels/1")
    await page.locator("#compose textarea").fill(BODY)
    await page.locator(".post [data-do=reply]").first.click()
    await page.locator(".post .composer textarea").fill(BODY)
    await page.locator(".post [data-do=pick]").first.click()
    assert await page.evaluate(TOO_WIDE) == []
    assert await page.evaluate(BROKEN_WORDS) == []
    await look(page, "forms-320")


@pytest.mark.parametrize("text", [HEBREW, ARABIC], ids=["Hebrew", "Arabic"])
async def test_each_text_has_its_own_direction(site: Site, browser: Browser, text: str) -> None:
    """Rendered by the server, by our scripts, and typed."""
    names = {"alice": text, "bob": text[::-1], "root": text[1:]}  # nobody may have the name of who looks after a group
    site.fill(names, text, f"{text}\n\n- {text}\n\nLatin first, then {text}")
    page = await person(site, browser, "root")
    for path in (*PAGES[:4], "/admin/accounts", "/groups/class/manage"):
        await site.visit(page, path)
        found = await page.evaluate(WITHOUT_DIRECTION)
        assert found["wrong"] == [], path
        assert found["found"] >= 3, path
    await look(page, "group-rtl")
    await site.visit(page, "/channels/1")
    with site.client("alice") as alice:
        alice.post("/api/channels/1/posts", json={"body": f"{text} 2", "parent": site.post}).raise_for_status()
    await expect(page.locator(".post").filter(has_text=f"{text} 2")).to_be_visible()
    await page.locator("#compose textarea").fill(text)
    assert (await page.evaluate(WITHOUT_DIRECTION))["wrong"] == []
    assert await page.locator("#compose textarea").evaluate("field => getComputedStyle(field).direction") == "rtl"
    await look(page, "channel-rtl")
