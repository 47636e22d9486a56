"""scripts/bench measures, and says what it measured in a form that programs and people can read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import databases
from tests.conftest import cannot_run, needs
from tests.postgres.cluster import folder_of_cluster

ROOT = Path(__file__).parents[2]
PATIENCE = 240  # seconds


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What scripts/bench runs, with this Python."""
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that one short run wrote to, and what it printed."""
    needs("wrk")
    folder = tmp_path_factory.mktemp("bench")
    arguments = ("--quick", "--only", "list,home-in", "--peers", "limit,flask", "--folder", str(folder))
    ended = bench(*arguments, "--json", str(folder / "numbers.json"), "--write", str(folder))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder, ended.stdout


@pytest.fixture(scope="module")
def numbers(measured: tuple[Path, str]) -> Any:
    """All that it measured."""
    return json.loads((measured[0] / "numbers.json").read_text())


@pytest.mark.slow
def test_it_works(measured: tuple[Path, str]) -> None:
    _, printed = measured
    assert "20 newest posts of a channel" in printed
    assert "Pottle" in printed
    assert "list: of empty ASGI app" in printed


@pytest.mark.slow
def test_every_contestant_has_its_rounds(numbers: Any) -> None:
    rounds = numbers["works"]["list"]["rounds"]
    assert set(rounds) == {"pottle", "limit", "flask"}
    for (one,) in rounds.values():
        assert one["rate"] > 0
        assert one["errors"] == 0
        assert 0 < one["p50"] <= one["p99"] <= one["max"]


@pytest.mark.slow
def test_a_peer_can_render_our_pages(numbers: Any) -> None:
    """What their templates ask for changes with ours."""
    measured = numbers["works"]["home-in"]
    assert set(measured["rounds"]) == {"pottle", "flask"}, measured["why"]


@pytest.mark.slow
def test_the_numbers_say_what_they_were_measured_on(numbers: Any) -> None:
    assert numbers["machine"]["cpus"] > 0
    assert numbers["machine"]["versions"]["quart"]
    assert numbers["options"]["quick"]


@pytest.mark.slow
def test_the_target_stands_beside_the_result(numbers: Any) -> None:
    target = numbers["targets"][0]
    assert target["what"] == "list: of empty ASGI app"
    assert target["verdict"] in ("met", "missed")


@pytest.mark.slow
def test_a_page_and_a_plot_are_written(measured: tuple[Path, str]) -> None:
    folder, _ = measured
    page = (folder / "performance.md").read_text()
    assert "](performance.svg)" in page
    assert "| Pottle |" in page
    assert (folder / "performance.svg").read_text().startswith("<svg ")


@pytest.mark.slow
def test_nothing_else_is_left_behind(measured: tuple[Path, str]) -> None:
    folder, _ = measured
    assert {path.name for path in folder.iterdir()} == {"numbers.json", "performance.md", "performance.svg"}


@pytest.mark.slow
def test_an_earlier_commit_is_measured_in_turn(tmp_path: Path) -> None:
    needs("wrk")
    ended = bench("--paired", "HEAD", "--quick", "--only", "list", "--folder", str(tmp_path))
    table = ended.stdout.splitlines()
    assert table[0].split()[:2] == ["of", "HEAD"], ended.stderr
    assert table[1].split()[0] == "list"
    assert table[1].split()[-1] in ("kept", "slower"), "it was not measured"
    assert list(tmp_path.iterdir()) == []


def test_a_commit_that_there_is_not_is_refused(tmp_path: Path) -> None:
    ended = bench("--paired", "no-such-commit", "--folder", str(tmp_path))
    assert ended.returncode == 1
    assert "no-such-commit cannot be checked out." in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [("--only", "lists"), ("--peers", "limit,django")])
def test_a_name_that_is_not_known_is_refused(wrong: tuple[str, str]) -> None:
    ended = bench(*wrong)
    assert ended.returncode == 1
    assert "Known: " in ended.stderr


@pytest.mark.slow
def test_pottle_on_postgresql_is_measured_beside_it_on_sqlite() -> None:
    needs("wrk")
    if databases.programs() is None:
        cannot_run("needs PostgreSQL (apt install postgresql)")
    with folder_of_cluster() as folder:  # pytest's own is nobody else's
        file = folder / "numbers.json"
        arguments = ("--quick", "--only", "create,hosts-delivery", "--folder", str(folder), "--json", str(file))
        ended = bench("--engine", "postgres", *arguments)
        works = json.loads(file.read_text())["works"]
        assert list(folder.iterdir()) == [file]
    assert {"pottle", "pottle-postgres"} <= set(works["create"]["rounds"]), ended.stdout + ended.stderr
    assert works["hosts-delivery"]["rounds"]["after its answer"][0]["lost"] == 0, ended.stdout + ended.stderr
