"""docs/lesson.md, done as it is written: its commands, its resource, the board, and the solutions of its exercises."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from tests.browser.chromium import chromium
from tests.pages import chapter
from tests.server import PATIENCE, ROOT, clean_environment, free_port, wait_until
from tests.test_walkthrough import answers, copied, development, follow

MOODS = "/api/moods"


def commands(heading: str) -> list[str]:
    """The shell commands under a heading of the lesson."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", chapter("docs/lesson.md", heading), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def curl(command: str, http: httpx.Client) -> dict[str, object]:
    """Runs a command of the page against the server that runs here."""
    words = shlex.split(command.replace("http://127.0.0.1:8080", str(http.base_url).rstrip("/")))
    assert words[0] == "curl"
    answer: dict[str, object] = json.loads(subprocess.run([*words, "-s"], capture_output=True, check=True).stdout)
    return answer


@contextmanager
def board() -> Iterator[str]:
    """The board's address: as the page says, at another port."""
    (command,) = [line for line in commands("On the board") if "http.server" in line]
    port = str(free_port())
    words = [sys.executable, *shlex.split(command.replace("8090", port))[1:]]
    process = subprocess.Popen([*words, "--bind", "127.0.0.1"], cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(httpx.Client(base_url=f"http://127.0.0.1:{port}"), "/"), "the board")
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.slow
async def test_the_lesson(tmp_path: Path) -> None:
    checkout = copied(tmp_path / "checkout")
    with development(checkout, tmp_path) as (http, log), board() as address:
        (groups,) = [curl(line, http) for line in commands("Your own server") if line.startswith("curl")]
        assert "groups" in groups
        follow(chapter("docs/lesson.md", "Your own resource"), checkout)
        wait_until(lambda: answers(http, MOODS), "the moods", log.read_text)
        said = [curl(line, http) for line in commands("Your own resource")]
        assert said[0] == {"id": 1, "who": "Ada", "mood": "curious"}
        assert said[1] == {"moods": [said[0]]}
        assert (said[2]["status"], said[2]["errors"][0]["field"]) == (422, "mood")  # type: ignore[index]
        assert MOODS in http.get("/openapi.json").json()["paths"]
        async with chromium() as browser:
            page = await browser.new_page()
            await page.goto(address)
            await page.get_by_label("Add a list").fill(str(http.base_url).rstrip("/") + MOODS)
            await page.get_by_role("button", name="Add").click()
            await expect(page.get_by_text("Ada: curious")).to_be_visible()
            await expect(page.locator("section p")).to_have_text("live")
            http.post(MOODS, json={"who": "Linus", "mood": "sleepy"})
            await expect(page.get_by_role("listitem").first).to_have_text("Linus: sleepy")
            follow(chapter("docs/lesson.md", "Exercises"), checkout)
            wait_until(lambda: solved(http), "the exercises", log.read_text)
            assert [mood["stars"] for mood in http.get(MOODS).json()["moods"]] == [3, 3]
            assert http.post(MOODS, json={"who": "Mei", "mood": "fine", "stars": 6}).status_code == 422
            assert http.delete(f"{MOODS}/2").status_code == 204
            await expect(page.get_by_role("listitem")).to_have_text(["Ada: curious: 3"])
    keeps_the_rules(checkout, tmp_path)


def solved(http: httpx.Client) -> bool:
    """Whether the server has started again with the exercises' solutions."""
    try:
        return http.get("/healthz").status_code == 200 and "stars" in http.get(MOODS).json()["moods"][0]
    except httpx.TransportError:
        return False


def keeps_the_rules(checkout: Path, home: Path) -> None:
    """What the house asks of any resource."""
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_policy.py"],
        cwd=checkout,
        env=clean_environment(home),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout


@pytest.mark.check
def test_the_answers_are_right() -> None:
    """What can be looked up by a test; the rest is in the lesson's other parts."""
    assert '"groups",' in (ROOT / "main.py").read_text()
    assert "@limited(POSTING, " in (ROOT / "api/talk/posts.py").read_text()
    assert "`POTTLE_POST_LENGTH` | `10000`" in (ROOT / "docs/settings.md").read_text()
    assert (ROOT / "model/accounts/passwords.py").exists()
    assert "@signed_in" in (ROOT / "api/talk/posts.py").read_text()
