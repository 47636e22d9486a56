"""L1 to L9 of two hosts on one PostgreSQL with a standby, as one system, while everything that can fail does.

The load, and the verdict, are the conformance checker's: it knows what clients were told, and nothing else.
"""

import asyncio
import time

import pytest

from conformance.checker import check
from conformance.history import Fault
from conformance.load import Load
from conformance.report import explained
from conformance.workload import run
from tests.faults.histories import resumed, summary
from tests.lasting import SECONDS, SEED
from tests.postgres.cluster import SENDING
from tests.postgres.harm import HARMS, all_of
from tests.postgres.hosts import Host, Hosts
from tests.server import wait_until

pytestmark = pytest.mark.slow

LEAST = 15  # seconds, in which a failover is over
SILENCE = 15  # seconds: a host may take ten to notice that the database it asked is gone
TRIED = {"lost", "doubled", "reordered", "phantom", "silent gap", "stale read", "vanished"}


async def test_several_hosts_keep_the_promises_of_one() -> None:
    load = Load(seconds=max(SECONDS, LEAST), writes=100_000, seed=SEED, between_faults=1, silence=SILENCE)
    history = await run(Hosts(), load, all_of(HARMS))
    verdicts = check(history)
    assert not explained("pottle", verdicts)
    assert {verdict.kind for verdict in verdicts if verdict.checked} >= TRIED
    print(
        *(f"{fault.since:6.1f} {fault.time:6.1f} {fault.what}" for fault in history if isinstance(fault, Fault)),
        sep="\n",
    )
    went_on = resumed(history)
    print(f"resumed {sum(went_on)} of {len(went_on)}", summary(history))


async def test_a_host_that_is_gone_without_a_word_loses_its_locks() -> None:
    """Another one takes over what only one host does. PostgreSQL by itself would wait for two hours."""
    hosts = Hosts()
    try:
        await hosts.start(1)
        (gone,) = [host for host in hosts.hosts if holds(hosts, host)]
        hosts.network.unplug(gone.place)
        begun = time.monotonic()
        (left,) = [host for host in hosts.hosts if host is not gone]
        await asyncio.to_thread(wait_until, lambda: holds(hosts, left), "the other host to take over")
        print(f"taken over after {time.monotonic() - begun:.1f} s")
    finally:
        await hosts.stop()


def holds(hosts: Hosts, host: Host) -> bool:
    """Whether it is that host that sends webhooks."""
    return [address for _, address in hosts.primary.holders(SENDING)] == [host.address]
