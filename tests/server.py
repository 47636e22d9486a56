"""Real servers for tests: a process group on a free port, waited for and stopped."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import websockets

from tests import databases, warm

ROOT = Path(__file__).parents[1]
STARTED = "Application startup complete."  # uvicorn's word for it
PATIENCE = 30  # seconds until something that should happen counts as not happening

# gunicorn with the libraries, and nothing of ours, imported before it forks: else each worker would take its time to.
# No garbage is looked for meanwhile, and never among them. prometheus_client must find its folder when it is imported.
GUNICORN = f"""
import gc
gc.disable()
import {", ".join(warm.LIBRARIES)}
from gunicorn.app.wsgiapp import run
gc.freeze()
gc.enable()
run(prog="gunicorn")
"""

STARTED_ANEW = ("env",)  # as `through`: a server that is not forked by a process that has imported everything (warm.py)
ALIKE = ("WEB_CONCURRENCY", "GUNICORN_CMD_ARGS")  # settings that are read when it starts to run, not by imports

COMMANDS = {
    "gunicorn": ["-c", GUNICORN, "main:app", "--bind", "127.0.0.1:{port}"],
    "uvicorn": ["-m", "uvicorn", "main:app", "--port", "{port}"],
    "uvicorn as ours": [
        *("-m", "uvicorn", "main:app", "--port", "{port}", "--no-proxy-headers"),
        *("--http", "pottle.server:Connection", "--ws", "pottle.server:WebSocketProtocol"),
    ],
    "hypercorn": ["-m", "hypercorn", "main:app", "--bind", "127.0.0.1:{port}"],
    "development": ["-m", "main", "--port", "{port}"],
}


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment(home: Path, **more: str) -> dict[str, str]:
    """An environment without any setting of whoever runs the tests, with the database of the instance folder in it."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    if "POTTLE_INSTANCE" in more and (url := databases.url_of(Path(more["POTTLE_INSTANCE"]))):
        more = {"POTTLE_DATABASE_URL": url, **more}
    return {**kept, "HOME": str(home), **more}


class Server:
    """`with Server(instance, home) as server:` is Pottle as deployed, at `server.url`."""

    def __init__(self, instance: Path, home: Path, by: str = "gunicorn", root: Path = ROOT, **settings: str) -> None:
        self.instance, self.home, self.by, self.root = instance, home, by, root
        self.through: tuple[str, ...] = ()  # a command that runs it, such as setpriv with its options
        shortcuts = {"POTTLE_SHORTCUTS": os.environ.get("TEST_SHORTCUTS", "on")}
        self.settings = {"POTTLE_RATE_LIMITS": "off", "POTTLE_INSTANCE": str(instance), **shortcuts, **settings}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | warm.Forked
        self.log = home / f"{by.split()[0]}-{self.port}.log"

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    def start(self) -> None:
        """Starts it and waits until it can serve."""
        command = [part.format(port=self.port) for part in COMMANDS[self.by]]
        environment = clean_environment(self.home, PYTHONDONTWRITEBYTECODE="1", **self.settings)
        with self.log.open("ab") as log:
            if self._usual():
                self.process = warm.Forked(command[1:], environment, log)
            else:
                self.process = subprocess.Popen(
                    [*self.through, sys.executable, *command],
                    cwd=self.root,
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        try:
            wait_until(self.ready, f"{self.by} to be ready", self.output)
        except BaseException:
            if self.process.poll() is None:
                self.kill()
            raise

    def _usual(self) -> bool:
        """Whether a process that has imported everything can fork it: nothing but our own settings is set."""
        ours = all(name.startswith("POTTLE_") or name in ALIKE for name in self.settings)
        return (self.by, self.root, self.through) == ("gunicorn", ROOT, ()) and ours

    def ready(self) -> bool:
        """Whether it can serve."""
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.by} ended with {self.process.returncode}:\n{self.output()}")
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """Asks it to end, and sees that it does so in order."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        assert code in (0, -signal.SIGTERM), f"{self.by} ended with {code}:\n{self.output()}"

    def kill(self) -> None:
        """Ends all its processes at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    def processes(self) -> list[int]:
        """Its processes, the first one first."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [self.process.pid, *map(int, children.read_text().split())]

    def serving(self) -> set[int]:
        """Those of gunicorn's workers there are that have said that they serve."""
        said = [json.loads(line) for line in self.output().splitlines() if STARTED in line and line.endswith("}")]
        return {line["process"] for line in said} & set(self.processes()[1:])

    @contextmanager
    def standing_still(self, workers: Iterable[int]) -> Iterator[None]:
        """Those workers do nothing meanwhile, if others serve: one of these accepts who connects.

        On a busy machine hundreds of connections, one after the other, were accepted by the same two workers of three.
        """
        still = [*workers] if self.serving() - {*workers} else []
        _tell(still, signal.SIGSTOP)
        try:
            yield
        finally:
            _tell(still, signal.SIGCONT)

    def output(self) -> str:
        """What it has written."""
        return self.log.read_text(errors="replace")


def _tell(processes: Iterable[int], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


def wait_until(happened: Any, what: str, explain: Any = lambda: "") -> None:
    """Waits for a condition, not for a time."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, f"Waited in vain for {what}.\n{explain()}"
        time.sleep(0.02)


class Socket:
    """A websocket client that speaks in frames; an array of frames arrives as single ones."""

    def __init__(self, raw: websockets.ClientConnection) -> None:
        self.raw = raw
        self._waiting: list[dict[str, Any]] = []

    async def send(self, **frame: Any) -> None:
        """Sends one frame."""
        await self.raw.send(json.dumps(frame))

    async def receive(self) -> dict[str, Any]:
        """The next frame."""
        while not self._waiting:
            async with asyncio.timeout(PATIENCE):
                got = json.loads(await self.raw.recv())
            self._waiting = got if isinstance(got, list) else [got]
        return self._waiting.pop(0)

    async def rest(self) -> tuple[list[dict[str, Any]], int]:
        """All that comes until the server closes, and its close code (1006 when there was none)."""
        frames: list[dict[str, Any]] = []
        try:
            while True:
                frames.append(await self.receive())
        except websockets.ConnectionClosed as closed:
            return frames, closed.rcvd.code if closed.rcvd else 1006

    async def ask(self, **frame: Any) -> dict[str, Any]:
        """Sends one frame and returns the next that comes."""
        await self.send(**frame)
        return await self.receive()


async def attempts() -> AsyncIterator[None]:
    """Again and again for as long as is worth it: to meet a worker that may still be starting."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        yield
        await asyncio.sleep(0.01)


async def connected(stack: AsyncExitStack, server: Server, **options: Any) -> tuple[Socket, dict[str, Any]]:
    """A websocket to the server and its hello frame; it is closed with the stack."""
    raw = await stack.enter_async_context(websockets.connect(f"ws://127.0.0.1:{server.port}/api/live", **options))
    socket_ = Socket(raw)
    return socket_, await socket_.receive()


async def calling(stack: AsyncExitStack, server: Server, token: str = "") -> httpx.AsyncClient:
    """An HTTP client of the server that sends `token`; it is closed with the stack."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    client = httpx.AsyncClient(base_url=server.url, headers=headers, timeout=PATIENCE)
    return await stack.enter_async_context(client)


async def one_on_each_worker(stack: AsyncExitStack, server: Server, workers: int = 3) -> dict[int, Socket]:
    """Sockets by worker, opened one by one until every worker has one."""
    found: dict[int, Socket] = {}
    async for _ in attempts():
        if len(found) == workers:
            return found
        with server.standing_still(found):
            socket_, hello = await connected(stack, server)
        found.setdefault(hello["worker"], socket_)
    raise AssertionError(f"only {len(found)} of {workers} workers answered")
