"""A server that is forked behaves, for a test, as one that is started."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.server import Server, wait_until
from tests.warm import Forked


def test_a_forked_server_tells_how_it_ended(instance: Path, tmp_path: Path) -> None:
    server = Server(instance, tmp_path, WEB_CONCURRENCY="1")
    with server:
        assert isinstance(server.process, Forked)
        assert server.process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.01)
        server.stop()
    assert (server.process.returncode, server.process.poll(), server.process.wait()) == (0, 0, 0)
    server.process.terminate()  # does nothing
    with server:
        server.kill()
    assert server.process.returncode == -signal.SIGKILL


def test_servers_that_are_no_usual_ones_are_started(instance: Path, tmp_path: Path) -> None:
    with Server(instance, tmp_path, WEB_CONCURRENCY="1", PYTHONUTF8="1") as server:
        assert isinstance(server.process, subprocess.Popen)
        (_, worker) = server.processes()
        wait_until(lambda: worker in server.serving(), "the worker to say that it serves")
        assert b"PYTHONUTF8=1" in Path(f"/proc/{worker}/environ").read_bytes()
