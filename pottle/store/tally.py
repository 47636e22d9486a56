"""What the writer has done, added up in plain numbers for whoever looks (pottle/server/metrics.py)."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from pottle.errors import Overloaded, Refusal, StorageFull

MOST_BATCHES = 10_000  # kept where nobody looks, as in commands


class Batch(NamedTuple):
    """Units that were run together, and how long that took, the wait for their turn included."""

    units: int
    seconds: float


@dataclass
class Tally:
    """Units by what became of them. Each number is changed in one thread only: `turned_away` in the event loop's."""

    committed: int = 0
    refused: int = 0
    failed: int = 0
    turned_away: int = 0
    batches: deque[Batch] = field(default_factory=lambda: deque(maxlen=MOST_BATCHES))

    def count(self, errors: Iterable[BaseException | None], batch: Batch) -> None:
        """Adds a batch, with the error of each unit, or None."""
        self.batches.append(batch)
        for error in errors:
            if error is None:
                self.committed += 1
            elif isinstance(error, Refusal) and not isinstance(error, Overloaded | StorageFull):
                self.refused += 1
            else:
                self.failed += 1
