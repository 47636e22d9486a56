"""What can go wrong with a system that gunicorn serves, done on purpose (the word is Jepsen's).

A nemesis is an async function of the system and of the run's random numbers. It does one thing, returns when it is
done, and says what it was. Any such function will do; these are the usual ones.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from conformance.adapters.protocol import System

Nemesis = Callable[[System, random.Random], Awaitable[str]]

PATIENCE = 60  # seconds until gunicorn has replaced its workers


async def kill_a_worker(system: System, rng: random.Random) -> str:
    """SIGKILL to one worker, whether or not the one before it has been replaced yet."""
    if not (workers := system.workers()):
        return "found no worker to kill"
    victim = rng.choice(workers)
    with suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    return f"killed worker {victim}"


async def hup(system: System, rng: random.Random) -> str:
    """SIGHUP to gunicorn, which replaces every worker in order; returns when it has."""
    before = system.workers()
    os.kill(system.master(), signal.SIGHUP)
    await _until_replaced(system, set(before))
    return "reloaded all workers"


async def kill_everything_and_restart(system: System, rng: random.Random) -> str:
    """SIGKILL to every process at once, and a new start on the same data."""
    await system.restart()
    return "killed everything and started again"


def pause_a_worker(seconds: float = 2.0) -> Nemesis:
    """A nemesis that stops one worker for so long and lets it go on, as a busy host or a long swap does."""

    async def pause(system: System, rng: random.Random) -> str:
        victim = rng.choice(system.workers())
        os.kill(victim, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(victim, signal.SIGCONT)
        return f"paused worker {victim} for {seconds} s"

    return pause


async def _until_replaced(system: System, gone: set[int]) -> None:
    deadline = time.monotonic() + PATIENCE
    while gone & set(system.workers()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {PATIENCE} s there are still workers of {gone}")
        await asyncio.sleep(0.05)
    await system.ready()


NEMESES: dict[str, Nemesis] = {
    "kill": kill_a_worker,
    "hup": hup,
    "restart": kill_everything_and_restart,
    "pause": pause_a_worker(),
}
