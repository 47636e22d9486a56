"""The hub: the fan-out inside one worker.

One ring of encoded changes, each encoded once for all who read it, with the change log behind it. A subscription is a
cursor into its stream's part of the ring; one that lags behind the ring reads pages from the log. So live, resume
and lag are one loop, and there is no queue that could overflow.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pottle import times
from pottle.access import access
from pottle.live.sending import TOO_SLOW, send_queue
from pottle.store import Snapshot, changes, db
from pottle.store.changes import Change
from pottle.store.follower import Listener
from pottle.times import FOREVER

if TYPE_CHECKING:
    from pottle.live.connection import Connection

RING_BYTES = 8 * 1024 * 1024
FRAME_BYTES = 64 * 1024  # of changes gathered in one message
LOOK_SECONDS = 60.0  # at most, between two looks for sessions that have expired
PAGE = 100  # changes in a page from the log, and at most in a message


class Frame(NamedTuple):
    """One change as it goes out."""

    seq: int
    stream: str
    data: bytes


class Batch(NamedTuple):
    """What a subscriber whose cursor is `after` is sent next: one message, the same bytes for all who are there."""

    after: int
    until: int  # the cursor then
    size: int  # changes; 0 when there are none
    data: bytes  # the object itself, or an array of them
    last: bool  # whether there is nothing more in the ring


class News(NamedTuple):
    """What changes bring: who loses what, and what is to be told."""

    lost: list[tuple[Connection, Collection[str] | None]]
    frames: list[Frame]


class Feed:
    """A stream that somebody here subscribes to: its newest frames, complete after `since`."""

    def __init__(self, since: int) -> None:
        self.since = since
        self.frames: deque[Frame] = deque()
        self.subscribers: set[Connection] = set()
        self.ready: Batch | None = None  # the one that was asked for last


class Hub:
    """All feeds of this worker."""

    def __init__(self) -> None:
        self.sent = 0  # changes, to all connections
        self.connections: set[Connection] = set()
        self.parties: Counter[str] = Counter()  # how many connections each account or address has
        self._feeds: dict[str, Feed] = {}
        self._ring: deque[Frame] = deque()
        self._bytes = 0
        self._soonest = FOREVER  # when the first of the connections' sessions expires
        self._timer: asyncio.TimerHandle | None = None

    def clear(self) -> None:
        """A worker that opens a database begins so."""
        send_queue.clear()
        self.connections.clear()
        self.parties.clear()
        self._soonest, self._timer = FOREVER, None
        self.forget()

    def forget(self) -> None:
        """Listener: nobody knows what a connection may still see. All are closed; clients come back and resume."""
        for connection in list(self.connections):
            connection.end(TOO_SLOW)
        self._feeds.clear()
        self._ring.clear()
        self._bytes = 0

    @property
    def subscriptions(self) -> int:
        """How many subscriptions there are, of all connections."""
        return sum(len(feed.subscribers) for feed in self._feeds.values())

    def join(self, stream: str, seq: int, subscriber: Connection) -> None:
        """Has `subscriber` woken at each change of `stream`, whose newest change now is `seq`."""
        self._feeds.setdefault(stream, Feed(since=seq)).subscribers.add(subscriber)

    def leave(self, stream: str, subscriber: Connection) -> None:
        """Undoes join. The feed stays until the ring has moved past it, or nobody is left."""
        feed = self._feeds.get(stream)
        if feed is not None:
            feed.subscribers.discard(subscriber)
            if not feed.subscribers:
                del self._feeds[stream]

    def batch(self, stream: str, cursor: int) -> Batch | None:
        """What comes after `cursor`: about FRAME_BYTES, PAGE changes at most; None where it has to be read: `page`."""
        feed = self._feeds[stream]
        if cursor < feed.since:
            return None
        if feed.ready is None or feed.ready.after != cursor:
            # From the newest back: most cursors are near the end, and the ring may hold thousands.
            newer = list(takewhile(lambda frame: frame.seq > cursor, reversed(feed.frames)))
            feed.ready = _gathered(cursor, newer[: -PAGE - 1 : -1], len(newer))
        return feed.ready

    async def page(self, stream: str, cursor: int) -> Batch | None:
        """As `batch`, from the log, for whoever lags behind the ring; None where the log was pruned."""
        batch = await db.read(_page, stream, cursor, db.head)
        await db.caught_up()  # a right that ended before this page was read is revoked before the page is sent (L8)
        return batch

    def expires(self, when: str) -> None:
        """A connection's session is good until `when`: it is closed then, also if nothing happens."""
        if when < self._soonest:
            self._soonest = when
            self._look_again()

    def _look_again(self) -> None:
        """When the soonest is due, and in between: clocks are set, and machines sleep."""
        if self._timer:
            self._timer.cancel()
        if self._soonest != FOREVER:
            seconds = (datetime.fromisoformat(self._soonest) - datetime.now(UTC)).total_seconds()
            self._timer = asyncio.get_running_loop().call_later(min(max(seconds, 0) + 0.001, LOOK_SECONDS), self._look)

    def _look(self) -> None:
        self.end_expired()
        self._look_again()

    def end_expired(self) -> None:
        """Closes the connections whose sessions have expired."""
        now = times.now()
        if now > self._soonest:
            self._soonest = min([connection.expire(now) for connection in list(self.connections)], default=FOREVER)

    def prepare(self, read: Snapshot, rows: list[Change]) -> News:
        """Listener: finds who loses a right, and encodes what is told."""
        ending = access().ending
        asked = [*self.connections]
        lost = [(one, one.lost(read, row)) for row in rows if row.kind in ending for one in asked]
        followed = {*self._feeds}
        return News(lost, encoded(read, [row for row in rows if row.stream in followed]))

    def apply(self, news: News) -> None:
        """Listener: revokes what ended, in all of the snapshot, and only then hands out what is new in it (L8)."""
        self.end_expired()
        for connection, streams in news.lost:
            if streams is None or streams:
                connection.lose(streams)
        frames = [frame for frame in news.frames if frame.stream in self._feeds]
        for frame in frames:
            self._append(frame)
        for stream in {frame.stream for frame in frames}:
            for subscriber in self._feeds[stream].subscribers:
                subscriber.wake(stream)

    def _append(self, frame: Frame) -> None:
        self._ring.append(frame)
        self._bytes += len(frame.data)
        feed = self._feeds[frame.stream]
        feed.frames.append(frame)
        feed.ready = None
        while self._bytes > RING_BYTES:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = self._ring.popleft()
        self._bytes -= len(oldest.data)
        feed = self._feeds.get(oldest.stream)
        if feed is not None and feed.frames and feed.frames[0] is oldest:
            feed.frames.popleft()
            feed.since = oldest.seq
            feed.ready = None


def encoded(read: Snapshot, rows: list[Change]) -> list[Frame]:
    """Changes as they go out."""
    frames = []
    for row, told in zip(rows, changes.loaded(read, rows), strict=True):
        stream = row.stream or ""
        data = msgspec.json.encode({"type": "change", **named(stream), **told})
        frames.append(Frame(row.seq, stream, data))
    return frames


def named(stream: str) -> dict[str, Any]:
    """A stream as frames name it: `{"channel": 7}`, or `{"stream": "jokes"}`."""
    kind, _, number = stream.partition(":")
    return {kind: int(number)} if kind in access().numbered and number.isdecimal() else {"stream": stream}


def _page(read: Snapshot, stream: str, cursor: int, until: int) -> Batch | None:
    if not changes.whole(read, stream, cursor):
        return None
    rows = changes.page(read, stream, cursor, until, PAGE)
    return _gathered(cursor, (frame for row in rows for frame in encoded(read, [row])), PAGE + 1)


def _gathered(cursor: int, frames: Iterable[Frame], newer: int) -> Batch:
    """As many of the frames as go into one message, at least one if there is any; `newer` is how many there are."""
    data: list[bytes] = []
    until, room = cursor, FRAME_BYTES
    for frame in frames:
        data.append(frame.data)
        until, room = frame.seq, room - len(frame.data)
        if room <= 0:
            break
    return Batch(cursor, until, len(data), joined(data), len(data) == newer)


def joined(objects: list[bytes]) -> bytes:
    """One message: the object itself, or an array of them; nothing for none."""
    return objects[0] if len(objects) == 1 else b"[%b]" % b",".join(objects) if objects else b""


hub = Hub()
listener = Listener(hub.prepare, hub.apply, hub.forget)
