"""Readers who know which worker they read from, and look at once and in every way."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tests.server import PATIENCE, Server, attempts

T = TypeVar("T")
Expected = Callable[[str], bool]  # whether a text shows what was acknowledged


def gone(_: str) -> bool:
    """Expected of what nobody may see any more: the answer has to be 404, and no text is ever right."""
    return False


def has(*parts: str) -> Expected:
    """Expected of what shows all of these."""
    return lambda text: all(part in text for part in parts)


def lacks(*parts: str) -> Expected:
    """Expected of what shows none of these."""
    return lambda text: not any(part in text for part in parts)


class Seen(NamedTuple):
    """An answer."""

    status: int
    etag: str
    text: str


class Eye:
    """One keep-alive connection to one worker, and the ETag of each path as it last glanced at it.

    It speaks HTTP by itself: twenty times as quick as a client that can do more, which in a race decides.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rng: random.Random) -> None:
        self._reader, self._writer, self._rng = reader, writer, rng
        self._former: dict[str, str] = {}
        self.port: int = writer.get_extra_info("sockname")[1]
        self.worker = 0
        self.looks = 0

    def ask(self, path: str, method: str = "GET", known: str = "") -> None:
        """Sends a request; `answer` is for later."""
        condition = f"If-None-Match: {known}\r\n" if known else ""
        self._writer.write(f"{method} {path} HTTP/1.1\r\nHost: pottle.test\r\n{condition}\r\n".encode())

    async def answer(self, method: str = "GET") -> Seen:
        """The answer to the oldest request that has none."""
        async with asyncio.timeout(PATIENCE):
            first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            status = int(first.split()[1])
            length = 0 if method == "HEAD" or status == 304 else int(headers["content-length"])
            return Seen(status, headers.get("etag", ""), (await self._reader.readexactly(length)).decode())

    async def get(self, path: str) -> Seen:
        """Asks and waits."""
        self.ask(path)
        return await self.answer()

    async def glance(self, paths: Iterable[str]) -> None:
        """Reads what will change, so that the worker keeps it."""
        for path in paths:
            self._former[path] = (await self.get(path)).etag

    async def look(self, expected: Mapping[str, Expected]) -> None:
        """Reads, in any order, what has changed since the glance, if there was one; each in one of three ways."""
        for path in self._rng.sample(sorted(expected), len(expected)):
            former = self._former.get(path)
            how = self._rng.choice(("GET", "HEAD", "conditional")) if former else "GET"
            method = "HEAD" if how == "HEAD" else "GET"
            self.ask(path, method, former if former and how == "conditional" else "")
            seen = await self.answer(method)
            about = f"worker {self.worker} answered {how} {path}, seen before as {former}, with {seen}"
            if expected[path] is gone:
                assert seen.status == 404, about
            else:
                assert seen.status == 200, about
                assert seen.etag != former, about
                assert method == "HEAD" or expected[path](seen.text), about
            self.looks += 1


class Witnesses:
    """An eye on each worker."""

    def __init__(self, eyes: list[Eye]) -> None:
        self.eyes = eyes

    @property
    def looks(self) -> int:
        """How often they have looked."""
        return sum(eye.looks for eye in self.eyes)

    async def see(self, write: Coroutine[Any, Any, T], expected: Mapping[str, Expected]) -> T:
        """Every worker keeps what will change; once the write is acknowledged, it is looked at everywhere at once."""
        with closing(write):
            await asyncio.gather(*(eye.glance(expected) for eye in self.eyes))
            answer = await write
        await asyncio.gather(*(eye.look(expected) for eye in self.eyes))
        return answer


@asynccontextmanager
async def opened(server: Server, rng: random.Random) -> AsyncIterator[Eye]:
    """An eye on any worker."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Eye(reader, writer, rng)
    finally:
        writer.close()


async def on_every_worker(stack: AsyncExitStack, server: Server, rng: random.Random) -> Witnesses:
    """An eye on each of three workers."""
    found: dict[int, Eye] = {}
    async for _ in attempts():
        with server.standing_still(found):
            eye = await stack.enter_async_context(opened(server, rng))
            await eye.get("/healthz")
        eye.worker = worker_at(server, eye.port)
        found.setdefault(eye.worker, eye)
        if len(found) == 3:
            return Witnesses(list(found.values()))
    raise AssertionError(f"only {len(found)} of 3 workers answered")


def worker_at(server: Server, port: int) -> int:
    """The worker that holds the other end of the connection from a local port."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    ends = (f":{server.port:04X}", f":{port:04X}")
    inode = next(row[9] for row in rows if row[1].endswith(ends[0]) and row[2].endswith(ends[1]))
    for pid in server.processes()[1:]:
        if f"socket:[{inode}]" in map(_target, Path(f"/proc/{pid}/fd").iterdir()):
            return pid
    raise AssertionError(f"no worker has the connection from port {port}")


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed meanwhile
        return ""
