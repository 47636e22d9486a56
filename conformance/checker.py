"""Decides, from a history alone, whether a system kept its word: history in, verdicts out."""

from collections.abc import Callable
from typing import NamedTuple

from conformance.facts import Facts, gathered
from conformance.history import History
from conformance.properties.delivery import doubled, lost, phantom
from conformance.properties.order import reordered
from conformance.properties.reading import stale_read, untold, vanished
from conformance.properties.resuming import list_and_live, silent_gap
from conformance.properties.rights import after_revocation
from conformance.verdict import Anomaly, Findings, Verdict


class Property(NamedTuple):
    """What is checked, and the capability without which a system does not offer it."""

    check: Callable[[Facts], Findings]
    needs: str = ""


PROPERTIES = (
    Property(lost),
    Property(doubled),
    Property(reordered),
    Property(phantom),
    Property(silent_gap, "resume"),
    Property(list_and_live, "positions"),
    Property(stale_read, "lists"),
    Property(vanished, "lists"),
    Property(untold, "watches"),
    Property(after_revocation, "revocation"),
)


def check(history: History) -> list[Verdict]:
    """One verdict for each property, in the order of PROPERTIES."""
    facts = gathered(history)
    return [_verdict(facts, one) for one in PROPERTIES]


def _verdict(facts: Facts, one: Property) -> Verdict:
    found = one.check(facts)
    offered = not one.needs or one.needs in facts.offers or bool(found.checked)
    return Verdict(found.kind, found.checked, found.anomalies, offered)


def anomalies(history: History) -> list[Anomaly]:
    """All that must not happen and did."""
    return [anomaly for verdict in check(history) for anomaly in verdict.anomalies]
