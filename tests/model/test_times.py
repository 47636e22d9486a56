"""pottle/times.py: RFC 3339 in UTC, to the millisecond."""

import re
from datetime import UTC, datetime, timedelta, timezone

from pottle import times


def test_it_works() -> None:
    moment = datetime(2026, 11, 22, 9, 50, 28, 123_456, tzinfo=UTC)
    assert times.text(moment) == "2026-11-22T09:50:28.123Z"
    assert times.text(moment.astimezone(timezone(timedelta(hours=5, minutes=30)))) == "2026-11-22T09:50:28.123Z"
    assert times.text(moment.replace(microsecond=0)) == "2026-11-22T09:50:28.000Z"


def test_they_sort_as_they_follow() -> None:
    assert times.later(seconds=-1) < times.now() < times.later(seconds=1) < times.later(days=30)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", times.now())
