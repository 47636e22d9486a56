"""Small lies: each takes a history without an anomaly and makes one, or returns None where it cannot.

Which events can be touched so that it must be noticed is found here without the checker's own code.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import msgspec

from conformance.history import (
    Delivered,
    Disconnected,
    History,
    ListRead,
    Revoked,
    Subscribed,
    WriteAcknowledged,
    WriteStarted,
)

replace = msgspec.structs.replace


def times(history: History, kind: type[WriteStarted] | type[WriteAcknowledged]) -> dict[str, float]:
    """When each write began, or was acknowledged."""
    return {event.marker: event.time for event in history if isinstance(event, kind)}


def owed(history: History) -> list[int]:
    """Where somebody who is connected to the end is told of what began after the last subscription from now on."""
    began = times(history, WriteStarted)
    gone = {event.subscriber for event in history if isinstance(event, Revoked)} | set(offline(history))
    since = {
        (event.subscriber, event.channel): event.time
        for event in history
        if isinstance(event, Subscribed) and not (event.after is not None and event.recovered)
    }
    return [
        place
        for place, event in enumerate(history)
        if isinstance(event, Delivered)
        and event.subscriber not in gone
        and began[event.marker] > since[event.subscriber, event.channel]
        and event.time > since[event.subscriber, event.channel]
    ]


def offline(history: History) -> Iterator[str]:
    """Who is not connected in the end."""
    last = {event.subscriber: event for event in history if isinstance(event, Subscribed | Disconnected)}
    return (name for name, event in last.items() if isinstance(event, Disconnected))


def drop(history: History, rng: random.Random) -> History | None:
    """Somebody is not told of what is acknowledged."""
    acknowledged = times(history, WriteAcknowledged)
    places = [place for place in owed(history) if history[place].marker in acknowledged]  # type: ignore[union-attr]
    if not places:
        return None
    place = rng.choice(places)
    return history[:place] + history[place + 1 :]


def double(history: History, rng: random.Random) -> History | None:
    """Somebody is told twice in a row."""
    places = [place for place, event in enumerate(history) if isinstance(event, Delivered)]
    if not places:
        return None
    place = rng.choice(places)
    return history[: place + 1] + history[place:]


def swap(history: History, rng: random.Random) -> History | None:
    """Somebody is told of two neighbours the other way round, and somebody else of both as it was."""
    places, began = owed(history), times(history, WriteStarted)
    told = [event for event in (history[place] for place in places) if isinstance(event, Delivered)]
    pairs = []
    for number, (place, event) in enumerate(zip(places, told, strict=True)):
        mine = [one for one in told[number + 1 :] if one.subscriber == event.subscriber]
        after = next((one for one in mine if one.channel == event.channel), None)
        if after and began[after.marker] < event.time and told_both(told, event, after):
            between = history[place : history.index(after)]
            if not any(isinstance(one, Subscribed) and one.subscriber == event.subscriber for one in between):
                pairs.append((place, history.index(after)))
    if not pairs:
        return None
    first, second = rng.choice(pairs)
    changed = list(history)
    changed[first] = replace(history[second], time=history[first].time)
    changed[second] = replace(history[first], time=history[second].time)
    return changed


def told_both(told: list[Delivered], first: Delivered, second: Delivered) -> bool:
    """Whether somebody else was told of both."""
    others: dict[str, set[str]] = {}
    for one in told:
        others.setdefault(one.subscriber, set()).add(one.marker)
    return any({first.marker, second.marker} <= all_ for name, all_ in others.items() if name != first.subscriber)


def stale(history: History, rng: random.Random) -> History | None:
    """A list does not show what was acknowledged before it was asked for."""
    acknowledged = times(history, WriteAcknowledged)
    shown = [
        (place, post)
        for place, event in enumerate(history)
        if isinstance(event, ListRead) and not event.truncated
        for post in event.posts
        if acknowledged.get(post[1], float("inf")) < event.started
    ]
    if not shown:
        return None
    place, post = rng.choice(shown)
    read = history[place]
    assert isinstance(read, ListRead)
    without = replace(read, posts=tuple(one for one in read.posts if one != post))
    return [*history[:place], without, *history[place + 1 :]]


def late(history: History, rng: random.Random) -> History | None:
    """Somebody whose right has ended is told of what began afterwards."""
    lies = [
        Delivered(history[-1].time + 1, revoked.subscriber, write.channel, write.marker)
        for revoked in history
        if isinstance(revoked, Revoked)
        for write in history
        if isinstance(write, WriteStarted) and write.time > revoked.time
    ]
    return [*history, rng.choice(lies)] if lies else None


def claim(history: History, rng: random.Random) -> History | None:
    """A resumption that had missed something claims to have recovered it, and something is told afterwards."""
    places = [
        place
        for place, event in enumerate(history)
        if isinstance(event, Subscribed)
        and event.recovered is False
        and (event.after or 0) < (event.seq or 0)
        and (follows := next(of(history[place + 1 :], event), None))
        and isinstance(follows, Delivered)
    ]
    if not places:
        return None
    place = rng.choice(places)
    return [*history[:place], replace(history[place], recovered=True), *history[place + 1 :]]


def of(events: History, one: Subscribed) -> Iterator[Subscribed | Delivered]:
    """What the same subscriber hears of the same channel."""
    for event in events:
        heard = isinstance(event, Subscribed | Delivered)
        if heard and (event.subscriber, event.channel) == (one.subscriber, one.channel):
            yield event


Lie = Callable[[History, random.Random], History | None]
FOUND_AS: dict[Lie, set[str]] = {
    drop: {"lost", "silent gap"},
    double: {"doubled"},
    swap: {"reordered"},
    stale: {"stale read", "vanished"},
    late: {"after revocation"},
    claim: {"silent gap"},
}
