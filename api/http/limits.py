"""Rate limits of state-changing routes: counted in the transaction of the write that they limit.

A use counts when its write commits, so that a refused or repeated request costs nothing.
"""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from api.http.asking import address, around, asker
from model.store import Tx, db, limits
from model.store.limits import Rate

Handler = Callable[..., Awaitable[Any]]

SIGN_UP = Rate("sign-up", 100, per=3600)
SIGN_IN = Rate("sign-in", 600, per=60)  # a school is one address; guessing has a limit of its own, per uid
POSTING = Rate("posting", 20, per=60)
GUESTS = Rate("guests", 60, per=60)
REACTING = Rate("reacting", 120, per=60)
EDITING = Rate("editing", 60, per=60)


def limited(rate: Rate, guests: Rate | None = None, ahead: bool = False) -> Callable[[Handler], Handler]:
    """Limits a route to `rate` a user, or `guests` (else `rate`) an address where nobody is signed in.

    With `ahead` the use is counted before the handler runs: for what is costly before its write.
    """

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            if db.settings.rate_limits:
                await _count(rate, guests or rate, ahead)
            return await handler(*args, **kwargs)

        wrapper.limit = rate  # type: ignore[attr-defined]
        return wrapper

    return decorate


async def _count(rate: Rate, guests: Rate, ahead: bool) -> None:
    identity = asker()
    party = (f"user {identity.user}", rate) if identity else (f"address {address()}", guests)
    if ahead:
        confirm = around().confirm
        await db.write(_use, *party)
        around().confirm = confirm  # the next write is confirmed as well
    else:
        around().limit = party


def _use(tx: Tx, party: str, rate: Rate) -> None:
    limits.check(tx, party, rate)
    limits.spend(tx, party, rate)
