"""How much one account, and one address, may add in a day: counted with the write that adds it.

It counts against whom the request counts (`pottle/http/limits.py`), and against the address, whatever accounts are used
there. What a command or an import adds is not counted.
"""

from random import random

from pottle.rates import Rate
from pottle.store import Snapshot, Tx, limits
from pottle.store.unit import envelope

DAY = 86_400  # seconds
SAMPLED = 16 * 1024  # bytes: of what is smaller, one in so many counts for that much; to count each is work
ADDED = Rate("kilobytes", 32 * 1024, per=DAY)  # 28,800 short posts, 20 a minute, or 450 of the largest there are
ADDED_FROM_ADDRESS = Rate("kilobytes of an address", 256 * 1024, per=DAY)
BEGUN = Rate("discussions", 120, per=3600)  # three for each of a class of guests behind one address


def check(read: Snapshot, size: int) -> None:
    """Raises TooMany where so many bytes would be too many."""
    for party, rate, uses in _counted(size):
        limits.check(read, party, rate, uses)


def count(tx: Tx, size: int, *more: Rate) -> None:
    """Within a unit that has written nothing yet: counts so many bytes, and one use of `more`. Raises TooMany."""
    around = envelope.get()
    once = [(around.limit[0], rate, 1) for rate in more] if around and around.limit else []
    limits.use(tx, [*_counted(size), *once])


def _counted(size: int) -> list[tuple[str, Rate, int]]:
    if size < SAMPLED:
        size = SAMPLED if random() * SAMPLED < size else 0  # noqa: S311  # no secret
    around = envelope.get()
    if size == 0 or around is None or around.limit is None:
        return []
    kilobytes = -(-size // 1024)
    return [(around.limit[0], ADDED, kilobytes), (f"address {around.address}", ADDED_FROM_ADDRESS, kilobytes)]
