"""Requests over HTTP: every contestant gets the same ones, in turn, round by round."""

from bench import load
from bench.contest import Contest, Measured, Work, say
from bench.running import Server

WARM_SECONDS = 1


def run(contest: Contest, work: Work) -> Measured:
    """Rounds A B C A B C …, so that a busy moment of the machine does not count for one of them alone."""
    measured = Measured()
    if why := load.missing():
        measured.why = dict.fromkeys(contest.options.peers, why)
        return measured
    ready = {name: server for name in contest.options.peers if (server := _ready(contest, work, name, measured))}
    for number in range(contest.options.rounds):
        for name, server in ready.items():
            say(f"  round {number + 1} of {contest.options.rounds}: {name}")
            measured.add(name, _round(contest, work, name, server, contest.options.seconds))
    return measured


def _ready(contest: Contest, work: Work, name: str, measured: Measured) -> Server | None:
    """The server of a contestant that answers rightly and is warm; else `measured` says why there is none."""
    server = contest.server(name)
    if server is None:
        measured.why[name] = contest.why[name]
        return None
    if work.name not in contest.peers[name].works:
        return None
    try:
        contest.peers[name].looks_right(work.name, server.port)
    except (RuntimeError, OSError) as error:
        measured.why[name] = f"answers wrongly: {error}"
        return None
    _round(contest, work, name, server, WARM_SECONDS)
    return server


def _round(contest: Contest, work: Work, name: str, server: Server, seconds: float) -> load.Round:
    peer = contest.peers[name]
    before = server.cpu()
    one = load.wrk(server.port, peer.requests(work.name), peer.headers(work.name, server.port), seconds)
    spent = server.cpu() - before
    server.settle()
    return {**one, "cpu": spent * 1e6 / max(1.0, one["answers"])}  # us for an answer
