"""The scripts set up what they need, on a fresh machine, from anywhere; and what they install is pinned."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.server import wait_until

ROOT = Path(__file__).parents[1]
SCRIPTS = [*sorted((ROOT / "scripts").iterdir()), ROOT / ".ci" / "run"]
SOURCED = {"setup"}
REQUIREMENTS = ["requirements.txt", "requirements-dev.txt"]
PINNED = [*REQUIREMENTS, "requirements-docs.txt"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the scripts need of a checkout, in a folder that tests their quoting."""
    folder = tmp_path / "a folder & its $pace"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    for name in REQUIREMENTS:
        shutil.copy(ROOT / name, folder)
    (folder / "main.py").write_text("import sys, quart\nprint('ran', sys.argv[1:], quart.__name__)\n")
    return folder


def run(checkout: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """scripts/run with no more of an environment than a bare log-in has, from another folder."""
    home = checkout.parent / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [checkout / "scripts" / "run", *arguments],
        env={"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", **more},
        cwd="/",
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def pins(name: str) -> list[str]:
    """The requirements of a file, each on one line without its hashes."""
    lines = (ROOT / name).read_text().splitlines()
    return [line.removesuffix(" \\") for line in lines if line and not line.startswith(("#", "-r", "    --hash="))]


def requirement_name(line: str) -> str:
    found = re.match(r"[\w.-]+", line)
    assert found, line
    return found[0].lower().replace("_", "-")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK) == (script.name not in SOURCED)


def test_shellcheck_finds_nothing() -> None:
    needs("shellcheck")
    command = ["shellcheck", "--external-sources", "--source-path=SCRIPTDIR", *map(str, SCRIPTS)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.stdout == ""


@pytest.mark.slow
def test_a_fresh_machine_is_set_up_once(checkout: Path) -> None:
    first = run(checkout, "--port", "a b", PYTHON=sys.executable)
    assert first.stdout == "ran ['--port', 'a b'] quart\n", first.stderr
    assert "Making .venv" in first.stderr
    second = run(checkout)
    assert (second.stdout, second.stderr) == ("ran [] quart\n", "")
    written = {path.name for path in checkout.iterdir()} - {"scripts", "main.py", *REQUIREMENTS}
    assert written <= {".venv", "__pycache__"}


@pytest.mark.slow
def test_changed_requirements_are_installed(checkout: Path) -> None:
    (checkout / "requirements.txt").write_text("# nothing")
    (checkout / "main.py").write_text("")
    assert "Installing" in run(checkout, PYTHON=sys.executable).stderr
    assert "Installing" not in run(checkout).stderr
    (checkout / "requirements.txt").write_text("# something else")
    assert "Installing" in run(checkout).stderr


def test_an_old_python_is_refused_with_what_to_do(checkout: Path) -> None:
    old = checkout / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    refused = run(checkout, PYTHON=str(old))
    assert refused.returncode == 1
    assert "Pottle needs Python 3.11 to 3.14" in refused.stderr


@pytest.mark.check
@pytest.mark.parametrize("name", PINNED)
def test_every_requirement_is_pinned(name: str) -> None:
    for line in pins(name):
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; [^@]+)?", line), line


@pytest.mark.check
@pytest.mark.parametrize("name", PINNED)
def test_every_pin_has_the_hashes_of_its_files(name: str) -> None:
    """One without would have pip refuse them all; and no line says where to get them from."""
    text = (ROOT / name).read_text().replace(" \\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "-r requirements.txt"))]
    assert len(lines) == len(pins(name)) > 30
    for line in lines:
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; [^@]+?)?( {4}--hash=sha256:[0-9a-f]{64})+", line), line
    assert "://" not in text


@pytest.mark.slow
def test_a_file_of_another_hash_is_not_installed(tmp_path: Path) -> None:
    pinned = (ROOT / "requirements.txt").read_text()
    name = "python-dotenv"
    found = re.search(rf"^{name}==.*(?:\n    .*)+", pinned, re.MULTILINE)
    assert found
    (tmp_path / "forged.txt").write_text(re.sub("sha256:[0-9a-f]", "sha256:" + "0", found[0]))
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(tmp_path / "there"), "-r"]
    refused = subprocess.run([*pip, str(tmp_path / "forged.txt")], capture_output=True, text=True)
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert not list((tmp_path / "there").glob("dotenv*"))


@pytest.mark.check
@pytest.mark.parametrize("name", PINNED)
def test_whatever_is_asked_for_is_pinned(name: str) -> None:
    asked = (ROOT / name.replace(".txt", ".in")).read_text().splitlines()
    names = {requirement_name(line) for line in asked if line and line[0].isalpha()}
    assert names <= {requirement_name(line) for line in pins(name)}


@pytest.mark.check
def test_no_version_is_pinned_twice() -> None:
    names = [requirement_name(line) for name in REQUIREMENTS for line in pins(name)]
    assert sorted(set(names)) == sorted(names)
    assert (ROOT / "requirements-dev.txt").read_text().startswith("-r requirements.txt\n")


def test_git_ignores_what_is_written_and_nothing_else(tmp_path: Path) -> None:
    needs("git")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / "instance").mkdir()
    for name in (".gitignore", "instance/.gitignore"):
        shutil.copy(ROOT / name, tmp_path / name)
    written = [".venv/x", ".venv-3.13/x", "api/__pycache__/x.pyc", ".mypy_cache/x", ".ruff_cache/x", ".pytest_cache/x"]
    written += [".hypothesis/x", ".env", "instance/app.db", "instance/app.db-wal", "node_modules/x", ".site/x"]
    kept = ["instance/.gitignore", "instance/README.md", ".vscode/launch.json", "main.py", ".ci/run"]
    found = subprocess.run(
        ["git", "check-ignore", "--no-index", *written, *kept], cwd=tmp_path, capture_output=True, text=True
    )
    assert found.stdout.split() == written


# A pytest that notes what it is asked for, and then passes, fails or waits, as it is told.
FAKE_PYTHON = """#!/usr/bin/env bash
if [[ $1 == -c ]]; then exec {real} "$@"; fi
echo "$FAULT_SECONDS $FAULT_SEED $*" >>asked
if [[ $FAULT_SEED == "${{WAITS_AT:-}}" ]]; then sleep 60; fi
if [[ $FAULT_SEED == "${{FAILS_AT:-}}" ]]; then echo "an anomaly"; exit 1; fi
echo "3 passed in 1.23s"
"""


@pytest.fixture
def soak(checkout: Path) -> list[str]:
    """`scripts/soak` where an environment is ready, with a pytest that is not one."""
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(FAKE_PYTHON.format(real=sys.executable))
    python.chmod(0o755)
    asked = [(checkout / name).read_text() for name in REQUIREMENTS]
    (checkout / ".venv" / "installed-requirements-dev.txt").write_text("".join(asked))
    return [str(checkout / "scripts" / "soak")]


def soaked(command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], **more}
    return subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_a_soak_says_how_it_is_used(checkout: Path, soak: list[str]) -> None:
    """It once ran pytest's own help, round after round."""
    ended = soaked([*soak, "--help"])
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "scripts/soak --minutes 30" in ended.stdout
    assert not (checkout / "asked").exists()


def test_a_soak_stops_at_the_first_failure_and_says_how_to_repeat_it(checkout: Path, soak: list[str]) -> None:
    ended = soaked([*soak, "tests/faults", "-k", "a b"], FAULT_SEED="7", FAILS_AT="9")
    assert ended.returncode == 1
    first, second, *failure = ended.stdout.splitlines()
    assert first.startswith("round 1, seed 7: 3 passed in 1.23s")
    assert second.startswith("round 2, seed 8: 3 passed in 1.23s")
    assert failure == ["an anomaly"]
    assert "FAULT_SECONDS=60 FAULT_SEED=9 scripts/test tests/faults -k a\\ b\n" in ended.stderr
    asked = (checkout / "asked").read_text().splitlines()
    assert asked == [f"60 {seed} -m pytest -q -x tests/faults -k a b" for seed in (7, 8, 9)]


def test_a_soak_begins_no_round_after_its_time(checkout: Path, soak: list[str]) -> None:
    ended = soaked([*soak, "--minutes", "2"], FAULT_SEED="7", FAULT_SECONDS="1", SECONDS="120")  # bash counts on
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (checkout / "asked").read_text() == "1 7 -m pytest -q -x tests/faults\n"
    assert soaked([*soak, "--minutes", "soon"]).returncode == 1


def test_a_soak_on_postgresql_has_attacks_of_its_own(checkout: Path, soak: list[str]) -> None:
    ended = soaked([*soak, "--engine", "postgres", "--minutes", "2"], FAULT_SEED="7", SECONDS="120")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (checkout / "asked").read_text() == "60 7 -m pytest -q -x tests/postgres/test_as_one.py\n"
    assert soaked([*soak, "--engine", "mysql"]).returncode == 1


def test_a_soak_can_be_interrupted(checkout: Path, soak: list[str]) -> None:
    environment = {"PATH": os.environ["PATH"], "FAULT_SEED": "7", "WAITS_AT": "8"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(soak, env=environment, start_new_session=True, **pipes) as running:  # type: ignore[call-overload]
        asked = checkout / "asked"
        wait_until(lambda: asked.exists() and asked.read_text().count("\n") == 2, "the second round")
        os.killpg(running.pid, signal.SIGINT)
        printed, said = running.communicate()
    assert running.returncode == 130
    assert printed.count("round") == 1
    assert said == "Stopped in round 2, of seed 8.\n"
