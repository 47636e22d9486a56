"""The folder in which the workers' numbers meet; tests/live/test_metrics.py has real workers."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pottle.server import arbiter


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What an arbiter has made, in another place than usual."""
    monkeypatch.setattr(arbiter, "MEMORY", tmp_path)
    monkeypatch.delenv(arbiter.FOLDER, raising=False)
    arbiter.make_metrics(os.geteuid(), os.getegid())
    made = Path(os.environ[arbiter.FOLDER])
    yield made
    shutil.rmtree(made, ignore_errors=True)
    monkeypatch.setattr(arbiter, "_made", None)
    os.environ.pop(arbiter.FOLDER)


def test_it_works(folder: Path, tmp_path: Path) -> None:
    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o077 == 0
    arbiter.remove_metrics()
    assert not folder.exists()


def test_an_operators_own_folder_is_used_and_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(arbiter.FOLDER, str(tmp_path))
    arbiter.make_metrics(os.geteuid(), os.getegid())
    arbiter.remove_metrics()
    assert list(tmp_path.iterdir()) == []
    assert tmp_path.exists()


def test_the_folder_of_a_killed_server_is_removed_by_the_next(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = tmp_path / f"{arbiter.PREFIX}dead"
    dead.mkdir()
    arbiter._sweep(tmp_path)
    assert dead.exists()  # it may just be starting
    monkeypatch.setattr(arbiter, "OLD_SECONDS", -1)
    arbiter._sweep(tmp_path)
    assert not dead.exists()
    assert folder.exists()


def test_without_a_server_of_several_processes_there_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(arbiter.FOLDER, raising=False)
    arbiter.forget_worker(os.getpid())
