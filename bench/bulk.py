"""What many posts in one request are worth: posts a second, beside single ones in a row and many at once.

    python -m bench.bulk      about 60 s; the numbers in docs/api.md are what it printed

A server as it is deployed, over HTTP, without rate limits; each answer is on disk. And what a single post of somebody
else waits meanwhile.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from bench.running import ROOT, Server

SECONDS = 5.0
POSTS = "/api/channels/1/posts"
GUNICORN = (sys.executable, "-m", "gunicorn", "-b", "127.0.0.1:{port}", "main:app")
TEXTS = ("Has anybody got the slides of Tuesday?", "I have **not**, sorry. Ask [her](https://school.example/ada).")

Post = Callable[[httpx.AsyncClient], Awaitable[int]]


async def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory(dir=".") as name:  # not in memory, as /tmp may be
        home = Path(name).resolve()
        given = {"POTTLE_INSTANCE": str(home / "instance"), "POTTLE_RATE_LIMITS": "off"}
        with Server(GUNICORN, home, "/readyz", ROOT, **given) as server:
            base = f"http://127.0.0.1:{server.port}"
            async with httpx.AsyncClient(base_url=base, timeout=60) as http:
                who = {"uid": "ada", "password": "correct horse"}
                await http.post("/api/users", json={**who, "name": "Ada"})
                token = (await http.post("/api/session", json=who)).json()["token"]
                http.headers["Authorization"] = f"Bearer {token}"
                for text in TEXTS:
                    print(f"\n{text}\n{'':28}{'posts a second':>16}{'p50':>12}")
                    alone = await measured("one after the other", http, single(text), 1)
                    await measured("64 at once", http, single(text), 64)
                    for many in (10, 100, 500):
                        rate = await measured(f"{many} in a request", http, bulk(text, many), 1)
                    print(f"{'500 to one':28}{rate / alone:>16.1f}")
                    stop = asyncio.create_task(measured("(500 in a request", http, bulk(text, 500), 1))
                    await measured(" and one meanwhile)", http, single(text), 1)
                    await stop


def single(text: str) -> Post:
    """A request with one post."""

    async def post(http: httpx.AsyncClient) -> int:
        answer = await http.post(POSTS, json={"body": text})
        return len(answer.raise_for_status().content) and 1

    return post


def bulk(text: str, many: int) -> Post:
    """A request with many."""

    async def post(http: httpx.AsyncClient) -> int:
        answer = await http.post(POSTS, json={"posts": [{"body": text}] * many})
        return sum("post" in outcome for outcome in answer.raise_for_status().json()["outcomes"])

    return post


async def measured(name: str, http: httpx.AsyncClient, post: Post, tasks: int) -> float:
    """Posts a second of so many tasks, and what a request takes."""
    began, count, took = time.monotonic(), 0, list[float]()

    async def go_on() -> None:
        nonlocal count
        while (asked := time.monotonic()) < began + SECONDS:
            made = await post(http)
            count += made
            took.append(time.monotonic() - asked)

    await asyncio.gather(*(go_on() for _ in range(tasks)))
    rate = count / (time.monotonic() - began)
    print(f"{name:28}{rate:>16,.0f}{statistics.median(took) * 1000:>9.1f} ms")
    return rate


if __name__ == "__main__":
    asyncio.run(main())
