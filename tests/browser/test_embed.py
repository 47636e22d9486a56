"""The tag in pages of another site: what a reader there finds, and how it behaves towards the page."""

import base64
import hashlib
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, WebSocket, expect

from tests.browser.chromium import chromium
from tests.browser.menu import choose
from tests.browser.test_every_page import broken
from tests.conftest import PASSWORD, World
from tests.server import Server, calling

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

NUMBERS = count(1)  # of pages
TO_READ, TO_TAKE_PART = 14 * 1024, 8 * 1024  # bytes, compressed
NO_COOKIES_OF_OTHERS = "--test-third-party-cookie-phaseout"
STRICT = (
    "default-src 'none'; script-src {0}; connect-src {0} {1}; img-src {0}; style-src 'sha256-{2}'; "
    "require-trusted-types-for 'script'; trusted-types pottle"
)
NO_STORAGE = """
for (const name of ['localStorage', 'sessionStorage'])
  Object.defineProperty(globalThis, name, { get() { throw new DOMException('denied', 'SecurityError'); } });
"""
SHIFTS = """
globalThis.shifted = 0;
const add = ({ hadRecentInput, value }) => { globalThis.shifted += hadRecentInput ? 0 : value; };
new PerformanceObserver((list) => list.getEntries().forEach(add))
  .observe({ type: 'layout-shift', buffered: true });
"""


class Site:
    """Another site: pages that a test writes, and headers that it wants."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.headers: dict[str, str] = {}
        self.origin = ""


@contextmanager
def serving() -> Iterator[Site]:
    site = Site()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            page = site.pages.get(path, "").encode()
            self.send_response(200 if page else 204 if path == "/favicon.ico" else 404)
            for name, value in {"Content-Type": "text/html; charset=utf-8", **site.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        site.origin = f"http://blog.localhost:{server.server_port}"
        try:
            yield site
        finally:
            server.shutdown()


class Reader:
    """Somebody with a browser of their own, on a page of the site."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.context, self.page = context, page
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.sockets: list[WebSocket] = []
        self.loaded: dict[str, int] = {}
        page.on("response", lambda got: self.loaded.update({got.url: int(got.headers.get("content-length", 0))}))
        page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        context.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket: self.sockets.append(socket))

    @property
    def thread(self) -> Locator:
        return self.page.locator("pottle-thread").first

    def article(self, text: str) -> Locator:
        return self.thread.locator(".post").filter(has_text=text)

    async def is_live(self) -> None:
        await expect(self.thread.locator(".status")).to_have_attribute("data-state", "live")

    async def post(self, text: str, form: str = "#compose") -> None:
        await self.thread.locator(f"{form} textarea").fill(text)
        await self.thread.locator(f"{form} [type=submit]").click()

    async def sign_in(self, uid: str, button: Locator | None = None) -> None:
        """In the window of the server, by password."""
        async with self.page.expect_popup() as opening:
            await (button or self.thread.locator("[data-do=sign-in]")).click()
        window = await opening.value
        form = window.locator("[data-part=sign-in] form")
        await form.locator("[name=uid]").fill(uid)
        await form.locator("[name=password]").fill(PASSWORD)
        async with window.expect_event("close"):
            await form.locator("[type=submit]").click()
        await expect(self.thread.locator(".me")).to_have_text(uid.title())


class Stage:
    """The server, the site, one browser, and those who post by the API."""

    def __init__(self, server: Server, site: Site, browser: Browser, world: World, stack: AsyncExitStack) -> None:
        self.server, self.site, self.browser, self.world, self.stack = server, site, browser, world, stack

    async def client(self, uid: str = "") -> httpx.AsyncClient:
        client = await calling(self.stack, self.server, self.world.tokens.get(uid, ""))
        if not uid:
            client.headers["Origin"] = self.site.origin
        return client

    def script(self, group: str = "blog", more: str = "") -> str:
        return f'<script type="module" src="{self.server.url}/embed.js" data-group="{group}" {more}></script>'

    def written(self, body: str = "", head: str = "") -> str:
        """A page of the site of its own. @returns its path"""
        path = f"/page{next(NUMBERS)}/"
        self.site.pages[path] = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title>{head}'
            f"<main><h1>A page</h1>{body or self.script()}</main><footer>The end</footer>"
        )
        return path

    async def reader(self, path: str, *, live: bool = True, **options: Any) -> Reader:
        script = options.pop("script", "")
        context = await self.browser.new_context(**options)
        self.stack.push_async_callback(context.close)
        if script:
            await context.add_init_script(script)
        reader = Reader(context, await context.new_page())
        await reader.page.goto(self.site.origin + path)
        if live:
            await reader.is_live()
        return reader

    async def channel(self, path: str, group: str = "blog") -> int:
        root = await self.client("root")
        made = await root.post(f"/api/groups/{group}/channels", json={"key": path, "title": "A page"})
        return int(made.raise_for_status().json()["id"])

    async def said(self, channel: int, body: str, uid: str = "bob", parent: int | None = None) -> int:
        fields = {"body": body} if parent is None else {"body": body, "parent": parent}
        made = await (await self.client(uid)).post(f"/api/channels/{channel}/posts", json=fields)
        return int(made.raise_for_status().json()["id"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One server and one browser for all; each test has pages of its own."""
    folder = tmp_path_factory.mktemp("embed")
    instance = Path(shutil.copytree(world.folder, folder / "instance"))
    async with AsyncExitStack() as stack:
        site = stack.enter_context(serving())
        server = stack.enter_context(Server(instance, folder))
        browser = await stack.enter_async_context(chromium(NO_COOKIES_OF_OTHERS))
        stage = Stage(server, site, browser, world, stack)
        root = await stage.client("root")
        rules = {"name": "Blog", "origins": [site.origin], "reading": "public", "posting": "guests", "review": "none"}
        (await root.post("/api/groups", json={"slug": "blog", **rules})).raise_for_status()
        member = {"uid": "alice", "role": "moderator"}
        (await root.post("/api/groups/blog/members", json=member)).raise_for_status()
        yield stage


@pytest_asyncio.fixture(loop_scope="module")
async def stage(shared: Stage) -> AsyncIterator[Stage]:
    """The same, whose readers leave with the test."""
    async with AsyncExitStack() as stack:
        yield Stage(shared.server, shared.site, shared.browser, shared.world, stack)
        shared.site.headers = {}


async def test_it_works(stage: Stage) -> None:
    """Under the strictest policy, without cookies of others, without storage, in the middle of hostile styles."""
    style = "* { all: unset !important } p { display: none !important } body { color: rgb(1, 2, 3) }"
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    url = stage.server.url
    stage.site.headers = {"Content-Security-Policy": STRICT.format(url, url.replace("http", "ws"), digest)}
    path = stage.written()
    stage.site.pages[path] += f'<style>{style}</style><b><pottle-count group="blog" key="{path}"></pottle-count></b>'
    reader = await stage.reader(path, script=NO_STORAGE, live=False)
    await expect(reader.thread.locator(".empty")).to_be_visible()
    await reader.thread.locator("[name=guest]").fill("Grace")
    await reader.post("The *first* one")
    await expect(reader.article("The first one")).to_contain_text("Grace")
    await expect(reader.article("The first one").locator("em")).to_have_text("first")
    await reader.is_live()
    await stage.said(await stage.channel(path), "From elsewhere")
    await expect(reader.thread.locator(".post").first).to_contain_text("From elsewhere")
    await expect(reader.thread.locator(".tally")).to_have_text("2 posts")
    await expect(reader.page.locator("pottle-count")).to_have_text("2")
    await reader.article("From elsewhere").get_by_role("button", name="Reply").click()
    await reader.thread.locator(".post [name=guest]").fill("Grace")
    await reader.post("An answer", ".post .composer")
    await expect(reader.article("An answer")).to_be_focused()
    assert reader.complaints == []
    assert {urlsplit(url).netloc for url in reader.asked} == {urlsplit(url).netloc for url in (url, stage.site.origin)}
    assert len(reader.sockets) == 1
    assert await reader.page.evaluate("document.styleSheets.length + document.adoptedStyleSheets.length") == 1


async def test_what_it_loads(stage: Stage) -> None:
    """JavaScript and styles as they come over the line."""
    path = stage.written(f'<pottle-thread group="blog" loading="eager"></pottle-thread>{stage.script("", "")}')
    await stage.said(await stage.channel(path), "There")

    def weigh(reader: Reader) -> int:
        return sum(size for url, size in reader.loaded.items() if url.endswith((".js", ".css")))

    reader = await stage.reader(path)
    await stage.said(await stage.channel(path), "Live")
    await expect(reader.article("Live")).to_be_visible()
    to_read = weigh(reader)
    assert 5_000 < to_read <= TO_READ, reader.loaded
    await reader.thread.locator("[name=guest]").fill("Grace")
    await reader.post("Hello")
    await expect(reader.article("Hello")).to_be_visible()
    assert to_read < weigh(reader) <= to_read + TO_TAKE_PART, reader.loaded


async def test_a_guest_does_proof_of_work_and_people_report(stage: Stage) -> None:
    """By a worker that imports ours, and by slices where the page's policy allows no worker."""
    root, path, url = await stage.client("root"), stage.written(), stage.server.url
    (await root.patch("/api/groups/blog/rules", json={"proof": True})).raise_for_status()
    for policy, body in (("", "By a worker"), (STRICT.format(url, url.replace("http", "ws"), ""), "By slices")):
        stage.site.headers = {"Content-Security-Policy": policy} if policy else {}
        reader = await stage.reader(path)
        workers: list[str] = []
        reader.page.on("worker", lambda worker, workers=workers: workers.append(worker.url))
        await reader.thread.locator("[name=guest]").fill("Grace")
        await reader.post(body)
        await expect(reader.article(body)).to_contain_text("Grace")
        assert bool(workers) is (not policy)
    (await root.patch("/api/groups/blog/rules", json={"proof": False})).raise_for_status()
    stage.site.headers = {}
    alice = await stage.reader(path)
    await alice.sign_in("alice")
    await choose(alice.article("By a worker"), "Report")
    form = alice.article("By a worker").locator(".menu .report")
    await form.locator("[name=reason]").select_option("rude")
    await form.locator("[name=note]").fill("Not nice")
    await form.locator("[name=note]").press("Enter")
    await expect(form).to_contain_text("A moderator will look at it.")
    (seen,) = (await root.get("/api/queue?state=reported")).json()["posts"]
    assert (seen["reports"][0]["by"], seen["reports"][0]["note"]) == ("alice", "Not nice")


async def test_signing_in_and_all_that_one_may_do(stage: Stage) -> None:
    path = stage.written()
    channel = await stage.channel(path)
    await stage.said(channel, "Bob's")
    alice, other = await stage.reader(path), await stage.reader(path)
    await alice.sign_in("alice")
    await alice.post("Mine")
    await expect(other.article("Mine").locator(".rank")).to_have_text("moderator")
    mine = alice.article("Mine")
    await choose(mine, "Edit")
    await alice.post("Mine, better", ".post .composer")
    await expect(other.article("Mine, better")).to_be_visible()
    theirs = alice.article("Bob's")
    await theirs.get_by_role("button", name="React").click()
    await theirs.locator("[data-kind=heart]").click()
    await expect(other.article("Bob's").locator("[data-kind=heart] .count")).to_have_text("1")
    await choose(theirs, "Endorse")
    await expect(other.article("Bob's").locator(".is-endorsed")).to_have_text("Endorsed")
    alice.page.on("dialog", lambda dialog: dialog.accept())
    await choose(theirs, "Delete")
    await expect(other.article("Bob's")).to_have_count(0)
    await alice.thread.locator("[data-do=lock]").click()
    await expect(other.thread.locator(".notice.locked")).to_be_visible()
    await alice.page.reload()
    await alice.is_live()
    await expect(alice.thread.locator(".me")).to_have_text("Alice")  # the site's own storage knows the token
    await alice.thread.get_by_role("button", name="Sign out").click()
    await expect(alice.thread.locator("[data-do=sign-in]")).to_be_hidden()  # it is locked
    await expect(alice.thread.locator(".signed-in")).to_be_hidden()
    assert alice.complaints == other.complaints == []


async def test_the_bell_tells_what_is_new(stage: Stage) -> None:
    """In the thread, for whoever is signed in there; each item leads to its page."""
    path, other = stage.written(), stage.written()
    there = f"{stage.site.origin}{other}"
    root = await stage.client("root")
    about = {"key": other, "title": "The other page", "url": there}
    channel = (await root.post("/api/groups/blog/channels", json=about)).json()["id"]
    mine = await stage.said(channel, "A question?", "charlie")
    reader = await stage.reader(path)
    bell, news = reader.thread.locator(".bell"), reader.thread.locator(".news")
    await expect(bell).to_be_hidden()
    await reader.sign_in("charlie")
    await expect(bell).to_be_visible()
    answer = await stage.said(channel, "An answer", parent=mine)
    await expect(bell.locator("b")).to_have_text("1")
    await bell.click()
    await expect(news).to_contain_text("replied to you")
    await expect(news.get_by_role("link", name="replied to you")).to_have_attribute("href", f"{there}#pottle-{answer}")
    await news.get_by_role("button", name="Mark all as read").click()
    await expect(bell.locator("b")).to_be_empty()
    await reader.page.keyboard.press("Escape")
    await expect(news).to_be_hidden()
    assert reader.complaints == []


async def test_what_waits_is_approved_in_place(stage: Stage) -> None:
    root = await stage.client("root")
    rules = {"slug": "careful", "name": "Careful", "origins": [stage.site.origin]}
    await root.post("/api/groups", json={**rules, "reading": "public", "posting": "users", "review": "all"})
    await root.post("/api/groups/careful/members", json={"uid": "alice", "role": "moderator"})
    path = stage.written(stage.script("careful"))
    await stage.channel(path, "careful")
    bob, alice, other = [await stage.reader(path) for _ in range(3)]
    await bob.sign_in("bob")
    await alice.sign_in("alice")
    await bob.post("Wait for it")
    await expect(bob.article("Wait for it").locator(".waiting").first).to_have_text("Waiting for review")
    waiting = alice.article("Wait for it")
    await expect(waiting).to_be_visible()
    await expect(other.article("Wait for it")).to_have_count(0)
    await choose(waiting, "Approve")
    await expect(other.article("Wait for it")).to_be_visible()
    await expect(waiting.locator(".waiting")).to_have_count(0)
    assert bob.complaints == alice.complaints == []


async def test_a_page_may_take_it_out_and_put_it_back(stage: Stage) -> None:
    """As Turbo does, and View Transitions: nothing is missed meanwhile, and what is typed stays."""
    path = stage.written()
    channel = await stage.channel(path)
    reader = await stage.reader(path)
    await reader.thread.locator("#compose textarea").fill("Half a thou")
    async with reader.sockets[0].expect_event("framesent", lambda frame: '"unsubscribe"' in str(frame)):
        await reader.page.evaluate("globalThis.kept = document.querySelector('pottle-thread'); kept.remove()")
    await stage.said(channel, "Meanwhile")
    await reader.page.evaluate("document.body.append(kept)")
    await expect(reader.article("Meanwhile")).to_be_visible()
    await expect(reader.thread.locator("#compose textarea")).to_have_value("Half a thou")
    await reader.page.evaluate(f"document.body.innerHTML = `{stage.written()} <div></div>`")
    another = stage.written()
    await stage.said(await stage.channel(another), "Another page")
    await reader.page.evaluate(
        """([path, src]) => {
          history.pushState({}, '', path);
          const script = Object.assign(document.createElement('script'), { type: 'module', src });
          script.dataset.group = 'blog';
          document.querySelector('div').append(script);
        }""",
        [another, f"{stage.server.url}/embed.js"],
    )
    await expect(reader.article("Another page")).to_be_visible()
    await reader.thread.evaluate("(thread, key) => thread.setAttribute('key', key)", path)
    await expect(reader.article("Meanwhile")).to_be_visible()
    await expect(reader.article("Another page")).to_have_count(0)
    assert len(reader.sockets) == 2  # the first was closed, for nobody needed it
    assert reader.complaints == []


async def test_two_threads_have_one_connection_and_counts_one_request(stage: Stage) -> None:
    paths = [stage.written() for _ in range(120)]
    for path in paths[:2]:
        await stage.said(await stage.channel(path), f"On {path}")
    threads = "".join(
        f'<pottle-thread group="blog" data-key="{path}" loading="eager"></pottle-thread>' for path in paths[:2]
    )
    counts = "".join(f'<a href="{path}"><pottle-count group="blog"></pottle-count></a>' for path in paths)
    reader = await stage.reader(stage.written(threads + counts + stage.script("")))
    for number in (0, 1):
        await expect(reader.page.locator("pottle-thread").nth(number).locator(".post")).to_contain_text(paths[number])
    await expect(reader.page.locator("pottle-count").nth(119)).to_have_text("0")
    await expect(reader.page.locator("pottle-count").first).to_have_text("1")
    await stage.said(await stage.channel(paths[119]), "At last")
    await expect(reader.page.locator("pottle-count").nth(119)).to_have_text("1")
    assert len(reader.sockets) == 1
    assert len({url for url in reader.asked if "/api/counts" in url}) == 2  # of 100 and 20 keys


async def test_nothing_moves_while_it_comes(stage: Stage) -> None:
    """Where it is in view at once, the page keeps its place; else it does so itself."""
    kept = "<style>pottle-thread { display: block; min-height: 100svh }</style>"
    there = f'<pottle-thread group="blog"></pottle-thread>{stage.script("")}'
    for filler, body in ((0, kept + there), (3000, stage.script())):
        path = stage.written(f'<div style="height: {filler}px"></div>{body}')
        channel = await stage.channel(path)
        for number in range(12):
            await stage.said(channel, f"number {number}")
        reader = await stage.reader(path, live=not filler, script=SHIFTS)
        if filler:
            assert not any("/thread" in url for url in reader.asked)
            await reader.page.mouse.wheel(0, 2200)
            await reader.is_live()
            await reader.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        await expect(reader.article("number 3")).to_be_visible()
        assert await reader.page.evaluate("shifted") == 0


async def test_a_short_thread_keeps_no_room_once_somebody_uses_it(stage: Stage) -> None:
    path = stage.written(stage.script())
    reader = await stage.reader(path, script=SHIFTS)
    end = reader.page.get_by_text("The end")
    await expect(end).not_to_be_in_viewport()
    await reader.page.evaluate("shifted = 0")
    await reader.page.get_by_role("textbox", name="Say something").click()
    await expect(end).to_be_in_viewport()
    assert await reader.page.evaluate("shifted") == 0


async def test_the_server_is_away_and_comes_back(stage: Stage, tmp_path: Path) -> None:
    """A quiet line, and nothing typed is lost."""
    instance = Path(shutil.copytree(stage.world.folder, tmp_path / "instance"))
    with Server(instance, tmp_path) as server:
        page = f'<script type="module" src="{server.url}/embed.js" data-group="home" data-key="lobby"></script>'
        path = stage.written(page)
        reader = await stage.reader(path, live=False)
        await reader.is_live()
        await reader.context.route(f"{server.url}/groups/**", lambda route: route.abort())
        away = await reader.context.new_page()
        await away.goto(stage.site.origin + path)
        trouble = away.locator("pottle-thread .trouble")
        await expect(trouble).to_contain_text("cannot be reached just now")
        await reader.context.unroute(f"{server.url}/groups/**")
        await trouble.get_by_role("button", name="Try again").click()
        await expect(away.locator("pottle-thread .status")).to_have_attribute("data-state", "live")
        server.kill()
        await expect(reader.thread.locator(".status")).to_have_attribute("data-state", "reconnecting")
        server.start()
        await reader.is_live()


async def test_a_site_that_is_not_listed_says_so(stage: Stage) -> None:
    root = await stage.client("root")
    rules = {"slug": "elsewhere", "name": "Elsewhere", "origins": ["https://other.example"]}
    await root.post("/api/groups", json={**rules, "reading": "public", "posting": "users", "review": "none"})
    path = stage.written(stage.script("elsewhere"))
    await stage.said(await stage.channel(path, "elsewhere"), "Readable")
    reader = await stage.reader(path)
    await expect(reader.article("Readable")).to_be_visible()
    await expect(reader.thread.locator(".unlisted")).to_contain_text(stage.site.origin)
    await expect(reader.thread.locator(".talk")).to_be_hidden()
    (complaint,) = reader.complaints
    assert f"{stage.server.url}/groups/elsewhere" in complaint


async def test_its_colours_are_the_pages(stage: Stage) -> None:
    """Whatever theme the page has, by whatever switch: it is read off its own text."""
    path = stage.written(head="<style>body { color: #111 } .dark { background: #111; color: #eee }</style>")
    await stage.said(await stage.channel(path), "Seen")
    reader = await stage.reader(path)
    colour = "(element) => getComputedStyle(element).color"
    body = reader.article("Seen").locator(".body p")
    assert await body.evaluate(colour) == "rgb(17, 17, 17)"
    await reader.page.evaluate("document.body.className = 'dark'")
    assert await body.evaluate(colour) == "rgb(238, 238, 238)"
    await reader.thread.evaluate("(thread) => thread.setAttribute('theme', 'light')")
    assert await body.evaluate(colour) == "rgb(29, 27, 32)"
    await reader.thread.evaluate("(thread) => thread.style.setProperty('--pottle-text', 'rgb(9, 9, 9)')")
    assert await body.evaluate(colour) == "rgb(9, 9, 9)"


async def test_its_pages_orders_and_permalinks(stage: Stage) -> None:
    """By conversation, whichever comes first; a link to a post leads to it wherever it is, and nothing is an orphan."""
    path = stage.written(stage.script() + "<p style='height: 2000px'>")
    channel = await stage.channel(path)
    first = await stage.said(channel, "The first of all")
    replies = [await stage.said(channel, f"reply {number}.", parent=first) for number in range(25)]
    for number in range(40):
        await stage.said(channel, f"number {number}.")
    reader = await stage.reader(path)
    posts = reader.thread.locator(".post")
    await expect(posts.first).to_contain_text("number 39.")
    for shown in (20, 40):
        await expect(posts).to_have_count(shown)
        await reader.thread.get_by_role("link", name="Older posts").click()
    await expect(posts).to_have_count(61)  # 20 of the replies
    await expect(reader.thread.get_by_role("link", name="Older posts")).to_be_hidden()
    await reader.thread.get_by_role("button", name="Oldest").click()
    await expect(posts.first).to_contain_text("The first of all")
    await expect(reader.article("reply 24.")).to_be_visible()
    await expect(reader.article("reply 0.")).to_have_count(0)
    await reader.thread.get_by_role("link", name="5 earlier replies").click()
    await expect(reader.article("reply 0.")).to_be_focused()
    await expect(reader.thread.locator(".replies .post").nth(24)).to_contain_text("reply 24.")
    await expect(reader.thread.locator(".more")).to_have_count(0)
    await stage.said(channel, "Late", parent=replies[3])
    await expect(reader.thread.locator(".replies .post").nth(25)).to_contain_text("Late")

    linked = await stage.reader(f"{path}#pottle-{replies[2]}")
    named = linked.article("reply 2.")
    await expect(named).to_be_in_viewport()
    await expect(named).to_be_focused()
    await linked.thread.get_by_role("link", name="All posts").click()
    await expect(linked.thread.locator(".post").first).to_contain_text("number 39.")
    await linked.page.evaluate("(id) => { location.hash = `pottle-${id}`; }", first)
    await expect(linked.article("The first of all")).to_be_focused()
    await linked.article("The first of all").locator(".when").click()
    assert linked.page.url == f"{stage.site.origin}{path}#pottle-{first}"
    assert reader.complaints == linked.complaints == []


async def test_what_is_typed_outlives_a_refusal_and_the_page(stage: Stage) -> None:
    path = stage.written()
    reader = await stage.reader(path)
    await reader.context.route("**/api/**", lambda route: route.abort())
    await reader.thread.locator("[name=guest]").fill("Grace")
    await reader.post("Do not lose me")
    await expect(reader.thread.locator(".form-error")).to_contain_text("cannot be reached")
    await reader.page.reload()
    await reader.is_live()
    await reader.thread.locator("#compose textarea").focus()
    await expect(reader.thread.locator("#compose textarea")).to_have_value("Do not lose me")
    await reader.context.unroute("**/api/**")
    await reader.thread.locator("[name=guest]").fill("Grace")
    await reader.page.keyboard.press("Control+Enter")
    await expect(reader.article("Do not lose me")).to_be_visible()
    await expect(reader.thread.locator("#compose textarea")).to_have_value("")  # the answer came, too
    await reader.page.reload()
    await reader.is_live()
    await reader.thread.locator("#compose textarea").focus()
    await expect(reader.thread.locator("#compose textarea")).to_have_value("")


async def test_the_newest_of_all_pages(stage: Stage) -> None:
    path = stage.written()
    for body in ("One", "Two", "Somewhere"):
        await stage.said(await stage.channel(path), body)
    reader = await stage.reader(
        stage.written('<pottle-recent group="blog" limit="3"></pottle-recent>' + stage.script("")), live=False
    )
    items = reader.page.locator("pottle-recent .recent > li")
    await expect(items).to_have_count(3)
    await expect(items.first).to_contain_text("Somewhere")
    await stage.said(await stage.channel(path), "And <more>")
    await expect(items.first).to_contain_text("And")
    await expect(items).to_have_count(3)
    assert reader.complaints == []


async def test_searching_a_group(stage: Stage) -> None:
    """Over all its pages; each result leads to its post, on its page, in the page's language."""
    path = stage.written()
    url = stage.site.origin + path
    root = await stage.client("root")
    made = await root.post("/api/groups/blog/channels", json={"key": path, "title": "A page", "url": url})
    post = await stage.said(int(made.raise_for_status().json()["id"]), "Xylem and <phloem>")
    there = stage.written(f'<pottle-search lang="de" group="blog"></pottle-search>{stage.script("", "")}')
    reader = await stage.reader(there, live=False)
    field = reader.page.get_by_role("combobox", name="Diskussionen durchsuchen")
    await field.fill("xyl")
    await expect(reader.page.get_by_role("option")).to_contain_text("Xylem and <phloem>")
    assert await reader.page.get_by_role("option").get_attribute("href") == f"{url}#pottle-{post}"
    assert await broken(reader.page) == []
    await field.press("Enter")
    await reader.page.wait_for_url(f"{url}#pottle-{post}")
    await expect(reader.article("Xylem")).to_contain_class("named")
    assert reader.complaints == []


async def test_what_is_for_members_is_there_when_one_of_them_signs_in(stage: Stage) -> None:
    root = await stage.client("root")
    rules = {"slug": "club", "name": "Club", "origins": [stage.site.origin]}
    await root.post("/api/groups", json={**rules, "reading": "members", "posting": "members", "review": "none"})
    await root.post("/api/groups/club/members", json={"uid": "bob", "role": "member"})
    path = stage.written(stage.script("club"))
    await stage.said(await stage.channel(path, "club"), "Among us", "root")
    bob = await stage.reader(path, live=False)
    trouble = bob.thread.locator(".trouble")
    await expect(trouble).to_contain_text("for members only")
    await bob.sign_in("bob", trouble.get_by_role("button", name="Sign in"))
    await expect(bob.article("Among us")).to_be_visible()
    await bob.post("Me too")
    await expect(bob.article("Me too")).to_be_visible()
    await bob.thread.get_by_role("button", name="Sign out").click()
    await expect(trouble).to_be_visible()
    await expect(bob.article("Among us")).to_have_count(0)


async def test_the_site_signs_its_own_people_in(stage: Stage) -> None:
    """By its word, a JWT, in an attribute or by the one global; the page is not loaded again for it."""
    alice = await stage.client("alice")
    made = await alice.post("/api/groups/blog/secrets")
    secret = made.raise_for_status().json()["secret"]
    now = int(time.time())

    def word(sub: str) -> str:
        return jwt.encode({"sub": sub, "name": sub.title(), "iat": now, "exp": now + 300}, secret, "HS256")

    path = stage.written(f'<pottle-thread group="blog" sso="{word("carol")}"></pottle-thread>{stage.script("")}')
    carol = await stage.reader(path)
    await expect(carol.thread.locator(".me")).to_have_text("Carol")
    await carol.post("As Carol")
    await expect(carol.article("As Carol").locator(".author")).to_have_text("Carol")
    async with carol.page.expect_response("**/sso") as used:
        await carol.page.reload()
    assert (await used.value).status == 401  # the word was used already: the token counts
    await carol.post("Still Carol")
    await expect(carol.article("Still Carol").locator(".author")).to_have_text("Carol")
    await expect(carol.thread.locator(".me")).to_have_text("Carol")
    dave = await stage.reader(stage.written())
    await dave.page.evaluate("(word) => pottle.signIn(word)", word("dave"))
    await expect(dave.thread.locator(".me")).to_have_text("Dave")
    await dave.page.evaluate("pottle.signOut()")
    await expect(dave.thread.locator(".signed-in")).to_be_hidden()
    # What was being asked for Dave meanwhile is a 401, which Chromium tells.
    assert [one for one in dave.complaints if "401" not in one] == []
