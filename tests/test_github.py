"""What GitHub, pre-commit and editors are told agrees with the scripts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.server import ROOT

pytestmark = pytest.mark.check
GITHUB = ROOT / ".github"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_the_workflow_runs_what_there_is_on_every_python() -> None:
    """Each that `scripts/setup` takes; Debian 13 has 3.13."""
    jobs = read(GITHUB / "workflows" / "ci.yml")["jobs"]
    assert jobs["everything"]["container"]["image"] == "debian:13"
    programs = {step.get("run") for job in jobs.values() for step in job["steps"]}
    assert programs >= {".ci/run", "scripts/check", "scripts/test"}
    first, last = re.findall(r"\(3, (\d+)\)", (ROOT / "scripts" / "setup").read_text())
    pythons = {"3.13", *jobs["quick"]["strategy"]["matrix"]["python"]}
    assert pythons == {f"3.{minor}" for minor in range(int(first), int(last))}


@pytest.mark.parametrize("path", sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.name)
def test_an_issue_form_has_what_github_wants(path: Path) -> None:
    form = read(path)
    if path.name == "config.yml":
        return
    assert {"name", "description", "body"} <= form.keys()
    for part in form["body"]:
        assert part["type"] in {"markdown", "textarea", "input"}
        assert part["attributes"].keys() & {"value", "label"}


def test_dependabot_looks_after_what_is_here() -> None:
    told = read(GITHUB / "dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in told} == {"pip", "github-actions", "docker"}


def test_pre_commit_runs_the_parts_of_check() -> None:
    (local,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    assert local["repo"] == "local"
    commands = [re.sub(r"^\S+python | --force-exclude", "", hook["entry"]) for hook in local["hooks"]]
    parts = re.findall(r'"\$python" (.+)', (ROOT / "scripts" / "check").read_text())
    assert commands == [re.sub(r" --check| \.$", "", part) for part in parts]


def test_the_editors_can_read_what_is_for_them() -> None:
    for path in (ROOT / ".devcontainer" / "devcontainer.json", ROOT / ".vscode" / "extensions.json"):
        json.loads(re.sub(r"^\s*//.*", "", path.read_text(), flags=re.MULTILINE))
