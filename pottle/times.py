"""Times are RFC 3339 text in UTC, to the millisecond: they sort, and a person reads them in any SQLite editor."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from time import time_ns

FOREVER = "9999"  # sorts after every time


def now() -> str:
    """The time now, as `2026-11-22T09:50:28.123Z`."""
    second, millisecond = divmod(time_ns() // 1_000_000, 1_000)
    return f"{_second(second)}.{millisecond:03}Z"


@lru_cache(maxsize=2)  # `now` is asked three times to create a post
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def later(**delta: float) -> str:
    """The time `timedelta(**delta)` from now; negative values lie in the past."""
    return text(datetime.now(UTC) + timedelta(**delta))


def text(moment: datetime) -> str:
    """`moment` (aware) as it is stored and sent."""
    return _text(moment.astimezone(UTC))


def milliseconds(stamp: str) -> int:
    """How many milliseconds after 1970 a stored time is."""
    return _seconds(stamp[:19]) * 1_000 + int(stamp[20:23])


@lru_cache(maxsize=2)
def _seconds(second: str) -> int:
    return int(datetime.fromisoformat(f"{second}+00:00").timestamp())


def at(milliseconds: int) -> str:
    """The time that is so many milliseconds after 1970."""
    return text(datetime.fromtimestamp(milliseconds / 1_000, UTC))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
