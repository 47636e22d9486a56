"""Only a websocket gets through nginx and Caddy: any other upgrade would be a tunnel to the server behind them.

hypercorn takes `Upgrade: h2c`, and then speaks HTTP/2 with whoever asked, past all that the proxy is there for.
"""

import asyncio
import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import websockets

from tests.conftest import World, needs
from tests.deploy.proxies import PROXIES, Apache, Proxy
from tests.server import PATIENCE, Server, Socket

pytestmark = pytest.mark.slow

SETTINGS = b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n"
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" + SETTINGS
TUNNELS = {
    "h2c": H2C,
    "in capitals": H2C.replace(b"h2c", b"H2C"),
    "without its settings named": b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + SETTINGS,
    "before a websocket": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c, websocket\r\n" + SETTINGS,
    "behind a websocket": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: websocket, h2c\r\n" + SETTINGS,
    "two lines": b"Upgrade: websocket\r\n" + H2C,
    "two lines the other way": H2C + b"Upgrade: websocket\r\n",
    "two connections": b"Connection: keep-alive\r\n" + H2C,
    "TLS": b"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n",
    "version": b"Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n",
}


@pytest.fixture(scope="module", params=["gunicorn", "hypercorn"])
def server(request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("upgraded")
    instance = Path(shutil.copytree(world.folder, folder / "instance"))
    settings = {"POTTLE_TRUSTED_PROXIES": "127.0.0.1", "POTTLE_URL": "https://localhost"}
    with Server(instance, folder, request.param, **settings) as running:
        yield running


@pytest.fixture(scope="module", params=[*PROXIES.values(), Apache], ids=lambda kind: kind.program)
def proxy(request: pytest.FixtureRequest, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    kind: type[Proxy] = request.param
    needs(kind.program, "openssl")
    with kind(tmp_path_factory.mktemp("proxy") / kind.program, server.port) as running:
        yield running


async def answered(proxy: Proxy, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", proxy.port, ssl=proxy.trust, server_hostname="localhost"
    )
    writer.write(request)
    answer = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(PATIENCE):
            answer = await reader.readuntil(b"\r\n")
    writer.transport.abort()
    return answer


@pytest.mark.parametrize("headers", TUNNELS.values(), ids=TUNNELS)
async def test_any_other_upgrade_is_ignored(proxy: Proxy, headers: bytes) -> None:
    """Fails with `proxy_set_header Upgrade $http_upgrade`, and with Caddy's own rules: 101."""
    for path in (b"/api/users/alice", b"/api/live"):
        status = (await answered(proxy, b"GET %b HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % (path, headers))).split()[1]
        assert status in (b"200", b"400", b"404", b"426")


async def test_a_websocket_still_gets_through(proxy: Proxy) -> None:
    for name in ("websocket", "WebSocket"):
        url = f"{proxy.url.replace('https', 'wss')}/api/live"
        async with websockets.connect(url, ssl=proxy.trust, additional_headers={"X-Name": name}) as raw:
            assert (await Socket(raw).receive())["type"] == "hello"
    capitals = (
        b"GET /api/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert b" 101 " in await answered(proxy, capitals)


def test_hypercorn_alone_takes_it(server: Server) -> None:
    """Shows that the tests above test something."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
        client.sendall(b"GET /api/users/alice HTTP/1.1\r\nHost: localhost\r\n" + H2C + b"\r\n")
        status = client.recv(100).split()[1]
    assert status == (b"101" if server.by == "hypercorn" else b"200")
