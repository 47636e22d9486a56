"""Where a request ends, as far as it can be said before it is parsed: what follows it waits until it is answered."""

import re
import sys
from typing import NamedTuple

REQUEST_LINE = re.compile(rb"[^\s]+ [^\s]+ HTTP/1\.[01]\r\n")
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
    endless: bool  # how many is not known: the answer is the connection's last


def framed(head: bytes) -> Framed:
    """Looks at a head, up to and with its empty line. Raises NoRequest."""
    lines_end_alike = head.count(b"\n") == head.count(b"\r\n")  # else not all agree where the head ends
    if not REQUEST_LINE.match(head) or not lines_end_alike or b"\n " in head or b"\n\t" in head:
        raise NoRequest("This is not HTTP.")
    if head.startswith(b"CONNECT "):
        raise NoRequest("This is not a proxy.")
    given = [(name.lower(), value.strip()) for name, value in FRAMING.findall(head)]
    if not given:
        return Framed(head, 0, False)
    left, endless = 0, False
    bodies = [pair for pair in given if pair[0] != b"upgrade"]
    if len(bodies) == 1 and bodies[0][0] == b"content-length" and bodies[0][1].isdigit():
        left = int(bodies[0][1][:18])
    elif bodies:  # uvicorn's parser knows more
        left, endless = sys.maxsize, True
    if len(bodies) == len(given):
        return Framed(head, left, endless)
    if not (head.startswith(b"GET ") and all(len(line.findall(head)) == 1 for line in WEBSOCKET)):
        return Framed(UPGRADE.sub(b"", head), left, endless)  # as if it had not asked for an upgrade
    if left:
        raise NoRequest("This is no WebSocket handshake.")
    return Framed(head, 0, False)
