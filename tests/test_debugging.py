"""Breakpoints stop in a handler and in a model function under `python main.py`, also after a reload.

The test is a debugger: it speaks the Debug Adapter Protocol with debugpy as an editor does that has
.vscode/launch.json, and like one it follows the server into its child processes.
"""

from __future__ import annotations

import ast
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from tests.server import PATIENCE, free_port, wait_until

ROOT = Path(__file__).parents[1]
Message = dict[str, Any]

HANDLER = """
from quart import Blueprint
from model import thing

blueprint = Blueprint("things", __name__)

@blueprint.get("/")
async def index():
    found = await thing.find()
    return found
"""

MODEL = """
import asyncio

async def find():
    return await asyncio.to_thread(read)

def read():
    return "a thing"
"""

MAIN = """
import logging

from quart import Quart
from api import things

logging.basicConfig(level=logging.INFO)
app = Quart(__name__)
app.register_blueprint(things.blueprint)

if __name__ == "__main__":
    from pottle.server.development import serve

    serve()
"""


class Session:
    """A conversation with the debug adapter of one process."""

    def __init__(self, host: str, port: int, heard: Callable[[Session, Message], None]) -> None:
        self.address = (host, port)
        wait_until(self.connect, "the debug adapter")
        self.heard = heard
        self.answers: Queue[Message] = Queue()
        self.ready = threading.Event()
        self.process = 0
        self.count = 0
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def connect(self) -> bool:
        try:
            self.socket = socket.create_connection(self.address)
        except OSError:
            return False
        return True

    def listen(self) -> None:
        with self.socket.makefile("rb") as stream:
            while message := read(stream):
                if message["type"] == "response":
                    self.answers.put(message)
                elif message.get("event") == "initialized":
                    self.ready.set()
                else:
                    self.heard(self, message)

    def send(self, command: str, **arguments: Any) -> None:
        self.count += 1
        request = {"seq": self.count, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(request).encode()
        self.socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def ask(self, command: str, **arguments: Any) -> Message:
        self.send(command, **arguments)
        while (answer := self.answers.get(timeout=PATIENCE))["command"] != command:
            pass
        assert answer["success"], answer
        body: Message = answer.get("body", {})
        return body


class Debugger:
    """Attaches to a process and to those that it starts, and sets the same breakpoints in each."""

    def __init__(self, port: int, breakpoints: dict[Path, int]) -> None:
        self.breakpoints = breakpoints
        self.stops: Queue[tuple[Session, int]] = Queue()
        self.sessions: list[Session] = []
        self.attach({"connect": {"host": "127.0.0.1", "port": port}, "subProcess": True})

    def attach(self, how: Message) -> None:
        session = Session(how["connect"]["host"], how["connect"]["port"], self.heard)
        session.process = how.get("subProcessId", 0)
        self.sessions.append(session)
        session.ask("initialize", adapterID="test", pathFormat="path", linesStartAt1=True)
        session.send("attach", **how)
        assert session.ready.wait(PATIENCE)
        for path, line in self.breakpoints.items():
            session.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": line}])
        session.ask("configurationDone")

    def heard(self, session: Session, message: Message) -> None:
        if message["event"] == "debugpyAttach":
            threading.Thread(target=self.attach, args=(message["body"],), daemon=True).start()
        elif message["event"] == "stopped":
            self.stops.put((session, message["body"]["threadId"]))

    def stop(self, patience: float = PATIENCE) -> tuple[Path, int, int]:
        """Waits for the next breakpoint; returns its file, its line and the process, and lets the program go on."""
        session, thread = self.stops.get(timeout=patience)
        frame = session.ask("stackTrace", threadId=thread)["stackFrames"][0]
        session.ask("continue", threadId=thread)
        return Path(frame["source"]["path"]), frame["line"], session.process

    def pass_by_until(self, done: Callable[[], bool]) -> None:
        """Lets the program go on wherever it stops: it comes by the first line of a long statement more than once."""
        while not done():
            with suppress(Empty):
                self.stop(0.05)

    def close(self) -> None:
        for session in self.sessions:
            with suppress(OSError):
                session.socket.shutdown(socket.SHUT_RDWR)
            session.listener.join(PATIENCE)
            session.socket.close()


def read(stream: Any) -> Message | None:
    """The next message of the protocol; None at the end."""
    length = 0
    try:
        while (line := stream.readline()) not in (b"\r\n", b""):
            length = int(line.partition(b":")[2])
        body = stream.read(length)
    except OSError:
        return None
    return json.loads(body) if body else None


def first_line(path: Path, function: str) -> int:
    """The line of the first statement of `function`, after its docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == function:
            return node.body[1 if ast.get_docstring(node) else 0].lineno
    raise LookupError(function)


@contextmanager
def debugged(folder: Path, *functions: tuple[str, str]) -> Iterator[tuple[Debugger, int]]:
    """`python main.py` in `folder` under a debugger with a breakpoint in each of `functions` (file and name)."""
    adapter, port = free_port(), free_port()
    command = [sys.executable, "-Xfrozen_modules=off", "-m", "debugpy", "--listen", f"127.0.0.1:{adapter}"]
    environment = {**os.environ, "POTTLE_INSTANCE": str(folder / "instance")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--wait-for-client", str(folder / "main.py"), "--port", str(port)],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        lines = {folder / name: first_line(folder / name, function) for name, function in functions}
        debugger = Debugger(adapter, lines)
        yield debugger, port
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0, (folder / "log").read_text()
        debugger.close()
    finally:
        process.kill()
        process.wait()


@contextmanager
def request(debugger: Debugger, port: int, method: str, path: str, body: Message | None = None) -> Iterator[list[int]]:
    """A request under way; the status is in the list afterwards."""
    status: list[int] = []

    def send() -> None:
        wait_until(lambda: listens(port), "the server")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
        status.append(connection.getresponse().status)
        connection.close()

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    yield status
    debugger.pass_by_until(lambda: not sender.is_alive())


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def small_house(folder: Path) -> None:
    """A house with one room of each kind, served by our development server."""
    for name in ("api", "model"):
        (folder / name).mkdir()
        (folder / name / "__init__.py").touch()
    shutil.copytree(ROOT / "pottle", folder / "pottle", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "api" / "things.py").write_text(HANDLER)
    (folder / "model" / "thing.py").write_text(MODEL)
    (folder / "main.py").write_text(MAIN)


def copied_house(folder: Path) -> None:
    for name in ("api", "model", "pottle", "templates", "static"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "main.py", folder)


@pytest.mark.slow
def test_a_breakpoint_stops_again_after_a_reload(tmp_path: Path) -> None:
    small_house(tmp_path)
    handler, model = tmp_path / "api" / "things.py", tmp_path / "model" / "thing.py"
    with debugged(tmp_path, ("api/things.py", "index"), ("model/thing.py", "read")) as (debugger, port):

        def stops_in_both() -> int:
            with request(debugger, port, "GET", "/") as status:
                first, second = debugger.stop(), debugger.stop()
            assert first[:2] == (handler, first_line(handler, "index"))
            assert second[:2] == (model, first_line(model, "read"))
            assert status == [200]
            assert first[2] == second[2]
            return first[2]

        before = stops_in_both()
        model.write_text(MODEL + "\n# changed\n")
        wait_until(lambda: (tmp_path / "log").read_text().count("Started server process") == 2, "a reload")
        assert stops_in_both() != before


@pytest.mark.slow
def test_breakpoints_stop_in_pottle_itself(tmp_path: Path) -> None:
    copied_house(tmp_path)
    with debugged(tmp_path, ("pottle/server/health.py", "alive"), ("model/accounts/user.py", "add")) as (
        debugger,
        port,
    ):
        with request(debugger, port, "GET", "/healthz") as status:
            assert debugger.stop()[0] == tmp_path / "pottle" / "server" / "health.py"
        assert status == [200]
        alice = {"uid": "alice", "name": "Alice", "password": "correct horse battery"}
        with request(debugger, port, "POST", "/api/users", alice) as status:
            assert debugger.stop()[0] == tmp_path / "model" / "accounts" / "user.py"
        assert status == [201]
