"""`scripts/bench`: measures Pottle beside its peers, and says so."""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import machine, paired, report, tables
from bench.contest import ENGINES, USUAL, Contest, Measured, Options, Work, say
from bench.data import QUICK, Data
from bench.running import ROOT
from bench.works import OF_ENGINES, WORKS

QUICK_SECONDS = 1.0


def main() -> int:
    """The command; 1 when Pottle failed at something."""
    asked = _asked()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    options = _options(asked)
    works = _chosen(asked)
    folder = Path(tempfile.mkdtemp(prefix="pottle-bench-", dir=asked.folder))
    if asked.paired:
        try:
            return paired.run(asked.paired, options, folder, [work.name for work in works])
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    about, data = machine.about(folder), QUICK if options.quick else Data()
    if about["disk"] in machine.IN_MEMORY:
        say(f"{folder} is on {about['disk']}, where commits may cost nothing: name a folder on a disk with --folder")
    try:
        results = _run(options, folder, data, works)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"\nTargets\n{tables.plain(tables.targets(results))}")
    if asked.json:
        Path(asked.json).write_text(json.dumps(_raw(about, options, results), indent=1) + "\n")
    if asked.write:
        report.write(asked.write, report.page(about, options, data, works, results), works, results)
    return int(any("pottle" in measured.why for measured in results.values()))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures Pottle beside its peers.")
    parser.add_argument("--quick", action="store_true", help="one short round of each: does it work at all?")
    parser.add_argument("--full", action="store_true", help="also what takes minutes to prepare: growth, class")
    names = ", ".join(work.name for work in WORKS)
    parser.add_argument("--only", metavar="WORKS", help=f"separated by commas, of: {names}")
    parser.add_argument("--peers", metavar="NAMES", help=f"separated by commas, of: {', '.join(list(USUAL)[1:])}")
    parser.add_argument("--engine", choices=[*ENGINES], help="Pottle on that database beside Pottle on SQLite")
    parser.add_argument("--paired", metavar="COMMIT", help="beside an earlier commit of Pottle, and without shortcuts")
    parser.add_argument("--seconds", type=float, help="the length of a round (5)")
    parser.add_argument("--rounds", type=int, help="how many (3)")
    parser.add_argument("--json", metavar="FILE", help="write all numbers there")
    parser.add_argument(
        "--write",
        metavar="FOLDER",
        type=Path,
        nargs="?",
        const=ROOT / "docs",
        help="write performance.md and .svg (docs/)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="where the databases are, for the time being (the temporary folder); PostgreSQL has to get there, too",
    )
    return parser.parse_args()


def _options(asked: argparse.Namespace) -> Options:
    seconds = asked.seconds or (QUICK_SECONDS if asked.quick else Options.seconds)
    rounds = asked.rounds or (1 if asked.quick else Options.rounds)
    peers = tuple(dict.fromkeys(["pottle", *_names(asked.peers, list(USUAL))]))
    if asked.engine:
        peers = tuple(kind.name for kind in ENGINES[asked.engine])
    return Options(seconds, rounds, asked.quick, asked.full, peers)


def _names(text: str | None, known: Sequence[str]) -> list[str]:
    """The names in `text`, all of them without; ends the program at one that is not known."""
    names = list(known) if text is None else [name for name in text.split(",") if name]
    if unknown := set(names) - set(known):
        sys.exit(f"There is no {', '.join(sorted(unknown))}. Known: {', '.join(known)}")
    return names


def _chosen(asked: argparse.Namespace) -> list[Work]:
    if asked.paired and not asked.only:
        return [work for work in WORKS if work.name in paired.WANTED]
    works = OF_ENGINES if asked.engine else WORKS
    names = _names(asked.only, [work.name for work in works])
    return [work for work in works if work.name in names and (asked.full or asked.only or not work.full)]


def _run(options: Options, folder: Path, data: Data, works: list[Work]) -> dict[str, Measured]:
    results: dict[str, Measured] = {}
    with Contest(options, folder, data) as contest:
        for work in works:
            say(f"{work.name}: {work.title}")
            begun = time.monotonic()
            results[work.name] = _measured(contest, work)
            print(f"\n{work.title}\n{tables.plain(tables.table(work, results[work.name]))}", flush=True)
            say(f"  ({time.monotonic() - begun:.0f} s)")
    return results


def _measured(contest: Contest, work: Work) -> Measured:
    """What came of a work; one that fails does not stop the others."""
    try:
        return work.run(contest, work)
    except Exception as error:
        return Measured(why={"pottle": f"failed: {error!r}"})


def _raw(about: dict[str, Any], options: Options, results: dict[str, Measured]) -> dict[str, Any]:
    """Everything, for programs."""
    goals = [
        dict(zip(("what", "target", "reached", "verdict"), row, strict=True)) for row in tables.targets(results)[1:]
    ]
    works = {name: asdict(measured) for name, measured in results.items()}
    return {"machine": about, "options": asdict(options), "works": works, "targets": goals}


if __name__ == "__main__":
    sys.exit(main())
