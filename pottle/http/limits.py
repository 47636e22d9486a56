"""Rate limits of state-changing routes, and Idempotency-Key: a POST that a client sends again is answered again.

A limit is looked at before anything is done for a request. A use counts in the transaction of the write that it limits;
of a request that is refused, in one of its own. A request that was answered before (Idempotency-Key) costs nothing.
"""

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from math import ceil
from typing import Any

from quart import Response, current_app, request
from werkzeug.exceptions import HTTPException

from pottle.access import access, around
from pottle.errors import Invalid, Overloaded, Refusal, StorageFull, TooMany
from pottle.http import bodies
from pottle.http.asking import address, header, party
from pottle.rates import Allowance, Rate
from pottle.store import db, limits, replays
from pottle.store.unit import Envelope, envelope
from pottle.translation import _

Handler = Callable[..., Awaitable[Any]]

Party = tuple[str, Rate]

LONGEST_KEY = 200  # characters
COMMIT_SECONDS = 0.001  # until one looks again whether something is committed
MOST_COUNTED_HERE = 10_000  # parties, until those with nothing used are forgotten
KEY = "idempotency_key"  # the field of a form that is known by it

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
            counted = around()
            counted.address, counted.agent = address(), header(b"user-agent") or ""
            if not db.settings.rate_limits:
                return await handler(*args, **kwargs)
            limit = (instead and await instead()) or (party(), rate if access().asker() else guests or rate)
            counted.limit = limit
            with _beside_others(counted, limit) as uncounted:
                try:
                    await _check(limit, uncounted)
                except TooMany:
                    if not (can_be_repeated and await _is_repeated()):
                        raise
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
            if counted.allowance:
                response.headers.update(in_headers(counted.allowance))
            return response

        wrapper.limit = rate  # type: ignore[attr-defined]
        return wrapper

    return decorate


async def _check(limit: Party, uncounted: Callable[[], list[Envelope]]) -> None:
    """Raises TooMany where those that are not counted yet, and this request, have not as many uses left.

    It looks again where some were counted meanwhile: what is committed may be seen before its request knows of it.
    """
    while True:
        others = uncounted()
        try:
            await db.read(limits.check, *limit, 1 + len(others))
            return
        except TooMany:
            if uncounted() == others and not any(one.allowance for one in others):
                raise
        await asyncio.sleep(COMMIT_SECONDS)


@contextmanager
def _beside_others(counted: Envelope, limit: Party) -> Iterator[Callable[[], list[Envelope]]]:
    """While a request is under way: those before it of which nobody sees yet that they are counted."""
    under_way = _under_way.setdefault(limit, set())
    before = under_way.copy()
    under_way.add(counted)
    try:
        yield lambda: [one for one in before if one in under_way and not one.committed]
    finally:
        under_way.discard(counted)
        if not under_way:
            del _under_way[limit]


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
            counted.committed = True


def in_headers(allowance: Allowance) -> dict[str, str]:
    """What is left of a rate, after the IETF draft "RateLimit header fields for HTTP" (version 10).

    `q` uses each `w` seconds; `r` are left, and all are back in `t` seconds.
    """
    rate = allowance.rate
    return {
        "RateLimit-Policy": f'"{rate.name}";q={rate.count};w={rate.per}',
        "RateLimit": f'"{rate.name}";r={allowance.left};t={ceil(allowance.full_in)}',
    }


def idempotent(handler: Handler) -> Handler:
    """Honours Idempotency-Key, per user or address and path, for 24 hours."""

    @wraps(handler)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        await _key_of_request()
        return await handler(*args, **kwargs)

    wrapper.idempotent = True  # type: ignore[attr-defined]
    return wrapper


async def _is_repeated() -> bool:
    """Whether this request was answered before. Raises Invalid where another one was, with its key."""
    if (replay := await _key_of_request()) is None:
        return False
    return await db.read(replays.find, *replay) is not None


async def _key_of_request() -> tuple[str, bytes] | None:
    """The key, for one party and path, and a fingerprint of the body; None without one. It is read once a request.

    The fingerprint is keyed by what the client alone knows: a plain hash of a sign-up would help to guess its password.
    """
    key, surrounding = header(b"idempotency-key"), around()
    if key is None and request.mimetype == bodies.FORM:
        key = (await bodies.form()).get(KEY)
    if key is not None and surrounding.replay is None:
        if not 1 <= len(key.strip()) <= LONGEST_KEY or not key.isprintable():
            raise Invalid({"Idempotency-Key": _("must be 1 to %(most)s printable characters", most=LONGEST_KEY)})
        scoped = hashlib.sha256("\n".join((party(), request.path, key)).encode()).hexdigest()
        surrounding.replay = scoped, hmac.digest(key.encode(), await bodies.raw(), "sha256")
    return surrounding.replay


def limited_here(rate: Rate) -> Callable[[Handler], Handler]:
    """Limits routes that only read, in each worker by itself: to count for all workers is a write."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not db.settings.rate_limits:
                return await handler(*args, **kwargs)
            left = _spend_here(current_app.extensions.setdefault(f"rate:{rate.name}", {}), party(), rate)
            response: Response = await handler(*args, **kwargs)
            response.headers.update(in_headers(left))
            return response

        wrapper.limit = rate  # type: ignore[attr-defined]
        return wrapper

    return decorate


def _spend_here(dues: dict[str, float], by: str, rate: Rate) -> Allowance:
    """As `spend` in pottle/store/limits.py; `dues` are monotonic seconds."""
    now = time.monotonic()
    if len(dues) > MOST_COUNTED_HERE:
        for one in [one for one, due in dues.items() if due <= now]:
            del dues[one]
    full_in = max(dues.get(by, now) - now, 0)
    wait = full_in + rate.step - rate.per
    if wait > 1e-6:
        raise TooMany(max(1, ceil(wait)), Allowance(rate, 0, full_in))
    full_in += rate.step
    dues[by] = now + full_in
    return Allowance(rate, int((rate.per - full_in) / rate.step + 1e-6), full_in)
