"""Rates: how often something may be done. `pottle/store/limits.py` counts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """`count` uses each `per` seconds, all of which may come at once."""

    name: str
    count: int
    per: int

    @property
    def step(self) -> float:
        """Seconds that one use takes to come back."""
        return self.per / self.count


@dataclass(frozen=True)
class Allowance:
    """What a party has left of a rate: `left` uses now, all of them again in `full_in` seconds."""

    rate: Rate
    left: int
    full_in: float
