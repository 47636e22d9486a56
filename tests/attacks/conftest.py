"""What the attacks share: a victim in a browser, and requests as raw as an attacker can make them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from quart import Quart

from api.access import cookie_name
from tests.api.conftest import nothing_changes
from tests.conftest import Person

__all__ = ["nothing_changes"]

Header = tuple[bytes, bytes]
Raw = Callable[..., Awaitable[tuple[int, list[Header], bytes]]]


@pytest.fixture
def victim(person: Callable[..., Person], alice: Person) -> Person:
    """Alice in a browser: only the cookie speaks for her."""
    return person(Cookie=f"{cookie_name()}={alice.token}")


@pytest.fixture
def raw(app: Quart) -> Raw:
    """`await raw("GET", "/../x", [(b"host", b"evil.example")])`: as sent, where a client would tidy up."""

    async def ask(
        method: str, path: str, headers: tuple[Header, ...] = (), query: bytes = b"", body: bytes = b""
    ) -> tuple[int, list[Header], bytes]:
        waiting: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not waiting:
                await asyncio.Event().wait()
            return waiting.pop()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        host = () if any(name == b"host" for name, _ in headers) else ((b"host", b"pottle.test"),)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": [*host, *headers],
            "client": ("127.0.0.1", 1234),
            "server": ("pottle.test", 80),
        }
        async with asyncio.timeout(20):
            await app(scope, receive, send)  # type: ignore[arg-type]
        return sent[0]["status"], sent[0]["headers"], b"".join(part.get("body", b"") for part in sent[1:])

    return ask
