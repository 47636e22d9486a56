"""When a notice is due: pure functions of the moment and of somebody's clock."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pottle import times

How = Literal["now", "daily"]
Way = Literal["soon", "digest"]


class Clocks(NamedTuple):
    """A time zone; between which times of the day it is quiet, if ever; and when the daily summary comes."""

    zone: str
    quiet: tuple[str, str] | None = None
    digest_at: str = "08:00"


@lru_cache
def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def is_zone(name: str) -> bool:
    """Whether there is a time zone of that name."""
    return _zone(name) is not None


@lru_cache
def zones() -> tuple[str, ...]:
    """The names of time zones to choose from."""
    return tuple(sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")))


def due(now: str, how: How, clocks: Clocks, wait: float, last: str | None = None, apart: float = 0) -> tuple[Way, str]:
    """In which way something is told, and when.

    What is told at once waits `wait` seconds, and until `apart` after the `last` of its kind: several are one then. If
    that is in quiet hours, all of them come as one at their end.
    """
    if how == "daily":
        return "digest", loud(_next(now, clocks, clocks.digest_at), clocks)
    at = times.milliseconds(now) + int(wait * 1_000)
    if last is not None:
        at = max(at, times.milliseconds(last) + int(apart * 1_000))
    soon = times.at(at)
    ended = loud(soon, clocks)
    return ("soon", soon) if ended == soon else ("digest", ended)


def loud(now: str, clocks: Clocks) -> str:
    """When somebody may be disturbed: now, or at the end of their quiet hours."""
    if clocks.quiet is None:
        return now
    start, end = clocks.quiet
    at = _local(now, clocks).strftime("%H:%M")
    quiet = start <= at < end if start <= end else at >= start or at < end
    return _next(now, clocks, end) if quiet else now


def _local(now: str, clocks: Clocks) -> datetime:
    moment = datetime.fromtimestamp(times.milliseconds(now) / 1_000, UTC)
    return moment.astimezone(_zone(clocks.zone) or UTC)


def _next(now: str, clocks: Clocks, clock: str) -> str:
    """The next moment at which somebody's clock shows that time."""
    here = _local(now, clocks)
    at = here.replace(hour=int(clock[:2]), minute=int(clock[3:]), second=0, microsecond=0)
    return times.text(at if at > here else at + timedelta(days=1))
