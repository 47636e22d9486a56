"""Servers as processes: started on a free port, waited for, measured and stopped."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from bench.asking import ask

ROOT = Path(__file__).parents[1]
PATIENCE = 60  # seconds until something that should happen counts as not happening
LOOK_SECONDS = 0.005  # how often to look whether a server is ready
SETTLED_SECONDS = 0.3  # with hardly any work, and a server is idle
KEPT = ("PATH", "LANG", "TMPDIR", "VIRTUAL_ENV")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")  # of CPU time in a second


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: Path, **more: str) -> dict[str, str]:
    """An environment without any setting of whoever runs the benchmark."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **more}


class Server:
    """`with Server(command, …) as server:` is a process group that answers at `server.port`."""

    def __init__(self, command: Sequence[str], home: Path, ready: str, cwd: Path | None = None, **more: str) -> None:
        """`{port}` in `command` becomes the port; it is ready once `ready` (a path) is answered with 2xx."""
        self.home, self.ready, self.cwd = home, ready, cwd or home
        self.command, self.more = command, more
        self.log = home / "server.log"
        self.port = free_port()
        self.started = 0.0  # seconds from the start until it was ready

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it and waits until it is ready; raises RuntimeError with its output if it never is."""
        begun = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [part.format(port=self.port) for part in self.command],
                cwd=self.cwd,
                env=environment(self.home, **{name: value.format(port=self.port) for name, value in self.more.items()}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait(begun)
        except BaseException:
            self.stop()
            raise
        self.started = time.monotonic() - begun

    def _wait(self, begun: float) -> None:
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > begun + PATIENCE:
                raise RuntimeError(f"{self.command[0]} did not start:\n{self.output()}")
            time.sleep(LOOK_SECONDS)

    def _answers(self) -> bool:
        try:
            return 200 <= ask(self.port, "GET", self.ready).status < 300
        except OSError:
            return False

    def stop(self) -> None:
        """Ends it and all its processes."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def workers(self) -> list[int]:
        """Its processes but the first, which is gunicorn's; the first one where there is no other."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(child) for child in children] or [self.process.pid]

    def resident(self) -> int:
        """Bytes of memory that its workers hold (RSS; pages they share count for each)."""
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES for pid in self.workers())

    def cpu(self) -> float:
        """Seconds of CPU that its workers have spent so far."""
        stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.workers()]
        return sum(int(stat[11]) + int(stat[12]) for stat in stats) / TICKS

    def settle(self) -> None:
        """Waits until its workers are idle: some go on answering clients that have gone, at the next one's expense."""
        until = time.monotonic() + PATIENCE
        before = self.cpu()
        while time.monotonic() < until:
            time.sleep(SETTLED_SECONDS)
            if (now := self.cpu()) - before < SETTLED_SECONDS / 10:
                return
            before = now

    def output(self) -> str:
        """The end of what it has written."""
        return self.log.read_text(errors="replace")[-3_000:]
