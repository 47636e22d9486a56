"""Requests of the API: refusals as exceptions, and again what is safe to send again."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import uuid4

import httpx
from pottle_client.shapes import Json, WrongField

T = TypeVar("T")
RETRIES = 3
PATIENCE = 10  # seconds; a longer Retry-After is for whoever called to know
WORTH_ASKING_AGAIN = (408, 425, 429)  # of refusals; any other is the same the next time
# POSTs whose answers are secrets, which the server does not keep to repeat.
KEYLESS = re.compile(
    r"/api/(session|me/tokens|me/second|me/invitations|invitations|users/[^/]+/invitations|groups/[^/]+/(invitations|roster))\b"
)


class Problem(Exception):
    """A refusal, in the words of RFC 9457; `status` 0 says that the server could not be reached."""

    def __init__(self, status: int, fields: Json, retry_after: int | None = None) -> None:
        self.status = status
        self.type: str = fields.get("type", "about:blank")
        self.title: str = fields.get("title", f"HTTP {status}")
        self.detail: str = fields.get("detail", "")
        self.errors: list[WrongField] = fields.get("errors", [])
        self.fields, self.retry_after = fields, retry_after
        super().__init__(": ".join(filter(None, (self.title, self.detail))))


def refusal(response: httpx.Response) -> Problem:
    try:
        fields = response.json()
    except ValueError:  # a proxy on the way may answer in HTML
        fields = None
    after = response.headers.get("Retry-After", "")
    named = {"title": response.reason_phrase, **(fields if isinstance(fields, dict) else {})}
    return Problem(response.status_code, named, int(after) if after.isdecimal() else None)


def backoff(attempt: int) -> float:
    """Seconds: a quarter and its doubles up to half a minute, with full jitter."""
    return random.uniform(0, min(30, 0.25 * 2**attempt))  # noqa: S311 - spreads load, protects nothing


def key_of(method: str, path: str) -> dict[str, str]:
    """The header that has a repeated POST answered again and not done again."""
    return {"idempotency-key": uuid4().hex} if method == "POST" and not KEYLESS.match(path) else {}


async def answer(
    http: httpx.AsyncClient, method: str, path: str, json: object, headers: dict[str, str]
) -> httpx.Response:
    """The answer, of status 2xx or 304. Raises Problem."""
    repeatable = method in ("GET", "PUT") or "idempotency-key" in headers
    attempt = 0
    while True:
        problem = Problem(0, {"title": "Unreachable", "detail": "The server cannot be reached."})
        try:
            response = await http.request(method, path, json=json, headers=headers)
            if response.is_success or response.status_code == httpx.codes.NOT_MODIFIED:
                return response
            problem = refusal(response)
        except httpx.TransportError as error:
            problem.__cause__ = error
        refused = problem.status in (429, 503)  # what was refused as too much did not happen
        lost = problem.status in (0, 502, 504) and repeatable
        if attempt == RETRIES or not (refused or lost) or (problem.retry_after or 0) > PATIENCE:
            raise problem
        await asyncio.sleep((problem.retry_after or 0) + backoff(attempt))
        attempt += 1


async def insisting(read: Callable[[], Awaitable[T]]) -> T:
    """What `read` returns, however long the server is away. Raises Problem where asking again is no use."""
    attempt = 0
    while True:
        try:
            return await read()
        except Problem as problem:
            if 400 <= problem.status < 500 and problem.status not in WORTH_ASKING_AGAIN:
                raise
        await asyncio.sleep(backoff(attempt))
        attempt += 1
