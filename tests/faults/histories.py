"""What the attacks read from a history of the conformance checker, beside its verdicts."""

from conformance.history import History, Subscribed


def summary(history: History) -> dict[str, int]:
    """How many events there are of each kind."""
    kinds = [type(event).__name__ for event in history]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def resumed(history: History) -> list[bool]:
    """Of each subscription that asked to go on from a position: whether it was told that all was recovered."""
    asked = [event for event in history if isinstance(event, Subscribed) and event.after is not None]
    return [bool(event.recovered) for event in asked]
