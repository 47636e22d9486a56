"""What the response cache has is sent before there is a task for it: the same bytes as along the long way."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import World
from tests.server import PATIENCE, Server

pytestmark = pytest.mark.slow

LIST = "/api/channels/1/posts"
WAYS = {
    "get": (b"GET", b""),
    "head": (b"HEAD", b""),
    "known": (b"GET", b"If-None-Match: %(etag)b\r\n"),
    "known, weak, among others": (b"GET", b'If-None-Match: "1-0", W/%(etag)b\r\n'),
    "not known": (b"GET", b'If-None-Match: "1-0"\r\n'),
    "with a body": (b"GET", b"Content-Length: 4\r\n"),
    "close": (b"GET", b"Connection: close\r\n"),
    "expect": (b"GET", b"Expect: 100-continue\r\nContent-Length: 4\r\n"),
}


@pytest.fixture
def long_way(world: World, tmp_path: Path, instance: Path) -> Iterator[Server]:
    """A server beside `server` that writes access lines, and so answers nothing at once."""
    home = tmp_path / "long-way"
    home.mkdir()
    with Server(instance, home, POTTLE_ACCESS_LOG="on", WEB_CONCURRENCY="1") as running:
        yield running


@pytest.fixture
def short_way(instance: Path, tmp_path: Path) -> Iterator[Server]:
    """A server with one worker, so that what was asked once is on its shelf."""
    with Server(instance, tmp_path, WEB_CONCURRENCY="1") as running:
        yield running


def said(server: Server, sent: bytes, answers: int) -> list[bytes]:
    """What comes back over one connection for so many requests, without what differs from answer to answer."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as client:
        client.sendall(sent)
        heard = b""
        while heard.count(b"HTTP/1.1 ") - heard.count(b"HTTP/1.1 100 ") < answers or not whole(heard, sent):
            got = client.recv(65_536)
            if not got:
                break
            heard += got
    heard = re.sub(rb"x-request-id: [^\r]*\r\n", b"", re.sub(rb"date: [^\r]{29}\r", b"date\r", heard))
    return heard.split(b"HTTP/1.1 ")[1:]


def whole(heard: bytes, sent: bytes) -> bool:
    """Whether the last answer is all there."""
    head, _, body = heard.rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return sent.startswith(b"HEAD") or length is None or len(body) >= int(length[1])


def test_both_ways_say_the_same(short_way: Server, long_way: Server) -> None:
    """Fails when `at_once` leaves out the date, takes a HEAD for a GET, or forgets If-None-Match."""
    etag = httpx.get(short_way.url + LIST).headers["etag"].encode()
    for name, (method, more) in WAYS.items():
        head = b"%b %b HTTP/1.1\r\nHost: x\r\n" % (method, LIST.encode()) + more.replace(b"%(etag)b", etag) + b"\r\n"
        sent = head + (b"1234" if b"Content-Length" in more else b"")
        short, long = ([said(server, sent, 1) for _ in range(3)] for server in (short_way, long_way))
        assert short[0] == short[1] == short[2], name
        assert [sorted(one.split(b"\r\n")) for one in short[0]] == [sorted(one.split(b"\r\n")) for one in long[0]], name
    assert '"request"' not in short_way.output()


def test_many_in_one_go_are_answered_in_their_order(short_way: Server) -> None:
    """A slow one, then many quick ones, and slow and quick ones in turn.

    Fails when `_begin` answers at once what comes behind a request that is still running.
    """
    quick, slow = (f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for path in (LIST, "/api/me"))
    httpx.get(short_way.url + LIST)
    answers = said(short_way, slow + quick * 600 + (slow + quick) * 300, 1_201)
    statuses = [answer[:3] for answer in answers]
    assert statuses == [b"401"] + [b"200"] * 600 + [b"401", b"200"] * 300
    assert "Traceback" not in short_way.output()


def test_a_key_is_for_its_own_request_only(short_way: Server, world: World) -> None:
    """Not for the one that comes right behind it over the same connection, and is begun in its context.

    Fails when Application.handle_request leaves its envelope behind: Bob's post is then kept as the answer to Alice's
    key.
    """

    def post(uid: str, body: str, more: str = "") -> bytes:
        content = f'{{"body": "{body}"}}'
        head = f"POST {LIST} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.tokens[uid]}\r\n"
        kind = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
        return f"{head}{kind}{more}\r\n{content}".encode()

    key = "Idempotency-Key: one-of-alice\r\n"
    wrong, bobs, mended = said(short_way, post("alice", "", key) + post("bob", "mine") + post("alice", "Hello", key), 3)
    assert [answer[:3] for answer in (wrong, bobs, mended)] == [b"422", b"201", b"201"]
    assert b'"uid":"bob"' in bobs
    assert b'"uid":"alice"' in mended
