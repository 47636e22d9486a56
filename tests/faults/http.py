"""HTTP by hand, byte by byte: what a client sees that keeps connections, stops in the middle, and is cut."""

import asyncio
import json
import time
from typing import Any, NamedTuple

from tests.server import PATIENCE


def request(method: str, path: str, token: str = "", body: object = None, *headers: str) -> bytes:
    """A whole request."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"] if content else []
    return "\r\n".join([*lines, "", ""]).encode() + content


class Answer(NamedTuple):
    """An answer. `last` says that the connection ends with it."""

    status: int
    last: bool
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Line:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.send = writer.write

    @classmethod
    async def open(cls, port: int, **how: Any) -> "Line":
        return cls(*await asyncio.open_connection("127.0.0.1", port, **how))

    async def answer(self) -> Answer:
        """The next answer. Raises ConnectionError or asyncio.IncompleteReadError, perhaps with a part of it."""
        async with asyncio.timeout(PATIENCE):
            status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines if line)
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(int(status.split()[1]), headers.get("connection") == "close", body)

    def close(self) -> None:
        self.writer.close()


class Client:
    """Asks one thing after the other, on one connection as long as the server keeps it, or each time on a new one.

    `crossed` counts the requests that met a close on their way: the server closed a connection on which nothing had
    been said for longer than `patience` seconds, which is its right at any time.
    """

    def __init__(self, port: int, kept: bool, patience: float) -> None:
        self.port, self.kept, self.patience = port, kept, patience
        self.answered = self.crossed = 0
        self._line: Line | None = None
        self._silent_since = 0.0

    async def ask(self, asked: bytes, pause: float) -> Answer | None:
        """The answer to what is sent after a pause in seconds, or None if it crossed a close."""
        if self._line is None:
            self._silent_since = time.monotonic()
            self._line = await Line.open(self.port)
        await asyncio.sleep(pause)
        before = time.monotonic()
        self._line.send(asked)
        silent, self._silent_since = time.monotonic() - self._silent_since, before
        try:
            answer = await self._line.answer()
        except (ConnectionError, asyncio.IncompleteReadError) as lost:
            if silent <= self.patience or getattr(lost, "partial", b""):
                raise AssertionError(f"not answered, {silent:.3f} s after the last word: {lost!r}") from lost
            self.crossed += 1
            self.hang_up()
            return None
        self.answered += 1
        if answer.last or not self.kept:
            self.hang_up()
        return answer

    def hang_up(self) -> None:
        """Closes the connection, if there is one."""
        if self._line is not None:
            self._line.close()
        self._line = None
