"""Without its line in main.py and its two folders, the rest works."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.server import ROOT

KEPT = ("api", "model", "pottle", "static", "templates", "tests")
ASKED = ("tests/api/test_posts.py", "tests/api/test_openapi.py", "tests/test_commands.py")


@pytest.mark.slow
def test_the_rest_works_without_this_room(tmp_path: Path) -> None:
    """Seen to fail with one import of `model.flask` in model/talk/post.py."""
    for folder in KEPT:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("flask", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    lines = (ROOT / "main.py").read_text().splitlines(keepends=True)
    rest = [line for line in lines if not line.startswith('    "flask",')]
    assert len(rest) == len(lines) - 1
    (tmp_path / "main.py").write_text("".join(rest))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", *ASKED]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-1_000:]
    assert "passed" in done.stdout
