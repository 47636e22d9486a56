"""A class on the smallest server: one CPU, everybody from one address, limits as they come, and nothing is refused.

Within a minute 300 pupils sign in. Each opens the live updates, reads every five seconds and posts every twenty.
"""

import json
import os
import shutil
import subprocess
import sys

from bench.contest import Contest, Measured, Work, say
from bench.data import Data
from bench.peers.pottle import seed, serve
from bench.running import ROOT, environment
from model.accounts.passwords import HASHER

PUPILS = 300
MINUTE = 60.0
AFTER = 60.0  # seconds that they stay once all are in
PASSWORD = "correct horse"


def run(contest: Contest, _work: Work) -> Measured:
    """One round; the pupils are programs on the machine's other CPUs, where there are any."""
    measured = Measured()
    folder = contest.folder / "class"
    folder.mkdir()
    pupils = PUPILS // 10 if contest.options.quick else PUPILS
    pace = 0.1 if contest.options.quick else 1.0
    seed(folder / "instance", Data(channels=10, people=pupils), HASHER.hash(PASSWORD))
    with serve(folder / "instance", folder, *_on(0), POTTLE_RATE_LIMITS="on") as server:
        say(f"  {pupils} pupils, {(MINUTE + AFTER) * pace:.0f} s")
        arguments = map(str, (server.port, pupils, MINUTE * pace, AFTER * pace))
        command = [*_on(*range(1, os.cpu_count() or 1)), sys.executable, "-m", "bench.pupils", *arguments]
        told = subprocess.run(command, cwd=ROOT, env=environment(folder), capture_output=True, text=True, timeout=300)
        if told.returncode:
            raise RuntimeError(told.stderr[-2_000:])
        for kind, one in json.loads(told.stdout).items():
            measured.add(kind, one)
        measured.add("the server's memory", {"memory": server.resident() / 1024 / 1024})
    return measured


def _on(*cpus: int) -> list[str]:
    """What makes a command run on these CPUs only; nothing where that cannot be said."""
    return ["taskset", "-c", ",".join(map(str, cpus))] if cpus and shutil.which("taskset") else []
