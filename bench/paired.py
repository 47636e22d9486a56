"""`scripts/bench --paired COMMIT`: this checkout beside an earlier commit of it, and beside itself without shortcuts.

All of them are up at once and measured in turn, A B C A B C …, so that a busy moment of the machine does not count for
one of them alone. What counts are ratios within a round, and of these the median.
"""

import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path

from bench.audience import Audience
from bench.contest import Contest, Measured, Options, Work, say
from bench.data import BUSY, QUICK, Data
from bench.peers.base import Peer
from bench.peers.pottle import Pottle
from bench.running import ROOT, environment
from bench.tables import Row, number, plain, spread
from bench.targets import ratios
from bench.works import WORKS
from bench.works.live import LEAST_SECONDS, SUBSCRIBERS, TOO_MANY, written

WANTED = ("list", "post", "channels", "create", "mixed", "home", "fanout")
KEPT = 0.9  # of the earlier commit's rate
KEPT_WITHOUT = 0.5  # of it, without shortcuts
SEED = "import sys; from pathlib import Path; from bench.data import Data; from bench.peers.pottle import seed; "
SEED += "seed(Path(sys.argv[1]), Data(*map(int, sys.argv[2:])))"


class WithoutShortcuts(Pottle):
    """Pottle as it is served by public interfaces of its libraries alone."""

    name = "without"
    title = "without shortcuts"
    settings = {"POTTLE_SHORTCUTS": "off"}  # noqa: RUF012  # as in the class above


def run(commit: str, options: Options, folder: Path, works: Sequence[str]) -> int:
    """Prints the table; 1 where something is slower than it may be, or could not be measured."""
    with _checked_out(commit, folder) as earlier:
        kinds: dict[str, type[Peer]] = {kind.name: kind for kind in (Pottle, earlier, WithoutShortcuts)}
        options = Options(options.seconds, options.rounds, options.quick, peers=tuple(kinds))
        with Contest(options, folder, QUICK if options.quick else Data(), kinds) as contest:
            rows = [["", f"of {commit}", "at least", "without shortcuts", "at least", ""]]
            for work in WORKS:
                if work.name in works:
                    say(f"{work.name}: {work.title}")
                    rows.append(_row(work, _fanout(contest) if work.name == "fanout" else work.run(contest, work)))
    print(plain(rows))
    return int(any(row[-1] != "kept" for row in rows[1:]))


def _row(work: Work, measured: Measured) -> Row:
    found = {name: ratios(measured, "earlier", name) for name in ("pottle", "without")}
    if not all(found.values()):
        return [work.name, *[""] * 4, "; ".join(measured.why.values()) or "not measured"]
    kept = statistics.median(found["pottle"]) >= KEPT and statistics.median(found["without"]) >= KEPT_WITHOUT
    cells = (spread(found["pottle"]), number(KEPT), spread(found["without"]), number(KEPT_WITHOUT))
    return [work.name, *cells, "kept" if kept else "slower"]


def _fanout(contest: Contest) -> Measured:
    """Changes delivered to 1,000 websockets, as fast as it goes."""
    measured = Measured()
    seconds = max(contest.options.seconds, LEAST_SECONDS)
    for number_ in range(contest.options.rounds):
        for name in contest.options.peers:
            say(f"  round {number_ + 1} of {contest.options.rounds}: {name}")
            pottle, server = contest.pottle(name)
            with Audience(server.port, BUSY, SUBSCRIBERS) as audience:
                measured.add(name, written(pottle, audience, TOO_MANY, seconds))
    return measured


@contextmanager
def _checked_out(commit: str, folder: Path) -> Iterator[type[Pottle]]:
    """The contestant that runs another commit, with the releases that it names."""
    checkout = folder / "earlier-checkout"
    git = ["git", "-C", str(ROOT), "worktree"]
    if subprocess.run([*git, "add", "--detach", "--quiet", str(checkout), commit]).returncode:
        sys.exit(f"{commit} cannot be checked out.")
    try:
        python = _interpreter(checkout, folder / "earlier-venv")

        class Earlier(Pottle):
            """Pottle as it was."""

            name = "earlier"
            title = f"Pottle at {commit}"
            root = checkout

            def seed(self) -> None:
                command = [self.python, "-c", SEED, str(self.instance), *map(str, astuple(self.data))]
                env = environment(self.folder, PYTHONPATH=str(self.root))
                subprocess.run(command, cwd=self.root, env=env, check=True)

        Earlier.python = python
        yield Earlier
    finally:
        subprocess.run([*git, "remove", "--force", str(checkout)], check=True)


def _interpreter(checkout: Path, venv: Path) -> str:
    """A Python that has what the checkout asks for: this one, where it asks for the same."""
    asked = "requirements.txt"
    if (checkout / asked).read_text() == (ROOT / asked).read_text():
        return sys.executable
    say("  installing what it needs")
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = str(venv / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", asked]
    subprocess.run(pip, cwd=checkout, check=True)
    return python
