"""The consumer that sends what is in the outbox: one worker at a time, each person's one after the other.

A push service that is slow or dead keeps nobody waiting but those who use it, and whoever has many browsers takes no
more of the connections than others.
"""

import asyncio
import logging
import random
from contextlib import suppress
from functools import partial
from typing import Any

from model import settings
from model.accounts.session import Identity
from model.push import outbox, sealing, vapid, words
from model.push.outbox import OLD_HOURS, Job
from model.webhooks import sending
from pottle import times
from pottle.store import Snapshot, reads
from pottle.store.consumers import SLOW_SECONDS, Consumer, add

log = logging.getLogger("pottle")

AT_ONCE = 50  # connections
GRACE_SECONDS = 3.0  # for what is being sent when the worker ends
TIRED_SECONDS = 1.0  # after an error of ours
LATER = 0.1  # by so much of the pause at most


class Pushes(Consumer):
    """Sends pushes. What is put into the outbox wakes it."""

    name = "pushes"
    kinds = frozenset()
    tags = frozenset({"table:pushes"})

    async def work(self) -> None:
        """Sends what is due."""
        serving: dict[int, asyncio.Task[None]] = {}
        try:
            while True:
                self.woken.clear()
                now = times.now()  # what becomes due between the two questions is not missed
                while found := await outbox.due(now, {*serving}, AT_ONCE - len(serving)):
                    for user_id in found:
                        serving[user_id] = asyncio.create_task(self._serve(user_id))
                        serving[user_id].add_done_callback(partial(self._served, serving, user_id))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_seconds_until(await outbox.next_due(now))):
                        await self.woken.wait()
        finally:
            for task in serving.values():
                task.cancel()  # each ends what it is at
            await asyncio.gather(*serving.values(), return_exceptions=True)

    def _served(self, serving: dict[int, asyncio.Task[None]], user_id: int, _task: asyncio.Task[None]) -> None:
        del serving[user_id]
        self.woken.set()

    async def _serve(self, user_id: int) -> None:
        """Sends what is due to somebody, one after the other, until nothing is."""
        try:
            while job := await outbox.next_of(user_id):
                one = asyncio.create_task(_deliver(job))
                try:
                    await asyncio.shield(one)
                except asyncio.CancelledError:
                    await asyncio.wait([one], timeout=GRACE_SECONDS)
                    one.cancel()
                    raise
        except Exception:
            log.exception("Pushes to user %s could not be sent", user_id)
            await asyncio.sleep(TIRED_SECONDS)


async def _deliver(job: Job) -> None:
    """One attempt, or none where there is nothing to be told any more."""
    push, to = job
    if to is None:
        await outbox.end(push.subscription_id)
    elif made := await _made(push, to):
        outcome = await sending.send(to.endpoint, *made, settings.chosen().push_networks)
        if outcome.code is not None and not outcome.delivered:
            log.info("A push service refused a push: %s", outcome.trouble)
        await outbox.record(push.id, to.id, outcome, random.uniform(1, 1 + LATER))  # noqa: S311  # no secret
    else:
        await outbox.drop(push.id)


async def _made(push: Any, to: Any) -> tuple[dict[str, str], bytes] | None:
    """What is sent; None for nothing. What cannot be made, by a fault of ours, is not tried for ever."""
    try:
        told = None if outbox.is_old(push) else await _said(push, to)
        if told is None:
            return None
        return await asyncio.to_thread(_sealed, to, words.message(told, to.chosen or to.language), told)
    except Exception:
        log.exception("A push of the kind %s cannot be made", push.kind)
        return None


@reads
def _said(read: Snapshot, push: Any, to: Any) -> words.Said | None:
    who = Identity(to.user_id, to.uid, to.name, None, to.role, to.chosen, session=to.session_id, expires=to.expires)
    return words.said(read, who, push.kind, push.subject, push.group_id)


def _sealed(to: Any, message: bytes, told: words.Said) -> tuple[dict[str, str], bytes]:
    """What is sent: encrypted for the browser (RFC 8291), which alone can read it."""
    body = sealing.sealed(message, vapid.decoded(to.public_key), vapid.decoded(to.auth_secret))
    headers = {
        "Authorization": vapid.authorization(to.endpoint),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(OLD_HOURS * 3_600),
        "Topic": words.topic(told),
        "Urgency": told.urgency,
        "User-Agent": "Pottle",
    }
    return headers, body


def _seconds_until(due: str | None) -> float:
    if due is None:
        return SLOW_SECONDS
    return min(SLOW_SECONDS, max(0.0, (times.milliseconds(due) - times.milliseconds(times.now())) / 1_000) + 0.001)


add(Pushes())
