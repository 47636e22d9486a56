"""A history: what the clients of a system did and were told, in the order in which one process with one clock saw it.

An operation has two ends, as in Jepsen: it began at some time and its outcome was known at another; the system did it
somewhere in between, or, where the outcome is unknown, at any time after the beginning or never. Times are seconds of
one monotonic clock. A history is kept as JSON lines, one event a line.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that one client did or was told."""

    time: float


class Began(Event, frozen=True, tag=True):
    """The run began. `offers` are the system's capabilities (see adapters/protocol.py)."""

    system: str
    offers: tuple[str, ...]
    seed: int
    workers: int = 1


class WriteStarted(Event, frozen=True, tag=True):
    """A client is about to ask for a post; its text, the marker, is unique in the history."""

    marker: str
    channel: str
    writer: str = ""


class WriteAcknowledged(Event, frozen=True, tag=True):
    """The system has said that it keeps the post."""

    marker: str
    id: str = ""


class WriteRefused(Event, frozen=True, tag=True):
    """The system has said that it does not keep the post and never will."""

    marker: str
    why: str = ""


class WriteFailed(Event, frozen=True, tag=True):
    """Nobody said what came of the write: it may have happened, or may yet happen, once."""

    marker: str
    why: str = ""


class Subscribed(Event, frozen=True, tag=True):
    """A subscriber was told that it is subscribed.

    `after` is the position that it asked to go on from, None for "from now on"; `recovered` whether the system claims
    that it will deliver everything after it. `seq` and `epoch` are the channel's position as told, `listed` the number
    of the list from which `after` came, `worker` who answered.
    """

    subscriber: str
    channel: str
    seq: int | None = None
    epoch: str | None = None
    after: int | None = None
    recovered: bool | None = None
    listed: int | None = None
    worker: int | None = None


class Delivered(Event, frozen=True, tag=True):
    """A subscriber was told of a change. A new post's kind is "created"; of other kinds only seq and prev count."""

    subscriber: str
    channel: str
    marker: str
    kind: str = "created"
    id: str = ""
    seq: int | None = None
    prev: int | None = None


class Watching(Event, frozen=True, tag=True):
    """A watcher was told that it will be told of every commit that changes a channel's list; it reads that next."""

    subscriber: str
    channel: str


class Disconnected(Event, frozen=True, tag=True):
    """A subscriber's connection ended, whoever ended it; all of its subscriptions with it."""

    subscriber: str
    why: str = ""


class ListRead(Event, frozen=True, tag=True):
    """A list of a channel's posts, newest first, was asked for at `started` and had arrived at `time`.

    `posts` are (id, marker). `truncated` says that the channel has older posts than those.
    """

    read: int
    started: float
    channel: str
    posts: tuple[tuple[str, str], ...]
    truncated: bool = False
    reader: str = ""
    seq: int | None = None
    epoch: str | None = None


class Revoked(Event, frozen=True, tag=True):
    """The system has acknowledged that a subscriber's right to read has ended."""

    subscriber: str
    how: str = ""


class Quiet(Event, frozen=True, tag=True):
    """Since `since` nothing was written, everybody who is subscribed listened, and nothing more was on its way."""

    since: float


class Fault(Event, frozen=True, tag=True):
    """The nemesis did something, from `since` on. It explains; nothing is decided by it."""

    what: str
    since: float


AnyEvent = (
    Began
    | WriteStarted
    | WriteAcknowledged
    | WriteRefused
    | WriteFailed
    | Subscribed
    | Delivered
    | Watching
    | Disconnected
    | ListRead
    | Revoked
    | Quiet
    | Fault
)
History = list[AnyEvent]

_decoder = msgspec.json.Decoder(AnyEvent)


class Recorder:
    """The one clock, and the history so far."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.events: History = []
        self._clock = clock
        self._zero = clock()

    def now(self) -> float:
        """Seconds since the recorder was made."""
        return round(self._clock() - self._zero, 6)

    def add(self, event: AnyEvent) -> None:
        """Appends an event; its time is `now()`, taken on the right side of whatever it tells of."""
        self.events.append(event)


def save(history: Iterable[AnyEvent], path: Path) -> None:
    """Writes JSON lines; `path`'s folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in history))


def load(path: Path) -> History:
    """Reads JSON lines. Raises msgspec.ValidationError for a line that is no event."""
    return [_decoder.decode(line) for line in path.read_bytes().splitlines() if line.strip()]


def text(event: AnyEvent) -> str:
    """The event as its line in the file."""
    return msgspec.json.encode(event).decode()
