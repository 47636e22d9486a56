"""Writes posts to a channel at a steady rate, beside the server and through the same model, as a program may.

    python -m bench.live_writer INSTANCE CHANNEL PER_SECOND SECONDS

Each post's text is the time at which it was written, in its transaction and just before the commit (CLOCK_MONOTONIC in
ns, as `t123456`), so that whoever gets the change knows how long ago it was committed, give or take the fsync. Prints
`ready` when it begins to write, and in the end the p99 of its own waits for a commit, in ms: that much of the latencies
may be the disk's.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

from bench.audience import quantile
from bench.data import SECRET
from model.accounts import session
from model.settings import Settings
from model.talk import posting
from model.talk.post import PostView
from model.talk.posting import Draft
from pottle.store import Tx, db

TICK_SECONDS = 0.002


async def main(instance: str, channel: str, rate: str, seconds: str) -> None:
    """Opens the instance that a server has open too, and writes."""
    await db.open(Settings(instance=Path(instance), rate_limits=False))
    try:
        print("ready", flush=True)
        print(quantile(sorted(await write(int(channel), float(rate), float(seconds))), 0.99))
    finally:
        await db.close()


async def write(channel: int, rate: float, seconds: float) -> list[float]:
    """Keeps to the clock: when it is late it writes what is due at once. Returns how long each write took, in ms."""
    who = await session.identify(SECRET)
    begun, tasks = time.monotonic(), set()
    taken: list[float] = []
    written = 0
    while (passed := time.monotonic() - begun) < seconds:
        for _ in range(int(passed * rate) - written):
            tasks.add(task := asyncio.create_task(_timed(taken, who, channel)))
            task.add_done_callback(tasks.discard)
            written += 1
        await asyncio.sleep(TICK_SECONDS)
    await asyncio.gather(*tasks)
    return taken


async def _timed(taken: list[float], who: Any, channel: int) -> None:
    begun = time.monotonic()
    await db.write(stamped, who, channel)
    taken.append((time.monotonic() - begun) * 1_000)


def stamped(tx: Tx, who: Any, channel: int) -> PostView:
    """Unit: a post that says when it was written."""
    text = f"t{time.monotonic_ns()}"
    return posting.create.within(tx, who, channel, Draft(text, f"<p>{text}</p>", None, None), None)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
