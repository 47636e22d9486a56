"""Clients that speak HTTP as the RFCs let them, or nearly.

Requests are bytes here: no library would send most of them.
"""

import json
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.conftest import World
from tests.faults.hostile import UPGRADE, request
from tests.server import PATIENCE, Server

pytestmark = pytest.mark.slow

LOBBY = "/api/channels/1/posts"
OTHERS = ("h2c", "H2C", "TLS/1.0", "HTTP/2.0", "websocket", "WebSocket", "h2c, websocket", "x" * 999, "\xff", "")


@pytest.fixture(scope="module", params=["gunicorn", "uvicorn as ours"])
def server(request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("clients")
    instance = Path(shutil.copytree(world.folder, folder / "instance"))
    with Server(instance, folder, request.param, WEB_CONCURRENCY="1") as running:
        yield running


class Client:
    """A connection, and what comes back on it."""

    def __init__(self, server: Server) -> None:
        self.connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.send = self.connection.sendall
        self.answers = self.connection.makefile("rb")

    def send_all_there_is(self, data: bytes) -> None:
        """Ends its own side with it."""
        self.send(data)
        self.connection.shutdown(socket.SHUT_WR)

    def answer(self, head: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer; (0, {}, b"") where the connection was closed."""
        first = self.answers.readline()
        if not first:
            return 0, {}, b""
        headers = {}
        while line := self.answers.readline().strip():
            name, _, value = line.decode("latin-1").partition(": ")
            headers[name.lower()] = value
        length = 0 if head else int(headers.get("content-length", "0"))
        return int(first.split()[1]), headers, self.answers.read(length)

    def close(self) -> None:
        self.answers.close()
        self.connection.close()


Connect = Callable[[], Client]


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(Client(server)))


def post(world: World, body: str, **headers: str) -> bytes:
    return request("POST", LOBBY, world.tokens["alice"], json.dumps({"body": body}).encode(), **headers)


def test_chunks_may_come_byte_by_byte(connect: Connect, world: World) -> None:
    client = connect()
    chunked = request("POST", LOBBY, world.tokens["alice"], Content_Type="application/json")
    chunked = chunked.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send(chunked)
    for byte in b'8\r\n{"body":\r\n7\r\n"bytes"\r\n1\r\n}\r\n0\r\n\r\n' + request("GET", "/healthz"):
        client.send(bytes([byte]))
    status, _, body = client.answer()
    assert (status, json.loads(body)["body"]) == (201, "bytes")
    assert client.answer()[0] == 200


@pytest.mark.parametrize("upgrade", OTHERS, ids=[upgrade[:9] for upgrade in OTHERS])
@pytest.mark.parametrize("cut", [None, -1, 0, 5], ids=["one packet", "in the head", "after the head", "in the body"])
def test_a_post_that_asks_for_an_upgrade_keeps_its_body(
    connect: Connect, world: World, upgrade: str, cut: int | None
) -> None:
    """Fails where httptools' word counts that what follows is another protocol: 400, for the body is lost."""
    client = connect()
    named = {"Connection": "Upgrade, HTTP2-Settings", "HTTP2_Settings": "AAMAAABkAAQAAP__"}
    data = post(world, f"with {upgrade}", Upgrade=upgrade, **named).decode().encode("latin-1")
    end = data.index(b"\r\n\r\n") + 4 + cut if cut is not None else len(data)
    client.send(data[:end])
    client.send(data[end:])
    status, headers, body = client.answer()
    assert (status, json.loads(body)["body"]) == (201, f"with {upgrade}")
    client.send(request("GET", headers["location"]))  # and the client goes on
    status, _, body = client.answer()
    assert (status, json.loads(body)["body"]) == (200, f"with {upgrade}")


def test_upgrades_in_chunks_and_one_behind_another(connect: Connect, world: World) -> None:
    client = connect()
    wanted = {"Connection": "Upgrade", "Upgrade": "h2c"}
    chunked = request("POST", LOBBY, world.tokens["alice"], Content_Type="application/json", **wanted)
    chunked = chunked.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunked += b'8\r\n{"body":\r\n8\r\n"chunks"\r\n1\r\n}\r\n0\r\n\r\n'
    client.send((chunked + request("GET", "/healthz", **wanted)) * 20)
    for _ in range(20):
        status, _, body = client.answer()
        assert (status, json.loads(body)["body"]) == (201, "chunks")
        assert client.answer()[0] == 200


@pytest.mark.parametrize("upgrade", OTHERS, ids=[upgrade[:9] for upgrade in OTHERS])
@pytest.mark.parametrize("path", ["/api/users/alice", "/static/style.css", "/", "/healthz", "/nothing"])
def test_any_reading_with_an_upgrade_is_a_reading(connect: Connect, path: str, upgrade: str) -> None:
    client = connect()
    client.send(request("GET", path))
    status = client.answer()[0]
    client.send(request("GET", path, Connection="Upgrade", Upgrade=upgrade).decode().encode("latin-1"))
    assert client.answer()[0] == status


@pytest.mark.parametrize(
    "changed",
    [
        ("Version: 13", "Version: 777"),
        ("Version: 13", "Version: 12"),
        ("Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Key: x"),
        ("Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Nothing: x"),
        ("Connection: Upgrade", "Connection: close"),
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("GET", "HEAD"),
    ],
)
def test_what_is_no_handshake_hears_that_this_is_a_websocket(connect: Connect, changed: tuple[str, str]) -> None:
    client = connect()
    client.send(UPGRADE.decode().replace(*changed).encode())
    status, headers, body = client.answer(head=changed[1] == "HEAD")
    assert (status, headers["upgrade"], headers["sec-websocket-version"]) == (426, "websocket", "13")
    assert headers["content-type"] == "application/problem+json"
    assert changed[1] == "HEAD" or "websocket" in json.loads(body)["detail"]


def test_a_websocket_where_there_is_none_is_refused(connect: Connect) -> None:
    for path, status in ((b"/api/users/alice", 405), (b"/nothing", 404)):
        client = connect()
        client.send(UPGRADE.replace(b"/api/live", path))
        assert client.answer()[0] == status


def test_http_2_and_tls_and_noise_are_refused(connect: Connect) -> None:
    hello = bytes.fromhex("16030100c8010000c403035a") + bytes(200)
    for noise in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", hello, b"\x00" * 50, b"HELO x\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        client = connect()
        client.send(noise)
        status, headers, body = client.answer()
        assert (status, headers["content-type"]) == (400, "application/problem+json"), noise
        assert json.loads(body)["status"] == 400
    for target in (b"pottle.test:443", b"/", b"*"):
        client = connect()
        client.send(b"CONNECT %b HTTP/1.1\r\nHost: pottle.test\r\n\r\n" % target)
        assert client.answer()[0] in (400, 405)


def test_who_ends_their_own_side_is_answered(connect: Connect, server: Server, world: World) -> None:
    """Fails with uvicorn's `eof_received`: the post is made, and nobody says so."""
    for data in (
        post(world, "half closed"),
        request("GET", LOBBY),
        request("GET", "/"),
        request("GET", "/static/pottle.js"),
    ):
        for _ in range(2):  # then from memory
            client = connect()
            client.send_all_there_is(data)
            status, headers, body = client.answer()
            assert status in (200, 201)
            assert body or headers.get("transfer-encoding") == "chunked"
            assert client.answer()[0] == 0, "and then it is closed"


def test_who_ends_it_after_several_requests_hears_all_answers(connect: Connect, world: World) -> None:
    client = connect()
    client.send_all_there_is(b"".join(post(world, f"number {number}") for number in range(30)))
    for number in range(30):
        status, _, body = client.answer()
        assert (status, json.loads(body)["body"]) == (201, f"number {number}")
    assert client.answer()[0] == 0


def test_who_ends_it_in_the_middle_of_a_request_is_closed(connect: Connect, world: World) -> None:
    whole = post(world, "never whole")
    for data in (b"", whole[:20], whole[:-5]):
        client = connect()
        client.send_all_there_is(data)
        assert client.answer()[0] == 0


BAD_HOSTS = (
    "a b",
    "a/b",
    "user@host",
    "a..b",
    ".a",
    "[::1",
    "::1",
    "a:99999",
    "a:b",
    "x" * 300,
    "a?b",
    "a#b",
    "\xfc.de",
    "<x>",
)
GOOD_HOSTS = ("a", "A.b", "a_b-c.d.", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8080", "xn--bcher-kva.test", "a:")


def test_each_request_names_one_host(connect: Connect) -> None:
    """Fails without `names_a_host`: all of them are served."""

    def status(path: str, *hosts: str, version: str = "1.1", upgrade: str = "") -> int:
        client = connect()
        lines = "".join(f"Host: {host}\r\n" for host in hosts)
        client.send(f"GET {path} HTTP/{version}\r\n{lines}{upgrade}\r\n".encode("latin-1"))
        found, headers, body = client.answer()
        if found == 400:
            assert json.loads(body)["type"] == "urn:pottle:bad-request"
            assert headers["content-type"] == "application/problem+json"
        return found

    for path in (LOBBY, LOBBY, "/", "/static/style.css", "/nothing"):
        right = status(path, "pottle.test")
        assert status(path) == 400
        assert status(path, version="1.0") == right
        for version in ("1.0", "1.1"):
            assert status(path, "pottle.test", "pottle.test", version=version) == 400
        for host in BAD_HOSTS:
            assert (status(path, host), host) == (400, host)
        for host in GOOD_HOSTS:
            assert (status(path, host), host) == (right, host)
    handshake = UPGRADE.decode().partition("Host: x\r\n")[2].removesuffix("\r\n")
    assert status("/api/live", "a..b", upgrade=handshake) == 400
    assert status("/api/live", upgrade=handshake) == 400


@pytest.mark.slow
def test_a_slow_head_is_not_waited_for(connect: Connect) -> None:
    """Fails without HEAD_SECONDS: each of them stays for as long as it likes."""
    kept = connect()
    kept.send(request("GET", "/healthz"))
    assert kept.answer()[0] == 200
    kept.send(b"GET / HTT")
    began, silent, blank = connect(), connect(), connect()
    began.send(b"GET / HTTP/1.1\r\nHost: pottle.test\r\nX: ")
    blank.send(b"\r\n")
    for client, status in ((kept, 408), (began, 408), (silent, 0), (blank, 0)):
        found, headers, _ = client.answer()
        assert found == status
        assert not headers or headers["connection"] == "close"


def test_hypercorn_reads_the_body_too(instance: Path, tmp_path: Path, world: World) -> None:
    with Server(instance, tmp_path, "hypercorn") as server, closing(Client(server)) as client:
        client.send(post(world, "hyper", Connection="Upgrade, HTTP2-Settings", Upgrade="h2c", HTTP2_Settings="AAMA"))
        status, _, body = client.answer()
        assert (status, json.loads(body)["body"]) == (201, "hyper")


ODD_LINES = (
    *(
        "Content-Length: abc",
        "Content-Length: -1",
        "Content-Length: 1, 1",
        "Content-Length: 1_0",
        f"Content-Length: {'9' * 99}",
    ),
    *("Content-Length: ", "Content-Length: 0\r\nContent-Length: 1", "Transfer-Encoding: chunked, gzip"),
    *("Transfer-Encoding: \xff", "Transfer-Encoding: chunked\r\nContent-Length: 5", "Expect: 200-ok", "Expect: \xff"),
    *(
        "Connection: \xff",
        "Connection: " + "a," * 9_000,
        "Upgrade: " + "a," * 9_000,
        ": x",
        "X : y",
        "X\x00: y",
        "X: \x00",
    ),
    *("Sec-WebSocket-Extensions: ;;;", "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99"),
    *(
        "Sec-WebSocket-Extensions: \xff",
        "Sec-WebSocket-Protocol: ,,",
        "Sec-WebSocket-Protocol: \xff",
        "Sec-WebSocket-Protocol: a b",
    ),
    *("Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Accept: x"),
    *(
        "Origin: http://[::1",
        "Cookie: \xff=\xff;;=",
        "Host: x",
        "Date: x",
        "Trailer: x",
        "TE: \xff",
        "Keep-Alive: timeout=-1",
    ),
)


def test_what_the_server_itself_reads_is_never_a_server_error(connect: Connect, server: Server, world: World) -> None:
    for line in ODD_LINES:
        for whole in (UPGRADE, post(world, "odd"), request("GET", "/static/pottle.js")):
            client = connect()
            client.send(whole.replace(b"\r\n\r\n", b"\r\n" + line.encode("latin-1") + b"\r\n\r\n", 1))
            client.connection.shutdown(socket.SHUT_WR)
            assert client.answer()[0] < 500, line
            client.close()
    assert "Traceback" not in server.output()
