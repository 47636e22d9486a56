"""Which writes a subscriber ought to have been told of and was not: what `lost` and `silent gap` have in common."""

from collections.abc import Iterator
from typing import NamedTuple

from conformance.facts import Facts, Span, Write
from conformance.history import AnyEvent, Delivered


class Duty(NamedTuple):
    """A write that a span had to be told of, the reason, and whether it was."""

    span: Span
    write: Write
    because: str
    witness: AnyEvent | None
    told: bool


def duties(facts: Facts) -> Iterator[Duty]:
    """Every write that began after a span did and that the span had to be told of.

    There are two reasons. Either the write had happened by the end of a quiet time, and the subscriber listened
    all through it; or the subscriber was told of a later write, one that began after this one had happened. So
    nothing is asked of a subscription that ended before the news could have reached it.
    """
    by_channel = {channel: facts.written_to(channel) for channel in {span.opened.channel for span in facts.spans}}
    for span in facts.spans:
        told = {delivered.marker for delivered in span.created}
        last = last_begun(facts, span)
        for write in by_channel[span.opened.channel]:
            if write.started.time > span.opened.time and (why := reason(facts, span, write, last)):
                yield Duty(span, write, *why, told=write.marker in told)


def last_begun(facts: Facts, span: Span) -> tuple[float, Delivered | None]:
    """Of what the span was rightly told, the write that began last: when it began, and its delivery."""
    begun = [(facts.writes[item.marker].started.time, item) for item in span.created if item.marker in facts.writes]
    if span.revoked:
        begun = [pair for pair in begun if pair[0] < span.revoked.time]
    return max(begun, key=lambda pair: pair[0], default=(float("-inf"), None))


def reason(
    facts: Facts, span: Span, write: Write, last: tuple[float, Delivered | None]
) -> tuple[str, AnyEvent | None] | None:
    """Why the span had to be told of the write; None if it had not."""
    began, delivered = last
    if delivered and write.known < began:
        return f"it was told of {delivered.marker}, which began after that", delivered
    if span.quiet and write.known <= span.quiet.time:
        return "it listened until the system was quiet", span.quiet
    return None


def resumed_since(duty: Duty) -> AnyEvent | None:
    """The first resumption, claimed to be complete, after the write began."""
    later = (item for item in duty.span.resumptions if item.time > duty.write.started.time)
    return next(later, None)
