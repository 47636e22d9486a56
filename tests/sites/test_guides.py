"""The sites of examples/embed: each built by its own generator and opened in Chromium, where its threads are live.

`scripts/sites` installs those generators that do not come with the system.
"""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, expect

import main
from model.settings import Settings
from tests.browser.chromium import chromium
from tests.conftest import World, cannot_run, needs
from tests.deploy.proxies import Nginx
from tests.pages import blocks, page
from tests.server import ROOT, Server, calling, clean_environment
from tests.test_examples import elsewhere

EXAMPLES = ROOT / "examples" / "embed"
TOOLS = ROOT / ".venv-sites"
HERE, SITE = "https://your-pottle.example", "https://docs.example"
SECONDS = 120  # that a site may take to be built


@dataclass(frozen=True)
class Guide:
    """How a site is built, where its pages are then, and which of them has which thread."""

    threads: dict[str, str]  # page: key
    build: str = "true"
    out: str = "."
    counts: bool = True  # whether the first page has the counts
    silent: str = ""  # a page whose front matter wants no thread


GUIDES = {
    "plain": Guide({"moths.html": "/moths.html", "tides.html": "/tides.html"}),
    "jekyll": Guide({"2026/moths/": "/2026/moths"}, "jekyll build --quiet", "_site", silent="2026/silence/index.html"),
    "hugo": Guide({"posts/moths/": "/posts/moths"}, "hugo --quiet", "public", silent="posts/silence/index.html"),
    "mkdocs": Guide({"moths/": "/moths"}, "mkdocs build --strict --quiet", "site", silent="silence/index.html"),
    "docusaurus": Guide({"moths/": "/moths"}, "docusaurus build", "build", silent="index.html"),
    "react": Guide({"": "/moths"}, "npm run build --silent"),
    "wordpress": Guide({"post.html": "post-12", "page.html": "/page.html"}, "php wordpress.php .", counts=False),
}


class Sites:
    """All sites, built and served each on an origin of its own, and the server that they name."""

    def __init__(self, server: Server, browser: Browser, root: httpx.AsyncClient, origins: dict[str, str]) -> None:
        self.server, self.browser, self.root, self.origins = server, browser, root, origins
        self.folders: dict[str, Path] = {}

    async def opened(self, name: str, path: str = "") -> Page:
        """A page in a profile of its own; an error or a complaint in it fails the test."""
        tab = await (await self.browser.new_context()).new_page()
        self.complaints: list[str] = []
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("console", lambda said: self._hear(said))
        await tab.goto(f"{self.origins[name]}/{path}")
        return tab

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning") and "favicon.ico" not in said.location["url"]:
            self.complaints.append(f"{said.text} {said.location}")

    async def post(self, key: str, body: str) -> None:
        """Somebody else says something on that page."""
        url = f"{self.origins['plain']}/{key.lstrip('/')}"
        made = await self.root.post("/api/groups/blog/channels", json={"key": key, "title": key, "url": url})
        assert made.is_success, made.text
        said = await self.root.post(f"/api/channels/{made.json()['id']}/posts", json={"body": body})
        assert said.status_code == 201, said.text


async def built(name: str, folder: Path, server: Server, origin: str) -> None:
    """Copies a site, enters its address and the server's as its guide says, and has its generator build it."""
    shutil.copytree(EXAMPLES / name, folder, dirs_exist_ok=True)
    for file in filter(Path.is_file, folder.rglob("*")):
        text = file.read_text().replace(HERE, server.url).replace(SITE, origin)
        file.write_text(text.replace(HERE.replace("https", "wss"), server.url.replace("http", "ws")))
    if name == "wordpress":
        shutil.copy(Path(__file__).with_name("wordpress.php"), folder)
    if (folder / "package.json").exists():
        (folder / "node_modules").symlink_to(TOOLS / "node_modules")
    quiet = {"NO_MKDOCS_2_WARNING": "1", "CI": "1", "NO_UPDATE_NOTIFIER": "1", "DOCUSAURUS_NO_TELEMETRY": "1"}
    loopback = {"HUGO_SECURITY_HTTP_URLS": ".*"}  # from which Hugo fetches nothing by itself
    environment = clean_environment(folder, **quiet, **loopback)
    environment["PATH"] = f"{TOOLS}/bin:{TOOLS}/node_modules/.bin:{environment['PATH']}"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *GUIDES[name].build.split(), cwd=folder, env=environment, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0, f"{name}: {said.decode()}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sites(world: World, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sites]:
    """One server, one browser, and all sites, which are built at once."""
    if not (TOOLS / "node_modules").exists():
        cannot_run("scripts/sites has not been run")
    needs("jekyll", "php", "node")
    folder = tmp_path_factory.mktemp("sites")
    instance = Path(shutil.copytree(world.folder, folder / "instance"))
    async with AsyncExitStack() as stack:
        origins = {}
        for name, guide in GUIDES.items():
            out = folder / name / guide.out
            out.mkdir(parents=True)
            origins[name] = stack.enter_context(elsewhere(out))
        server = stack.enter_context(Server(instance, folder))
        await asyncio.to_thread(make_group, instance, server.url, [*origins.values()])
        made = Sites(
            server,
            await stack.enter_async_context(chromium()),
            await calling(stack, server, world.tokens["root"]),
            origins,
        )
        await made.post("/posts/moths", "Before it was built")
        await asyncio.gather(*(built(name, folder / name, server, origins[name]) for name in GUIDES))
        made.folders = {name: folder / name / guide.out for name, guide in GUIDES.items()}
        yield made


@pytest.mark.check
def test_the_guides_show_what_is_tested() -> None:
    """Every block of docs/guides.md is a part of a file of the examples, word for word."""
    files = [path.read_text() for path in EXAMPLES.rglob("*") if path.is_file()]
    shown = [
        block
        for kind in ("html", "liquid", "yaml", "toml", "js", "jsx", "php")
        for block in blocks(page("guides"), kind)
    ]
    assert len(shown) > 15
    assert [block for block in shown if not any(block.strip("\n") in text for text in files)] == []


@pytest.mark.check
def test_the_generators_are_those_of_the_examples() -> None:
    def wanted(path: Path) -> dict[str, str]:
        return dict(json.loads(path.read_text())["dependencies"])

    every = [wanted(path) for path in EXAMPLES.glob("*/package.json")]
    assert wanted(Path(__file__).with_name("package.json")) == {name: at for one in every for name, at in one.items()}


def make_group(instance: Path, url: str, origins: list[str]) -> None:
    """As the guides have one make it; what to paste is what the plain page has."""
    app = main.create_app(Settings(instance=instance, url=url))
    listed = [part for origin in origins for part in ("--origin", origin)]
    done = app.test_cli_runner().invoke(args=["group", "create", "blog", "--posting", "guests", *listed])
    assert done.exit_code == 0, done.output
    tag = done.output.splitlines()[2]
    assert tag.replace(url, HERE) in (EXAMPLES / "plain" / "moths.html").read_text()


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_the_front_matter_says_which_pages_have_a_thread(sites: Sites) -> None:
    """And the address of the server and the key of the page are in them. (React's are made in the browser.)"""
    for name, guide in GUIDES.items():
        for path, key in guide.threads.items() if name != "react" else ():
            text = (sites.folders[name] / (f"{path}index.html" if path.endswith("/") else path)).read_text()
            assert f"{sites.server.url}/embed.js" in text, name
            assert re.search(rf'(key="?|key=){key}|data-group="blog"', text), name
        if guide.silent:
            assert "<pottle-thread" not in (sites.folders[name] / guide.silent).read_text(), name


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_hugo_has_the_discussion_in_its_pages_for_readers_without_scripts(sites: Sites) -> None:
    text = (sites.folders["hugo"] / "posts/moths/index.html").read_text()
    (without_scripts,) = re.findall(r"<noscript>(.*?)</noscript>", text, re.DOTALL)
    assert "Before it was built" in without_scripts


class Including(Nginx):
    """A static site on an nginx that includes as docs/embedding.md says."""

    def _site(self) -> str:
        (folder := self.folder / "2026" / "hello").mkdir(parents=True)
        (included,) = [block for block in blocks(page("embedding"), "html") if "include virtual" in block]
        (folder / "index.html").write_text(included)
        (told,) = blocks(page("embedding"), "nginx")
        certificate = f"ssl_certificate {self.folder}/fullchain.pem; ssl_certificate_key {self.folder}/privkey.pem;"
        listens = f"listen 127.0.0.1:{self.port} ssl; {certificate} root {self.folder};"
        return f"server {{ {listens} {told.replace(HERE, f'http://127.0.0.1:{self.upstream}')} }}"


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_nginx_puts_the_discussion_into_its_pages(sites: Sites, tmp_path: Path) -> None:
    needs("nginx", "openssl")
    await sites.post("/2026/hello", "By way of nginx")
    with Including(tmp_path / "nginx", sites.server.port) as nginx:
        shown = await asyncio.to_thread(httpx.get, f"{nginx.url}/2026/hello/", verify=nginx.trust)
    assert "By way of nginx" in shown.text


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("name", "path"), [(name, path) for name, guide in GUIDES.items() for path in guide.threads])
async def test_its_thread_is_there_and_live(sites: Sites, name: str, path: str) -> None:
    key = GUIDES[name].threads[path]
    said, then = f"Before, on {name}/{path}", f"Meanwhile, on {name}/{path}"
    await sites.post(key, said)
    tab = await sites.opened(name, path)
    thread = tab.locator("pottle-thread")
    await expect(thread).to_have_count(1)
    await expect(thread).to_contain_text(said)
    await sites.post(key, then)
    await expect(thread).to_contain_text(then)
    assert sites.complaints == []
    await tab.context.close()


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", [name for name, guide in GUIDES.items() if guide.counts])
async def test_its_counts_move(sites: Sites, name: str) -> None:
    key = next(iter(GUIDES[name].threads.values()))
    await sites.post(key, "One more")
    tab = await sites.opened(name)
    count = tab.locator("pottle-count").first
    await expect(count).to_have_text(re.compile(r"^\d+$"))
    before = int(await count.evaluate("element => element.shadowRoot.textContent"))
    assert before > 0
    await sites.post(key, "And another")
    await expect(count).to_have_text(str(before + 1))
    assert sites.complaints == []
    await tab.context.close()


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_guest_takes_part_and_the_newest_posts_show_it(sites: Sites) -> None:
    index, tab = await sites.opened("plain"), await sites.opened("plain", "tides.html")
    thread = tab.locator("pottle-thread")
    await thread.get_by_label("Your name").fill("Grace")
    await thread.get_by_placeholder("Say something").fill("A boot, *really*?")
    await thread.get_by_role("button", name="Post", exact=True).click()
    for place in (thread, index.locator("pottle-recent")):
        await expect(place).to_contain_text("A boot, really?")
        await expect(place).to_contain_text("Grace")
    await index.locator("pottle-recent li").filter(has_text="really?").locator("a.page").click()
    await expect(index.locator("pottle-thread")).to_contain_text("A boot, really?")
    assert index.url.startswith(f"{sites.origins['plain']}/tides.html")
    assert sites.complaints == []
    for opened in (index, tab):
        await opened.context.close()


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("mkdocs", [("Moths by lamplight", "/moths")]),
        ("docusaurus", [("Moths by lamplight", "/moths"), ("What the tide left", "/tides")]),
        ("react", [("What the tide left", "/tides"), ("Moths by lamplight", "/moths")]),
    ],
)
async def test_pages_are_exchanged_without_a_reload(sites: Sites, name: str, steps: list[tuple[str, str]]) -> None:
    tab = await sites.opened(name)
    await tab.evaluate("window.stays = true")
    for says, key in steps:
        await sites.post(key, f"Here is {key}, by {name}")
        await tab.get_by_role("button" if name == "react" else "link", name=re.compile(f"^{says}")).last.click()
        await expect(tab.locator("pottle-thread")).to_contain_text(f"Here is {key}, by {name}")
    assert await tab.evaluate("window.stays") is True
    assert sites.complaints == []
    await tab.context.close()
