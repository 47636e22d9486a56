"""Servers under test: a process group on a free port, started, waited for, killed."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

PATIENCE = 60  # seconds until a server that does not answer counts as broken


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A command that serves at a port of this machine, in a process group of its own. Its output goes to a file."""

    address = "127.0.0.1"

    def __init__(self, command: Sequence[str], port: int, folder: Path, log: Path, **settings: str) -> None:
        self.command, self.port, self.folder, self.log = command, port, folder, log
        self.settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Starts it and waits until somebody listens at the port. Raises RuntimeError with its output."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 (quick; the command is an adapter's)
                self.command,
                cwd=self.folder,
                env=_environment(self.log.parent, self.settings),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while not await self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.command[:4]} does not serve:\n{self.output()}")
            await asyncio.sleep(0.05)

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(self.address, self.port)
        except OSError:
            return False
        writer.close()
        return True

    def master(self) -> int:
        """The first process's id."""
        if self._process is None:
            raise RuntimeError("It was not started.")
        return self._process.pid

    def children(self) -> list[int]:
        """The ids of the processes that the first one has started (Linux)."""
        listed = Path(f"/proc/{self.master()}/task/{self.master()}/children").read_text()
        return [int(number) for number in listed.split()]

    async def stop(self) -> None:
        """Asks it to end; kills it if it does not."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            await self._gone(PATIENCE)
        self._kill_all()
        self._process.wait()

    async def kill(self) -> None:
        """Kills all its processes at once."""
        self._kill_all()
        await self._gone(PATIENCE)

    def _kill_all(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.master(), signal.SIGKILL)

    async def _gone(self, seconds: float) -> None:
        with suppress(subprocess.TimeoutExpired):
            if self._process is not None:
                await asyncio.to_thread(self._process.wait, seconds)

    def output(self) -> str:
        """What it has written."""
        return self.log.read_text(errors="replace")


def _environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """None of the settings of whoever runs this."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", **settings}
