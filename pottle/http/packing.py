"""Compression (gzip) of what we answer, where no proxy does it.

Texts of 1,000 bytes and more that a GET is answered with. What the response cache keeps is compressed once, for
whoever takes that; what is made for one reader only where no trusted proxy stands in front, which compresses it itself.
The ETag says the coding, as that of proxies does (pottle/http/conditions.py): either form is good for If-Match.

BREACH (a secret is guessed by how well it compresses beside what the attacker has reflected): secrets are only in
answers to other methods, which are not compressed. And what a cookie lets somebody read is sent plain where a page of
another site has asked for it, so that nobody makes their browser ask a thousand times and counts the bytes.
"""

import asyncio
import gzip
from functools import lru_cache
from typing import Any

from werkzeug.http import parse_accept_header

from pottle.http.asgi import Headers, Message, Scope, Send, header
from pottle.http.asking import FOREIGN_SITES
from pottle.http.watching import TRUSTED

LEAST_BYTES = 1_000
LARGE_BYTES = 64 * 1024  # from here on in a thread: more than a millisecond
LEVEL = 4  # a third of the time of 9, for a twentieth more bytes
LONGEST = 200  # bytes of a header that is looked at
TEXTS = (b"text/html", b"text/plain", b"application/json", b"application/atom+xml", b"application/feed+json")


def wanted(headers: Headers) -> bool:
    """Whether whoever sent these headers takes gzip."""
    for name, value in headers:
        if name == b"accept-encoding":
            return len(value) <= LONGEST and _takes(value)
    return False


@lru_cache(maxsize=200)
def _takes(value: bytes) -> bool:
    accepted: Any = parse_accept_header(value.decode("latin-1"))
    return float(accepted.quality("gzip")) > 0


def is_text(headers: Headers) -> bool:
    """Whether an answer with these headers may be compressed."""
    given = dict(headers)
    return given.get(b"content-type", b"").startswith(TEXTS) and b"content-encoding" not in given


def varied(headers: Headers) -> Headers:
    """Headers that say to other caches that there are two forms."""
    named = b", ".join(value for name, value in headers if name == b"vary")
    if b"accept-encoding" in named.lower():
        return headers
    others = [pair for pair in headers if pair[0] != b"vary"]
    return [*others, (b"vary", named + b", Accept-Encoding" if named else b"Accept-Encoding")]


def packed(body: bytes) -> bytes:
    """The body, compressed: the same for the same body."""
    return gzip.compress(body, LEVEL, mtime=0)


def of_packed(headers: Headers, size: int) -> Headers:
    """The headers of an answer whose compressed body has that size."""
    told = [(name, _coded(value) if name == b"etag" else value) for name, value in headers if name != b"content-length"]
    return [*told, (b"content-length", b"%d" % size), (b"content-encoding", b"gzip")]


def _coded(etag: bytes) -> bytes:
    return etag if etag.startswith(b"W/") else etag[:-1] + b'-gzip"'


class Packing:
    """Passes an answer on, compressed where it may be. `body` is then what was sent."""

    def __init__(self, send: Send, scope: Scope) -> None:
        self._send, self._scope = send, scope
        self._start: Message | None = None
        self.body: bytes | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and is_text(message["headers"]):
            message = {**message, "headers": varied(message["headers"])}
            if message["status"] == 200 and self._may():
                self._start = message  # its body says how long it is
                return
        elif self._start is not None:
            start, self._start = self._start, None
            body = message.get("body", b"")
            if len(body) >= LEAST_BYTES and not message.get("more_body"):
                self.body = await asyncio.to_thread(packed, body) if len(body) > LARGE_BYTES else packed(body)
                start = {**start, "headers": of_packed(start["headers"], len(self.body))}
                message = {**message, "body": self.body}
            await self._send(start)
        await self._send(message)

    def _may(self) -> bool:
        scope = self._scope
        if scope.get(TRUSTED) or not wanted(scope["headers"]):
            return False
        return header(scope, b"cookie") is None or header(scope, b"sec-fetch-site") not in FOREIGN_SITES
