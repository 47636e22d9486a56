"""Many subscribers of one channel, in processes of their own, and what they have got."""

import json
import selectors
import subprocess
import sys
from collections import Counter
from types import TracebackType
from typing import Any

from bench.running import ROOT, environment

PROCESSES = 2
PATIENCE = 90  # seconds
TIMED = 200  # subscribers whose latencies are kept


class Audience:
    """`with Audience(port, channel, sockets) as audience:` has them all subscribed."""

    def __init__(self, port: int, channel: int, sockets: int) -> None:
        every = max(1, sockets // TIMED)
        shares = [sockets // PROCESSES + (n < sockets % PROCESSES) for n in range(PROCESSES)]
        self._arguments = [list(map(str, (port, channel, share, every))) for share in shares if share]
        self._processes: list[subprocess.Popen[str]] = []

    def __enter__(self) -> "Audience":
        try:
            self._processes = [self._start(arguments) for arguments in self._arguments]
            if any(line != "ready" for line in self._lines()):
                raise RuntimeError("not every subscriber could subscribe")
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self, arguments: list[str]) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "bench.live_load", *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=ROOT, env=environment(ROOT), **pipes)

    def begin(self) -> None:
        """Starts counting."""
        self._say("begin")

    def end(self) -> dict[str, Any]:
        """`changes` and `rate` (changes/s) of all, `latencies` (ms, sorted), `sockets` still open, their `workers`."""
        self._say("end")
        told = [json.loads(line) for line in self._lines()]
        workers: Counter[str] = sum((Counter(one["workers"]) for one in told), Counter())
        return {
            "changes": sum(one["changes"] for one in told),
            "rate": sum(one["changes"] / one["seconds"] for one in told),
            "latencies": sorted(latency for one in told for latency in one["latencies"]),
            "sockets": sum(one["sockets"] for one in told),
            "workers": sorted(workers.values()),
        }

    def _say(self, word: str) -> None:
        for process in self._processes:
            assert process.stdin
            process.stdin.write(word + "\n")
            process.stdin.flush()

    def _lines(self) -> list[str]:
        return [line_of(process) for process in self._processes]

    def _stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()


def line_of(process: "subprocess.Popen[str]") -> str:
    """The next line it prints. Raises RuntimeError when there is none for too long."""
    with selectors.DefaultSelector() as ready:
        assert process.stdout
        ready.register(process.stdout, selectors.EVENT_READ)
        if not ready.select(PATIENCE):
            raise RuntimeError("a process of the load does not answer")
    return process.stdout.readline().strip()


def quantile(values: list[float], share: float) -> float:
    """The value that `share` of the sorted `values` does not exceed; 0 where there are none."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0
