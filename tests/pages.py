"""Reads the project's Markdown: pages, chapters, tables and blocks of code."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.server import ROOT

NO_PAGES = (".", "instance", "node_modules", "examples/start")  # which is another project's
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/**/README.md")]
    if not str(path.relative_to(ROOT)).startswith(NO_PAGES)
)
named = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def page(name: str) -> str:
    """The text of a page: `settings` is docs/settings.md, `README.md` the README."""
    return (ROOT / name if name.endswith(".md") else ROOT / "docs" / f"{name}.md").read_text()


def chapter(name: str, title: str) -> str:
    """The text of a page below a heading of level 2, up to the next one."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page(name), re.MULTILINE | re.DOTALL)
    assert found, f"{name}: {title}"
    return found[1]


def blocks(text: str, language: str = "") -> list[str]:
    """The fenced blocks of a language."""
    found = re.findall(r"^```([\w-]*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for named, block in found if named == language]


def prose(text: str) -> str:
    """A text without its fenced blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.MULTILINE | re.DOTALL)


def first_column(text: str) -> list[str]:
    """The code that the first column of a text's tables begins with."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """Where links into a page can lead, as GitHub makes them of its headings."""
    titles = re.findall(r"^#+ (.+)$", prose(path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


def links(path: Path) -> list[str]:
    """The targets of a page's links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(path.read_text())))


def commands(text: str) -> list[str]:
    """What the console blocks of a text have one type."""
    return [command for command, _ in session(text)]


def session(text: str) -> list[tuple[str, str]]:
    """The commands of the console blocks, and what is shown below each."""
    parts = [part for block in blocks(text, "console") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, shown) for command, _, shown in (part.partition("\n") for part in parts)]


def tracked() -> set[str]:
    """The files that are, or are about to be, in the repository."""
    needs("git")
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a clone")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
