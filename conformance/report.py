"""The table that shows systems side by side, and the anomalies in words."""

from collections.abc import Mapping

from conformance.facts import Facts, gathered
from conformance.history import Fault, History, Subscribed, WriteAcknowledged, WriteFailed, WriteRefused, text
from conformance.verdict import Anomaly, Verdict

NOT_OFFERED = "not offered"
NOT_TRIED = "not tried"
MOST_EXPLAINED = 3  # of one property of one system
MOST_EVENTS = 8  # shown of one anomaly


def cell(verdict: Verdict) -> str:
    """A verdict in a few words."""
    if not verdict.offered:
        return NOT_OFFERED
    if not verdict.checked:
        return NOT_TRIED
    if not verdict.anomalies:
        return f"ok ({verdict.checked:,} checked)"
    return f"{len(verdict.anomalies):,} anomalies of {verdict.checked:,}"


def table(verdicts: Mapping[str, list[Verdict] | str], histories: Mapping[str, History]) -> str:
    """Properties down, systems across; then what was done. A system's string says why it has no verdicts."""
    kinds = next(([one.kind for one in each] for each in verdicts.values() if not isinstance(each, str)), [])
    rows = [["", *verdicts]]
    for number, kind in enumerate(kinds):
        rows.append([kind, *(each if isinstance(each, str) else cell(each[number]) for each in verdicts.values())])
    rows.append(["", *("" for _ in verdicts)])
    counts = {name: done(histories[name]) if name in histories else {} for name in verdicts}
    labels = next((each for each in counts.values() if each), {})
    rows += [[what, *(each.get(what, "") for each in counts.values())] for what in labels]
    return _aligned(rows)


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    lines = ("  ".join(part.ljust(width) for part, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def done(history: History) -> dict[str, str]:
    """What a history is made of."""
    facts = gathered(history)
    kinds = {kind: sum(isinstance(event, kind) for event in history) for kind in (Fault, Subscribed)}
    return {
        "workers": _workers(history),
        "writes": _writes(history),
        "deliveries": f"{sum(len(span.deliveries) for span in facts.spans):,}",
        "resumed": _resumed(facts),
        "lists read": f"{len(facts.reads):,}",
        "rights ended": f"{len(facts.revocations):,}",
        "faults": f"{kinds[Fault]:,}",
    }


def _workers(history: History) -> str:
    met = {event.worker for event in history if isinstance(event, Subscribed) and event.worker is not None}
    number = next((event.workers for event in history if hasattr(event, "workers")), 0)
    return f"{number}, subscribers met {len(met)}" if met else f"{number}"


def _writes(history: History) -> str:
    kinds = {"kept": WriteAcknowledged, "refused": WriteRefused, "unknown": WriteFailed}
    counts = {word: sum(isinstance(event, kind) for event in history) for word, kind in kinds.items()}
    return ", ".join(f"{number:,} {word}" for word, number in counts.items() if number)


def _resumed(facts: Facts) -> str:
    """How often somebody asked to go on from a position, and how often the answer was that all was recovered."""
    asked = [span.opened for span in facts.spans] + [one for span in facts.spans for one in span.resumptions]
    asked = [one for one in asked if one.after is not None]
    return f"{sum(bool(one.recovered) for one in asked):,} of {len(asked):,}" if asked else NOT_OFFERED


def explained(system: str, verdicts: list[Verdict]) -> str:
    """The first anomalies of each property, with the events that show them."""
    blocks = []
    for verdict in verdicts:
        if verdict.anomalies:
            blocks.append(f"{system}, {verdict.kind}: {len(verdict.anomalies):,}")
            blocks += [_explained(anomaly) for anomaly in verdict.anomalies[:MOST_EXPLAINED]]
            if len(verdict.anomalies) > MOST_EXPLAINED:
                blocks.append(f"  and {len(verdict.anomalies) - MOST_EXPLAINED:,} more")
    return "\n".join(blocks)


def _explained(anomaly: Anomaly) -> str:
    shown = [_shortened(text(event)) for event in anomaly.events[:MOST_EVENTS]]
    return "\n".join([f"- {anomaly.explanation}", *(f"    {line}" for line in shown)])


def _shortened(line: str) -> str:
    return line if len(line) <= 240 else f"{line[:120]} ... {line[-110:]}"
