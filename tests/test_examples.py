"""The examples, run as a newcomer runs them."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import chromium
from tests.conftest import PASSWORD, World
from tests.server import PATIENCE, ROOT, Server, clean_environment


class Program:
    """`with Program(server) as program:` is examples/client.py, running; what it prints can be waited for."""

    def __init__(self, server: Server, *options: str) -> None:
        quick = {"WEBSOCKETS_BACKOFF_INITIAL_DELAY": "0.1", "WEBSOCKETS_BACKOFF_MIN_DELAY": "0.1"}
        self.command = [sys.executable, "examples/client.py", "--url", server.url, "--uid", "dora", *options]
        installed = {"PYTHONPATH": str(ROOT / "clients" / "python")}
        self.environment = clean_environment(server.home, PASSWORD=PASSWORD, **installed, **quick)
        self.errors = server.home / "client-errors"
        self.lines: Queue[str] = Queue()

    def __enter__(self) -> "Program":
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        self.reader.join()

    def read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as lines:
            for line in lines:
                self.lines.put(line.rstrip("\n"))

    def next(self) -> str:
        """The next line that it prints."""
        return self.lines.get(timeout=PATIENCE)


@pytest.mark.slow
def test_the_client_posts_listens_and_goes_on_after_a_restart(server: Server, world: World) -> None:
    alice = {"Authorization": f"Bearer {world.tokens['alice']}"}
    with (
        Program(server, "--channel", "a new one", "--say", "Hello") as program,
        httpx.Client(base_url=server.url, headers=alice) as http,
    ):
        assert program.next() == "Listening to a new one, channel 3 (Ctrl-C to quit)"
        assert program.next() == "listed 1 by dora: Hello"
        answer(http.post("/api/channels/3/posts", json={"body": "Hello, Dora"}))
        assert program.next() == "post.created 2 by Alice: Hello, Dora"
        answer(http.put("/api/posts/1/reactions/heart"))
        assert program.next() == "reactions 1 {'heart': 1}"

        server.stop()
        server.start()
        answer(http.post("/api/channels/3/posts", json={"body": "Still there?"}))
        assert program.next() == "post.created 3 by Alice: Still there?"
        assert program.lines.empty()

        program.process.send_signal(signal.SIGINT)
        program.process.wait(PATIENCE)
        assert program.errors.read_text() == ""


@pytest.mark.slow
def test_the_client_says_why_it_was_refused(server: Server) -> None:
    with Program(server, "--group", "class") as program:
        assert program.process.wait(PATIENCE) == 1
        assert program.errors.read_text() == "The server says: Not Found: There is no group class.\n"


def answer(response: httpx.Response) -> Any:
    assert response.is_success, response.text
    return response.json()


@pytest.mark.slow
def test_the_seed_fills_an_instance_once(tmp_path: Path) -> None:
    def seed(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "examples.seed", *options],
            cwd=ROOT,
            env=clean_environment(tmp_path, POTTLE_INSTANCE=str(tmp_path / "instance")),
            capture_output=True,
            text=True,
        )

    first = seed()
    assert first.stdout.startswith("7 people wrote 19 posts in 4 discussions."), first.stderr
    again = seed()
    assert again.returncode == 1
    assert "There are users in" in again.stderr
    assert seed("--anyway").stdout.startswith("7 people wrote 0 posts")


@contextmanager
def elsewhere(folder: Path) -> Iterator[str]:
    """A static site: the files of `folder` on an origin of their own."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{site.server_port}"
        finally:
            site.shutdown()


async def opened(browser: Browser, url: str) -> Page:
    """The page in a profile of its own; an error in it fails the test."""
    page = await (await browser.new_context()).new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    await page.goto(url)
    await expect(page.locator("#state")).to_have_text("live")
    return page


@pytest.mark.slow
async def test_a_page_of_another_site_reads_and_posts_live(server: Server, tmp_path: Path) -> None:
    page_text = (ROOT / "examples" / "own-page" / "index.html").read_text()
    assert page_text.count("https://your-pottle.example") == 1
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text(page_text.replace("https://your-pottle.example", server.url))
    with elsewhere(site) as url:
        async with chromium() as browser:
            one, other = await opened(browser, url), await opened(browser, url)
            await expect(one.locator("#post")).to_be_hidden()
            await one.fill("[name=uid]", "alice")
            await one.fill("[name=password]", PASSWORD)
            await one.click("#sign-in button")
            await one.fill("[name=body]", "From **another** origin")
            await one.click("#post button")
            for page in (one, other):
                await expect(page.locator("#posts li")).to_contain_text("Alice")
                await expect(page.locator("#posts strong")).to_have_text("another")
            await one.reload()
            await expect(one.locator("#post")).to_be_visible()
