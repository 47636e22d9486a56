"""Histories written by hand: each line of a story is one event, and takes one second."""

from __future__ import annotations

from typing import Any

from conformance.checker import check
from conformance.history import (
    AnyEvent,
    Began,
    Delivered,
    Disconnected,
    History,
    ListRead,
    Quiet,
    Revoked,
    Subscribed,
    Watching,
    WriteAcknowledged,
    WriteFailed,
    WriteRefused,
    WriteStarted,
)

OFFERS = ("lists", "positions", "resume", "revocation")


class Story:
    """Every method tells the next event and returns the story."""

    def __init__(self) -> None:
        self.events: History = [Began(0, "a story", OFFERS, 0)]
        self._reads = 0

    @property
    def now(self) -> float:
        return float(len(self.events))

    def _next(self, event: AnyEvent) -> Story:
        self.events.append(event)
        return self

    def starts(self, marker: str, channel: str = "a") -> Story:
        return self._next(WriteStarted(self.now, marker, channel))

    def acknowledged(self, marker: str) -> Story:
        return self._next(WriteAcknowledged(self.now, marker, f"id of {marker}"))

    def failed(self, marker: str) -> Story:
        return self._next(WriteFailed(self.now, marker))

    def refused(self, marker: str) -> Story:
        return self._next(WriteRefused(self.now, marker))

    def writes(self, marker: str, channel: str = "a") -> Story:
        return self.starts(marker, channel).acknowledged(marker)

    def subscribed(self, who: str, channel: str = "a", **more: Any) -> Story:
        return self._next(Subscribed(self.now, who, channel, **more))

    def told(self, who: str, marker: str, channel: str = "a", **more: Any) -> Story:
        return self._next(Delivered(self.now, who, channel, marker, **more))

    def watching(self, who: str, channel: str = "a") -> Story:
        return self._next(Watching(self.now, who, channel))

    def disconnected(self, who: str) -> Story:
        return self._next(Disconnected(self.now, who))

    def revoked(self, who: str) -> Story:
        return self._next(Revoked(self.now, who, "signed out"))

    def read(self, *markers: str, channel: str = "a", started: float | None = None, **more: Any) -> Story:
        self._reads += 1
        posts = tuple((f"id of {marker}", marker) for marker in markers)
        begun = self.now if started is None else started
        return self._next(ListRead(self.now, self._reads, begun, channel, posts, **more))

    def quiet(self) -> Story:
        return self._next(Quiet(self.now + 1, self.now))

    def finds(self) -> dict[str, int]:
        """How many anomalies of each kind there are, without the kinds that have none."""
        return {verdict.kind: len(verdict.anomalies) for verdict in check(self.events) if verdict.anomalies}

    def checks(self, kind: str) -> int:
        """How many obligations of a kind were looked at."""
        return next(verdict.checked for verdict in check(self.events) if verdict.kind == kind)
