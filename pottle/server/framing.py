"""Where a request ends, as far as it can be said before it is parsed: what follows it waits until it is answered."""

import re
import sys
from typing import NamedTuple

REQUEST_LINE = re.compile(rb"[^\s]+ [^\s]+ HTTP/1\.[01]\r\n")
METHOD = re.compile(rb"[!#-'*+\-.0-9A-Z^-z|~]+(?: |\Z)")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;[^\r\n]*)?\r\n")
TRAILER = re.compile(rb"([^\r\n]*)\r\n")
LINE_BYTES = 4 * 1024  # of a line between chunks
FRAMING = re.compile(rb"\n(content-length|transfer-encoding|upgrade)[ \t]*:[ \t]*([^\r]*)", re.IGNORECASE)
UPGRADE = re.compile(rb"\nupgrade[ \t]*:[^\n]*", re.IGNORECASE)
WEBSOCKET = tuple(  # a handshake has each of them once (RFC 6455, 4.2.1)
    re.compile(rb"\n%b[ \t]*:%b\r" % line, re.IGNORECASE)
    for line in (
        (rb"upgrade", rb"[ \t]*websocket[ \t]*"),
        (rb"connection", rb"(?:[^\r]*,)?[ \t]*upgrade[ \t]*(?:,[^\r]*)?"),
        (rb"sec-websocket-version", rb"[ \t]*13[ \t]*"),
        (rb"sec-websocket-key", rb"[ \t]*[a-z0-9+/]{22}==[ \t]*"),
    )
)


class NoRequest(ValueError):
    """It is no request; the message says so to the client."""


class Framed(NamedTuple):
    """A head to hand on, and how many bytes of a body follow it."""

    head: bytes
    left: int
    endless: bool = False  # how many is not known: the answer is the connection's last
    chunked: bool = False  # the chunks say it


class Chunks:
    """Finds where a body in chunks ends (RFC 9112, 7.1). It is `lost` where a line is not as it should be."""

    def __init__(self) -> None:
        self.lost = False
        self._data = 0  # bytes that are still to come of a chunk and the end of line after it
        self._next = CHUNK

    def passes(self, waiting: bytes) -> tuple[int, bool]:
        """How many of the bytes that wait are the body's and can be handed on, and whether it ends with them."""
        at = 0
        while True:
            size = min(self._data, len(waiting) - at)
            at, self._data = at + size, self._data - size
            line = self._next.match(waiting, at)
            if self._data or line is None:
                self.lost = b"\n" in waiting[at:] or len(waiting) - at > LINE_BYTES
                return at, False
            at = line.end()
            if self._next is CHUNK:
                self._data = int(line[1], 16)
                self._next = CHUNK if self._data else TRAILER
                self._data += 2 if self._data else 0  # uvicorn's parser looks whether that is a line's end
            elif not line[1]:
                return at, True


def begins(waiting: bytes) -> bool:
    """Whether what is there of a head may be the beginning of a request."""
    return bool(REQUEST_LINE.match(waiting) if b"\n" in waiting else METHOD.match(waiting))


def framed(head: bytes) -> Framed:
    """Looks at a head, up to and with its empty line. Raises NoRequest."""
    lines_end_alike = head.count(b"\n") == head.count(b"\r\n")  # else not all agree where the head ends
    if not REQUEST_LINE.match(head) or not lines_end_alike or b"\n " in head or b"\n\t" in head:
        raise NoRequest("This is not HTTP.")
    if head.startswith(b"CONNECT "):
        raise NoRequest("This is not a proxy.")
    given = [(name.lower(), value.strip()) for name, value in FRAMING.findall(head)]
    if not given:
        return Framed(head, 0)
    left, endless, chunked = 0, False, False
    bodies = [pair for pair in given if pair[0] != b"upgrade"]
    if len(bodies) == 1 and bodies[0][0] == b"content-length" and bodies[0][1].isdigit():
        left = int(bodies[0][1][:18])
    elif len(bodies) == 1 and bodies[0][1].lower() == b"chunked" and b" HTTP/1.1\r\n" in head[: head.find(b"\n") + 1]:
        left, chunked = 1, True
    elif bodies:  # uvicorn's parser knows more
        left, endless = sys.maxsize, True
    if len(bodies) == len(given):
        return Framed(head, left, endless, chunked)
    if not (head.startswith(b"GET ") and all(len(line.findall(head)) == 1 for line in WEBSOCKET)):
        return Framed(UPGRADE.sub(b"", head), left, endless, chunked)  # as if it had not asked for an upgrade
    if left:
        raise NoRequest("This is no WebSocket handshake.")
    return Framed(head, 0)
