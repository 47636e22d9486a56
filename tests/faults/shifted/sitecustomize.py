"""Python runs this first when its folder is in PYTHONPATH: such a process has another time of day.

The file FAULT_CLOCK says by how many seconds it is off, at this moment. A monotonic clock goes on, as it does when a
real clock is set. (libfaketime 0.9.10 cannot leave that one alone: told to, it makes Python's time.sleep fail with
EINVAL.)
"""

import datetime
import os
import time
from pathlib import Path

_file = Path(os.environ["FAULT_CLOCK"])
_time = time.time
_datetime = datetime.datetime


def _shifted() -> float:
    return _time() + float(_file.read_text())


class Shifted(_datetime):
    """The real thing, but for what time it is now."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> _datetime:
        """The time of day, as the clock has it."""
        return _datetime.fromtimestamp(_shifted(), tz)


time.time = _shifted
time.time_ns = lambda: round(_shifted() * 1e9)
datetime.datetime = Shifted  # type: ignore[misc]
