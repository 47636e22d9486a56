"""What goes wrong with several hosts and their database, done on purpose: see conformance/nemesis.py."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from typing import cast

import psycopg

from conformance.adapters.protocol import System
from conformance.nemesis import Nemesis, kill_a_worker
from tests import databases
from tests.postgres.cluster import NAME
from tests.postgres.hosts import Host, Hosts

Harm = Callable[[Hosts, random.Random], Awaitable[str]]

LISTENERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pottle listen'"
TOLD_AGAIN = 200


async def kill_a_host(hosts: Hosts, rng: random.Random) -> str:
    """kill -9 of all its processes; later it is started again."""
    host = rng.choice(hosts.hosts)
    await host.kill()
    await asyncio.sleep(rng.uniform(0, 3))
    await host.start()
    return f"killed {name(hosts, host)}"


async def freeze_a_host(hosts: Hosts, rng: random.Random) -> str:
    """All its processes stand still, also for longer than the turn to write may be held."""
    host, seconds = rng.choice(hosts.hosts), rng.uniform(1, 8)
    processes = host.processes()
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    await asyncio.sleep(seconds)
    for process in processes:
        os.kill(process, signal.SIGCONT)
    return f"froze {name(hosts, host)} for {seconds:.1f} s"


async def unplug_a_host(hosts: Hosts, rng: random.Random) -> str:
    """Nothing reaches it and nothing leaves it."""
    host, seconds = rng.choice(hosts.hosts), rng.uniform(1, 12)
    hosts.network.unplug(host.place)
    await asyncio.sleep(seconds)
    hosts.network.plug(host.place)
    return f"unplugged {name(hosts, host)} for {seconds:.1f} s"


async def cut_off_from_the_database(hosts: Hosts, rng: random.Random) -> str:
    """Of all that a host and the database say to each other one half is lost."""
    host, seconds = rng.choice(hosts.hosts), rng.uniform(1, 12)
    ends = {name(hosts, host): host.place, "the database": hosts.primary.place}
    says, hears = rng.sample(list(ends), 2)
    with hosts.network.silent(ends[says], ends[hears]):
        await asyncio.sleep(seconds)
    return f"lost all that {says} said to {hears} for {seconds:.1f} s"


async def crash_the_database(hosts: Hosts, rng: random.Random) -> str:
    """It starts again at once, on what it had."""
    await asyncio.to_thread(hosts.primary.crash)
    await asyncio.to_thread(hosts.primary.wait)
    return "crashed the database"


async def fail_over(hosts: Hosts, rng: random.Random) -> str:
    """The primary is gone, with or without a word to those who are connected; its standby takes over."""
    without_a_word = rng.random() < 0.5
    if without_a_word:
        hosts.network.unplug(hosts.primary.place)
    await asyncio.to_thread(hosts.fail_over)
    return f"failed over to the standby{', without a word' * without_a_word}"


async def lose_wake_ups(hosts: Hosts, rng: random.Random) -> str:
    """Ends the connections over which hosts are told of commits."""
    await asyncio.to_thread(hosts.primary.ask, LISTENERS)
    return "ended all connections that listen"


async def double_wake_ups(hosts: Hosts, rng: random.Random) -> str:
    """Tells of commits that there are not."""
    await asyncio.to_thread(hosts.primary.ask, "; ".join(["NOTIFY pottle"] * TOLD_AGAIN))
    return f"told everybody {TOLD_AGAIN} times of nothing"


async def hold_transactions(hosts: Hosts, rng: random.Random) -> str:
    """Transactions stay open for a while, in Pottle's database and in another one."""
    seconds = rng.uniform(1, 6)
    urls = [databases.url_at(database, hosts.primary.folder) for database in (NAME, "postgres")]
    both = [await psycopg.AsyncConnection.connect(url) for url in urls]
    for one in both:
        await one.execute("SELECT pg_current_xact_id(), count(*) FROM pg_class")
    await asyncio.sleep(seconds)
    for one in both:
        await one.close()
    return f"held transactions for {seconds:.1f} s"


async def replace_host_by_host(hosts: Hosts, rng: random.Random) -> str:
    """As an upgrade does: each ends in order and starts again while the other serves."""
    for host in hosts.hosts:
        await host.stop()
        await host.start()
    return "replaced both hosts, one after the other"


def name(hosts: Hosts, host: Host) -> str:
    """What it is called in a report."""
    return f"host {hosts.hosts.index(host) + 1}"


HARMS: list[Harm] = [
    cast(Harm, kill_a_worker),
    kill_a_host,
    freeze_a_host,
    unplug_a_host,
    cut_off_from_the_database,
    crash_the_database,
    fail_over,
    lose_wake_ups,
    double_wake_ups,
    hold_transactions,
    replace_host_by_host,
]


def all_of(harms: list[Harm]) -> Nemesis:
    """A failover, however short the run; then all in random order, each once before one comes again."""
    waiting = [fail_over]

    async def harm(system: System, rng: random.Random) -> str:
        if not waiting:
            waiting.extend(rng.sample(harms, len(harms)))
        return await waiting.pop()(cast(Hosts, system), rng)

    return harm
