"""`python main.py`: the development server, as somebody uses it who changes files and makes mistakes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import websockets.sync.client
from websockets.exceptions import ConnectionClosed

from tests.server import PATIENCE, clean_environment, free_port, wait_until
from tests.test_debugging import HANDLER, listens, small_house


class Development:
    """`python main.py` of a small house, in a process group of its own, as in a terminal."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.folder = folder
        self.port = free_port()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, folder / "main.py", f"--port={self.port}", *flags],
                cwd="/",
                env=clean_environment(folder),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def get(self) -> str:
        """What it answers. While the application starts, requests wait."""
        wait_until(lambda: listens(self.port), "the server", self.log.read_text)
        return httpx.get(f"http://127.0.0.1:{self.port}/", timeout=PATIENCE).text

    def starts(self) -> int:
        return self.log.read_text().count("Started server process")

    def interrupt(self) -> int:
        """Ctrl-C: every process of the terminal gets it."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def house(tmp_path: Path) -> Path:
    small_house(tmp_path)
    return tmp_path


@pytest.fixture
def server(house: Path) -> Iterator[Development]:
    running = Development(house)
    yield running
    running.end()


def test_it_works(server: Development) -> None:
    assert server.get() == "a thing"
    assert f"http://127.0.0.1:{server.port}" in server.log.read_text()
    assert server.interrupt() == 0
    assert "Traceback" not in server.log.read_text()


def test_without_reload_it_is_one_process(house: Path) -> None:
    server = Development(house, "--no-reload")
    try:
        assert server.get() == "a thing"
        assert f"Started server process [{server.process.pid}]" in server.log.read_text()
        assert server.interrupt() == 0
        assert "Traceback" not in server.log.read_text()
    finally:
        server.end()


def test_a_port_that_is_taken_is_one_line_of_advice(house: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command = [sys.executable, house / "main.py", f"--port={port}"]
        run = subprocess.run(command, env=clean_environment(house), capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith(f"Port {port} is taken. Try: python main.py --port ")
    assert run.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_change_is_served(server: Development) -> None:
    assert server.get() == "a thing"
    handler = server.folder / "api" / "things.py"
    handler.write_text(HANDLER.replace("return found", "return 'another'"))
    wait_until(lambda: server.starts() == 2, "a reload")
    assert server.get() == "another"


@pytest.mark.slow
def test_a_mistake_is_shown_and_its_correction_served(server: Development) -> None:
    assert server.get() == "a thing"
    handler = server.folder / "api" / "things.py"
    handler.write_text("a mistake(")
    wait_until(lambda: "SyntaxError" in server.log.read_text(), "the mistake")
    handler.write_text(HANDLER)
    wait_until(lambda: server.starts() == 2, "a reload")
    assert server.get() == "a thing"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "noticed"), [("api/new.py", True), ("templates/x.html", True), ("x.txt", False)])
def test_new_files_count(server: Development, name: str, noticed: bool) -> None:
    server.get()
    (server.folder / name).parent.mkdir(exist_ok=True)
    (server.folder / name).write_text("")
    if not noticed:  # then a change that is noticed must be the only one
        (server.folder / "api" / "later.py").write_text("")
    wait_until(lambda: server.starts() == 2, "a reload")
    assert (name in server.log.read_text()) == noticed


def test_an_interrupt_during_the_imports_leaves_no_traceback(server: Development) -> None:
    wait_until(lambda: "Started reloader" in server.log.read_text(), "the supervisor")
    assert server.interrupt() == 0
    assert "Traceback" not in server.log.read_text()


def test_a_killed_supervisor_frees_the_port(server: Development) -> None:
    server.get()
    server.process.kill()
    wait_until(lambda: not listens(server.port), "a free port")


def test_websockets_obey_the_limits_of_production(house: Path) -> None:
    (house / "api" / "things.py").write_text(
        HANDLER + "\n\n@blueprint.websocket('/echo')\nasync def echo():\n    from quart import websocket\n"
        "    while True:\n        await websocket.send(await websocket.receive())\n"
    )
    server = Development(house)
    try:
        server.get()
        with websockets.sync.client.connect(f"ws://127.0.0.1:{server.port}/echo") as client:
            assert client.protocol.extensions == []
            with pytest.raises(ConnectionClosed) as closed:
                client.send("x" * (16 * 1024 + 1))
                client.recv(PATIENCE)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1009
    finally:
        server.end()
