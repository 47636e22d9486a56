"""Pottle on PostgreSQL as one host, two and four, with one worker each: on this machine, whose processors they share.

So it is the CPU time of an answer that tells what as many machines would do, and not the answers a second.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from bench import load
from bench.audience import Audience
from bench.contest import Contest, Measured, Work, say
from bench.data import BUSY
from bench.load import Round
from bench.peers.postgres import Postgres
from bench.running import Server
from bench.works.http import WARM_SECONDS
from bench.works.live import PER_SECOND, latencies, post

HOSTS = (1, 2, 4)
SUBSCRIBERS = 100
ON_THE_WAY_SECONDS = 1.0  # for the last change to arrive
WORKS = {"hosts-list": "list", "hosts-create": "create"}
AFTER_ANSWER, AFTER_REQUEST = "after its answer", "after the request"


def run(contest: Contest, work: Work) -> Measured:
    """Rounds of one, two and four hosts in turn, each with a load of its own; those that are not asked are not up."""
    measured = Measured()
    peer = _alone(contest)
    for number in range(contest.options.rounds):
        with ExitStack() as stack:
            hosts: list[Server] = []
            for size in HOSTS:
                hosts += [stack.enter_context(_host(peer, host)) for host in range(len(hosts) + 1, size + 1)]
                say(f"  round {number + 1} of {contest.options.rounds}: {_named(size)}")
                _loaded(peer, hosts, WORKS[work.name], WARM_SECONDS)
                measured.add(_named(size), _loaded(peer, hosts, WORKS[work.name], contest.options.seconds))
    return measured


def delivery(contest: Contest, _work: Work) -> Measured:
    """Posts over HTTP to one host, at a rate at which nothing queues up, and the subscribers of another."""
    measured = Measured()
    peer = _alone(contest)
    with _host(peer, 1) as first, _host(peer, 2) as second, Audience(second.port, BUSY, SUBSCRIBERS) as audience:
        for number in range(contest.options.rounds):
            say(f"  round {number + 1} of {contest.options.rounds}")
            for case, one in _posted(first, audience, contest.options.seconds).items():
                measured.add(case, one)
    return measured


def _named(hosts: int) -> str:
    return f"{hosts} hosts" if hosts > 1 else "1 host"


def _alone(contest: Contest) -> Postgres:
    """The contestant, whose server ends."""
    peer, server = contest.pottle(Postgres.name)
    assert isinstance(peer, Postgres)
    server.stop()
    return peer


@contextmanager
def _host(peer: Postgres, number: int) -> Iterator[Server]:
    with peer.host(number) as server:
        server.settle()
        yield server


def _loaded(peer: Postgres, hosts: Sequence[Server], work: str, seconds: float) -> Round:
    """The rates of all; CPU time in us for an answer, of the hosts (`cpu`) and of PostgreSQL (`database`)."""

    def loaded(host: Server) -> Round:
        return load.wrk(host.port, peer.requests(work), peer.headers(work, host.port), seconds)

    spent, database = -sum(host.cpu() for host in hosts), -peer.cluster.cpu()
    with ThreadPoolExecutor(len(hosts)) as loads:
        rounds = [*loads.map(loaded, hosts)]
    spent, database = spent + sum(host.cpu() for host in hosts), database + peer.cluster.cpu()
    for host in hosts:
        host.settle()
    answers = max(1.0, sum(one["answers"] for one in rounds))
    summed = {key: sum(one[key] for one in rounds) for key in ("rate", "errors")}
    return {**summed, "cpu": spent * 1e6 / answers, "database": database * 1e6 / answers}


def _posted(host: Server, audience: Audience, seconds: float) -> dict[str, Round]:
    """One after the other, each counted for itself, so that its own answer's time can be taken off."""
    number = max(1, int(seconds * PER_SECOND))
    after_request: list[float] = []
    after_answer: list[float] = []
    for left in reversed(range(number)):
        audience.begin()
        due = time.monotonic() + (1 / PER_SECOND if left else ON_THE_WAY_SECONDS)
        answered = post(host.port)
        time.sleep(max(0.0, due - time.monotonic()))
        found = audience.end()["latencies"]
        after_request += found
        after_answer += [latency - answered for latency in found]
    lost = number * SUBSCRIBERS - len(after_request)
    cases = {AFTER_ANSWER: after_answer, AFTER_REQUEST: after_request}
    return {case: {**latencies({"latencies": sorted(found)}), "lost": lost} for case, found in cases.items()}
