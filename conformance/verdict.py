"""What a property has to say of a history."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from conformance.history import AnyEvent


class Anomaly(msgspec.Struct, frozen=True):
    """One thing that must not happen, and the events that show that it did."""

    kind: str
    explanation: str
    events: tuple[AnyEvent, ...]


class Verdict(NamedTuple):
    """`checked` obligations were looked at; none of them was broken but by the anomalies."""

    kind: str
    checked: int
    anomalies: list[Anomaly]
    offered: bool = True


class Findings:
    """Where a property counts what it looked at, and notes what it found."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.checked = 0
        self.anomalies: list[Anomaly] = []

    def found(self, explanation: str, events: Iterable[AnyEvent | None]) -> None:
        """Notes an anomaly, shown by those of `events` that there are."""
        shown = tuple(dict.fromkeys(event for event in events if event is not None))
        self.anomalies.append(Anomaly(self.kind, explanation, shown))
