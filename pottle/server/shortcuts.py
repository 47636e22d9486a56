"""Answers that are there already, sent before there is a task for them (docs/decisions/short-ways.md).

Half the work of the shortest ASGI application: for GETs that every browser repeats. Whatever is not as usual takes the
long way. POTTLE_SHORTCUTS=off has everything take it, websockets' frames too (pottle/live/sending.py).
"""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

USUAL = re.compile(  # a whole head without a body
    rb"(GET|HEAD) (/[!\"$-;=@-~]*)(?:\?([!\"$-~]*))? HTTP/1\.1\r\n"
    rb"((?:[!#-'*+\-.0-9A-Z^-z|~]+:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*)\r\n"
)
NOT_USUAL = re.compile(
    rb"\n(?:connection:(?![ \t]*keep-alive[ \t]*\r)|expect:|upgrade:|content-length:|transfer-encoding:)", re.IGNORECASE
)
STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

AtOnce = Callable[[bytes, list[tuple[bytes, bytes]], Any], Any]


def wanted() -> bool:
    """Whether there are shortcuts. (An application that is not Pottle has no settings.)"""
    from pottle.store import db  # not above: gunicorn's master reads this file

    return not hasattr(db, "settings") or db.settings.shortcuts


def at_once(app: Any) -> AtOnce | None:
    """What makes of a request's head an answer in bytes, or a `Soon` of them; None where the application has none.

    pottle/http/asgi.py says what an application must have for it; None where it has not.
    """
    from pottle.http.asgi import Soon  # likewise

    ready_for = getattr(getattr(app, "asgi_app", None), "at_once", None)
    if ready_for is None or not wanted():
        return None

    def answer(head: bytes, default_headers: list[tuple[bytes, bytes]], transport: Any) -> bytes | Soon[bytes] | None:
        found = USUAL.fullmatch(head)
        if found is None or NOT_USUAL.search(head):
            return None
        method, path, query, lines = found.groups()
        headers = []
        for line in lines.split(b"\r\n")[:-1]:
            name, _, value = line.partition(b":")
            headers.append((name.lower(), value.strip(b" \t")))
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method.decode(),
            "path": unquote(path.decode()) if b"%" in path else path.decode(),
            "query_string": query or b"",
            "root_path": "",
            "headers": headers,
            "client": transport.get_extra_info("peername"),
        }
        ready = ready_for(scope)
        if isinstance(ready, Soon):
            return Soon(ready.looked, lambda: _said(ready.ask(), scope, default_headers))
        return _said(ready, scope, default_headers)

    return answer


def _said(ready: Any, scope: dict[str, Any], default_headers: list[tuple[bytes, bytes]]) -> bytes | None:
    if ready is None:
        return None
    status = ready.status_for(scope["headers"])
    dated = b"".join([b"%b: %b\r\n" % header for header in default_headers])
    return b"".join((STATUS_LINES[status], dated, ready.head(status), ready.body_for(status, scope["method"])))
