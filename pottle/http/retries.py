"""Idempotency-Key: a creating POST that a client sends again is answered again, not done again."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from quart import request

from pottle.access import around
from pottle.errors import Invalid
from pottle.http import bodies
from pottle.http.asking import header, party
from pottle.store import db, replays

Handler = Callable[..., Awaitable[Any]]

LONGEST = 200  # characters


def idempotent(handler: Handler) -> Handler:
    """Honours Idempotency-Key, per user or address and path, for 24 hours."""

    @wraps(handler)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        await _key_of_request()
        return await handler(*args, **kwargs)

    wrapper.idempotent = True  # type: ignore[attr-defined]
    return wrapper


async def is_repeated() -> bool:
    """Whether this request was answered before. Raises Invalid where another one was, with its key."""
    if (replay := await _key_of_request()) is None:
        return False
    with db.snapshot() as read:
        return replays.find(read, *replay) is not None


async def _key_of_request() -> tuple[str, bytes] | None:
    """The key, for one party and path, and a fingerprint of the body; None without one. It is read once a request.

    The fingerprint is keyed by what the client alone knows: a plain hash of a sign-up would help to guess its password.
    """
    key, surrounding = header(b"idempotency-key"), around()
    if key is not None and surrounding.replay is None:
        if not 1 <= len(key.strip()) <= LONGEST or not key.isprintable():
            raise Invalid({"Idempotency-Key": f"must be 1 to {LONGEST} printable characters"})
        scoped = hashlib.sha256("\n".join((party(), request.path, key)).encode()).hexdigest()
        surrounding.replay = scoped, hmac.digest(key.encode(), await bodies.raw(), "sha256")
    return surrounding.replay
