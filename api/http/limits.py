"""Rate limits of state-changing routes: counted in the transaction of the write that they limit.

A use counts when its write commits, so that a refused or repeated request costs nothing.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from math import ceil
from typing import Any

from quart import Response

from api.http.asking import address, around, asker
from model.rates import Allowance, Rate
from model.store import Tx, db, limits
from model.store.unit import Envelope

Handler = Callable[..., Awaitable[Any]]

SIGN_UP = Rate("sign-up", 100, per=3600)
SIGN_IN = Rate("sign-in", 600, per=60)  # a school is one address; guessing has a limit of its own, per uid
POSTING = Rate("posting", 20, per=60)
GUESTS = Rate("guests", 60, per=60)
REACTING = Rate("reacting", 120, per=60)
EDITING = Rate("editing", 60, per=60)
ROSTERS = Rate("rosters", 20, per=3600)  # each of up to 500 accounts


def limited(
    rate: Rate, guests: Rate | None = None, ahead: bool = False, unless: Callable[[], Awaitable[bool]] | None = None
) -> Callable[[Handler], Handler]:
    """Limits a route to `rate` a user, or `guests` (else `rate`) an address where nobody is signed in.

    With `ahead` the use is counted before the handler runs: for what is costly before its write. A request for which
    `unless` is true is not limited.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not db.settings.rate_limits or (unless and await unless()):
                return await handler(*args, **kwargs)
            counted = await _count(rate, guests or rate, ahead)
            response: Response = await handler(*args, **kwargs)
            if counted.allowance:
                response.headers.update(in_headers(counted.allowance))
            return response

        wrapper.limit = rate  # type: ignore[attr-defined]
        return wrapper

    return decorate


async def _count(rate: Rate, guests: Rate, ahead: bool) -> Envelope:
    """Where the allowance is, once the use was counted: now, or with the handler's write."""
    identity = asker()
    party = (f"user {identity.user}", rate) if identity else (f"address {address()}", guests)
    if ahead:
        return Envelope(allowance=await db.write_ahead(_use, *party))
    around().limit = party
    return around()


def _use(tx: Tx, party: str, rate: Rate) -> Allowance:
    limits.check(tx, party, rate)
    return limits.spend(tx, party, rate)


def in_headers(allowance: Allowance) -> dict[str, str]:
    """What is left of a rate, after the IETF draft "RateLimit header fields for HTTP" (version 10).

    `q` uses each `w` seconds; `r` are left, and all are back in `t` seconds.
    """
    rate = allowance.rate
    return {
        "RateLimit-Policy": f'"{rate.name}";q={rate.count};w={rate.per}',
        "RateLimit": f'"{rate.name}";r={allowance.left};t={ceil(allowance.full_in)}',
    }
