"""Requests that nginx and the server behind it might read differently: smuggling, and pages that pass for files.

With exactly the file of deploy/.
"""

import asyncio
import shutil
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.conftest import PASSWORD, World, needs
from tests.deploy.proxies import Nginx, Proxy
from tests.server import PATIENCE, Server

pytestmark = pytest.mark.slow

SILENCE = 2  # seconds after which nothing more is to be expected

# What is smuggled: were it read as a request of its own, it would be answered, and somebody would get that answer.
SMUGGLED = b"GET /api/users/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODY = b"0\r\n\r\n" + SMUGGLED
HEAD = b"POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

SMUGGLING = {
    "CL.TE": HEAD + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(BODY) + BODY,
    "TE.CL": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + BODY,
    "TE hidden by a blank": HEAD + b"Content-Length: %d\r\nTransfer-Encoding : chunked\r\n\r\n" % len(BODY) + BODY,
    "TE hidden by a tab": HEAD + b"Content-Length: %d\r\nTransfer-Encoding:\x0bchunked\r\n\r\n" % len(BODY) + BODY,
    "TE on a second line": HEAD
    + b"Content-Length: %d\r\nX: y\r\n Transfer-Encoding: chunked\r\n\r\n" % len(BODY)
    + BODY,
    "TE twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + BODY,
    "TE of another name": HEAD + b"Content-Length: %d\r\nTransfer-Encoding: xchunked\r\n\r\n" % len(BODY) + BODY,
    "CL twice": HEAD + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "CL as a list": HEAD + b"Content-Length: 0, %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "CL with a sign": HEAD + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "a chunk with a bare LF": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\nxxxxx\r\n" + BODY,
    "a chunk of a huge size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" + BODY,
    "a line that ends in LF": HEAD + b"X: y\nContent-Length: 0\r\n\r\n",
    "HTTP/0.9": b"GET /api/users/smuggled\r\n",
    "an upgrade that is none": (
        b"GET /api/session HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 777\r\nSec-WebSocket-Key: x\r\n\r\n" + SMUGGLED
    ),
}
# These are two honest requests, one after the other, and are answered as two.
HONEST = {"CL with a sign", "an upgrade that is none", "TE.CL"}


@pytest.fixture(scope="module")
def server(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("smuggling")
    instance = Path(shutil.copytree(world.folder, folder / "instance"))
    with Server(instance, folder, POTTLE_TRUSTED_PROXIES="127.0.0.1", POTTLE_URL="https://localhost") as running:
        yield running


@pytest.fixture(scope="module")
def proxy(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    needs("nginx", "openssl")
    with Nginx(tmp_path_factory.mktemp("proxy") / "nginx", server.port) as running:
        yield running


async def spoken(port: int, data: bytes, trust: ssl.SSLContext | None) -> bytes:
    """All that is answered until the other side closes, or has been silent for a while."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust)
    writer.write(data)
    answer = b""
    with suppress(TimeoutError, ConnectionError):  # it waits for more of a request that is not whole, which is right
        while more := await asyncio.wait_for(reader.read(65_536), SILENCE):
            answer += more
    writer.transport.abort()
    return answer


async def test_what_one_smuggles_nobody_else_gets(proxy: Proxy, server: Server) -> None:
    """On the connections that nginx keeps to the server: each next reader gets their own answer."""
    async with httpx.AsyncClient(base_url=proxy.url, verify=proxy.trust, timeout=PATIENCE) as http:
        for _ in range(3):
            await asyncio.gather(*[spoken(proxy.port, data, proxy.trust) for data in SMUGGLING.values()])
            for _ in range(50):
                mine = await http.get("/api/users/alice")
                assert (mine.status_code, mine.json()["uid"]) == (200, "alice")
    assert "Traceback" not in server.output()


async def test_the_server_alone_answers_a_doubtful_request_once(server: Server) -> None:
    answers = await asyncio.gather(*[spoken(server.port, data, None) for data in SMUGGLING.values()])
    for name, answer in zip(SMUGGLING, answers, strict=True):
        if name not in HONEST:
            assert answer.count(b"HTTP/1.1 ") <= 1, (name, answer)
            assert b"smuggled" not in answer, name
    assert sum(b"HTTP/1.1 " in answer for answer in answers) > len(SMUGGLING) // 2
    assert "Traceback" not in server.output()


async def test_a_page_that_passes_for_a_file_is_not_kept(proxy: Proxy) -> None:
    """Web cache deception: nginx keeps what is below /static/~, so nothing of anybody's may be found there."""
    async with httpx.AsyncClient(base_url=proxy.url, verify=proxy.trust, timeout=PATIENCE) as http:
        credentials = {"uid": "alice", "password": PASSWORD}
        signed = await http.post("/api/session", json=credentials, headers={"Origin": proxy.origin})
        cookie = signed.headers["Set-Cookie"].split(";")[0].encode()
        http.cookies.clear()
    for target in (
        *("/api/me/static/~x/style.css", "/api/me%2fstatic/~x/style.css", "/static/~x/..%2f..%2fapi%2fme"),
        *(
            "/static/~x/../../api/me",
            "/static/~/%2e%2e/%2e%2e/api/me",
            "/groups/class/manage/static/~x",
            "//static/~x/../../admin",
        ),
        *("/api/me;/static/~x/a.css", "/api/me%00/static/~x/a.css", "/api/me%23/static/~x", "/api/me?/static/~x"),
        "/static/~x/..%5c..%5capi%5cme",
    ):
        for headers in (b"Cookie: " + cookie + b"\r\n", b""):
            line = b"GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" % target.encode()
            answer = await spoken(proxy.port, line + headers + b"\r\n", proxy.trust)
        assert b'"uid":"alice"' not in answer, target
        assert b"Set-Cookie" not in answer


async def test_a_host_or_a_query_that_makes_no_sense_is_no_crash(proxy: Proxy, server: Server) -> None:
    for host, query in ((b"a..b", b""), (b"x" * 300, b""), (b"localhost", b"\xff"), (b"localhost", b"limit=\xff\xfe")):
        request = b"GET /api/channels/1/posts?%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (query, host)
        for port, trust in ((proxy.port, proxy.trust), (server.port, None)):
            status = (await spoken(port, request, trust)).split(b" ")[1]
            assert status in (b"200", b"400", b"422")
    live = b"GET /api/live HTTP/1.1\r\nHost: a..b\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    live += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    assert (await spoken(server.port, live, None)).startswith(b"HTTP/1.1 400 ")
    assert "Traceback" not in server.output()
