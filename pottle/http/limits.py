"""Rate limits of state-changing routes.

A limit is looked at before anything is done for a request. A use counts in the transaction of the write that it limits;
of a request that is refused, in one of its own. A request that was answered before (Idempotency-Key) costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import wraps
from math import ceil
from typing import Any

from quart import Response
from werkzeug.exceptions import HTTPException

from pottle.access import access, around
from pottle.errors import Overloaded, Refusal, StorageFull, TooMany
from pottle.http import retries
from pottle.http.asking import address, party
from pottle.rates import Allowance, Rate
from pottle.store import db, limits
from pottle.store.unit import Envelope, envelope

Handler = Callable[..., Awaitable[Any]]

Party = tuple[str, Rate]

_under_way: dict[Party, set[Envelope]] = {}  # requests of this worker, by whom they count against
_counting: set[asyncio.Task[None]] = set()


def limited(
    rate: Rate, guests: Rate | None = None, instead: Callable[[], Awaitable[Party | None]] | None = None
) -> Callable[[Handler], Handler]:
    """Limits a route to `rate` a user, or `guests` (else `rate`) an address where nobody is signed in.

    Where `instead` returns a party and a rate, the request counts against those.
    """

    def decorate(handler: Handler) -> Handler:
        can_be_repeated = hasattr(handler, "idempotent")

        @wraps(handler)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not db.settings.rate_limits:
                return await handler(*args, **kwargs)
            limit = (instead and await instead()) or (party(), rate if access().asker() else guests or rate)
            counted = around()
            counted.limit, counted.address = limit, address()
            under_way = _under_way.get(limit, set())
            try:
                with db.snapshot() as read:  # each that is under way has a use of its own: many may come at once
                    limits.check(read, *limit, 1 + sum(one.allowance is None for one in under_way))
            except TooMany:
                if not (can_be_repeated and await retries.is_repeated()):
                    raise
            _under_way.setdefault(limit, set()).add(counted)
            try:
                response: Response = await handler(*args, **kwargs)
            except asyncio.CancelledError:  # its client gave up
                if envelope.get() is counted:
                    _counting.add(task := asyncio.create_task(_count(counted)))
                    task.add_done_callback(_counting.discard)
                raise
            except Exception as error:
                if counted.allowance is None and _asked_for_it(error):
                    await _count(counted)
                raise
            finally:
                _under_way[limit].discard(counted)
                if not _under_way[limit]:
                    del _under_way[limit]
            if counted.allowance:
                response.headers.update(in_headers(counted.allowance))
            return response

        wrapper.limit = rate  # type: ignore[attr-defined]
        return wrapper

    return decorate


def _asked_for_it(error: Exception) -> bool:
    """Whether a request was refused for what it asks."""
    if isinstance(error, HTTPException):
        return error.code is not None and error.code < 500
    return isinstance(error, Refusal) and not isinstance(error, TooMany | Overloaded | StorageFull)


async def _count(counted: Envelope) -> None:
    """Counts a use of a request that wrote nothing."""
    if counted.limit is not None:
        envelope.set(None)
        with suppress(Overloaded, StorageFull):  # the answer is what is wrong with the request
            counted.allowance = await db.write(limits.spend, *counted.limit)


def in_headers(allowance: Allowance) -> dict[str, str]:
    """What is left of a rate, after the IETF draft "RateLimit header fields for HTTP" (version 10).

    `q` uses each `w` seconds; `r` are left, and all are back in `t` seconds.
    """
    rate = allowance.rate
    return {
        "RateLimit-Policy": f'"{rate.name}";q={rate.count};w={rate.per}',
        "RateLimit": f'"{rate.name}";r={allowance.left};t={ceil(allowance.full_in)}',
    }
