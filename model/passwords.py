"""Password hashes: argon2id (RFC 9106) with OWASP's parameters, made beside the event loop and bounded in memory."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from model.errors import Overloaded

T = TypeVar("T")

# 19 MiB and about 30 ms of one core each.
HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
AT_ONCE = max(1, (os.cpu_count() or 1) // 2)  # the other cores go on answering
MOST_WAITING = 1_000  # a school that signs in within a minute

# Of the same cost as any real hash: a log-in with an unknown uid takes as long as one with a known uid.
DECOY = HASHER.hash("nobody has this password")

_executor = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="password")
_waiting = 0


async def hashed(password: str) -> str:
    """The hash to keep for `password`. Raises Overloaded when too many wait."""
    return await _beside_the_loop(HASHER.hash, password)


async def matches(kept: str | None, password: str) -> bool:
    """Whether `password` is the one that `kept` was made from. Takes the same time where nothing is kept."""
    right = await _beside_the_loop(_verify, kept or DECOY, password)
    return right and kept is not None


def _verify(kept: str, password: str) -> bool:
    try:
        return HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


async def _beside_the_loop(work: Callable[..., T], *args: str) -> T:
    global _waiting
    if _waiting >= MOST_WAITING:
        raise Overloaded("Too many people are signing in at this moment.")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_executor, work, *args)
    finally:
        _waiting -= 1
