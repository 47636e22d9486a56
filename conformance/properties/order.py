"""Reordered: whether one order of a channel's posts explains all that its subscribers were told."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

from conformance.facts import Facts, Span
from conformance.history import Delivered
from conformance.properties.cycles import knots
from conformance.verdict import Findings

Pair = tuple[Delivered, Delivered]
Edges = dict[str, dict[str, Pair]]


def reordered(facts: Facts) -> Findings:
    """No single order of a channel's changes, in accord with real time, explains what its subscribers were told.

    Three ways to see it. Two or more subscribers were told in orders that contradict each other: their orders together
    have a cycle (Elle's way of finding anomalies; Centrifugo promises "the same order for all"). Somebody was told of a
    post before another that had been acknowledged before the first began (real time, as in linearizability). Where the
    system numbers its changes: a number that does not grow, or that means different posts to different subscribers.
    """
    findings = Findings("reordered")
    by_channel: dict[str, list[Span]] = defaultdict(list)
    for span in facts.spans:
        by_channel[span.opened.channel].append(span)
        findings.checked += len(span.deliveries)
    for channel, spans in by_channel.items():
        named = _contradictions(channel, spans, findings)
        for span in spans:
            _against_time(facts, span, named, findings)
            _falling_seq(span, findings)
        _disagreeing_seq(spans, findings)
    return findings


def _contradictions(channel: str, spans: list[Span], findings: Findings) -> set[str]:
    """Notes each knot of contradicting orders; returns the markers in them."""
    edges = _edges(spans)
    named: set[str] = set()
    for knot, cycle in knots(edges):
        named |= knot
        pairs = _joined([edges[a][b] for a, b in zip(cycle, [*cycle[1:], cycle[0]], strict=True)])
        evidence = [event for pair in pairs for event in pair]
        told = "; ".join(f"{a.subscriber} was told of {a.marker} before {b.marker}" for a, b in pairs)
        more = f" ({len(knot)} posts are entangled so.)" if len(knot) > len(pairs) else ""
        findings.found(f"In {channel} no one order explains this: {told}.{more}", evidence)
    return named


def _edges(spans: list[Span]) -> Edges:
    """An edge from each post to the next one that somebody was told of, with the two deliveries."""
    edges: Edges = defaultdict(dict)
    for span in spans:
        told = list(_firsts(span.created))
        for before, after in pairwise(told):
            edges[before.marker].setdefault(after.marker, (before, after))
    return edges


def _joined(pairs: list[Pair]) -> list[Pair]:
    """With what one subscriber was told one after the other as one pair: its first and its last."""
    joined = pairs[:1]
    for before, after in pairs[1:]:
        if joined[-1][1] is before:
            joined[-1] = (joined[-1][0], after)
        else:
            joined.append((before, after))
    return joined


def _firsts(deliveries: Iterable[Delivered]) -> Iterator[Delivered]:
    """Without those that tell of the same post again, which is another anomaly."""
    seen: set[str] = set()
    for delivered in deliveries:
        if delivered.marker not in seen:
            seen.add(delivered.marker)
            yield delivered


def _against_time(facts: Facts, span: Span, named: set[str], findings: Findings) -> None:
    """Walks back from the last delivery, keeping the later-told post that was known to have happened earliest.

    Notes each late post once; those in `named` are told of already.
    """
    earliest: Delivered | None = None
    known = float("inf")
    for delivered in reversed(list(_firsts(span.created))):
        write = facts.writes.get(delivered.marker)
        if write is None:
            continue
        if earliest and known < write.started.time and earliest.marker not in named:
            named.add(earliest.marker)
            findings.found(
                f"{delivered.subscriber} was told of {delivered.marker} before {earliest.marker}, which had happened "
                f"before {delivered.marker} was begun.",
                [*facts.writes[earliest.marker].events, *write.events, delivered, earliest],
            )
        if write.known < known:
            known, earliest = write.known, delivered


def _falling_seq(span: Span, findings: Findings) -> None:
    numbered = [delivered for delivered in span.deliveries if delivered.seq is not None]
    for before, after in pairwise(numbered):
        if before.seq is not None and after.seq is not None and after.seq < before.seq:
            findings.found(f"{after.subscriber} was told seq {after.seq} after {before.seq}.", [before, after])


def _disagreeing_seq(spans: list[Span], findings: Findings) -> None:
    meaning: dict[tuple[str | None, int], Delivered] = {}
    for span in spans:
        for delivered in span.deliveries:
            if delivered.seq is None:
                continue
            first = meaning.setdefault((span.opened.epoch, delivered.seq), delivered)
            if (first.kind, first.id, first.marker) != (delivered.kind, delivered.id, delivered.marker):
                who = f"{first.subscriber} and {delivered.subscriber}"
                findings.found(f"Seq {delivered.seq} is something else to {who}.", [first, delivered])
