"""From the start of the process to the first good answer of `/readyz`, on a database that is there already."""

from bench.contest import Contest, Measured, Work, say


def run(contest: Contest, _work: Work) -> Measured:
    """Every contestant in turn, round by round."""
    measured = Measured()
    for number in range(contest.options.rounds):
        say(f"  round {number + 1} of {contest.options.rounds}")
        for name in contest.options.peers:
            server = contest.fresh(name)
            if server is None:
                measured.why[name] = contest.why[name]
            else:
                measured.add(name, {"seconds": server.started})
    return measured
