"""What a websocket costs that only waits: the workers' memory (RSS) with 1,000 of them, less that without."""

import time

from bench.audience import Audience
from bench.contest import Contest, Measured, Work, say
from bench.data import BUSY
from bench.load import Round
from bench.running import Server

SOCKETS = 1_000
FIRST = 100  # sockets that come and go before, so that what a worker allocates once does not count
SETTLE_SECONDS = 1.0
KB = 1024


def run(contest: Contest, _work: Work) -> Measured:
    """Pottle's subscribers, and the same sockets on an application that does nothing."""
    measured = Measured()
    for name in ("pottle", "limit"):
        if name not in contest.options.peers:
            continue
        for _ in range(contest.options.rounds):
            server = contest.fresh(name)
            if server is None:
                measured.why[name] = contest.why[name]
                break
            say(f"  {name}")
            measured.add(name, _measured(server))
    return measured


def _measured(server: Server) -> Round:
    """`each` in KB for a socket, `before` in MB for all workers."""
    with Audience(server.port, BUSY, FIRST):
        pass
    time.sleep(SETTLE_SECONDS)
    before = server.resident()
    with Audience(server.port, BUSY, SOCKETS):
        time.sleep(SETTLE_SECONDS)
        after = server.resident()
    return {"each": (after - before) / SOCKETS / KB, "before": before / KB / KB}
