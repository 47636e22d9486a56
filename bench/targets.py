"""What Pottle set out to reach: ratios within one run, 2 CPUs, 64 connections."""

import statistics
from collections.abc import Callable, Mapping
from typing import NamedTuple

from bench.contest import KINDS, Measured

Results = Mapping[str, Measured]

SOLID_CABLE = {100: 136.0, 500: 272.0, 750: 548.0}  # ms on average, as published (SQLite, Hetzner CCX13)
AT_LEAST, AT_MOST = "at least", "at most"


class Target(NamedTuple):
    """`value` is what was reached; None where it was not measured."""

    work: str
    text: str
    sense: str
    bound: float
    unit: str
    value: Callable[[Results], float | None]

    def met(self, reached: float) -> bool:
        """Whether that is enough."""
        return reached >= self.bound if self.sense == AT_LEAST else reached <= self.bound


def ratios(measured: Measured, other: str, this: str = "pottle") -> list[float]:
    """How many times the `rate` of `other` that of `this` is, round by round."""
    pairs = zip(measured.rounds.get(this, []), measured.rounds.get(other, []), strict=False)
    return [ours["rate"] / theirs["rate"] for ours, theirs in pairs if theirs["rate"]]


def median(measured: Measured | None, case: str, key: str) -> float | None:
    """The median over the rounds."""
    rounds = measured.rounds.get(case, []) if measured else []
    return statistics.median(one[key] for one in rounds) if rounds else None


def _times(work: str, other: str, bound: float, this: str = "pottle") -> Target:
    """So many times as many requests a second as another contestant."""

    def value(results: Results) -> float | None:
        found = ratios(results[work], other, this) if work in results else []
        return statistics.median(found) if found else None

    whose = "" if this == "pottle" else f"{KINDS[this].title}, "
    return Target(work, f"{whose}of {KINDS[other].title}", AT_LEAST, bound, "×", value)


def _plain(work: str, case: str, key: str, text: str, bound: float, unit: str, sense: str = AT_MOST) -> Target:
    """A number as it was measured."""
    return Target(work, text, sense, bound, unit, lambda results: median(results.get(work), case, key))


def _tail(results: Results) -> float | None:
    """How many times the median the 99th percentile of a create is."""
    rounds = results["create"].rounds.get("pottle", []) if "create" in results else []
    return statistics.median(one["p99"] / one["p50"] for one in rounds if one["p50"]) if rounds else None


def _growth(results: Results) -> float | None:
    """How many times as much CPU as in the small database an answer costs in the large one, where that is most."""
    rounds = results.get("growth", Measured()).rounds
    found = [
        [large["cpu"] / small["cpu"] for large, small in zip(rounds[case], rounds[f"{what}, 1,000 posts"], strict=True)]
        for what in ("page", "post")
        for place in ("1,000", "100,000")
        if (case := f"{what}, {place} of 1,000,000") in rounds
    ]
    return max((statistics.median(one) for one in found if one), default=None)


def _refused(results: Results) -> float | None:
    """How many pupils' requests were refused, failed, or lost their websocket."""
    rounds = [one for each in results["class"].rounds.values() for one in each] if "class" in results else []
    return sum(one.get("refused", 0) for one in rounds) if rounds else None


def _scaling(results: Results) -> float | None:
    """How many times what one host can answer two can, each on a machine of its own, by the CPU time of an answer."""
    rounds = results.get("hosts-list", Measured()).rounds
    pairs = zip(rounds.get("1 host", []), rounds.get("2 hosts", []), strict=False)
    found = [2 * one["cpu"] / two["cpu"] for one, two in pairs if two["cpu"]]
    return statistics.median(found) if found else None


TARGETS = (
    _times("list", "limit", 0.75),
    _times("list", "pocketbase", 10),
    _times("list", "flask", 15),
    _times("limited", "limit", 0.7),
    _times("post", "limit", 0.75),
    _times("post", "pocketbase", 3),
    _times("channels", "pocketbase", 2),
    _times("channels", "quart", 3),
    _times("create", "pocketbase", 1.5),
    Target("create", "p99 / p50", AT_MOST, 4, "×", _tail),
    _times("mixed", "pocketbase", 5),
    _times("home", "flask", 10),
    _times("home-in", "flask", 3),
    _plain("fanout", "as fast as it goes", "rate", "changes delivered", 100_000, "/s", AT_LEAST),
    _plain("fanout", "at 50,000/s", "p99", "p99 at 50,000 changes/s", 50, " ms"),
    *(
        _plain("delivery", f"{size} subscribers", "mean", f"mean, {size} subscribers", published / 10, " ms")
        for size, published in SOLID_CABLE.items()
    ),
    _plain("memory", "pottle", "each", "each socket", 35, " KB"),
    _plain("start", "pottle", "seconds", "from start to ready", 1.5, " s"),
    _times("list", "pottle", 0.5, "pottle-postgres"),
    _times("create", "pottle", 0.6, "pottle-postgres"),
    _times("create", "fastapi-postgres", 3, "pottle-postgres"),
    Target("hosts-list", "two hosts, of one", AT_LEAST, 1.8, "×", _scaling),
    _plain("hosts-delivery", "after its answer", "mean", "mean after the answer, 100 subscribers", 10, " ms"),
    Target("growth", "CPU of an answer, large / small", AT_MOST, 1.1, "×", _growth),
    Target("class", "refused or failed", AT_MOST, 0, "", _refused),
    *(
        _plain("class", f"{what}, once all are in", "p99", f"p99 of a {what}, once all are in", 200, " ms")
        for what in ("read", "post")
    ),
)
