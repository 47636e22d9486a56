"""A clock that can be set, for servers that are started with its settings."""

import os
from pathlib import Path

from tests.server import ROOT

HOUR, DAY = 3_600, 86_400


class Clock:
    """`Server(…, **clock.settings)` has the time of day that `clock.set` says."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.settings = {"PYTHONPATH": str(ROOT / "tests/faults/shifted"), "FAULT_CLOCK": str(self._file)}
        self.set(0)

    def set(self, seconds: int) -> None:
        """Sets it, at once and everywhere, so far ahead of the real time."""
        new = self._file.with_suffix(".new")
        new.write_text(str(seconds))
        os.replace(new, self._file)
