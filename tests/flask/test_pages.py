"""Pages as the class sites have them, one for each that the contract names, on another site than Pottle, in Chromium.

Pottle is behind nginx as deployed, at https://localhost; the pages are at http://127.0.0.1, which is another site to a
browser. All that they know of Pottle is `pythonURI`.
"""

import re
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from tests.browser.chromium import chromium
from tests.conftest import PASSWORD, World, needs
from tests.deploy.proxies import Nginx
from tests.server import ROOT, Server, attempts

pytestmark = pytest.mark.slow

PAGES = Path(__file__).with_name("site")
GUIDE = (ROOT / "docs" / "flask-front-ends.md").read_text()
(WITH_A_TOKEN,) = re.findall(r"^```html\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
# What a browser says of a refusal, and of a page that was left before its socket was open.
LET_BE = ("Failed to load resource", "WebSocket is closed before the connection is established")
ATTACK = '<img src=x onerror="window.hacked=1"><b>bold</b>'


def as_sent(text: str) -> str:
    """A text as `/flask` sends it: with quotes that end no attribute."""
    return text.replace('"', "\u201d")


class Site:
    """The pages on an origin of their own."""

    def __init__(self) -> None:
        self.back_end = ""  # Pottle behind its proxy
        self.direct = ""  # and without
        site = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/config.js":
                    self._answer("text/javascript", f'const pythonURI = "{site.back_end}/flask";')
                elif self.path == "/token.html":
                    self._answer("text/html", WITH_A_TOKEN.replace("https://pottle.example", site.back_end))
                else:
                    super().do_GET()

            def _answer(self, kind: str, text: str) -> None:
                body = text.encode()
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=PAGES))
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple[Site, Site]]:
    """Pages of a listed origin, and the same of another."""
    both = Site(), Site()
    yield both
    for site in both:
        site.close()


@pytest.fixture(scope="module")
def site(sites: tuple[Site, Site], world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The listed one, with Pottle running."""
    needs("nginx", "openssl")
    folder = tmp_path_factory.mktemp("pages")
    instance = shutil.copytree(world.folder, folder / "instance")
    proxied = {"POTTLE_TRUSTED_PROXIES": "127.0.0.1", "POTTLE_FLASK_ORIGINS": sites[0].origin}
    with Server(instance, folder, **proxied) as server, Nginx(folder / "nginx", server.port) as proxy:
        for one in sites:
            one.back_end, one.direct = proxy.url, server.url
        yield sites[0]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """One that blocks cookies of other sites, but not those that are kept for the site of their page (CHIPS).

    All tests that sign in were seen to fail without `Partitioned`, and with SameSite=Lax.
    """
    async with chromium("--test-third-party-cookie-phaseout") as running:
        yield running


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """Somebody's browser. Nothing may go wrong in its pages but what a test provokes."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not any(words in message.text for words in LET_BE):
            complaints.append(message.text)

    made = await browser.new_context(ignore_https_errors=True)
    made.on("console", hear)
    made.on("weberror", lambda error: complaints.append(str(error.error)))
    yield made
    assert complaints == []


async def signed_in(page: Page, site: Site, uid: str = "bob", password: str = PASSWORD) -> None:
    await page.goto(f"{site.origin}/login.html")
    await page.fill("#uid", uid)
    await page.fill("#password", password)
    await page.click("#login button")
    await page.wait_for_url("**/profile.html")
    await expect(page.locator("body[data-shown=yes]")).to_be_visible()


async def test_accounts(context: BrowserContext, site: Site, tmp_path: Path) -> None:
    """Signing up on either page, in, the profile with a name and a picture, and out."""
    page = await context.new_page()
    await page.goto(f"{site.origin}/signup.html")
    for uid, said in (
        ("b b", "Sign up failed: The user name"),
        ("ann", "Account created"),
        ("ann", "Sign up failed: The user name ann"),
    ):
        for field, value in (("uid", uid), ("name", ATTACK), ("password", PASSWORD)):
            await page.fill(f"#{field}", value)
        await page.click("button")
        await expect(page.locator("#message")).to_contain_text(said)
    await page.goto(f"{site.origin}/login.html")
    for field, value in (("name", "Ben"), ("newUid", "ben"), ("email", "ben@x.test"), ("newPassword", PASSWORD)):
        await page.fill(f"#{field}", value)
    await page.click("#signup button")
    await expect(page.locator("#message")).to_have_text("Signup successful!")
    await page.fill("#uid", "ben")
    await page.fill("#password", "wrong")
    await page.click("#login button")
    await expect(page.locator("#message")).to_have_text("Login error: 401")

    await signed_in(page, site, "ann")
    await expect(page.locator("#who")).to_have_text(as_sent(ATTACK))
    await expect(page.locator("#corner")).to_have_text(as_sent(ATTACK))
    await page.fill("#name", "Ann & Co")
    await page.dispatch_event("#name", "change")
    await expect(page.locator("#who")).to_have_text("Ann & Co")
    Image.new("RGB", (99, 99), "red").save(picture := tmp_path / "red.jpg")
    await page.set_input_files("#file", picture)
    await page.wait_for_function("document.getElementById('picture').naturalWidth === 256")
    await page.fill("#password", "another horse")
    async with page.expect_response(lambda answer: "password" in (answer.request.post_data or "")) as changed:
        await page.dispatch_event("#password", "change")
    assert (await changed.value).status == 200
    assert await page.evaluate("window.hacked") is None
    (cookie,) = await context.cookies()
    assert (cookie["name"], cookie["path"], cookie["domain"]) == ("jwt_python_flask", "/flask", "localhost")
    assert cookie["httpOnly"]
    assert cookie["secure"]
    assert cookie["sameSite"] == "None"

    await page.goto(f"{site.origin}/logout.html")
    await page.wait_for_url("**/login.html")
    assert await context.cookies() == []
    await page.goto(f"{site.origin}/logout.html")
    await expect(page.locator("#message")).to_have_text("Logout error: 401")
    await page.goto(f"{site.origin}/profile.html")
    await page.wait_for_url("**/login.html")
    await signed_in(page, site, "ann", "another horse")


async def test_discussions(context: BrowserContext, browser: Browser, site: Site, world: World) -> None:
    """A post of such a page is live for a page of ours and for one that polls; theirs show as text what was typed."""
    watching = await (await browser.new_context(ignore_https_errors=True)).new_page()
    await watching.goto(f"{site.back_end}/channels/1")
    page, polling = await context.new_page(), await context.new_page()
    await signed_in(page, site)
    await polling.goto(f"{site.origin}/polling.html")
    await page.goto(f"{site.origin}/post.html")
    await page.select_option("#group", "Home")
    await page.locator("#channel option").nth(1).wait_for(state="attached")
    await page.select_option("#channel", "1")
    for title, comment in (("A title", "A comment"), (ATTACK, ATTACK)):
        await page.fill("#title", title)
        await page.fill("#comment", comment)
        await page.click("button")
        await expect(page.locator("#posts p").last).to_have_text(as_sent(comment))
        await expect(page.locator("#posts h3").last).to_have_text(as_sent(title))
        await expect(page.locator("#posts b").last).to_have_text("Bob")
        await expect(polling.locator("li").last).to_have_text(f"Bob: {as_sent(comment)}")
        await expect(watching.get_by_text(comment).last).to_be_visible()
    for seen in (page, polling, watching):
        assert await seen.evaluate("window.hacked") is None

    token = {"Authorization": f"Bearer {world.tokens['alice']}"}
    async with httpx.AsyncClient(base_url=site.direct, headers=token) as alice:
        made = await alice.post("/api/channels/1/posts", json={"body": "From our own page"})
        assert made.status_code == 201
        await expect(polling.locator("li").last).to_have_text("Alice: From our own page")
        await expect(watching.get_by_text("From our own page")).to_be_visible()
        before = await hits(alice)
        polls = int(await polling.locator("#polls").inner_text())
        async for _ in attempts():
            if await hits(alice) - before >= 8:
                break
        assert int(await polling.locator("#polls").inner_text()) - polls < 40, "most polls come from memory"

    await polling.close()
    await page.goto(f"{site.origin}/debate.html")
    votes = page.locator("article").first
    for button, shown in (("upvote", "1 : 0"), ("upvote", "1 : 0"), ("downvote", "0 : 1")):
        await votes.locator(f".{button}").dispatch_event("click")
        await expect(votes.locator("b")).to_have_text(shown)


async def hits(http: httpx.AsyncClient) -> float:
    """How many requests were answered from memory, by any worker; the numbers are a second old at most."""
    numbers = (await http.get("/metrics")).text
    (found,) = re.findall(r"^pottle_cache_hits_total (\S+)$", numbers, re.MULTILINE)
    return float(found)


async def test_recipes_and_sections(context: BrowserContext, site: Site, world: World) -> None:
    page = await context.new_page()
    await signed_in(page, site, "charlie")
    await page.goto(f"{site.origin}/history.html")
    await expect(page.locator("#places")).to_have_text("groups 1 Homechannels 1 Lobby")
    await page.fill("#ingredients", ATTACK)
    await page.click("button")
    await expect(page.locator("#count")).to_have_text("Count 1")
    await expect(page.locator("#mine")).to_have_text(f"Soup: {as_sent(ATTACK)} 4+5")
    assert await page.evaluate("window.hacked") is None

    await page.goto(f"{site.origin}/sections.html")
    await expect(page.locator("#mine")).to_have_text("none")
    await page.click("#join")
    await expect(page.locator("#message")).to_contain_text("send the code")
    token = {"Authorization": f"Bearer {world.tokens['alice']}"}
    async with httpx.AsyncClient(base_url=site.direct, headers=token) as alice:
        made = await alice.post("/api/groups/class/invitations", json={})
    await page.fill("#code", made.json()["code"])
    await page.click("#join")
    await expect(page.locator("#mine")).to_have_text(re.compile("class 20"))


async def test_a_lesson_with_its_thread_embedded(context: BrowserContext, site: Site, world: World) -> None:
    """The panel of microblogs, the feedback and the embedded thread of a page are one discussion, live in each."""
    admin = {"Authorization": f"Bearer {world.tokens['root']}"}
    async with httpx.AsyncClient(base_url=site.direct, headers=admin) as root:
        listed = await root.patch("/api/groups/home", json={"origins": [site.origin]})
        assert listed.status_code == 200
    page = await context.new_page()
    await signed_in(page, site)
    await page.goto(f"{site.origin}/lessons/search/")
    await expect(page.locator("#roles li")).to_have_text("User")
    embedded, rows = page.locator("pottle-thread"), page.locator("#panel tr")
    for text in ("What is *log n*?", ATTACK):
        await page.fill("#content", text)
        await page.click("#form button")
        await expect(rows.first.locator(".content")).to_have_text(as_sent(text))
    await expect(embedded.get_by_text("log n", exact=True)).to_be_visible()
    await expect(embedded.get_by_text(ATTACK)).to_be_visible()
    first = rows.last
    for text, act in (("The number of halvings.", "reply"), ("", "like")):
        await page.fill("#content", text)
        await first.locator(f".{act}").dispatch_event("click")
    await expect(first.locator(".answer")).to_have_text("Bob: The number of halvings.")
    await expect(first.locator(".like")).to_have_text("👍 1")
    await expect(embedded.get_by_text("The number of halvings.")).to_be_visible()
    await first.locator(".edit").dispatch_event("click")
    await expect(page.locator("#content")).to_have_value("What is *log n*?")
    await page.fill("#content", "What is log(n)?")
    await page.click("#form button")
    await expect(embedded.get_by_text("What is log(n)?")).to_be_visible()
    await rows.first.locator(".delete").dispatch_event("click")
    await expect(embedded.get_by_text(ATTACK)).to_be_hidden()
    await expect(rows).to_have_count(1)
    await page.fill("#content", "x" * 281)
    await page.click("#form button")
    await expect(page.locator("#message")).to_have_text("Content must be 280 characters or less")

    await page.fill("#text", "I got it")
    await page.fill("#grade", "A (93-96%)")
    await page.click("#feedback button")
    await expect(page.locator("#feed li").first).to_have_text("Bob (A (93-96%)) on Lessons Search: I got it [0]")
    await expect(embedded.get_by_text("I got it")).to_be_visible()
    token = {"Authorization": f"Bearer {world.tokens['alice']}"}
    async with httpx.AsyncClient(base_url=site.direct, headers=token) as alice:
        (channel,) = (await alice.get("/api/groups/home/channels?key=/lessons/search")).json()["channels"]
        posts = f"/api/channels/{channel['id']}/posts"
        mine = (await alice.get(posts)).json()["posts"][0]
        assert (await alice.post(posts, json={"body": "Well done!", "parent": mine["id"]})).status_code == 201
    await expect(rows.first.locator(".answer")).to_have_text("Alice: Well done!")
    await expect(embedded.get_by_text("Well done!")).to_be_visible()
    assert await page.evaluate("window.hacked") is None


async def test_a_page_that_is_not_listed_gets_nothing(browser: Browser, site: Site, sites: tuple[Site, Site]) -> None:
    """Though its visitor is signed in, and the browser sends the cookie: to it, both pages are of one site."""
    context = await browser.new_context(ignore_https_errors=True)
    page = await context.new_page()
    await signed_in(page, site)
    ask = """async ([path, method]) => {
        const { call } = await import("./api.js");
        try { return (await call(path, method)).status } catch (error) { return error.name }
    }"""
    await page.goto(f"{sites[1].origin}/signup.html")
    for path, method in (("/api/id", "GET"), ("/api/posts", "GET"), ("/api/authenticate", "DELETE")):
        assert await page.evaluate(ask, [path, method]) == "TypeError"
    simple = "fetch(pythonURI + '/api/authenticate', {method: 'POST', credentials: 'include', mode: 'no-cors'})"
    assert await page.evaluate(f"{simple}.catch((error) => error.name)") == "TypeError"
    await page.goto(f"{site.origin}/signup.html")
    assert await page.evaluate(ask, ["/api/id", "GET"]) == 200


async def test_without_a_cookie_as_the_guide_says(
    context: BrowserContext, site: Site, sites: tuple[Site, Site]
) -> None:
    """On an origin that is not listed: signing in, posting, and seeing it live."""
    page = await context.new_page()
    await page.goto(f"{sites[1].origin}/token.html")
    await page.fill("[name=uid]", "bob")
    await page.fill("[name=password]", PASSWORD)
    async with page.expect_response("**/api/session"):
        await page.click("#login button")
    await page.fill("[name=body]", ATTACK)
    await page.click("#post button")
    await expect(page.locator("#posts li").filter(has_text=ATTACK).first).to_be_visible()
    assert await page.evaluate("window.hacked") is None
    assert await context.cookies() == []
