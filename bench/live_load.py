"""Websocket subscribers in a process of their own: they count the changes they get, and do as little else as they can.

    python -m bench.live_load PORT CHANNEL SOCKETS EVERY

It prints `ready` once all are subscribed. Then a line `begin` on its input starts a count, and `end` prints it as
JSON: `{changes, seconds, latencies, sockets, workers}`. Latencies are in ms, from the time (CLOCK_MONOTONIC in ns) that
a post's text says (`t123456`), on each EVERYth socket. It ends with its input.
"""

import asyncio
import json
import os
import re
import sys
import time
from contextlib import suppress
from typing import cast

CHANGE = b'"type":"change"'
STAMP = re.compile(rb'"body":"t(\d+)"')
WORKER = re.compile(rb'"worker":(\d+)')
PING, CLOSE = 9, 8
AT_ONCE = 20  # sockets that connect at the same time
KEY = "cG90dGxlLWJlbmNobWFyaw=="


class Tally:
    """What all sockets of this process have got."""

    def __init__(self) -> None:
        self.sockets = 0
        self.workers: dict[str, int] = {}
        self.begin()

    def begin(self) -> None:
        """Starts anew."""
        self.changes = 0
        self.latencies: list[float] = []
        self.begun = time.monotonic()

    def told(self) -> str:
        """The count since it began."""
        seconds = time.monotonic() - self.begun
        got = {"changes": self.changes, "seconds": seconds, "latencies": self.latencies}
        return json.dumps({**got, "sockets": self.sockets, "workers": self.workers})


class Subscriber(asyncio.Protocol):
    """One websocket (RFC 6455), only as far as this needs it: the server sends whole messages, not compressed."""

    def __init__(self, tally: Tally, port: int, channel: int, timed: bool) -> None:
        self.tally, self.port, self.channel, self.timed = tally, port, channel, timed
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.rest = b""
        self.open = self.subscribing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        head = f"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.transport.write(f"{head}Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())

    def connection_lost(self, exc: Exception | None) -> None:
        if self.subscribed.done():
            self.tally.sockets -= 1
        else:
            self.subscribed.set_exception(exc or ConnectionError("refused"))

    def data_received(self, data: bytes) -> None:
        data = self.rest + data if self.rest else data
        at = 0 if self.open else self._answered(data)
        while self.open and (found := _frame(data, at)):
            opcode, start, at = found
            self._take(opcode, data[start:at])
        self.rest = data[at:]

    def _answered(self, data: bytes) -> int:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        if not data.startswith(b"HTTP/1.1 101"):
            self.transport.abort()
        self.open = True
        return end + 4

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self.send(0x8A, payload)
        elif opcode == CLOSE:
            self.transport.close()
        elif self.subscribed.done():
            self._count(payload)
        else:
            self._begin(payload)

    def _count(self, payload: bytes) -> None:
        self.tally.changes += payload.count(CHANGE)
        if self.timed:
            now = time.monotonic_ns()
            self.tally.latencies += [(now - int(stamp)) / 1e6 for stamp in STAMP.findall(payload)]

    def _begin(self, payload: bytes) -> None:
        """Hello is answered with a subscription; what answers that makes it ready."""
        if self.subscribing:
            self.tally.sockets += 1
            self.subscribed.set_result(None)
            return
        self.subscribing = True
        if found := WORKER.search(payload):
            worker = found[1].decode()
            self.tally.workers[worker] = self.tally.workers.get(worker, 0) + 1
        self.send(0x81, json.dumps({"type": "subscribe", "channel": self.channel}).encode())

    def send(self, first: int, payload: bytes) -> None:
        """Clients have to mask: with zeros, which leaves the bytes as they are."""
        self.transport.write(bytes((first, 0x80 | len(payload))) + b"\0\0\0\0" + payload)


def _frame(data: bytes, at: int) -> tuple[int, int, int] | None:
    """(opcode, where its payload starts, where it ends) of the frame at `at`; None while it is not all there."""
    if len(data) < at + 2:
        return None
    size, start = data[at + 1], at + 2
    if size > 125:
        width = 2 if size == 126 else 8
        if len(data) < start + width:
            return None
        size, start = int.from_bytes(data[start : start + width], "big"), start + width
    return (data[at] & 15, start, start + size) if len(data) >= start + size else None


async def main(port: int, channel: int, sockets: int, every: int) -> None:
    """Subscribes and then does as it is told."""
    tally = Tally()
    at_once = asyncio.Semaphore(AT_ONCE)
    loop = asyncio.get_running_loop()

    async def subscribe(number: int) -> None:
        async with at_once:
            make = (lambda: Subscriber(tally, port, channel, number % every == 0), "127.0.0.1", port)
            _, subscriber = await loop.create_connection(*make)
            await asyncio.wait_for(subscriber.subscribed, 60)

    await asyncio.gather(*map(subscribe, range(sockets)))
    print("ready", flush=True)
    await _obey(tally)


async def _obey(tally: Tally) -> None:
    loop, ended, rest = asyncio.get_running_loop(), asyncio.Event(), bytearray()

    def read() -> None:
        got = os.read(0, 1_000)
        rest.extend(got)
        if not got:
            ended.set()
        while b"\n" in rest:
            line, _, after = bytes(rest).partition(b"\n")
            rest[:] = after
            if line == b"begin":
                tally.begin()
            else:
                print(tally.told(), flush=True)

    loop.add_reader(0, read)
    await ended.wait()


if __name__ == "__main__":
    with suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(main(*map(int, sys.argv[1:])))
