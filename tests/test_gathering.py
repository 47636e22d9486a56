"""The folder in which the workers' numbers meet; tests/live/test_metrics.py has real workers."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pottle.server import gathering


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What an arbiter has made, in another place than usual."""
    monkeypatch.setattr(gathering, "MEMORY", tmp_path)
    monkeypatch.delenv(gathering.FOLDER, raising=False)
    gathering.begin(os.geteuid(), os.getegid())
    made = Path(os.environ[gathering.FOLDER])
    yield made
    shutil.rmtree(made, ignore_errors=True)
    monkeypatch.setattr(gathering, "_made", None)
    os.environ.pop(gathering.FOLDER)


def test_it_works(folder: Path, tmp_path: Path) -> None:
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o077 == 0
    assert gathering.several()
    gathering.end()
    assert not folder.exists()


def test_an_operators_own_folder_is_used_and_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(gathering.FOLDER, str(tmp_path))
    gathering.begin(os.geteuid(), os.getegid())
    gathering.end()
    assert list(tmp_path.iterdir()) == []
    assert tmp_path.exists()


def test_the_folder_of_a_killed_server_is_removed_by_the_next(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = tmp_path / f"{gathering.PREFIX}dead"
    dead.mkdir()
    gathering._sweep(tmp_path)
    assert dead.exists()  # it may just be starting
    monkeypatch.setattr(gathering, "OLD_SECONDS", -1)
    gathering._sweep(tmp_path)
    assert not dead.exists()
    assert folder.exists()


def test_without_a_server_of_several_processes_there_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(gathering.FOLDER, raising=False)
    assert not gathering.several()
    gathering.forget(os.getpid())
