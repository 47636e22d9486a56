"""Clients that no library would let one write: they speak bytes, cut at any of them, or do not read."""

import asyncio
import json
import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from websockets import ConnectionClosed

from tests import databases
from tests.live.meeting import Meeting
from tests.server import PATIENCE, Server, Socket, attempts, calling, connected, wait_until

MIB = 1024 * 1024
RESET = struct.pack("ii", 1, 0)  # linger for 0 seconds: a close is a reset
SMALL_BUFFER = 4096
WORKERS = 3
UPGRADE = (
    b"GET /api/live HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def request(method: str, path: str, token: str = "", content: bytes = b"", **headers: str) -> bytes:
    """A request as bytes; `Idempotency_Key="x"` is a header."""
    given = {"Host": "pottle.test", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if token:
        given["Authorization"] = f"Bearer {token}"
    if content:
        given |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content


def frame(payload: bytes, opcode: int = TEXT, fin: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """A websocket frame as bytes, right or wrong (RFC 6455, 5.2); its mask is 0."""
    first = (0x80 if fin else 0) | reserved << 4 | opcode
    mask = 0x80 if masked else 0
    if len(payload) < 126:
        head = struct.pack("!BB", first, mask | len(payload))
    elif len(payload) < 65_536:
        head = struct.pack("!BBH", first, mask | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, mask | 127, len(payload))
    return head + (bytes(4) if masked else b"") + payload


def asking(**asked: Any) -> bytes:
    """A frame that asks for something, as bytes."""
    return frame(json.dumps(asked).encode())


class Ear:
    """A subscriber that takes note of the changes that it is told, as they come, until it is closed."""

    def __init__(self, socket: Socket) -> None:
        self.socket = socket
        self.changes: list[dict[str, Any]] = []
        self.other: list[dict[str, Any]] = []
        self.at: dict[int, float] = {}  # when it was told of a post
        self.code = 0  # with which it was closed

    async def listen(self) -> None:
        """Until the end of the connection."""
        with suppress(ConnectionClosed):
            async for text in self.socket.raw:
                got = json.loads(text)
                for one in got if isinstance(got, list) else [got]:
                    self._note(one)
        self.code = self.socket.raw.close_code or 1006

    def _note(self, got: dict[str, Any]) -> None:
        if got["type"] == "change":
            self.changes.append(got)
            self.at.setdefault(got["post"]["id"], time.monotonic())
        else:
            self.other.append(got)


async def ears(meeting: Meeting, channel: int, tasks: asyncio.TaskGroup, uid: str = "") -> list[Ear]:
    """One on every worker, subscribed to a channel; `tasks` ends when they are closed."""
    found: dict[int, Ear] = {}
    async for _ in attempts():
        if len(found) == WORKERS:
            break
        socket_, hello = await connected(meeting.stack, meeting.server)
        if hello["worker"] in found:
            await socket_.raw.close()
            continue
        if uid:
            assert (await socket_.ask(type="auth", token=meeting.token(uid)))["type"] == "authenticated"
        assert (await socket_.ask(type="subscribe", channel=channel))["type"] == "subscribed"
        found[hello["worker"]] = Ear(socket_)
    assert len(found) == WORKERS, "a worker does not answer"
    for ear in found.values():
        tasks.create_task(ear.listen())
    return [*found.values()]


class Neighbours:
    """Others, who write and read all the while: each answer must be the right one."""

    def __init__(self, meeting: Meeting, channel: int) -> None:
        self.meeting, self.path = meeting, f"/api/channels/{channel}/posts"
        self.bodies: list[str] = []
        self.over = False

    async def write(self, uid: str) -> None:
        client = await calling(self.meeting.stack, self.meeting.server, self.meeting.token(uid))
        for n in count():
            if self.over:
                return
            made = await client.post(self.path, json={"body": f"{uid}-{n}"})
            assert made.status_code == 201, made.text
            self.bodies.append(f"{uid}-{n}")
            newest = (await client.get(f"{self.path}?limit=100")).json()["posts"]
            assert made.json() in newest, "L6"


class Client:
    """A TCP connection: `send`, `read`, and two ways to go."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, server: Server) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", server.port))

    async def send(self, data: bytes) -> None:
        """Sends; that the server has closed shows in what it said."""
        with suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def read(self, most: int = 65_536) -> bytes:
        """What comes next; nothing when the connection has ended, also by reset."""
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                return await self._reader.read(most)
        return b""

    async def until(self, end: bytes) -> bytes:
        """What comes up to and with `end`, and perhaps a little more; less when the connection ends before."""
        heard = b""
        while end not in heard and (more := await self.read()):
            heard += more
        return heard

    async def rest(self) -> bytes:
        """All that comes until the connection ends."""
        heard = b""
        while more := await self.read():
            heard += more
        return heard

    async def close(self) -> None:
        """Says good-bye as TCP does."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    def reset(self) -> None:
        """Is gone at once, with a RST."""
        with suppress(OSError):  # it was reset already
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._writer.transport.abort()


def small(server: Server) -> socket.socket:
    """A connection that takes little before it is full, and that nobody reads for us."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    client.settimeout(PATIENCE)
    client.connect(("127.0.0.1", server.port))
    return client


def read_until(client: socket.socket, end: bytes) -> None:
    """Reads up to `end` and perhaps a little more."""
    heard = b""
    while end not in heard:
        got = client.recv(256)
        assert got, heard
        heard += got


def cut(client: socket.socket) -> bool:
    """Whether the server has closed or reset the connection, found out without reading from it."""
    poll = select.poll()
    poll.register(client, select.POLLRDHUP)
    return bool(poll.poll(0))


def memory(server: Server) -> int:
    """Bytes that the server's processes hold."""
    fields = (Path(f"/proc/{process}/statm").read_text().split() for process in server.processes())
    return sum(int(resident) for _, resident, *_ in fields) * os.sysconf("SC_PAGE_SIZE")


def open_sockets(server: Server) -> int:
    """How many sockets to clients the server's processes hold: not those of the bus, or to PostgreSQL."""
    own = {f"socket:[{line.split()[6]}]" for line in Path("/proc/net/unix").read_text().splitlines()[1:]}
    targets = [target(link) for process in server.processes() for link in descriptors(process)]
    return sum(of.startswith("socket:") and of not in own for of in targets)


def descriptors(process: int) -> Iterable[Path]:
    return Path(f"/proc/{process}/fd").iterdir()


def target(link: Path) -> str:
    with suppress(FileNotFoundError):  # closed meanwhile
        return str(link.readlink())
    return ""


async def until(happened: Callable[[], Any], what: str) -> None:
    """Waits for a condition while everything else goes on."""
    await asyncio.to_thread(wait_until, happened, what)


def kept(server: Server, channel: int) -> dict[int, str]:
    """All posts of a channel, by id."""
    with databases.opened(server.instance) as raw:
        return dict(raw.execute("SELECT id, body FROM posts WHERE channel_id = ?", (channel,)))


def assert_calm(server: Server) -> None:
    """That nothing that a client did went wrong in the server: what one can cause at will must not fill the log."""
    for sign in ("Traceback", "never retrieved", "Exception in", "Fatal error"):
        assert sign not in server.output(), server.output()[-3_000:]
