"""Frames that no good client sends: each gets its documented answer or close code, and nobody else notices."""

import asyncio
import json
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect

from pottle.server import FRAME_BYTES
from tests.conftest import World
from tests.faults.hostile import (
    BINARY,
    CLOSE,
    PING,
    UPGRADE,
    Client,
    Neighbours,
    asking,
    assert_calm,
    ears,
    frame,
    kept,
    request,
    until,
)
from tests.lasting import SEED, lasting
from tests.live.meeting import Meeting, unbroken
from tests.server import PATIENCE, Server

pytestmark = pytest.mark.slow

NOWHERE = 10**17  # asked last, so that its answer is the last
ANSWERS = {
    "error": {"type", "code", "channel", "detail"},
    "authenticated": {"type", "uid"},
    "subscribed": {"type", "channel", "epoch", "seq", "recovered"},
    "unsubscribed": {"type", "channel"},
    "change": {"type", "channel", "seq", "prev", "kind", "post"},
}
CODES = {"not-found", "bad-request", "too-many", "unauthenticated", "unauthorized"}


@asynccontextmanager
async def neighbours(meeting: Meeting) -> AsyncIterator[int]:
    """Others write and listen in a channel meanwhile, and it goes as it should."""
    channel = await meeting.channel()
    async with asyncio.TaskGroup() as tasks:
        listening = await ears(meeting, channel, tasks)
        writers = Neighbours(meeting, channel)
        writing = [tasks.create_task(writers.write(uid)) for uid in ("alice", "bob")]
        await until(lambda: len(writers.bodies) > 5, "the neighbours to write")
        yield channel
        writers.over = True
        await asyncio.wait(writing)
        posts = kept(meeting.server, channel)
        await until(lambda: all(len(ear.changes) >= len(posts) for ear in listening), "everybody to hear of every post")
        for ear in listening:
            await ear.socket.raw.close()
    for ear in listening:
        assert unbroken(ear.changes)
        assert [*ear.at] == sorted(posts)
    assert sorted(posts.values()) == sorted(writers.bodies)
    assert_calm(meeting.server)


def near_the_grammar(seen: list[int], hidden: list[int], epoch: str, token: str) -> st.SearchStrategy[str]:
    """Frames that are right, or nearly."""
    number = st.sampled_from([0, -1, 1, 2**31, 2**63, 10**30, 10**18]) | st.integers()
    junk = st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.just({}) | st.just([1])
    fields = {
        "type": st.sampled_from(["subscribe", "subscribe", "unsubscribe", "auth", "hello", "subscribed", ""]) | junk,
        "channel": st.sampled_from(seen + hidden) | number | junk,
        "epoch": st.sampled_from([epoch, epoch, "", "x" * 100]) | junk,
        "after": number | junk,
        "token": st.sampled_from([token, "ses_x", "", "\x00"]) | junk,
        "more": junk,
    }
    nearly = st.fixed_dictionaries({}, optional=fields)
    channel = st.sampled_from(seen + hidden)
    good = st.one_of(
        st.fixed_dictionaries({"type": st.just("subscribe"), "channel": channel}),
        st.fixed_dictionaries({"type": st.sampled_from(["subscribe", "unsubscribe"]), "channel": channel}),
        st.fixed_dictionaries(
            {"type": st.just("subscribe"), "channel": channel, "epoch": st.just(epoch), "after": st.integers(0, 5)}
        ),
        st.fixed_dictionaries({"type": st.just("auth"), "token": st.sampled_from([token, "ses_x"])}),
    )
    written = st.builds(json.dumps, good | nearly | junk | st.lists(nearly, max_size=2))
    cut_short = st.builds(lambda text, at: text[:at], written, st.integers(0, 40))
    return st.one_of(st.builds(json.dumps, good), written, cut_short, st.text(max_size=20))


class Conversation:
    """A connection, and a check of everything that it is told."""

    def __init__(self, server: Server, seen: list[int]) -> None:
        self.url, self.seen = f"ws://127.0.0.1:{server.port}/api/live", seen
        self.codes: Counter[str] = Counter()

    def hold(self, frames: list[str]) -> None:
        """Says all of them, and hears an answer to each."""
        with connect(self.url, close_timeout=PATIENCE) as raw:
            for text in [*frames, json.dumps({"type": "unsubscribe", "channel": NOWHERE})]:
                raw.send(text)
            answers = 0
            for got in self._heard(raw):
                self._check(got)
                answers += got["type"] not in ("change", "hello")
            assert answers == len(frames), frames

    def _heard(self, raw: ClientConnection) -> Any:
        while True:
            got = json.loads(raw.recv(PATIENCE))
            for one in got if isinstance(got, list) else [got]:
                if one.get("channel") == NOWHERE and one["type"] == "error":
                    return
                yield one

    def _check(self, got: dict[str, Any]) -> None:
        if got["type"] == "hello":
            return
        assert got.keys() <= ANSWERS[got["type"]], got
        if got["type"] == "error":
            assert got["code"] in CODES, got
        elif got["type"] in ("subscribed", "change", "unsubscribed"):
            assert got["channel"] in self.seen, got
        self.codes[got.get("code", got["type"])] += 1


# In the event loop meanwhile, the neighbours' websockets take what their pings say from `random`: every 20 seconds.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
async def test_whatever_text_is_sent_is_answered_as_documented(meeting: Meeting, world: World) -> None:
    """Fails when `_asked` lets msgspec's error out (no answer), and when `seen_by` takes everybody for an admin."""
    async with neighbours(meeting) as channel:
        epoch = (await meeting.listed(channel))["epoch"]
        talk = Conversation(meeting.server, [1, channel])
        one = near_the_grammar([1, channel], [world.class_channel, 10**9], epoch, meeting.token("charlie"))

        def fuzz(number: int) -> None:
            check = given(st.lists(one, min_size=1, max_size=30))(talk.hold)
            seed(SEED + number)(settings(**QUIETLY)(check))()

        known = {"type": "subscribe", "channel": channel, "epoch": epoch, "after": 0}
        await asyncio.to_thread(talk.hold, [json.dumps(known), json.dumps({"type": "unsubscribe", "channel": channel})])
        for n in lasting(least=2):
            await asyncio.to_thread(fuzz, n)
    assert talk.codes.keys() >= {"subscribed", "unsubscribed", "not-found", "bad-request", "unauthenticated"}


QUIETLY: dict[str, Any] = {
    "max_examples": 50,
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
}

GOOD = asking(type="subscribe", channel=1)
LARGE = b"x" * (FRAME_BYTES + 1)

# What breaks the protocol (RFC 6455), and the codes that may close it for that.
BROKEN: dict[str, tuple[bytes, set[int]]] = {
    "no mask": (frame(b"{}", masked=False), {1002}),
    "a reserved bit": (frame(b"{}", reserved=2), {1002}),
    "compressed, which was not agreed": (frame(b"\xaa\x56\x2a", reserved=4), {1002}),
    "an unknown data frame": (frame(b"{}", opcode=3), {1002}),
    "an unknown control frame": (frame(b"", opcode=11), {1002}),
    "a ping above 125 bytes": (frame(b"x" * 126, opcode=PING), {1002}),
    "a ping in pieces": (frame(b"x", opcode=PING, fin=False), {1002}),
    "a continuation of nothing": (frame(b"x", opcode=0), {1002}),
    "a message inside another": (frame(b"{", fin=False) + frame(b"{}"), {1002}),
    "text that is no UTF-8": (frame(b'{"type":"\xff"}'), {1007}),
    "text of half a surrogate": (frame(b'"\xed\xa0\x80"'), {1007}),
    "no UTF-8, many times": (frame(b"\xff") * 100, {1007}),
    "no UTF-8 in pieces": (frame(b'"\xc3', fin=False) + frame(b'"', opcode=0), {1007}),
    "a close of one byte": (frame(b"\x03", opcode=CLOSE), {1002}),
    "a close with a code that none may send": (frame(struct.pack("!H", 1005), opcode=CLOSE), {1002}),
    "a close with a reason that is no UTF-8": (frame(struct.pack("!H", 1000) + b"\xff", opcode=CLOSE), {1002, 1007}),
    "a frame that is too large": (frame(LARGE), {1009}),
    "a frame of 2**62 bytes": (struct.pack("!BBQ", 0x81, 0xFF, 2**62) + bytes(4), {1009}),
    "a frame of 2**63 bytes": (struct.pack("!BBQ", 0x81, 0xFF, 2**63) + bytes(4), {1002, 1009}),
    "too much in pieces": (frame(LARGE[:9_000], fin=False) + frame(LARGE[:9_000], opcode=0) * 2, {1009}),
    "too much that is binary": (frame(LARGE, opcode=BINARY), {1009}),
    "HTTP instead": (request("GET", "/healthz"), {1002}),
    "TLS instead": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40), {1002}),
    "zeros": (bytes(100), {1002}),
    "frames after its close": (frame(struct.pack("!H", 1000), opcode=CLOSE) + GOOD * 50, {1000}),
}


def close_code(heard: bytes) -> int:
    """Of the close frame at the end of what the server said; 1006 if it said none. (Its frames are not masked.)"""
    at = heard.rfind(b"\x88")
    return int.from_bytes(heard[at + 2 : at + 4], "big") if at >= 0 else 1006


async def upgraded(server: Server) -> Client:
    client = await Client.connect(server)
    await client.send(UPGRADE)
    assert b'"hello"' in await client.until(b'"hello"')
    return client


async def ended(server: Server, data: bytes) -> tuple[bytes, int]:
    """What the server says to a client that sends `data` and `GOOD`, and with which code it closes."""
    client = await upgraded(server)
    await client.send(GOOD + data + GOOD)
    heard = await client.rest()
    await client.close()
    return heard, close_code(heard)


async def test_what_breaks_the_protocol_closes_with_the_right_code(meeting: Meeting) -> None:
    """Fails with uvicorn's own protocol (it logs a traceback for each text that is no UTF-8)."""
    async with neighbours(meeting):
        for _ in lasting():
            found = await asyncio.gather(*[ended(meeting.server, data) for data, _ in BROKEN.values()])
            for (name, (_, codes)), (heard, code) in zip(BROKEN.items(), found, strict=True):
                assert code in codes, (name, code, heard[-200:])
                assert heard.count(b'"subscribed"') <= 1, (name, "heard what came after")


async def test_pings_and_pieces_without_number_are_answered_or_let_pass(meeting: Meeting) -> None:
    """Floods of what is allowed: pings, pongs, empty and tiny fragments with pings between them.

    Fails when `handle_cont` lets the last fragment fall where it is empty too: the message never ends.
    """
    ping = frame(b"still there?", opcode=PING)
    ask = GOOD[6:]  # without its head
    pieces = [frame(ask[n : n + 1], opcode=0, fin=False) + ping for n in range(1, len(ask))]
    whole = (
        frame(ask[:1], fin=False) + b"".join(pieces) + frame(b"", opcode=0, fin=False) * 1_000 + frame(b"", opcode=0)
    )
    flood = ping * 3_000 + frame(b"nobody asked", opcode=10) * 3_000 + whole
    async with neighbours(meeting):
        for _ in lasting():
            client = await upgraded(meeting.server)
            sending = asyncio.create_task(client.send(flood))
            heard = await client.until(b'"subscribed"')
            assert b'"subscribed"' in heard
            await sending
            assert heard.count(b"\x8a\x0cstill there?") == 3_000 + len(ask) - 1
            client.reset()


def upgrade(
    *lines: str, path: str = "/api/live", method: str = "GET", version: str = "1.1", body: bytes = b""
) -> bytes:
    """A request to upgrade with other lines than it should have."""
    given = "".join(f"{line}\r\n" for line in ("Host: x", "Connection: Upgrade", "Upgrade: websocket", *lines))
    return f"{method} {path} HTTP/{version}\r\n{given}\r\n".encode("latin-1") + body


KEY, NEW = "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "Sec-WebSocket-Version: 13"


def garbled(smuggled: bytes) -> dict[str, bytes]:
    """Requests to upgrade that are none, some with another request inside."""
    length, chunked = f"Content-Length: {len(smuggled)}", "Transfer-Encoding: chunked"
    return {
        "no key": upgrade(NEW),
        "two keys": upgrade(NEW, KEY, KEY),
        "a short key": upgrade(NEW, "Sec-WebSocket-Key: AAAA"),
        "a key that is no base64": upgrade(NEW, "Sec-WebSocket-Key: \xff\xfe"),
        "no version": upgrade(KEY),
        "version 8": upgrade(KEY, "Sec-WebSocket-Version: 8"),
        "by POST": upgrade(KEY, NEW, method="POST"),
        "by HTTP 1.0": upgrade(KEY, NEW, version="1.0"),
        "of another path": upgrade(KEY, NEW, path="/api/channels/1/posts"),
        "of a path that is not there": upgrade(KEY, NEW, path="/nowhere"),
        "of a path with bytes": upgrade(KEY, NEW, path="/api/live\xff"),
        "of a path with escapes": upgrade(KEY, NEW, path="/api/live%ff%00"),
        "with a body": upgrade(KEY, NEW, length, body=smuggled),
        "by POST with a body": upgrade(KEY, NEW, length, method="POST", body=smuggled),
        "with chunks": upgrade(KEY, NEW, chunked, body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(smuggled), smuggled)),
        "with both lengths": upgrade(KEY, NEW, chunked, length, body=b"0\r\n\r\n" + smuggled),
        "without a key, with a body": upgrade(NEW, length, body=smuggled),
        "a header of 100 KB": upgrade(KEY, NEW, "X: " + "x" * 100_000),
        "a header that has no end": upgrade(KEY, NEW, "X: " + "x" * 10)[:-4] + b"x" * 100_000,
        "2,000 headers": upgrade(KEY, NEW, *["X: y"] * 2_000),
        "a header with NUL": upgrade(KEY, NEW, "X: \x00"),
        "a header without a name": upgrade(KEY, NEW, ": x"),
        "an extension that is none": upgrade(KEY, NEW, "Sec-WebSocket-Extensions: ;;=,permessage-deflate;x=\xff"),
        "a cookie of bytes": upgrade(KEY, NEW, "Cookie: \xff=\xff", "Origin: \xff"),
        "an origin that is none": upgrade(KEY, NEW, "Origin: http://[::1"),
        "after another request": request("GET", "/healthz") + upgrade(KEY, NEW),
        "to HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "to h2c": request("GET", "/healthz", Connection="Upgrade", Upgrade="h2c"),
    }


# What is no error: it upgrades all the same, or the upgrade is ignored.
EXCEPT = {
    "by HTTP 1.0": [b"HTTP/1.1 101"],
    "an extension that is none": [b"HTTP/1.1 101"],
    "a cookie of bytes": [b"HTTP/1.1 101"],
    "an origin that is none": [b"HTTP/1.1 101"],
    "after another request": [b"HTTP/1.1 200", b"HTTP/1.1 101"],
    "to h2c": [b"HTTP/1.1 200"],
}


async def test_garbage_around_the_upgrade_is_refused_and_smuggles_nothing(meeting: Meeting) -> None:
    """Whatever is no upgrade is answered with an error of the client's, and what stands in it is never carried out.

    Fails when `_look_for_handshake` does not look whether there was one (no answer, ever), when it lets
    a request before it answer into what is a websocket by then (a traceback once that is closed), and when
    `wants_page` asks for a request that a websocket does not have (500 and a traceback).
    """
    async with neighbours(meeting):
        target = await meeting.channel()
        inside = request("POST", f"/api/channels/{target}/posts", meeting.token("alice"), b'{"body":"smuggled"}')
        requests = garbled(inside)

        async def answer(data: bytes) -> bytes:
            client = await Client.connect(meeting.server)
            await client.send(data)
            heard = await client.until(b"\r\n\r\n")
            client.reset()
            return heard

        for _ in lasting():
            answers = await asyncio.gather(*map(answer, requests.values()))
            for name, heard in zip(requests, answers, strict=True):
                assert heard.startswith((b"HTTP/1.1 4", *EXCEPT.get(name, ()))), (name, heard)
        assert kept(meeting.server, target) == {}
