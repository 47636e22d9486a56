"""The README's moving picture: two people with a browser each, and what one writes is there for the other.

scripts/picture [FILE]   docs/live.webp, unless a file is named; needs Chromium and a font with emoji
"""

import asyncio
import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.async_api import Page

from examples.seed import PASSWORD
from tests.browser.chromium import chromium
from tests.server import ROOT, Server, clean_environment

WIDTH, HEIGHT, GAP = 440, 800, 12  # of each browser, and between them, in pixels
BETWEEN = "#9aa3b5"
TEXT = "May we bring a page of *our own* notes?"


class Film:
    """Frames of both pages side by side, each with how long it stands, in milliseconds."""

    def __init__(self, *pages: Page) -> None:
        self.pages = pages
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []

    async def take(self, lasting: int = 90) -> None:
        whole = Image.new("RGB", (2 * WIDTH + GAP, HEIGHT), BETWEEN)
        for place, page in enumerate(self.pages):
            with Image.open(io.BytesIO(await page.screenshot(animations="disabled"))) as shot:
                whole.paste(shot.convert("RGB"), (place * (WIDTH + GAP), 0))
        self.frames.append(whole)
        self.durations.append(lasting)

    def save(self, path: Path) -> None:
        first, *others = self.frames
        first.save(path, save_all=True, append_images=others, duration=self.durations, loop=0, quality=55, method=6)


async def act(film: Film, left: Page, right: Page) -> None:
    """One of them writes, the other one sees it and reacts, and both see that."""
    await film.take(1200)
    box = left.locator("form.composer textarea").first
    await box.click()
    for begun in range(4, len(TEXT) + 4, 4):
        await box.fill(TEXT[:begun])
        await film.take()
    await film.take(500)
    await left.keyboard.press("Control+Enter")
    await right.get_by_text("our own", exact=True).wait_for()
    await left.get_by_text("our own", exact=True).wait_for()
    await film.take(1600)
    post = right.locator("article", has_text="our own").first
    await post.get_by_role("button", name="React").first.click()
    await film.take(700)
    await right.get_by_role("button", name="hooray").first.click()
    await left.locator("article", has_text="our own").get_by_role("button", name="1").first.wait_for()
    await film.take(2500)


async def main(path: Path) -> None:
    """The command."""
    with tempfile.TemporaryDirectory() as folder:
        home, instance = Path(folder), Path(folder, "instance")
        seeded = clean_environment(home, POTTLE_INSTANCE=str(instance))
        subprocess.run([sys.executable, "-m", "examples.seed"], cwd=ROOT, env=seeded, check=True, capture_output=True)  # noqa: ASYNC221
        with Server(instance, home) as server:
            async with chromium() as browser:
                pages = []
                for uid in ("linus", "rivera"):
                    size = {"width": WIDTH, "height": HEIGHT}
                    context = await browser.new_context(viewport=size, color_scheme="light")
                    signed = await context.request.post(
                        f"{server.url}/api/session", data={"uid": uid, "password": PASSWORD}
                    )
                    assert signed.ok, await signed.text()
                    page = await context.new_page()
                    await page.goto(f"{server.url}/channels/4")
                    await page.wait_for_function("document.querySelector('form.composer textarea')?.checkVisibility()")
                    await page.get_by_text("Live", exact=True).wait_for()
                    pages.append(page)
                film = Film(*pages)
                await act(film, *pages)
                film.save(path)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "docs" / "live.webp"))
