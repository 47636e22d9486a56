"""A receiver of webhooks and pushes for tests: it notes what comes, and answers as it is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.server import PATIENCE

Got = dict[str, Any]


@dataclass
class Receiver:
    """What came, in order: `headers`, the `raw` body, and what that says."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    answer: Callable[[Got], str] = lambda _got: "204 No Content"  # an empty one: the connection is closed instead
    says: bytes = b""  # the body of its answer
    hangs: asyncio.Event | None = None  # until when nothing is answered
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/hook?key=1"

    async def has(self, condition: Callable[[list[Got]], bool] | int) -> list[Got]:
        """Waits until so many came, or for a condition of all that did."""
        enough = (lambda got: len(got) >= condition) if isinstance(condition, int) else condition
        async with asyncio.timeout(PATIENCE), self.arrived:
            await self.arrived.wait_for(lambda: enough(self.got))
        return self.got

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            raw = await reader.readexactly(int(headers["content-length"]))
            said = json.loads(raw) if "json" in headers["content-type"] else {}
            got = {"line": head[0], "headers": headers, "raw": raw, **said}
            async with self.arrived:
                answer = self.answer(got)
                self.got.append(got | {"answer": answer})
                self.arrived.notify_all()
            if self.hangs:
                await self.hangs.wait()
            if answer:
                writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: {len(self.says)}\r\n\r\n".encode() + self.says)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a port of its own."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver._serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
