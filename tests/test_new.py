"""scripts/new: what it makes passes its own checks and tests, has its own name, and works in a browser."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.async_api import Page, expect

from tests.browser.chromium import chromium
from tests.server import ROOT, Server, clean_environment

pytestmark = pytest.mark.slow

# The engine's own words: an unused column of its log, and a style of the page that shows the API.
THE_ENGINES = re.compile("'channel_id'|channel-title")


def new(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "examples.new", str(folder), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def tool(project: Path, *command: str) -> None:
    """Runs one of the tools in a project; it must have nothing to complain of."""
    environment = clean_environment(project.parent, TMPDIR=str(project.parent))
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=project, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def keeps_its_rules(project: Path, *tests: str) -> None:
    """All of them, or those of these tests: where little is another."""
    tool(project, "ruff", "check", ".")
    tool(project, "ruff", "format", "--check", ".")
    tool(project, "pytest", "-q", "-m", "check", "-p", "no:cacheprovider", *tests)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = new(tmp_path / "chess-club", "--without-discussions")
    assert made.returncode == 0, made.stderr
    return tmp_path / "chess-club"


def test_without_discussions_it_is_small_and_whole(project: Path) -> None:
    git = subprocess.run(["git", "log", "--format=%s"], cwd=project, capture_output=True, text=True, check=True)
    assert git.stdout.startswith("Chess club, from Pottle ")
    # It holds password hashes.
    subprocess.run(["git", "check-ignore", "-q", "instance/app.db"], cwd=project, check=True)
    own = [file for name in ("main.py", "api", "model", "templates") for file in walk(project / name)]
    for file in own:
        text = THE_ENGINES.sub("", file.read_text())
        assert not re.search("channel|discussion|lobby|PROJECT", text, re.IGNORECASE), file
    assert sum(len(file.read_text().splitlines()) for file in own if file.suffix == ".py") < 700
    keeps_its_rules(project)
    tool(project, "mypy", "--no-incremental")
    tool(project, "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.parametrize("options", [[], ["--without-discussions"]])
def test_a_name_is_text_wherever_it_stands(tmp_path: Path, options: list[str]) -> None:
    """A picture that is no XML is not shown at all."""
    project = tmp_path / "toms"
    assert new(project, "--name", "Tom's & Ann's", *options).returncode == 0
    logo = ElementTree.parse(project / "static" / "logo.svg")  # noqa: S314  # our own
    assert logo.getroot().get("aria-label") == "Tom's & Ann's"
    assert "Tom&#x27;s &amp; Ann&#x27;s" in (project / "templates" / "base.html").read_text()
    tool(project, "compileall", "-q", "main.py")


def walk(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if file.is_file()]


async def test_its_page_works_and_is_live(project: Path, tmp_path: Path) -> None:
    with Server(tmp_path / "instance", tmp_path, root=project) as server:
        async with chromium() as browser:
            ada, bob = [await opened(await (await browser.new_context()).new_page(), server) for _ in range(2)]
            await enter(ada, "ada", "Sign up")
            await ada.get_by_label("A task").fill("Water <b>the</b> plants")
            await ada.get_by_role("button", name="Add").click()
            await expect(bob.get_by_text("Water <b>the</b> plants")).to_be_visible()
            await expect(bob.get_by_role("checkbox")).to_be_disabled()
            await enter(bob, "bob", "Sign up")
            await bob.get_by_role("checkbox").check()
            await expect(ada.get_by_role("checkbox")).to_be_checked()
            await ada.reload()
            await expect(ada.get_by_role("checkbox")).to_be_checked()
            await ada.get_by_role("button", name="Sign out").click()
            await enter(ada, "ada", "Sign in")
            await expect(ada.get_by_label("A task")).to_be_visible()


async def opened(page: Page, server: Server) -> Page:
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    await page.goto(server.url)
    await expect(page).to_have_title("Chess club")
    return page


async def enter(page: Page, uid: str, how: str) -> None:
    await page.get_by_label("User name").fill(uid)
    await page.get_by_label("Password").fill("correct horse")
    await page.get_by_role("button", name=how).click()
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_with_discussions_it_is_all_that_is_here_under_another_name(tmp_path: Path) -> None:
    project = tmp_path / "chess"
    made = new(project, "--name", "Chess at noon")
    assert made.returncode == 0, made.stderr
    assert (project / "README.md").read_text().startswith("# Chess at noon\n")
    assert "<span>Chess at noon</span></a>" in (project / "templates/base.html").read_text()
    assert not any("Pottle" in file.read_text() for file in walk(project / "templates"))
    keeps_its_rules(
        project, "tests/test_policy.py", "tests/test_docs.py", "tests/test_readme.py", "tests/test_texts.py"
    )


@pytest.mark.parametrize(
    ("folder", "options", "said"),
    [
        ("full", (), "is there already"),
        (str(ROOT / "inside"), (), "inside this checkout"),
        ("new", ("--name", "<script>"), "does not do as a name"),
    ],
)
def test_what_it_refuses(folder: str, options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    refused = new(tmp_path / folder, *options)
    assert refused.returncode == 2
    assert said in refused.stderr
    assert not (ROOT / "inside").exists()
    assert not (tmp_path / "new").exists()
