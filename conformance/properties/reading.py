"""Stale reads and vanished writes: what lists show."""

from bisect import bisect_right

from conformance.facts import Facts, Write
from conformance.history import ListRead
from conformance.verdict import Findings


def stale_read(facts: Facts) -> Findings:
    """A list that was asked for after a write had surely happened does not show it.

    A write has surely happened once it is acknowledged, and also once anybody was told of it: a client that is told of
    a post and then fetches the list must find it there, and no list may go back behind an earlier one. This is
    linearizability of the list (Herlihy and Wing; Knossos and Porcupine check it in general). A write that no later
    list shows either is reported as vanished instead, and each write once.
    """
    findings = Findings("stale read")
    gone = {write.marker for write, _ in _vanished(facts)}
    writes = {channel: _by_beginning(facts, channel) for channel in {read.channel for read in facts.reads}}
    reported: set[str] = set(gone)
    for read in facts.reads:
        shown = {marker for _, marker in read.posts}
        for write in _must_show(facts, read, writes[read.channel]):
            findings.checked += 1
            if write.marker not in shown and write.marker not in reported:
                reported.add(write.marker)
                late = (read.started - write.known) * 1_000
                findings.found(
                    f"A list of {read.channel} asked for {late:.1f} ms after {write.marker} had surely happened does "
                    "not show it.",
                    [*write.events, read],
                )
    return findings


def vanished(facts: Facts) -> Findings:
    """A write that surely happened is not in the last complete list of its channel: it was not durable.

    Source: Jepsen's set checker ("lost"): acknowledged elements that the final read does not have.
    """
    findings = Findings("vanished")
    for read in _last_complete(facts):
        findings.checked += sum(write.known < read.started for write in facts.written_to(read.channel))
    for write, read in _vanished(facts):
        findings.found(
            f"{write.marker} had surely happened, and the last complete list of {read.channel} does not show it.",
            [*write.events, read],
        )
    return findings


def untold(facts: Facts) -> Findings:
    """Somebody watches a list and reads it when they are told to, and what they have in the end is an older one.

    Who was connected while nothing was written any more must by then have been told of everything: the last list that
    they read shows each write that had surely happened. Source: Pottle's L9; the watches of ZooKeeper and Chubby.
    """
    findings = Findings("untold")
    writes = {channel: _by_beginning(facts, channel) for channel in {one.channel for one, _ in facts.watched}}
    for one, quiet in facts.watched:
        reads = [read for read in facts.reads if (read.reader, read.channel) == (one.subscriber, one.channel)]
        shown = {marker for _, marker in reads[-1].posts} if reads else set()
        floor = floor_of(facts, reads[-1]) if reads else float("-inf")
        for write in writes[one.channel][1]:
            if write.started.time <= floor or write.known >= quiet.since:
                continue
            findings.checked += 1
            if write.marker not in shown:
                events = [*write.events, one, *reads[-1:], quiet]
                findings.found(f"{one.subscriber} was never told that {one.channel} shows {write.marker}.", events)
    return findings


def _vanished(facts: Facts) -> list[tuple[Write, ListRead]]:
    found = []
    for read in _last_complete(facts):
        shown = {marker for _, marker in read.posts}
        missing = (write for write in facts.written_to(read.channel) if write.marker not in shown)
        found += [(write, read) for write in missing if write.known < read.started]
    return found


def _last_complete(facts: Facts) -> list[ListRead]:
    last = {read.channel: read for read in facts.reads if not read.truncated}
    return list(last.values())


Timeline = tuple[list[float], list[Write]]


def _by_beginning(facts: Facts, channel: str) -> Timeline:
    writes = sorted(facts.written_to(channel), key=lambda write: write.started.time)
    return [write.started.time for write in writes], writes


def _must_show(facts: Facts, read: ListRead, timeline: Timeline) -> list[Write]:
    """The writes that a read has to show: those known before it was asked for, unless they may be cut off."""
    beginnings, writes = timeline
    first = bisect_right(beginnings, floor_of(facts, read))
    last = bisect_right(beginnings, read.started)
    return [write for write in writes[first:last] if write.known < read.started]


def floor_of(facts: Facts, read: ListRead) -> float:
    """A list of the newest posts shows every write that began after this time.

    What began after some post in the list was known is newer than that post, so it cannot have been cut off before it.
    """
    if not read.truncated:
        return float("-inf")
    known = [facts.writes[marker].known for _, marker in read.posts if marker in facts.writes]
    return min(known, default=float("inf"))
