"""Whether the old makes the new slow: a channel of 100,000 posts in a database of 1,000,000, beside one of 1,000.

The group is for members only. What they read is never answered from the cache.
"""

from contextlib import ExitStack
from pathlib import Path

from bench.contest import Contest, Measured, Work, say
from bench.data import BUSY, SECRET, Data
from bench.load import Request, Round, wrk
from bench.peers.pottle import seed, serve
from bench.running import Server

SMALL = Data(channels=1, busy=1_000)
LARGE = Data(channels=901, each=1_000, busy=100_000)
MEMBERS = "members"
HEADERS = {"Authorization": f"Bearer {SECRET}"}


def run(contest: Contest, _work: Work) -> Measured:
    """The newest page and one post, in each place, in turn."""
    measured = Measured()
    with ExitStack() as stack:
        small = stack.enter_context(_served(contest.folder / "small", SMALL))
        large = stack.enter_context(_served(contest.folder / "large", LARGE))
        places = {"1,000 posts": (small, BUSY), "1,000 of 1,000,000": (large, 2), "100,000 of 1,000,000": (large, BUSY)}
        for number in range(contest.options.rounds + 1):  # the first is to warm up
            say(f"  round {number} of {contest.options.rounds}")
            for place, (server, channel) in places.items():
                for what, request in _requests(channel).items():
                    one = _round(server, request, contest.options.seconds)
                    if number:
                        measured.add(f"{what}, {place}", one)
    return measured


def _served(folder: Path, data: Data) -> Server:
    say(f"  writing {data.total:,} posts")
    folder.mkdir()
    seed(folder / "instance", data, reading=MEMBERS)
    return serve(folder / "instance", folder)


def _round(server: Server, request: Request, seconds: float) -> Round:
    before = server.cpu()
    one = wrk(server.port, [request], HEADERS, seconds)
    return {**one, "cpu": (server.cpu() - before) * 1e6 / max(1.0, one["answers"])}  # us for an answer


def _requests(channel: int) -> dict[str, Request]:
    """A post of the channel: its first one, which is the oldest, has the channel's number as its id."""
    page = Request("GET", f"/api/channels/{channel}/posts")
    return {"page": page, "post": Request("GET", f"/api/posts/{channel}")}
