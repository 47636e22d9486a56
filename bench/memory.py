"""The memory of the workers under a mixed load that never asks for quite the same thing twice, minute by minute.

    python -m bench.memory --minutes 45 --rate 60

Lists and pages of hundreds of discussions, posts, edits, reactions, sign-ins, wrong paths and requests, and websockets
that come and go. Prints a line a minute: MB of each worker, of the response cache of all, and the requests so far.
"""

import argparse
import asyncio
import itertools
import json
import random
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from bench.live_load import Subscriber, Tally
from bench.running import PAGE_BYTES, ROOT, Server

CHANNELS = 400
PEOPLE = 20
SOCKETS = 30  # open at a time; each stays for a while
PASSWORD = "correct horse"
COMMAND = [sys.executable, "-m", "gunicorn", "main:app", "--bind", "127.0.0.1:{port}"]


class Crowd:
    """Those who use the server, at `rate` requests a second in all."""

    def __init__(self, port: int, http: httpx.AsyncClient, rate: float) -> None:
        self.port, self.http, self.rate = port, http, rate
        self.tokens: list[str] = []
        self.channels: list[int] = []
        self.posts: list[int] = [1]
        self.asked: Counter[str] = Counter()
        self.room = asyncio.Semaphore(round(rate))

    async def begin(self) -> None:
        """Signs everybody up, and begins the discussions."""
        for n in range(PEOPLE):
            await self.ask("POST", "/api/users", {"uid": f"pupil{n}", "name": f"Pupil {n}", "password": PASSWORD})
            await self.sign_in(n)
        for n in range(CHANNELS):
            made = await self.ask("POST", "/api/groups/home/channels", {"key": f"/lessons/{n}", "title": f"Lesson {n}"})
            self.channels.append(made["id"])

    async def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """One request; what it was answered."""
        token = token if token is not None else (self.tokens[-1] if self.tokens else "")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self.http.request(method, path, json=body, headers=headers)
        self.asked[f"{answer.status_code // 100}xx"] += 1
        return answer.json() if answer.headers.get("content-type", "").startswith("application/json") else None

    async def sign_in(self, number: int) -> None:
        """One more session; the oldest of many is forgotten here, not there."""
        signed = await self.ask("POST", "/api/session", {"uid": f"pupil{number}", "password": PASSWORD}, token="")
        self.tokens = [*self.tokens, signed["token"]][-PEOPLE:]

    async def one(self, number: int) -> None:
        """The request of that number."""
        channel, token = random.choice(self.channels), random.choice(["", *self.tokens])
        match number % 20:
            case 0 | 1 | 2:
                await self.write(channel)
            case 3:
                react = f"/api/posts/{random.choice(self.posts)}/reactions/heart"
                await self.ask("PUT", react)
            case 4:
                await self.ask("GET", f"/nothing/{number}", token=token)
            case 5:
                await self.ask("POST", f"/api/channels/{channel}/posts", {"body": "", "other": number}, token=token)
            case 6 if number % 200 == 6:
                await self.sign_in(number % PEOPLE)
            case 7 | 8 | 9:
                await self.ask("GET", f"/channels/{channel}", token=token)
            case 10:
                await self.ask("GET", "/", token=token)
            case 11 | 12:
                await self.ask("GET", f"/api/posts/{random.choice(self.posts)}", token=token)
            case _:
                await self.ask("GET", f"/api/channels/{channel}/posts?limit={random.randint(1, 100)}", token=token)

    async def write(self, channel: int) -> None:
        """A post of any length."""
        text = "word **bold** `code` " * random.randint(1, 100)
        made = await self.ask("POST", f"/api/channels/{channel}/posts", {"body": text[:2_000]})
        if made:
            self.posts = [*self.posts, made["id"]][-10_000:]

    async def go_on(self) -> None:
        """Until it is cancelled."""
        begun = time.monotonic()
        async with asyncio.TaskGroup() as under_way:
            for number in itertools.count():
                await asyncio.sleep(max(0.0, begun + number / self.rate - time.monotonic()))
                await self.room.acquire()  # the machine may be busy with others
                under_way.create_task(self.one(number)).add_done_callback(lambda _: self.room.release())

    async def listen(self) -> None:
        """One socket after another, each for up to a minute."""
        while True:
            make = (
                lambda: Subscriber(Tally(), self.port, random.choice(self.channels), timed=False),
                "127.0.0.1",
                self.port,
            )
            transport, _ = await asyncio.get_running_loop().create_connection(*make)
            await asyncio.sleep(random.uniform(1, 60))
            transport.abort()


def held(server: Server) -> list[float]:
    """MB of memory of each worker."""
    return [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1e6 for pid in server.workers()]


async def look(server: Server, crowd: Crowd, minute: int) -> None:
    """Prints how it is."""
    text = (await crowd.http.get("/metrics")).text
    cache = re.search(r"^pottle_cache_bytes ([\d.e+]+)", text, re.MULTILINE)
    workers = " ".join(f"{size:4.0f}" for size in sorted(held(server)))
    cached = float(cache[1]) / 1e6 if cache else 0.0
    print(f"{minute:4} min   {workers} MB   cache {cached:5.1f} MB   {json.dumps(crowd.asked)}", flush=True)


async def measure(server: Server, minutes: int, rate: float) -> None:
    """Runs the load and looks each minute."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as http:
        crowd = Crowd(server.port, http, rate)
        await look(server, crowd, -1)
        await crowd.begin()
        going = [asyncio.create_task(crowd.go_on()), *(asyncio.create_task(crowd.listen()) for _ in range(SOCKETS))]
        for minute in range(minutes + 1):
            await look(server, crowd, minute)
            await asyncio.sleep(60)
            if going[0].done():
                going[0].result()
        for task in going:
            task.cancel()
        await asyncio.wait(going)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=int, default=45)
    parser.add_argument("--rate", type=float, default=60, help="requests a second")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        more = {"POTTLE_INSTANCE": f"{folder}/instance", "POTTLE_RATE_LIMITS": "off"}
        with Server(COMMAND, Path(folder), "/readyz", cwd=ROOT, **more) as server:
            asyncio.run(measure(server, options.minutes, options.rate))


if __name__ == "__main__":
    main()
