"""Load over HTTP: wrk, which costs the machine it shares with the server far less than a client in Python would."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

CONNECTIONS = 64
THREADS = 2
TIMEOUT_SECONDS = 10  # after which a request counts as an error
SCRIPT = Path(__file__).with_name("wrk.lua")

Round = dict[str, float]


class Request(NamedTuple):
    """One request of a list that is sent in turn."""

    method: str
    path: str
    body: str = ""


def missing() -> str | None:
    """Why there can be no load; None if there can."""
    return None if shutil.which("wrk") else "wrk is not installed (Debian, Ubuntu: apt install wrk)"


def wrk(port: int, requests: Sequence[Request], headers: Mapping[str, str], seconds: float) -> Round:
    """One round: good `answers` and their `rate` a second; `p50`, `p90`, `p99`, `max` in ms; `errors` of all kinds."""
    with tempfile.NamedTemporaryFile("w", suffix=".requests") as file:
        file.write("".join("\t".join(request) + "\n" for request in requests))
        file.flush()
        command = ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--latency"]
        command += [f"--timeout={TIMEOUT_SECONDS}s", "-s", str(SCRIPT)]
        command += [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        command += [f"http://127.0.0.1:{port}", "--", file.name, str(THREADS)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    return _round(json.loads(ended.stdout.splitlines()[-1]))


def _round(told: Round) -> Round:
    errors = told["status"] + told["socket"] + told["timeout"]
    answers = told["requests"] - told["status"]
    rate = answers / told["seconds"]
    return {
        "rate": rate,
        "answers": answers,
        **{name: told[name] for name in ("p50", "p90", "p99", "max")},
        "errors": errors,
    }
