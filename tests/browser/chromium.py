"""Chromium for tests; each context in it is a person with a browser of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright, expect

from tests.conftest import needs
from tests.server import PATIENCE

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
    """A Chromium, with `more` arguments; skips the test where there is none."""
    needs("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*ARGUMENTS, *more])
        yield browser
        await browser.close()
