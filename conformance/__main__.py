"""`python -m conformance`: runs the checker against systems, or checks saved histories again. See README.md."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.adapters import CLASSES, adapter
from conformance.adapters.protocol import NotInstalled
from conformance.checker import check
from conformance.history import Began, History, load, save
from conformance.load import Load
from conformance.nemesis import NEMESES
from conformance.report import explained, table
from conformance.verdict import Verdict
from conformance.workload import run

JUDGED = "pottle"  # the system whose anomalies are a failure; the others are there to compare with


def main(arguments: Sequence[str]) -> int:
    """The exit code: 1 if Pottle has anomalies, else 0."""
    if arguments[:1] == ["check"]:
        return check_again([Path(name) for name in arguments[1:]])
    asked = parsed(arguments)
    names = asked.systems or list(CLASSES)
    return side_by_side(names, asked)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for."""
    default = Load()
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description="Checks what systems with live updates tell their clients.",
        epilog="python -m conformance check FILE...   checks saved histories again",
    )
    parser.add_argument("systems", nargs="*", metavar="system", help=f"of {', '.join(CLASSES)}; all of them if none")
    parser.add_argument("--seconds", type=float, default=default.seconds, help="of work, for each system")
    parser.add_argument("--writes", type=int, default=default.writes, help="at most, for each system")
    parser.add_argument("--seed", type=int, default=default.seed, help="of the clients' random choices")
    parser.add_argument("--save", type=Path, metavar="DIR", help="keeps the histories there, as JSON lines")
    parser.add_argument("--nemesis", choices=NEMESES, help="what goes wrong meanwhile, where gunicorn serves")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.systems) - set(CLASSES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    return asked


def side_by_side(names: Sequence[str], asked: argparse.Namespace) -> int:
    """Runs one system after the other and prints them side by side."""
    histories: dict[str, History] = {}
    verdicts: dict[str, list[Verdict] | str] = {}
    for name in names:
        print(f"{name}: {asked.seconds:g} s, seed {asked.seed}", file=sys.stderr)
        try:
            histories[name] = one_history(name, asked)
        except NotInstalled as missing:
            print(missing, file=sys.stderr)
            verdicts[name] = "not installed"
            continue
        if asked.save:
            save(histories[name], asked.save / f"{name}.jsonl")
        verdicts[name] = check(histories[name])
    return show(verdicts, histories)


def one_history(name: str, asked: argparse.Namespace) -> History:
    """One run. A nemesis harms workers, so it is for systems that have several."""
    system = adapter(name)()
    nemesis = NEMESES[asked.nemesis] if asked.nemesis and hasattr(system, "serve") else None
    wanted = Load(seconds=asked.seconds, writes=asked.writes, seed=asked.seed)
    return asyncio.run(run(system, wanted, nemesis))


def check_again(paths: Sequence[Path]) -> int:
    """Checks saved histories."""
    histories = {str(path): load(path) for path in paths}
    return show({name: check(history) for name, history in histories.items()}, histories)


def show(verdicts: dict[str, list[Verdict] | str], histories: dict[str, History]) -> int:
    """Prints all; returns the exit code."""
    print(table(verdicts, histories))
    code = 0
    for name, found in verdicts.items():
        if not isinstance(found, str) and (words := explained(name, found)):
            print(f"\n{words}")
            code |= is_judged(histories[name])
    return code


def is_judged(history: History) -> bool:
    """Whether its anomalies are a failure."""
    return any(isinstance(event, Began) and event.system == JUDGED for event in history[:1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
