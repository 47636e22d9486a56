"""Webhooks while the worker that sends them is killed (kill -9), again and again.

WEBHOOKS, how many messages, and WEBHOOK_KILLS make it longer: by hand 1,000 and 50. None may be lost, the order must be
kept, and what comes twice must have come under the same id. Seen to fail with an outcome noted before the message is
sent (lost), and with the next one sent where one has failed (order).
"""

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import World
from tests.holders import holders
from tests.lasting import SEED
from tests.receiver import Receiver, receiving
from tests.server import PATIENCE, Server, calling

pytestmark = pytest.mark.slow

MESSAGES = int(os.environ.get("WEBHOOKS", "60"))
KILLS = int(os.environ.get("WEBHOOK_KILLS", "3"))


@pytest.fixture
def killed(instance: Path, tmp_path: Path) -> Iterator[Server]:
    """Three workers, whose webhooks may go to this machine and are soon tried again."""
    retries = ",".join(["0", *["0.2"] * 40])
    with Server(instance, tmp_path, POTTLE_WEBHOOK_NETWORKS="127.0.0.1", POTTLE_WEBHOOK_RETRIES=retries) as running:
        yield running


async def kill_senders(server: Server, receiver: Receiver) -> int:
    """Kills whoever sends, as often as is wanted, each time after something more has come; how often that was."""
    rng, done = random.Random(SEED), 0
    while done < KILLS:
        before = len(receiver.got)
        await receiver.has(lambda got, before=before: len(got) > before)  # type: ignore[misc]
        await asyncio.sleep(rng.uniform(0, 0.05))
        for process in holders(server, "webhooks"):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
                done += 1
    return done


async def write(server: Server, token: str, channel: int, receiver: Receiver) -> list[int]:
    """Ids of what was posted, a little ahead of what has come, so that there is something to send until the end."""
    made: list[int] = []
    async with AsyncExitStack() as stack:
        client = await calling(stack, server, token)
        while len(made) < MESSAGES:
            await receiver.has(lambda got: len(_ids(got)) >= len(made) - max(5, MESSAGES // (2 * KILLS)))
            headers = {"Idempotency-Key": f"webhook-{len(made)}"}
            with suppress(Exception):
                answer = await client.post(
                    f"/api/channels/{channel}/posts", json={"body": f"Post {len(made)}"}, headers=headers
                )
                if answer.status_code == 201:
                    made.append(answer.json()["id"])
    return made


def _ids(got: list[dict[str, Any]]) -> list[str]:
    """The ids of messages that were received, in the order in which they first were."""
    return list(dict.fromkeys(one["headers"]["webhook-id"] for one in got if one["answer"].startswith("2")))


async def test_none_is_lost_and_the_order_is_kept(killed: Server, world: World) -> None:
    rng = random.Random(SEED)
    async with receiving() as receiver, AsyncExitStack() as stack:
        receiver.answer = lambda _got: rng.choice(["204 No Content"] * 18 + ["503 Busy", ""])
        alice = await calling(stack, killed, world.tokens["alice"])
        made = await alice.post("/api/groups/class/webhooks", json={"url": receiver.url, "kinds": ["post.created"]})
        assert made.status_code == 201, made.text
        writing = asyncio.create_task(write(killed, world.tokens["bob"], world.class_channel, receiver))
        kills = await asyncio.wait_for(kill_senders(killed, receiver), PATIENCE * (1 + KILLS))
        posts = await writing
        async with asyncio.timeout(PATIENCE):
            while len(_ids(receiver.got)) < len(posts):
                await receiver.has(len(receiver.got) + 1)
    by_id: dict[str, set[tuple[int, int]]] = {}
    for one in receiver.got:
        place = one["data"]["post"]["id"], one["data"]["position"]
        by_id.setdefault(one["headers"]["webhook-id"], set()).add(place)
    told = [next(iter(by_id[id_])) for id_ in _ids(receiver.got)]
    assert all(len(places) == 1 for places in by_id.values()), "an id that was used twice"
    assert [post for post, _position in told] == posts, "lost, twice, or not in order"
    positions = [one["data"]["position"] for one in receiver.got]
    assert positions == sorted(positions), "something came after what follows it"
    print(f"{len(posts)} messages, {kills} kills, {len(receiver.got) - len(posts)} came more than once")
