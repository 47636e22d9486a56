"""The link in the log that makes the first admin, with three workers as deployed."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pottle import times
from tests import databases
from tests.conftest import PASSWORD
from tests.server import PATIENCE, ROOT, STARTED_ANEW, Server, clean_environment, wait_until

pytestmark = pytest.mark.slow

GRACE = {"uid": "grace", "name": "Grace", "password": PASSWORD}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """On an empty folder."""
    with Server(tmp_path / "new", tmp_path) as running:
        yield running


def codes(server: Server, least: int = 1) -> list[str]:
    """Those that the log shows, oldest first. One worker writes them, and another may be ready before."""

    def found() -> list[str]:
        return re.findall(r"/join#([0-9A-Z-]+)", server.output())

    wait_until(lambda: len(found()) >= least, "a link in the log", server.output)
    return found()


def sign_up(server: Server, code: str, **more: str) -> httpx.Response:
    return httpx.post(f"{server.url}/api/users", json={**GRACE, **more, "invitation": code})


def role(server: Server, uid: str) -> str:
    with httpx.Client(base_url=server.url) as client:
        client.post("/api/session", json={"uid": uid, "password": PASSWORD}).raise_for_status()
        return str(client.get("/api/me").json()["role"])


def restart(server: Server) -> None:
    server.stop()
    server.start()


def command(server: Server, *words: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "quart", "--app", "main", *words],
        cwd=ROOT,
        env=clean_environment(server.home, POTTLE_INSTANCE=str(server.instance)),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_it_works(server: Server) -> None:
    """Three workers log one link; it makes one admin, and then there is none."""
    (code,) = codes(server)
    meaning = httpx.post(f"{server.url}/api/invitations/look-up", json={"code": code}).json()
    assert meaning == {"kind": "admin", "role": "admin", "group": None, "user": None}
    assert sign_up(server, code).status_code == 201
    assert role(server, "grace") == "admin"
    assert sign_up(server, code, uid="mallory").status_code == 422
    restart(server)
    assert codes(server) == [code]


def test_each_start_ends_the_link_before(server: Server) -> None:
    restart(server)
    older, newer = codes(server, least=2)
    assert sign_up(server, older).status_code == 422
    assert sign_up(server, newer).status_code == 201


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_that_replace_others_are_no_start(tmp_path: Path, workers: int) -> None:
    """Also where all of them end at once: the link in the log stays good, and there is no other."""
    server = Server(tmp_path / "new", tmp_path, WEB_CONCURRENCY=str(workers))
    server.through = STARTED_ANEW  # what its first process imports, these inherit
    with server:
        wait_until(lambda: len(server.serving()) == workers, "all workers", server.output)
        (code,) = codes(server)
        for end in (signal.SIGKILL, signal.SIGTERM):
            for worker in (before := server.processes()[1:]):
                os.kill(worker, end)
            wait_until(lambda: len(server.serving() - set(before)) == workers, "new workers", server.output)
        os.kill(server.process.pid, signal.SIGHUP)
        wait_until(lambda: server.output().count("startup complete") == 4 * workers, "a reload", server.output)
        assert codes(server) == [code]
        assert sign_up(server, code).status_code == 201


def test_the_development_server_offers_one_however_often_a_file_changes(tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    for name in ("api", "model", "pottle", "static", "templates"):
        shutil.copytree(ROOT / name, root / name)
    shutil.copy(ROOT / "main.py", root)
    with Server(tmp_path / "new", tmp_path, by="development", root=root) as server:
        (code,) = codes(server)
        for starts in (2, 3):
            os.utime(root / "main.py")
            wait_until(lambda n=starts: server.output().count("startup complete") == n, "a new process", server.output)
        wait_until(server.ready, "it to serve")
        assert codes(server) == [code]
        assert sign_up(server, code).status_code == 201


def test_it_ends_as_soon_as_there_is_any_admin(server: Server) -> None:
    (code,) = codes(server)
    command(server, "user", "create", "root", "--admin", "--password", PASSWORD)
    assert sign_up(server, code).status_code == 422
    assert httpx.post(f"{server.url}/api/invitations/look-up", json={"code": code}).status_code == 404


def test_it_is_good_for_a_day(server: Server) -> None:
    (code,) = codes(server)
    with databases.opened(server.instance) as raw:
        (until,) = raw.execute("SELECT expires FROM invitations").fetchone()
        assert times.later(hours=23) < until < times.later(hours=25)
        raw.execute("UPDATE invitations SET expires = ?", [times.later(seconds=-1)])
    assert sign_up(server, code).status_code == 422


@pytest.mark.parametrize("mode", ["invitation", "closed"])
def test_it_works_where_nobody_signs_up(tmp_path: Path, mode: str) -> None:
    with Server(tmp_path / "new", tmp_path, POTTLE_SIGN_UP=mode, POTTLE_URL="https://pottle.example/talk") as server:
        (code,) = codes(server)
        assert f"https://pottle.example/talk/join#{code}" in server.output()
        assert sign_up(server, code).status_code == 201


def test_a_command_offers_none(server: Server) -> None:
    before = codes(server)
    assert "/join#" not in command(server, "user", "create", "bob", "--password", PASSWORD)
    assert codes(server) == before
    assert sign_up(server, before[0]).status_code == 201
