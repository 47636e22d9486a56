"""There is one version, and whoever asks is told it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pottle import VERSION
from tests.pages import page
from tests.server import ROOT, clean_environment


@pytest.mark.check
def test_the_image_is_labelled_with_it() -> None:
    assert f'org.opencontainers.image.version="{VERSION}"' in (ROOT / "Dockerfile").read_text()


@pytest.mark.check
def test_the_changelog_knows_it() -> None:
    assert re.findall(r"^## \[(\d+\.\d+\.\d+)\]", page("CHANGELOG.md"), re.MULTILINE)[0] == VERSION


def test_the_command_line_says_it(tmp_path: Path) -> None:
    command = [sys.executable, "main.py", "--version"]
    said = subprocess.run(command, cwd=ROOT, env=clean_environment(tmp_path), capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (0, f"Pottle {VERSION}\n")
