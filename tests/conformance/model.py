"""A reference model: a system that keeps its word, too small to be wrong, and its histories.

Each channel is a list; a write is one `append`; a subscriber is an index into each list. One step is one second.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

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
    WriteAcknowledged,
    WriteFailed,
    WriteRefused,
    WriteStarted,
)

CHANNELS = ("a", "b")


@dataclass
class Pending:
    """A write that is under way."""

    marker: str
    channel: str
    kept: bool = False


@dataclass
class Reader:
    """A subscriber: how much of each channel it was told; None while it is not connected."""

    name: str
    told: dict[str, int] = field(default_factory=dict)
    connected: bool = False
    revoked: bool = False


class Model:
    """`Model(rng).run(steps)` is a history without an anomaly. `numbered`: it has seqs, and can resume."""

    def __init__(self, rng: random.Random, numbered: bool = True) -> None:
        self.rng, self.numbered = rng, numbered
        offers = ("lists", "revocation", *(("positions", "resume") if numbered else ()))
        self.history: History = [Began(0, "the model", offers, 0)]
        self.kept: dict[str, list[str]] = {channel: [] for channel in CHANNELS}
        self.pending: list[Pending] = []
        self.readers = [Reader(f"s{number}") for number in range(4)]
        self.written = self.listed = 0

    @property
    def now(self) -> float:
        return float(len(self.history))

    def add(self, event: AnyEvent) -> None:
        self.history.append(event)

    def run(self, steps: int) -> History:
        actions: list[Callable[[], None]] = [self.start, self.keep, self.settle, self.tell, self.tell, self.tell]
        actions += [self.connect, self.read, self.read]
        rare = [self.disconnect, self.revoke]
        for _ in range(steps):
            self.rng.choice(rare if self.rng.random() < 0.05 else actions)()
        self.finish()
        return self.history

    def start(self) -> None:
        self.written += 1
        write = Pending(f"m{self.written}", self.rng.choice(CHANNELS))
        self.pending.append(write)
        self.add(WriteStarted(self.now, write.marker, write.channel))

    def keep(self) -> None:
        if waiting := [write for write in self.pending if not write.kept]:
            write = self.rng.choice(waiting)
            write.kept = True
            self.kept[write.channel].append(write.marker)

    def settle(self) -> None:
        """An outcome is told: often the true one, now and then none."""
        if not self.pending:
            return
        write = self.rng.choice(self.pending)
        if self.rng.random() < 0.1:
            self.pending.remove(write)
            self.add(WriteFailed(self.now, write.marker))
        elif write.kept:
            self.pending.remove(write)
            self.add(WriteAcknowledged(self.now, write.marker, f"id-{write.marker}"))
        elif self.rng.random() < 0.1:
            self.pending.remove(write)
            self.add(WriteRefused(self.now, write.marker))

    def connect(self) -> None:
        for reader in self.rng.sample(self.readers, 1):
            if reader.connected or reader.revoked:
                return
            reader.connected = True
            for channel in CHANNELS:
                self.subscribe(reader, channel)

    def subscribe(self, reader: Reader, channel: str) -> None:
        """From now on, or after what it was told; then all may be there, or some of it pruned."""
        head, after = len(self.kept[channel]), reader.told.get(channel)
        if not self.numbered or after is None:
            reader.told[channel] = head
            self.add(Subscribed(self.now, reader.name, channel, seq=head if self.numbered else None))
            return
        recovered = self.rng.random() < 0.7
        if not recovered:
            reader.told[channel] = head
        self.add(Subscribed(self.now, reader.name, channel, seq=head, after=after, recovered=recovered))

    def tell(self) -> None:
        reader, channel = self.rng.choice(self.readers), self.rng.choice(CHANNELS)
        at = reader.told.get(channel, 0)
        if not reader.connected or reader.revoked or at >= len(self.kept[channel]):
            return
        reader.told[channel] = at + 1
        marker = self.kept[channel][at]
        seq, prev = (at + 1, at) if self.numbered else (None, None)
        self.add(Delivered(self.now, reader.name, channel, marker, id=f"id-{marker}", seq=seq, prev=prev))

    def disconnect(self) -> None:
        reader = self.rng.choice(self.readers)
        if reader.connected and not reader.revoked:
            reader.connected = False
            self.add(Disconnected(self.now, reader.name))

    def revoke(self) -> None:
        """At most half of them."""
        reader = self.rng.choice(self.readers)
        if reader.connected and sum(one.revoked for one in self.readers) < len(self.readers) // 2:
            reader.revoked = True
            self.add(Revoked(self.now, reader.name))

    def read(self, most: int | None = None) -> None:
        channel = self.rng.choice(CHANNELS)
        self.read_of(channel, self.rng.choice([3, 1_000]) if most is None else most)

    def read_of(self, channel: str, most: int) -> None:
        kept, started = self.kept[channel][::-1], self.now
        self.listed += 1
        posts = tuple((f"id-{marker}", marker) for marker in kept[:most])
        seq = len(kept) if self.numbered else None
        self.add(ListRead(self.now + 0.5, self.listed, started, channel, posts, truncated=len(kept) > most, seq=seq))

    def finish(self) -> None:
        """Everything that was kept is told to everybody who is connected."""
        since = self.now
        for reader in self.readers:
            while any(self.lags(reader, channel) for channel in CHANNELS):
                self.tell()
        self.add(Quiet(self.now, since))
        for channel in CHANNELS:
            self.read_of(channel, 1_000_000)

    def lags(self, reader: Reader, channel: str) -> bool:
        return reader.connected and not reader.revoked and reader.told.get(channel, 0) < len(self.kept[channel])
