"""Pupils who sign in, listen, read and post, each on a connection of their own.

    python -m bench.pupils PORT PUPILS MINUTE AFTER

They come evenly over MINUTE seconds and stay until AFTER seconds later. Prints JSON: for each kind of request, and for
what came live, `{count, p50, p99, refused}`, times in ms. What is read and posted once all are in is a kind of its own;
a websocket that was lost counts as refused.
"""

import asyncio
import json
import sys
import time
from collections import Counter, defaultdict
from typing import Any

from bench.audience import quantile
from bench.data import BUSY
from bench.live_load import Subscriber, Tally

READ_SECONDS = 5.0
POST_EVERY = 4  # reads
PATIENCE = 30  # seconds
ALL_IN = ", once all are in"


class Journal:
    """What all pupils saw; `minute` seconds from now, all are in."""

    def __init__(self, minute: float) -> None:
        self._all_in = time.monotonic() + minute
        self.taken: dict[str, list[float]] = defaultdict(list)  # ms, by kind of request
        self.refused: Counter[str] = Counter()

    def kind(self, what: str) -> str:
        """A kind of request by when it is made."""
        return what + ALL_IN * (time.monotonic() > self._all_in)

    def told(self) -> dict[str, dict[str, float]]:
        """In numbers."""
        return {kind: summary(taken, self.refused[kind]) for kind, taken in self.taken.items()}


def summary(taken: list[float], refused: int) -> dict[str, float]:
    """How many, how soon, and how many not at all."""
    taken = sorted(taken)
    return {"count": len(taken), "p50": quantile(taken, 0.5), "p99": quantile(taken, 0.99), "refused": refused}


class Pupil:
    """One of them, with a connection that is kept."""

    def __init__(self, port: int, journal: Journal) -> None:
        self.port, self.journal = port, journal
        self.token = ""

    async def ask(self, kind: str, method: str, path: str, body: Any = None) -> Any:
        """Asks, and notes how long it took; None when it was refused or failed."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                status, answer = await self._answer(method, path, body)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            status, answer = 0, b"{}"
        self.journal.taken[kind].append((time.monotonic() - begun) * 1_000)
        if not 200 <= status < 300:
            self.journal.refused[kind] += 1
            return None
        return json.loads(answer)

    async def _answer(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        text = b"" if body is None else json.dumps(body).encode()
        head = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(text)}"]
        head += ["Content-Type: application/json"] * bool(text)
        head += [f"Authorization: Bearer {self.token}"] * bool(self.token)
        self.writer.write("\r\n".join([*head, "", ""]).encode() + text)
        told = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin1").lower()
        length = int(told.partition("content-length: ")[2].partition("\r\n")[0])
        return int(told.split()[1]), await self.reader.readexactly(length)

    async def lesson(self, number: int, comes: float, ends: float) -> None:
        """Signs in, and takes part until it ends (seconds from now)."""
        end = time.monotonic() + ends
        await asyncio.sleep(comes)
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        credentials = {"uid": f"pupil{number}", "password": "correct horse"}
        session = await self.ask("sign in", "POST", "/api/session", credentials)
        self.token = session["token"] if session else ""
        turn = number
        while time.monotonic() < end:
            await self.ask(self.journal.kind("read"), "GET", f"/api/channels/{BUSY}/posts")
            if turn % POST_EVERY == 0:
                said = {"body": f"t{time.monotonic_ns()}"}
                await self.ask(self.journal.kind("post"), "POST", f"/api/channels/{BUSY}/posts", said)
            turn += 1
            await asyncio.sleep(READ_SECONDS)
        self.writer.close()


async def listen(tally: Tally, port: int, comes: float) -> None:
    """Opens one pupil's live updates."""
    await asyncio.sleep(comes)
    make = (lambda: Subscriber(tally, port, BUSY, timed=True), "127.0.0.1", port)
    _, subscriber = await asyncio.get_running_loop().create_connection(*make)
    await subscriber.subscribed


async def main(port: int, pupils: int, minute: float, after: float) -> None:
    """The lesson, and what it was like."""
    journal, tally = Journal(minute), Tally()
    times = [minute * number / pupils for number in range(pupils)]
    listening = [listen(tally, port, comes + 0.5) for comes in times]
    lessons = [Pupil(port, journal).lesson(n, comes, minute + after) for n, comes in enumerate(times, 1)]
    await asyncio.gather(*listening, *lessons)
    live = summary(tally.latencies, pupils - tally.sockets)
    print(json.dumps({**journal.told(), "from post to live": live}))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
