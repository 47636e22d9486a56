"""The same application under gunicorn, uvicorn and hypercorn, and the traps that servers and Quart lay."""

import asyncio
import http.client
import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, suppress
from pathlib import Path

import httpx
import pytest

from tests.conftest import PASSWORD, World
from tests.live.meeting import Meeting, changes
from tests.server import COMMANDS, PATIENCE, STARTED_ANEW, Server

pytestmark = pytest.mark.slow

KIB = 1024
MIB = 1024 * KIB


@pytest.fixture(scope="module", params=COMMANDS)
def any_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, world: World
) -> Iterator[Server]:
    """Each of them in turn."""
    folder = tmp_path_factory.mktemp(request.param)
    server = Server(Path(shutil.copytree(world.folder, folder / "instance")), folder, by=request.param)
    server.through = STARTED_ANEW
    with server:
        yield server


async def test_it_works(any_server: Server, stack: AsyncExitStack) -> None:
    """From signing up to a post that somebody sees."""
    nobody = Meeting(any_server, stack, {})
    client = await nobody.http()
    assert (await client.get("/healthz")).json()["status"] == "ok"
    made = await client.post("/api/users", json={"uid": "gustav", "name": "Gustav", "password": PASSWORD})
    assert made.status_code == 201
    token = await nobody.sign_in("gustav")
    socket_ = await nobody.socket(token)
    await socket_.ask(type="subscribe", channel=1)
    post = await nobody.post(1, "Hello", by=token)
    assert (await changes(socket_, 1))[0]["post"] == post
    assert "Hello" in (await client.get("/")).text
    await socket_.raw.close()


async def test_forty_requests_on_one_connection(any_server: Server, world: World) -> None:
    """Quart 0.23.1 under gunicorn's own ASGI worker answers 16."""
    with closing(http.client.HTTPConnection("127.0.0.1", any_server.port, timeout=PATIENCE)) as connection:
        headers = {"Authorization": f"Bearer {world.tokens['alice']}"}
        ports = set()
        for n in range(40):
            connection.request(
                "GET", ["/api/me", "/api/channels/1/posts", "/healthz", "/nowhere"][n % 4], headers=headers
            )
            answer = connection.getresponse()
            answer.read()
            assert answer.status == (404 if n % 4 == 3 else 200)
            assert connection.sock is not None, "and it stays open"
            ports.add(connection.sock.getsockname()[1])
        assert len(ports) == 1


async def test_a_client_that_hangs_up_leaves_the_server_well(
    any_server: Server, stack: AsyncExitStack, world: World
) -> None:
    """Writes of clients that are gone before the answer are written all the same, and nothing stays locked."""
    meeting = Meeting(any_server, stack, world.tokens)
    channel = await meeting.channel()
    body = json.dumps({"body": "from one who left"})
    request = (
        f"POST /api/channels/{channel}/posts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {meeting.token('bob')}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", any_server.port)) as gone:
            gone.sendall(request.encode())
    made = await meeting.post(channel, "after")
    listed = await meeting.listed(channel)
    assert made in listed["posts"]
    assert len(listed["posts"]) <= 21


def memory_peak(server: Server) -> int:
    """The most bytes that the server's processes ever held."""
    statuses = [Path(f"/proc/{process}/status").read_text() for process in server.processes()]
    return sum(int(s.partition("VmHWM:")[2].split()[0]) * KIB for s in statuses)


def posting(server: Server, token: str, more: str) -> socket.socket:
    """A connection on which the head of a POST has been sent."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    connection.sendall(
        f"POST /api/channels/1/posts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\n{more}\r\n\r\n".encode()
    )
    return connection


def test_a_chunked_body_without_end_is_refused_and_not_kept(any_server: Server, world: World) -> None:
    """Quart 0.23.1 keeps all of it before it says 413. Here 60 MB are offered, as far as the server takes them.

    Fails when BoundedBody.append keeps what is over the limit.
    """
    before = memory_peak(any_server)
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    upload = posting(any_server, world.tokens["alice"], "Transfer-Encoding: chunked")
    with upload, suppress(ConnectionError):  # it has heard enough
        for _ in range(60 * MIB // 0x10000):
            upload.sendall(chunk)
    assert httpx.get(f"{any_server.url}/healthz").status_code == 200
    assert memory_peak(any_server) - before < 12 * MIB


def test_whoever_stops_sending_in_time_reads_the_413_of_a_chunked_body(any_server: Server, world: World) -> None:
    with posting(any_server, world.tokens["alice"], "Transfer-Encoding: chunked") as connection:
        connection.sendall((b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 5 + b"0\r\n\r\n")
        assert connection.recv(100).split()[1] == b"413"


def test_a_large_upload_to_a_small_route_can_read_its_413(any_server: Server, world: World) -> None:
    """5 MB to a route that takes 64 KiB, sent as every simple client does: all of it first, then reading.

    Twenty times, for without draining about half of them see a reset instead.
    """
    body = b"x" * 5 * MIB
    headers = {"Authorization": f"Bearer {world.tokens['alice']}", "Content-Type": "application/json"}
    statuses = []
    for _ in range(20):
        with closing(http.client.HTTPConnection("127.0.0.1", any_server.port, timeout=PATIENCE)) as connection:
            with suppress(ConnectionError):  # what counts is the answer
                connection.request("POST", "/api/channels/1/posts", body, headers)
            try:
                statuses.append(connection.getresponse().status)
            except (ConnectionError, http.client.HTTPException) as error:
                statuses.append(type(error).__name__)
    assert statuses == [413] * 20


@pytest.mark.parametrize("size", [64 * KIB + 1, MIB])
def test_what_is_a_little_too_large_is_drained_and_the_connection_stays(
    any_server: Server, world: World, size: int
) -> None:
    headers = {"Authorization": f"Bearer {world.tokens['alice']}", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", any_server.port, timeout=PATIENCE)) as connection:
        connection.request("POST", "/api/channels/1/posts", b"x" * size, headers)
        refused = connection.getresponse()
        assert refused.status == 413
        assert refused.headers["Content-Type"] == "application/problem+json"
        refused.read()


async def test_a_body_that_never_comes_holds_nobody_up(any_server: Server, stack: AsyncExitStack, world: World) -> None:
    meeting = Meeting(any_server, stack, world.tokens)
    waiting = [posting(any_server, world.tokens["bob"], "Content-Length: 10") for _ in range(20)]
    made = await asyncio.gather(*[meeting.post(1, f"{n}") for n in range(5)])
    assert len(made) == 5
    for connection in waiting:
        connection.close()
