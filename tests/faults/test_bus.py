"""The bus may lose, repeat, delay and garble everything: nothing but latency suffers.

The history checker drives writers, readers and subscribers (those who hang up and resume, too) against a server whose
bus is ill, and finds no anomaly: nothing lost, doubled or reordered, no stale list, nothing after a revocation. It
judges what L2, L3, L4, L6 and L8 promise.
"""

import asyncio
import os
import random
import socket
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from conformance.adapters.pottle import Pottle
from conformance.adapters.protocol import System
from conformance.checker import check
from conformance.history import Fault, History
from conformance.load import Load
from conformance.nemesis import Nemesis
from conformance.report import explained
from conformance.workload import run
from pottle.store.bus import Bus
from tests.conftest import World
from tests.faults.bus import SICK, deafened, flooded
from tests.faults.clock import DAY, HOUR, Clock
from tests.lasting import SECONDS, SEED, lasting
from tests.live.meeting import Meeting
from tests.server import Server

pytestmark = [pytest.mark.slow, pytest.mark.sqlite("its bus; PostgreSQL tells of commits by NOTIFY")]


class Ill(Pottle):
    """Pottle with something done to its bus from its beginning to its end."""

    def __init__(self, **settings: str) -> None:
        super().__init__()
        self._more = settings

    @property
    def instance(self) -> Path:
        """Its folder, which is not there yet."""
        return self.home / "instance"

    async def serve(self, app: str, folder: Path, *flags: str, **settings: str) -> None:
        """Starts it, with more settings."""
        await super().serve(app, folder, *flags, **settings, **self._more)


async def judged(system: Pottle, nemesis: Nemesis | None = None) -> History:
    """A history of so many seconds, with something to judge and no anomaly in it."""
    history = await run(system, Load(seconds=SECONDS, writes=200_000, seed=SEED, between_faults=0.5), nemesis)
    verdicts = check(history)
    assert not explained("pottle", verdicts)
    print({verdict.kind: verdict.checked for verdict in verdicts})
    assert all(verdict.checked for verdict in verdicts if verdict.kind in ("lost", "reordered", "stale read"))
    return history


async def test_pokes_that_are_all_lost_cost_nothing_but_time_whatever_the_clock_says(tmp_path: Path) -> None:
    """All places where a worker could listen are taken, and the clock is set: an hour back, a day forward, and back.

    Fails when the workers look at the log only when poked (POLL_SECONDS = 3600, and `db.caught_up` left out in
    session.identify and ResponseCache): what was posted is lost for subscribers. And when the follower reads
    the log in the order of its times: changes are told twice.
    """
    clock = Clock(tmp_path)
    system = Ill(**clock.settings)

    async def set_clock(_: System, rng: random.Random) -> str:
        seconds = rng.choice((-HOUR, 0, DAY, -DAY))
        clock.set(seconds)
        return f"set the clock to {seconds} s"

    with deafened(system.instance):
        history = await judged(system, set_clock)
    assert any(isinstance(event, Fault) for event in history)


async def test_pokes_that_are_late_doubled_garbled_and_forged_cost_nothing_but_time() -> None:
    """Each poke is lost, or comes up to two seconds late, up to three times, out of order, some of them as garbage.

    And another program sends pokes and garbage as fast as it can. Fails when the follower tells a change again if it is
    poked again (`changes.since(read, self.head - 1)`).
    """
    system = Ill(**SICK)
    with flooded(system.instance):
        await judged(system)


async def test_each_post_arrives_everywhere_though_nobody_asks(
    instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World
) -> None:
    """One post at a time, and the next when everybody has it; meanwhile no request makes a worker look at the log.

    Fails when nobody looks without a poke (POLL_SECONDS = 3600): then it takes until a worker asks itself whether it
    can serve, which it does every ten seconds.
    """
    stack.enter_context(deafened(instance))
    meeting = Meeting(stack.enter_context(Server(instance, tmp_path)), stack, world.tokens)
    channel, listening = await meeting.channel(), await meeting.sockets(each=2)
    listeners = [listener for both in listening.values() for listener in both]
    for listener in listeners:
        await listener.ask(type="subscribe", channel=channel)
    for n in lasting(5):
        made = await meeting.post(channel, f"{n}")
        async with asyncio.timeout(5):
            assert [(await listener.receive())["post"] for listener in listeners] == [made] * len(listeners)


class Brook(socket.socket):
    """A socket that gets another poke whenever one is read from it, for a long time."""

    left = 10_000

    def recv(self, *args: int) -> bytes:
        """What is there; then there is more."""
        got = super().recv(*args)
        if self.left:
            self.left -= 1
            self.sendto(b"", self.getsockname())
        return got


async def test_whoever_sends_as_fast_as_we_read_does_not_stop_the_event_loop(tmp_path: Path) -> None:
    """Fails when Bus._hear reads on for as long as something comes."""
    heard: list[int] = []
    with Brook(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as ear:
        ear.bind("\0brook-" + tmp_path.name + str(os.getpid()))
        ear.sendto(b"", ear.getsockname())
        bus = Bus(tmp_path / "app.db", lambda: heard.append(ear.left))
        bus._hear(ear)
        bus.close()
    assert heard[0] > 9_000
