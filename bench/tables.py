"""What was measured, as tables of text: medians over the rounds, with the smallest and the largest."""

import statistics
from collections.abc import Sequence

from bench.contest import KINDS, Measured, Work
from bench.load import Round
from bench.targets import TARGETS, Results, ratios

TIMES = (("p50", "p50 ms"), ("p99", "p99 ms"))
HTTP = (("rate", "answers/s"), *TIMES, ("cpu", "CPU us"), ("errors", "errors"))
HOSTS = (("rate", "answers/s"), ("cpu", "CPU us of hosts"), ("database", "of PostgreSQL"), ("errors", "errors"))
COLUMNS = {
    "fanout": (("rate", "changes/s"), *TIMES, ("commit", "commit p99"), ("lost", "sockets lost")),
    "delivery": (("mean", "mean ms"), ("p50", "p50 ms"), ("p95", "p95 ms"), ("p99", "p99 ms"), ("lost", "lost")),
    "memory": (("each", "KB each"), ("before", "MB before")),
    "start": (("seconds", "seconds"),),
    "hosts-list": HOSTS,
    "hosts-create": HOSTS,
    "hosts-delivery": (("mean", "mean ms"), *TIMES, ("lost", "lost")),
    "class": (("count", "times"), *TIMES, ("refused", "refused"), ("memory", "MB")),
}
SUMMED = ("errors", "lost", "refused")
COMPARED = ("list", "limited", "post", "channels", "create", "mixed", "home", "home-in")
OURS = "pottle"

Row = list[str]


def number(value: float) -> str:
    """Three digits that mean something; whole numbers as they are."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(values: Sequence[float]) -> str:
    """`median (smallest to largest)`, or the value alone."""
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))}–{number(max(values))})"


def title(case: str) -> str:
    """A contestant's name, or the case as it is."""
    return KINDS[case].title if case in KINDS else case


def table(work: Work, measured: Measured) -> list[Row]:
    """The head and a row for each contestant or case; where there is nothing, why."""
    columns = COLUMNS.get(work.name, HTTP)
    compared = work.name in COMPARED
    head = ["", *(label for _, label in columns), *(["Pottle has"] if compared else [])]
    rows = [head]
    for case, rounds in measured.rounds.items():
        row = [title(case), *_cells(rounds, [key for key, _ in columns])]
        rows.append([*row, *([_ratio(measured, case)] if compared else [])])
    return rows + [[title(case), why.splitlines()[0], *[""] * (len(head) - 2)] for case, why in measured.why.items()]


def _cells(rounds: list[Round], keys: Sequence[str]) -> Row:
    """The first with its spread; of the others the median, of errors the sum."""
    first, *others = ([one[key] for one in rounds if key in one] for key in keys)
    return [spread(first) if first else "", *(_cell(key, values) for key, values in zip(keys[1:], others, strict=True))]


def _cell(key: str, values: list[float]) -> str:
    if not values:
        return ""
    return number(sum(values)) if key in SUMMED else number(statistics.median(values))


def _ratio(measured: Measured, case: str) -> str:
    found = ratios(measured, case) if case != OURS else []
    return f"{spread(found)} ×" if found else ""


def targets(results: Results) -> list[Row]:
    """The targets of what was measured, and whether they were met."""
    rows = [["", "target", "reached", ""]]
    for target in TARGETS:
        reached = target.value(results) if target.work in results else None
        if reached is not None:
            wanted = f"{target.sense} {number(target.bound)}{target.unit}"
            verdict = "met" if target.met(reached) else "missed"
            rows.append([f"{target.work}: {target.text}", wanted, f"{number(reached)}{target.unit}", verdict])
    return rows


def plain(rows: list[Row]) -> str:
    """For a terminal: columns of equal width, numbers to the right."""
    widths = [max(len(row[column]) for row in rows if not _is_why(row)) for column in range(len(rows[0]))]
    return "\n".join(_line(row, widths) for row in rows)


def _is_why(row: Row) -> bool:
    """Whether it holds a reason instead of numbers, which may be long."""
    return len(row) > 2 and not any(row[2:])


def _line(row: Row, widths: list[int]) -> str:
    if _is_why(row):
        return f"  {row[0]:<{widths[0]}}  {row[1]}"
    cells = [f"{row[0]:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))]
    return f"  {'  '.join(cells)}".rstrip()


def markdown(rows: list[Row]) -> str:
    """For a page."""
    rule = ["---", *["--:"] * (len(rows[0]) - 1)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in [rows[0], rule, *rows[1:]])
