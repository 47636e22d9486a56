"""Idempotency-Key: a creating POST that a client sends again is answered again, not done again."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from quart import request

from pottle.access import access, around
from pottle.errors import Invalid
from pottle.http import bodies
from pottle.http.asking import address
from pottle.store import db, replays

Handler = Callable[..., Awaitable[Any]]

LONGEST = 200  # characters


def idempotent(handler: Handler) -> Handler:
    """Honours Idempotency-Key, per user or address and path, for 24 hours."""

    @wraps(handler)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        if (key := request.headers.get("Idempotency-Key")) is not None:
            around().replay = (_scoped(key), await _fingerprint(key))
        return await handler(*args, **kwargs)

    wrapper.idempotent = True  # type: ignore[attr-defined]
    return wrapper


async def is_repeated() -> bool:
    """Whether this request was answered before. Raises Invalid where another one was, with its key."""
    if (key := request.headers.get("Idempotency-Key")) is None:
        return False
    scoped, fingerprint = _scoped(key), await _fingerprint(key)
    with db.snapshot() as read:
        return replays.find(read, scoped, fingerprint) is not None


def _scoped(key: str) -> str:
    if not 1 <= len(key.strip()) <= LONGEST or not key.isprintable():
        raise Invalid({"Idempotency-Key": f"must be 1 to {LONGEST} printable characters"})
    identity = access().asker()
    party = identity.party if identity else f"address {address()}"
    return hashlib.sha256("\n".join((party, request.path, key)).encode()).hexdigest()


async def _fingerprint(key: str) -> bytes:
    """Keyed by what the client alone knows: a plain hash of a sign-up would help to guess its password."""
    return hmac.digest(key.encode(), await bodies.raw(), "sha256")
