"""Changes to websockets: how many in all, how soon after the commit, and how soon after the request."""

import statistics
import subprocess
import time
from typing import Any

from bench.asking import ask, checked
from bench.audience import Audience, line_of, quantile
from bench.contest import Contest, Measured, Work, say
from bench.data import BUSY, SECRET
from bench.load import Round
from bench.peers.pottle import Pottle
from bench.running import Server, environment

SUBSCRIBERS = 1_000
TOO_MANY = 1_000  # posts a second: more than can be delivered to all
HALF_OF_TARGET = 50_000  # changes a second
LEAD_SECONDS = 0.5  # of writing before it counts
CALM_SECONDS = 1.0
PER_SECOND = 5  # posts a second, where latency counts
SIZES = (100, 500, 750)  # of the audience, as Solid Cable's published numbers have it
LEAST_SECONDS = 2.0


def fanout(contest: Contest, _work: Work) -> Measured:
    """As fast as it goes; then at half of that, and at half of the target, with latencies."""
    measured = Measured()
    pottle, server = contest.pottle()
    with Audience(server.port, BUSY, SUBSCRIBERS) as audience:
        for number in range(contest.options.rounds):
            say(f"  round {number + 1} of {contest.options.rounds}")
            seconds = max(contest.options.seconds, LEAST_SECONDS)
            most = written(pottle, audience, TOO_MANY, seconds)
            measured.add("as fast as it goes", most)
            measured.add("at half of that", written(pottle, audience, most["rate"] / SUBSCRIBERS / 2, seconds))
            measured.add("at 50,000/s", written(pottle, audience, HALF_OF_TARGET / SUBSCRIBERS, seconds))
    return measured


def written(pottle: Pottle, audience: Audience, rate: float, seconds: float) -> Round:
    """Has posts written beside the server, in a process of their own, and counts what arrives meanwhile."""
    arguments = (str(pottle.instance), str(BUSY), str(rate), str(seconds + 2 * LEAD_SECONDS))
    command = [pottle.python, "-m", "bench.live_writer", *arguments]
    told = {"stdout": subprocess.PIPE, "text": True, "env": environment(pottle.folder, PYTHONPATH=str(pottle.root))}
    with subprocess.Popen(command, cwd=pottle.root, **told) as writer:
        try:
            line_of(writer)
            time.sleep(LEAD_SECONDS)
            audience.begin()
            time.sleep(seconds)
            got = audience.end()
            if writer.wait(60):
                raise RuntimeError("the writer of posts failed")
            commit = float(line_of(writer))
        finally:
            writer.kill()
    _calm(audience)
    return {"rate": got["rate"], **latencies(got), "commit": commit, "lost": SUBSCRIBERS - got["sockets"]}


def _calm(audience: Audience) -> None:
    """Waits until everything that was written has arrived."""
    for _ in range(60):
        audience.begin()
        time.sleep(CALM_SECONDS)
        if not audience.end()["changes"]:
            return


def latencies(got: dict[str, Any]) -> Round:
    """In ms."""
    found = got["latencies"]
    mean = statistics.fmean(found) if found else 0.0
    return {"mean": mean, "p50": quantile(found, 0.5), "p95": quantile(found, 0.95), "p99": quantile(found, 0.99)}


def delivery(contest: Contest, _work: Work) -> Measured:
    """Round trips of posts over HTTP, at a rate at which nothing queues up."""
    measured = Measured()
    _, server = contest.pottle()
    for size in SIZES:
        say(f"  {size} subscribers")
        with Audience(server.port, BUSY, size) as audience:
            for _ in range(contest.options.rounds):
                measured.add(f"{size} subscribers", _posted(server, audience, size, contest.options.seconds))
    return measured


def _posted(server: Server, audience: Audience, size: int, seconds: float) -> Round:
    audience.begin()
    number = max(1, int(seconds * PER_SECOND))
    for _ in range(number):
        due = time.monotonic() + 1 / PER_SECOND
        post(server.port)
        time.sleep(max(0.0, due - time.monotonic()))
    time.sleep(CALM_SECONDS)
    got = audience.end()
    return {**latencies(got), "lost": number * size - got["changes"]}


def post(port: int) -> float:
    """Posts the time at which it is sent; returns how many ms later it was answered."""
    said = {"body": f"t{(sent := time.monotonic_ns())}"}
    checked(ask(port, "POST", f"/api/channels/{BUSY}/posts", said, Authorization=f"Bearer {SECRET}"), "posting")
    return (time.monotonic_ns() - sent) / 1e6
