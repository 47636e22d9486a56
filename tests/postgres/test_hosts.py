"""Two machines on one database: what is written on one is told, read and forbidden on the other.

Each has three workers and an instance folder of its own. Of the machine, workers of PostgreSQL's share nothing else.
"""

import asyncio
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import pytest

from tests.conftest import World
from tests.faults.eyes import Witnesses, has, on_every_worker
from tests.lasting import SEED
from tests.live.meeting import Meeting, changes
from tests.postgres.cluster import SENDING, Cluster, copied
from tests.receiver import receiving
from tests.server import Server, Socket, wait_until

pytestmark = pytest.mark.slow

SIGNED_OUT = 4401
READS = 200
TOLD = 30
LISTENING = "SELECT pid FROM pg_stat_activity WHERE application_name = 'pottle listen' AND usename = %s"


class Pair(NamedTuple):
    """The servers by the names under which they are known to PostgreSQL."""

    cluster: Cluster
    servers: dict[str, Server]


@pytest.fixture(scope="module")
def pair(pristine: Cluster, world: World, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both running."""
    with copied(pristine, programs) as cluster, ExitStack() as stack:
        servers = {}
        for name in ("here", "there"):
            cluster.ask(f"CREATE ROLE {name} SUPERUSER LOGIN")
            folder = tmp_path_factory.mktemp(name)
            instance = Path(shutil.copytree(world.folder, folder / "instance"))
            url = cluster.url.replace("postgres@", f"{name}@")
            settings = {
                "POTTLE_WEBHOOK_NETWORKS": "127.0.0.1",
                "POTTLE_WEBHOOK_RETRIES": ",".join(["0", *["0.2"] * 40]),
            }
            servers[name] = stack.enter_context(Server(instance, folder, POTTLE_DATABASE_URL=url, **settings))
        yield Pair(cluster, servers)


@pytest.fixture
def here(pair: Pair, stack: AsyncExitStack, world: World) -> Meeting:
    """People at one of them."""
    return Meeting(pair.servers["here"], stack, world.tokens)


@pytest.fixture
def there(pair: Pair, stack: AsyncExitStack, world: World) -> Meeting:
    """The same people at the other."""
    return Meeting(pair.servers["there"], stack, world.tokens)


async def subscribers(meeting: Meeting, channel: int, uid: str = "") -> list[Socket]:
    """One on each worker."""
    sockets = [socket for (socket,) in (await meeting.sockets(each=1, uid=uid)).values()]
    for socket in sockets:
        assert (await socket.ask(type="subscribe", channel=channel))["type"] == "subscribed"
    return sockets


async def told_after(meeting: Meeting, channel: int, sockets: list[Socket]) -> float:
    """Posts, and waits until all are told; seconds from the answer to the last of them."""
    made = await meeting.post(channel)
    begun = time.monotonic()
    for (change,) in await asyncio.gather(*(changes(socket, 1) for socket in sockets)):
        assert change["post"] == made
    return time.monotonic() - begun


async def test_a_post_reaches_subscribers_of_the_other_machine(here: Meeting, there: Meeting) -> None:
    channel = await here.channel()
    sockets = await subscribers(there, channel)
    delays = [await told_after(here, channel, sockets) for _ in range(TOLD)]
    print(f"Three workers were told {mean(delays) * 1_000:.1f} ms after the answer, at most {max(delays) * 1_000:.1f}")


async def test_a_read_after_a_write_on_the_other_machine_shows_it(here: Meeting, there: Meeting) -> None:
    """L6. What was kept is never served again. Fails when the workers of PostgreSQL do not look before they serve."""
    channel = await here.channel()
    witnesses = await on_every_worker(there.stack, there.server, random.Random(SEED))
    for n in range(READS):
        eye = Witnesses([witnesses.eyes[n % 3]])
        await eye.see(here.post(channel, f"written-{n}"), {f"/api/channels/{channel}/posts": has(f'"written-{n}"')})
    assert witnesses.looks == READS


async def test_who_is_signed_out_on_one_machine_hears_nothing_more_on_the_other(
    here: Meeting, there: Meeting, world: World
) -> None:
    token = await here.sign_in("bob")
    sockets = await subscribers(there, world.class_channel, token)
    assert (await (await here.http(token)).delete("/api/session")).status_code == 204
    await here.post(world.class_channel, "for members")
    for socket in sockets:
        assert await socket.rest() == ([], SIGNED_OUT)


async def test_the_slow_poll_tells_where_no_notification_comes(here: Meeting, there: Meeting, pair: Pair) -> None:
    """The connections that listen are terminated; then those in their place stand still."""
    channel = await here.channel()
    sockets = await subscribers(there, channel)
    for (pid,) in pair.cluster.ask(LISTENING, "there"):
        pair.cluster.ask("SELECT pg_terminate_backend(%s)", pid)
    print(f"Told after {await told_after(here, channel, sockets):.2f} s where those who listen are gone")
    await asyncio.to_thread(wait_until, lambda: len(pair.cluster.ask(LISTENING, "there")) == 3, "three who listen")
    deaf = [pid for (pid,) in pair.cluster.ask(LISTENING, "there")]
    with standing_still(deaf):
        delays = [await told_after(here, channel, sockets) for _ in range(5)]
    print(f"Told after {mean(delays):.2f} s by the poll")
    assert mean(delays) < 5  # ten times as long; without the poll something else asks after 10 s


@contextmanager
def standing_still(processes: list[int]) -> Iterator[None]:
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


async def test_webhooks_are_sent_by_one_machine_and_by_the_other_when_that_is_killed(
    here: Meeting, there: Meeting, pair: Pair
) -> None:
    """None is lost or out of order; what was under way at the kill may come twice, under the same id."""
    group = await here.group()
    channel = await here.channel(group)
    async with receiving() as receiver:
        hook = {"url": receiver.url, "kinds": ["post.created"]}
        made = await (await here.http("alice")).post(f"/api/groups/{group}/webhooks", json=hook)
        assert made.status_code == 201, made.text
        posts = [(await meeting.post(channel))["id"] for meeting in [here, there] * 5]
        await receiver.has(len(posts))
        assert [got["data"]["post"]["id"] for got in receiver.got] == posts
        ((first, _),) = pair.cluster.holders(SENDING)
        (second,) = pair.servers.keys() - {first}
        left = here if second == "here" else there
        posts += [(await left.post(channel))["id"] for _ in range(5)]
        pair.servers[first].kill()
        await asyncio.to_thread(
            wait_until, lambda: [role for role, _ in pair.cluster.holders(SENDING)] == [second], "the other one to send"
        )
        posts += [(await left.post(channel))["id"] for _ in range(5)]
        await receiver.has(lambda got: len(ids(got)) >= len(posts))
    assert ids(receiver.got) == posts
    pair.servers[first].start()


def ids(got: list[Any]) -> list[int]:
    """The posts of the messages that came, in the order in which they first did."""
    return list(dict.fromkeys(one["data"]["post"]["id"] for one in got))
