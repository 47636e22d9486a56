"""Silent gap, and list and live: whether what a system says it has recovered is complete."""

from collections.abc import Iterator

from conformance.facts import Facts, Span, Write, start_of
from conformance.history import Delivered, ListRead, Subscribed
from conformance.properties.missing import duties, last_begun, reason, resumed_since
from conformance.properties.reading import floor_of
from conformance.verdict import Findings


def silent_gap(facts: Facts) -> Findings:
    """Somebody who resumed was told that everything was recovered, and something is missing; or a link is.

    A link: where each change names the one before it (`prev`), the first after a subscription must name the position
    subscribed at, and each later one the change told before it. Recovery across two epochs is a lie as well. To say
    `recovered: false` is always allowed. Source: Centrifugo's history recovery ("never partial") and its positioning.
    """
    findings = Findings("silent gap")
    for span in facts.spans:
        _links(span, findings)
        _epochs(span, findings)
    for duty in duties(facts):
        resumption = resumed_since(duty)
        if resumption is None:
            continue
        findings.checked += 1
        if not duty.told:
            who, channel = duty.span.opened.subscriber, duty.span.opened.channel
            findings.found(
                f"{who} resumed {channel} and was told that all was recovered, "
                f"never of {duty.write.marker}, though {duty.because}.",
                [duty.span.opened, *duty.write.events, resumption, duty.witness],
            )
    return findings


def _links(span: Span, findings: Findings) -> None:
    position = start_of(span.opened)
    last: Subscribed | Delivered = span.opened
    for item in span.deliveries:
        if item.seq is None or item.prev is None or position is None:
            continue
        findings.checked += 1
        if item.prev > position:
            findings.found(
                f"{item.subscriber} was told seq {item.seq}, which follows {item.prev}, right after {position}.",
                [last, item],
            )
        position, last = max(position, item.seq), item


def _epochs(span: Span, findings: Findings) -> None:
    for resumption in span.resumptions:
        if resumption.epoch != span.opened.epoch:
            findings.found(
                f"{resumption.subscriber} is said to have recovered across two epochs.", [span.opened, resumption]
            )


def list_and_live(facts: Facts) -> Findings:
    """A list does not join on to the subscription that begins at its position: a write is in neither, or in both.

    Looked at are the writes that were not known to have happened when the list was asked for and that began before the
    subscription was confirmed: exactly those for which the seam decides. Source: Pottle's promise L4; the hand-over
    from a snapshot to its log in database replication and in Kafka Connect.
    """
    findings = Findings("list and live")
    reads = {read.read: read for read in facts.reads}
    for span in facts.spans:
        opened = span.opened
        if opened.listed in reads and opened.recovered and opened.after is not None:
            _join(facts, span, reads[opened.listed], findings)
    return findings


def _join(facts: Facts, span: Span, read: ListRead, findings: Findings) -> None:
    told = {delivered.marker: delivered for delivered in reversed(span.created)}
    listed = {marker for _, marker in read.posts}
    last = last_begun(facts, span)
    for write in _at_the_seam(facts, span.opened, read):
        findings.checked += 1
        in_both = [read, span.opened, told.get(write.marker), *write.events]
        if write.marker in told and write.marker in listed:
            findings.found(
                f"{span.opened.subscriber} was told of {write.marker}, which the list before it shows already.", in_both
            )
        elif write.marker not in told and write.marker not in listed and (why := reason(facts, span, write, last)):
            findings.found(
                f"{write.marker} is not in the list that {span.opened.subscriber} read, nor was it told of it, though "
                f"{why[0]}.",
                [*in_both, why[1]],
            )


def _at_the_seam(facts: Facts, opened: Subscribed, read: ListRead) -> Iterator[Write]:
    floor = floor_of(facts, read)
    for write in facts.written_to(opened.channel):
        if write.known >= read.started and floor < write.started.time <= opened.time:
            yield write
