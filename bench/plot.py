"""Answers a second as bars, in SVG: a group for each work, on a logarithmic scale."""

import math
import statistics
from collections.abc import Mapping, Sequence
from html import escape

from bench.contest import KINDS, Measured, Work
from bench.tables import COMPARED, OURS, number

WIDTH, LABELS, NUMBERS = 860, 150, 70  # pixels
BAR, GAP, HEAD, TOP = 16, 4, 40, 46
LEAST = 10.0  # answers a second, where the axis begins
OUR_COLOUR, LIMIT_COLOUR, COLOUR = "#c2410c", "#a8a29e", "#475569"
STYLE = "text{font:13px system-ui,sans-serif;fill:#1c1917}.title{font-weight:600}.small{font-size:11px;fill:#57534e}"


def bars(works: Sequence[Work], results: Mapping[str, Measured]) -> str:
    """The picture."""
    shown = [work for work in works if work.name in COMPARED and results.get(work.name, Measured()).rounds]
    rates = {work.name: _rates(results[work.name]) for work in shown}
    most = max((rate for each in rates.values() for rate in each.values()), default=LEAST * 10)
    parts, y = _axis(most), TOP
    for work in shown:
        parts.append(f'<text class="title" x="12" y="{y + 24}">{escape(work.title)}</text>')
        y += HEAD
        for name, rate in rates[work.name].items():
            parts += _bar(name, rate, y, most)
            y += BAR + GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 16}" role="img">'
    rules = f'<style>{STYLE}</style><rect width="{WIDTH}" height="{y + 16}" rx="8" fill="#fafaf9"/>'
    return "\n".join([head, "<title>Answers a second</title>", rules, *parts, "</svg>\n"])


def _rates(measured: Measured) -> dict[str, float]:
    """Medians, the highest first."""
    found = {name: statistics.median(one["rate"] for one in rounds) for name, rounds in measured.rounds.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _length(rate: float, most: float) -> float:
    share = math.log(max(rate, LEAST) / LEAST) / math.log(most / LEAST)
    return max(2.0, share * (WIDTH - LABELS - NUMBERS - 12))


def _bar(name: str, rate: float, y: int, most: float) -> list[str]:
    length = _length(rate, most)
    colour = {OURS: OUR_COLOUR, "limit": LIMIT_COLOUR}.get(name, COLOUR)
    middle = y + BAR - 4
    return [
        f'<text x="{LABELS - 8}" y="{middle}" text-anchor="end">{escape(KINDS[name].title)}</text>',
        f'<rect x="{LABELS}" y="{y}" width="{length:.0f}" height="{BAR}" rx="2" fill="{colour}"/>',
        f'<text x="{LABELS + length + 6:.0f}" y="{middle}">{number(rate)}</text>',
    ]


def _axis(most: float) -> list[str]:
    text = "Answers a second, 64 connections; logarithmic, each mark is ten times the one before"
    parts = [f'<text class="small" x="12" y="20">{text}</text>']
    mark = LEAST
    while mark <= most:
        x = LABELS + (_length(mark, most) if mark > LEAST else 0)
        parts.append(f'<text class="small" x="{x:.0f}" y="38" text-anchor="middle">{number(mark)}</text>')
        mark *= 10
    return parts
