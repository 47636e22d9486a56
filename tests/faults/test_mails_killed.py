"""Mail while the worker that sends it is killed (kill -9), again and again.

MAILS, how many letters, and MAIL_KILLS make it longer: by hand 1,000 and 1,000. None may be missing. One may come twice
only where the worker was killed between the server's word that it has the letter and the commit that notes it: never
more often than there were kills, and under the same Message-ID. Seen to fail with the outcome noted before the letter
is sent (missing), and with letters sent that another worker has taken (twice without a kill).
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.conftest import World
from tests.holders import holders
from tests.lasting import SEED
from tests.mailbox import Mailbox, receiving
from tests.server import PATIENCE, Server, calling

pytestmark = pytest.mark.slow

MAILS = int(os.environ.get("MAILS", "40"))
KILLS = int(os.environ.get("MAIL_KILLS", "3"))
AT_ONCE = 50  # that a request may invite
AT_THE_ANSWER = 0.5  # of the kills come before the server says that it has the letter, the others just after


class Killer:
    """Kills whoever sends, at moments around the server's answer."""

    def __init__(self, server: Server, box: Mailbox) -> None:
        self.server, self.box, self.rng, self.done = server, box, random.Random(SEED), 0
        self.tasks: set[asyncio.Task[None]] = set()
        box.data = self.heard

    async def heard(self, _to: str) -> None:
        """A letter has arrived and is not yet answered. As many kills are still due as letters, or fewer."""
        left = max(1, MAILS - len({one.to for one in self.box.got}))
        if self.done < KILLS and self.rng.random() < (KILLS - self.done) / left:
            if self.rng.random() < AT_THE_ANSWER:
                self.kill()
            else:
                self.tasks.add(asyncio.create_task(self.soon()))

    async def soon(self) -> None:
        """Kills in a moment, in which the answer may arrive, or be noted."""
        await asyncio.sleep(self.rng.uniform(0, 0.01))
        self.kill()

    def kill(self) -> None:
        """Kills it now."""
        for process in holders(self.server, "mail"):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
                self.done += 1


@asynccontextmanager
async def sending(instance: Path, tmp_path: Path) -> AsyncIterator[tuple[Server, Mailbox]]:
    """Three workers whose mail goes to this process."""
    async with receiving() as box:
        mail = f"{box.url}&pause=0.2&rate=600000"
        with Server(instance, tmp_path, POTTLE_URL="https://talk.school.example", POTTLE_MAIL=mail) as server:
            yield server, box


async def test_none_is_missing_and_none_comes_twice_without_a_kill(
    instance: Path, tmp_path: Path, world: World
) -> None:
    rng = random.Random(SEED)
    async with sending(instance, tmp_path) as (server, box), AsyncExitStack() as stack:
        killer = Killer(server, box)
        box.rcpt = lambda _to: "451 4.3.0 Not now" if rng.random() < 0.02 else None
        wanted = [f"pupil-{number}@school.example" for number in range(MAILS)]
        alice = await calling(stack, server, world.tokens["alice"])
        for start in range(0, MAILS, AT_ONCE):
            await invited(alice, wanted[start : start + AT_ONCE])
        async with asyncio.timeout(PATIENCE + KILLS * 6 + MAILS):
            while await waits(alice) or killer.done < KILLS:
                before = len(box.got)
                with suppress(TimeoutError):
                    await asyncio.wait_for(box.wait(lambda got, before=before: len(got) > before), 1)  # type: ignore[misc]
                if len({one.to for one in box.got}) == len(wanted) and killer.done < KILLS:
                    wanted += (more := [f"more-{len(wanted)}-{number}@school.example" for number in range(AT_ONCE)])
                    await invited(alice, more)
    times = Counter(one.to for one in box.got)
    twice = sum(times.values()) - len(times)
    assert set(times) == set(wanted), "missing"
    assert twice <= killer.done, "twice without a kill"
    for to in [to for to, often in times.items() if often > 1]:
        assert len({one.message["Message-ID"] for one in box.got if one.to == to}) == 1, "under another id"
    print(f"{len(wanted)} letters, {killer.done} kills, {twice} came twice")


async def waits(alice: httpx.AsyncClient) -> bool:
    """Whether a letter waits to be sent, or nobody answers that."""
    with suppress(httpx.HTTPError, KeyError):
        mails = (await alice.get("/api/groups/class/invitations/mails")).json()["mails"]
        return any(mail["state"] == "waiting" for mail in mails)
    return True


async def invited(alice: httpx.AsyncClient, addresses: list[str]) -> None:
    """Has letters be put into the outbox; asked again, with the same key, where the worker that was asked is killed."""
    key = {"Idempotency-Key": f"mails {addresses[0]}"}
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(httpx.HTTPError):
                answer = await alice.post(
                    "/api/groups/class/invitations/mails", json={"addresses": addresses}, headers=key
                )
                if answer.status_code == 201:
                    return
            await asyncio.sleep(0.05)
