"""After revocation: whether a right that has ended is over."""

from collections.abc import Iterator

from conformance.facts import Facts, Span, Write
from conformance.history import Delivered, Revoked
from conformance.verdict import Findings


def after_revocation(facts: Facts) -> Findings:
    """A write that began after a revocation was acknowledged was delivered to the revoked connection.

    What was under way when the revocation was acknowledged may still arrive. Each revocation is reported once. Source:
    Pottle's promise L8; the "new enemy" problem of Zanzibar (Pang et al., 2019): old rights must not be applied to new
    content.
    """
    findings = Findings("after revocation")
    findings.checked = len(facts.revocations)
    noted: set[Revoked] = set()
    for span in facts.spans:
        late = list(_late(facts, span))
        if late and span.revoked and span.revoked not in noted:
            noted.add(span.revoked)
            write, delivered = late[0]
            after = (write.started.time - span.revoked.time) * 1_000
            findings.found(
                f"{delivered.subscriber} was told of {write.marker}, which began {after:.1f} ms after its right to "
                f"read had ended ({span.revoked.how}). So were {len(late)} posts in channel {delivered.channel}.",
                [span.opened, span.revoked, *write.events, delivered],
            )
    return findings


def _late(facts: Facts, span: Span) -> Iterator[tuple[Write, Delivered]]:
    for delivered in span.created:
        write = facts.writes.get(delivered.marker)
        if span.revoked and write and write.started.time > span.revoked.time:
            yield write, delivered
