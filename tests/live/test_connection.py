"""How answers leave the server's connections (pottle/server/connection.py)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from pottle.server import OPTIONS
from pottle.server.connection import Connection


class Wire(asyncio.Transport):
    """A transport to nobody that remembers what was written at a time."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return 0


async def app(scope: Any, _receive: Any, send: Any) -> None:
    headers = [(b"content-length", b"2")] if scope["path"] == "/whole" else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/stream":
        await asyncio.Event().wait()
    await send({"type": "http.response.body", "body": b"ok"})


async def sent(head: str) -> Wire:
    """What has left once the application has nothing more to do at once."""
    config = uvicorn.Config(app, **OPTIONS, log_config=None)
    config.load()
    connection, wire = Connection(config, ServerState(), {}), Wire()
    connection.connection_made(wire)
    connection.data_received(f"{head}\r\nHost: here\r\n\r\n".encode())
    while not wire.written:
        await asyncio.sleep(0)
    connection.connection_lost(None)
    return wire


async def test_an_answer_leaves_in_one_piece() -> None:
    """Fails when the head is written by itself: a list of posts cost 12 % more so."""
    wire = await sent("GET /whole HTTP/1.1")
    (written,) = wire.written
    assert written.startswith(b"HTTP/1.1 200 OK\r\n")
    assert written.endswith(b"\r\n\r\nok")


async def test_the_head_of_a_stream_does_not_wait_for_its_first_piece() -> None:
    wire = await sent("GET /stream HTTP/1.1")
    assert wire.written[0].endswith(b"transfer-encoding: chunked\r\n\r\n")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_head_without_a_body_leaves_too(version: str) -> None:
    wire = await sent(f"HEAD /whole HTTP/{version}")
    assert wire.written[0].endswith(b"\r\n\r\n")
    assert wire.closed == (version == "1.0")
