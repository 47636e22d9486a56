"""Lost, doubled, phantom: whether each write reached each subscriber, once, and nothing else did."""

from collections import Counter

from conformance.facts import Facts
from conformance.history import Delivered, ListRead, WriteRefused
from conformance.properties.missing import duties, resumed_since
from conformance.verdict import Findings


def lost(facts: Facts) -> Findings:
    """A write that happened was not delivered to somebody who was subscribed before it began, and stayed.

    "Happened": it was acknowledged, or anybody was told of it. "Stayed": was connected through a quiet time after it,
    or was told of a write that began later. Source: Jepsen's set and queue checkers (an acknowledged element must be
    read), with Centrifugo's publications in place of elements.
    """
    findings = Findings("lost")
    for duty in duties(facts):
        if resumed_since(duty):
            continue
        findings.checked += 1
        if not duty.told:
            who, marker = duty.span.opened.subscriber, duty.write.marker
            findings.found(
                f"{who} was subscribed to {duty.span.opened.channel} before {marker} was written and was never told of "
                f"it, though {duty.because}.",
                [duty.span.opened, *duty.write.events, duty.witness],
            )
    return findings


def doubled(facts: Facts) -> Findings:
    """A subscriber was told of one post twice without a break, or a list shows one write twice.

    The second happens when a write is tried again after an unknown outcome and was kept both times. Source: Jepsen's
    queue checker ("duplicated"); Centrifugo's recovery, which deduplicates by offset.
    """
    findings = Findings("doubled")
    for span in facts.spans:
        before: dict[str, Delivered] = {}
        for delivered in span.created:
            findings.checked += 1
            if first := before.get(delivered.marker):
                who = delivered.subscriber
                findings.found(f"{who} was told of {delivered.marker} twice.", [span.opened, first, delivered])
            before[delivered.marker] = delivered
    _doubled_in_lists(facts, findings)
    return findings


def _doubled_in_lists(facts: Facts, findings: Findings) -> None:
    """Notes each once, however many lists show it."""
    noted: set[str] = set()
    for read in facts.reads:
        findings.checked += len(read.posts)
        for marker, times in Counter(marker for _, marker in read.posts).items():
            if times > 1 and marker not in noted:
                noted.add(marker)
                findings.found(f"A list of {read.channel} shows {marker} {times} times.", [read])


def phantom(facts: Facts) -> Findings:
    """Somebody was shown a post that nobody had begun to write there, or whose writing had been refused for good.

    Also a delivery in a channel where its receiver has no subscription. That an unacknowledged write is kept is
    allowed. Source: Jepsen's set checker ("unexpected"); Elle's garbage and aborted reads (G1a).
    """
    findings = Findings("phantom")
    for span in facts.spans:
        for delivered in span.created:
            _judge(facts, delivered.marker, delivered, findings)
    noted: set[str] = set()  # a phantom in lists is noted once
    for read in facts.reads:
        for _, marker in read.posts:
            if marker not in noted and _judge(facts, marker, read, findings):
                noted.add(marker)
    for stray in facts.strays:
        findings.checked += 1
        findings.found(f"{stray.subscriber} was told of {stray.marker} without a subscription there.", [stray])
    return findings


def _judge(facts: Facts, marker: str, event: Delivered | ListRead, findings: Findings) -> bool:
    """Whether it is one, which is then noted."""
    findings.checked += 1
    before = len(findings.anomalies)
    write = facts.writes.get(marker)
    if write is None:
        findings.found(f"Nobody wrote {marker!r}.", [event])
    elif write.started.channel != event.channel:
        place = write.started.channel
        findings.found(f"{marker} was written to {place} and is shown in {event.channel}.", [*write.events, event])
    elif isinstance(write.outcome, WriteRefused):
        findings.found(f"{marker} was refused, and is shown all the same.", [*write.events, event])
    elif event.time < write.started.time:
        findings.found(f"{marker} is shown before it was written.", [event, *write.events])
    return len(findings.anomalies) > before
