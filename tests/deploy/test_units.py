"""The units of deploy/ for systemd: it understands them, and knows when it is no use to try again."""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import databases
from tests.conftest import needs
from tests.server import PATIENCE, ROOT, clean_environment, free_port

pytestmark = pytest.mark.slow

UNITS = [file.name for file in (ROOT / "deploy").iterdir() if file.suffix in (".service", ".timer")]
THERE = ("opt/pottle/.venv/bin/gunicorn", "opt/pottle/.venv/bin/quart", "bin/kill", "usr/bin/find")


def verified(root: Path) -> str:
    """What systemd minds about the units of a machine; "" for nothing."""
    command = ["systemd-analyze", "verify", f"--root={root}", *UNITS]
    return subprocess.run(command, capture_output=True, text=True).stderr


def test_systemd_understands_them(tmp_path: Path) -> None:
    needs("systemd-analyze")
    for name in THERE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", tmp_path / name)
    shutil.copytree("/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    for unit in UNITS:
        shutil.copy(ROOT / "deploy" / unit, tmp_path / "etc/systemd/system")
    assert verified(tmp_path) == ""
    with (tmp_path / "etc/systemd/system/pottle.service").open("a") as unit_file:
        unit_file.write("[Service]\nRestartPreventedExitStatus=3\n")
    assert "RestartPreventedExitStatus" in verified(tmp_path)


def ends_with(root: Path, tmp_path: Path, port: int = 0, **settings: str) -> int:
    """The exit code of a server that cannot start.

    It has one worker: where two fail in the same moment, gunicorn 27 stumbles and ends with 1. Then it is tried again.
    """
    command = [sys.executable, "-m", "gunicorn", "main:app", "--bind", f"127.0.0.1:{port or free_port()}"]
    settings |= {"POTTLE_INSTANCE": str(tmp_path / "instance"), "WEB_CONCURRENCY": "1"}
    run = subprocess.run(
        command, cwd=root, env=clean_environment(tmp_path, **settings), capture_output=True, timeout=PATIENCE
    )
    return run.returncode


def given_up() -> set[int]:
    """The exit codes with which systemd does not start it again."""
    lines = (ROOT / "deploy" / "pottle.service").read_text().splitlines()
    (codes,) = (line.partition("=")[2] for line in lines if line.startswith("RestartPreventExitStatus="))
    return set(map(int, codes.split()))


def test_it_is_not_started_again_and_again_where_that_cannot_help(tmp_path: Path) -> None:
    """A setting, a database and code that somebody has to mend."""
    bad_setting = ends_with(ROOT, tmp_path, POTTLE_SIGN_UP="perhaps")
    (tmp_path / "instance").mkdir()
    with databases.opened(tmp_path / "instance") as raw:
        raw.execute("CREATE TABLE somebody_elses (x INTEGER)")
    bad_database = ends_with(ROOT, tmp_path)
    broken = tmp_path / "broken"
    for name in ("api", "model", "pottle", "static", "templates"):
        shutil.copytree(ROOT / name, broken / name)
    shutil.copy(ROOT / "gunicorn.conf.py", broken)
    (broken / "main.py").write_text("import nothing_of_that_name\n")
    bad_code = ends_with(broken, tmp_path)
    assert [bad_setting, bad_database, bad_code] == [3, 3, 3]
    assert given_up() == {3}


def test_it_is_started_again_where_that_may_help(tmp_path: Path) -> None:
    """Somebody else may leave the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert ends_with(ROOT, tmp_path, port=taken.getsockname()[1]) not in given_up()
