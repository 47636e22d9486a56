"""Chromium for tests; each context in it is a person with a browser of their own."""

import atexit
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from playwright.async_api import Browser, Page, async_playwright, expect
from playwright.sync_api import sync_playwright

from tests.conftest import needs
from tests.server import PATIENCE, free_port

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

expect.set_options(timeout=PATIENCE * 1000)


@asynccontextmanager
async def chromium(*more: str) -> AsyncIterator[Browser]:
    """A Chromium, with `more` arguments; skips the test where there is none. Its contexts end with the block."""
    needs("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(_running(more))
        yield browser
        for context in browser.contexts[1:]:
            await context.close()


async def says_yes(page: Page) -> None:
    """Has every question of the page answered with its button that goes on."""
    asked = page.locator("dialog.asks[open]")
    await page.add_locator_handler(asked, lambda: asked.locator(".button").click())


@cache
def _running(more: tuple[str, ...]) -> str:
    """Where a Chromium listens that runs until the last test: to start one for each takes seconds."""
    port, up, over = free_port(), threading.Event(), threading.Event()

    def run() -> None:
        with sync_playwright() as playwright:
            arguments = [*ARGUMENTS, *more, f"--remote-debugging-port={port}"]
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
            up.set()
            over.wait()
            browser.close()

    thread = threading.Thread(target=run, name="chromium", daemon=True)
    thread.start()
    assert up.wait(PATIENCE), "Chromium does not start"
    atexit.register(thread.join, PATIENCE)
    atexit.register(over.set)
    return f"http://127.0.0.1:{port}"
