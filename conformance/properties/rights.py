"""After revocation: whether a right that has ended is over."""

from conformance.facts import Facts, Span
from conformance.verdict import Findings


def after_revocation(facts: Facts) -> Findings:
    """A write that began after a revocation was acknowledged was delivered to the revoked connection.

    What was under way when the revocation was acknowledged may still arrive. Source: Pottle's promise L8; the "new
    enemy" problem of Zanzibar (Pang et al., 2019): old rights must not be applied to new content.
    """
    findings = Findings("after revocation")
    findings.checked = len(facts.revocations)
    for span in facts.spans:
        if span.revoked:
            _told_too_late(facts, span, findings)
    return findings


def _told_too_late(facts: Facts, span: Span, findings: Findings) -> None:
    revoked = span.revoked
    for delivered in span.created:
        write = facts.writes.get(delivered.marker)
        if revoked and write and write.started.time > revoked.time:
            late = (write.started.time - revoked.time) * 1_000
            findings.found(
                f"{delivered.subscriber} was told of {write.marker}, which began {late:.1f} ms after its right to read "
                f"had ended ({revoked.how}).",
                [span.opened, revoked, *write.events, delivered],
            )
