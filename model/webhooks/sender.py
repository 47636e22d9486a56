"""The consumer of the log that sends webhooks: one worker at a time, and in it a task for each hook with work.

A hook that is slow or dead keeps nobody waiting but itself.
"""

import asyncio
import logging
import random
import secrets
import time
from contextlib import suppress
from functools import partial

from model import settings
from model.accounts.session import Identity
from model.webhooks import delivery, hook, payload, sending, signing
from model.webhooks.delivery import DeliveryView, Job
from model.webhooks.hook import TEST
from model.webhooks.sending import Outcome
from pottle import times
from pottle.store import Snapshot, Tx, db
from pottle.store.changes import Change
from pottle.store.consumers import SLOW_SECONDS, Consumer, add

log = logging.getLogger("pottle")

GRACE_SECONDS = 3.0  # for what is being sent when the worker ends
TIRED_SECONDS = 1.0  # after an error of ours
LATER = 0.1  # by so much of the pause at most: those that failed together shall not all come together again


class Webhooks(Consumer):
    """Takes changes into deliveries, and sends these."""

    name = "webhooks"
    kinds = frozenset(hook.Kind.__args__)  # type: ignore[attr-defined]
    tags = frozenset({"table:webhooks", "table:webhook_deliveries"})

    def wants(self, read: Snapshot, _rows: list[Change]) -> bool:
        """Whether there is a hook."""
        return read.one(delivery.ANY) is not None

    def take(self, tx: Tx, rows: list[Change]) -> None:
        """Adds deliveries."""
        delivery.take(tx, rows)

    async def work(self) -> None:
        """Sends what is due, each hook's in order."""
        serving: dict[int, asyncio.Task[None]] = {}
        try:
            while True:
                self.woken.clear()
                heads = await db.read(delivery.heads)
                for id_ in [id_ for id_, due in heads.items() if due <= times.now() and id_ not in serving]:
                    serving[id_] = asyncio.create_task(self._serve(id_))
                    serving[id_].add_done_callback(partial(self._served, serving, id_))
                next_due = min((due for id_, due in heads.items() if id_ not in serving), default=None)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_seconds_until(next_due)):
                        await self.woken.wait()
        finally:
            for task in serving.values():
                task.cancel()  # each ends what it is at
            await asyncio.gather(*serving.values(), return_exceptions=True)

    def _served(self, serving: dict[int, asyncio.Task[None]], id_: int, _task: asyncio.Task[None]) -> None:
        del serving[id_]
        self.woken.set()

    async def _serve(self, hook_id: int) -> None:
        """Sends what is due to a hook, one after the other, until nothing is."""
        try:
            while job := await delivery.next_of(hook_id):
                if not job.hook.may:
                    await delivery.dismiss(hook_id, "Whoever switched it on no longer looks after it.")
                    return
                one = asyncio.create_task(self._deliver(job))
                try:
                    await asyncio.shield(one)
                except asyncio.CancelledError:
                    await asyncio.wait([one], timeout=GRACE_SECONDS)
                    one.cancel()
                    raise
        except Exception:
            log.exception("Webhook %s could not be served", hook_id)
            await asyncio.sleep(TIRED_SECONDS)

    async def _deliver(self, job: Job) -> None:
        """One attempt. What it says is as things are now: of a post that was removed meanwhile, nothing is left."""
        row = job.delivery
        told = await db.read(payload.told_of, row.kind, row.subject, row.seq, job.hook.slug)
        body = payload.body(row.kind, row.created, told, job.hook.format)
        outcome = await _sent(job.hook, row.message, body) if body else Outcome(204, "There was nothing left to say.")
        await delivery.record(row.id, outcome, random.uniform(1, 1 + LATER))  # noqa: S311  # no secret


async def test(identity: Identity, hook_id: int) -> DeliveryView:
    """Sends a test now, from this worker, whatever else waits. Raises NotFound."""
    await hook.mine(identity, hook_id)
    to = await db.read(Snapshot.one, hook.FULL, id=hook_id)
    told = await db.read(payload.told_of, TEST, None, 0, to.slug)
    message = f"msg_{secrets.token_hex(12)}"
    outcome = await _sent(to, message, payload.body(TEST, times.now(), told, to.format) or b"")
    return await delivery.note_test(identity, hook_id, message, outcome)


async def _sent(to: hook.Webhook, message: str, body: bytes) -> Outcome:
    signed_by = [to.secret, *([to.old_secret] if to.old_secret and (to.overlap or "") > times.now() else [])]
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Pottle-Webhooks",
        **signing.headers(message, int(time.time()), body, signed_by),
    }
    return await sending.send(to.url, headers, body, settings.chosen().webhook_networks)


def _seconds_until(due: str | None) -> float:
    if due is None:
        return SLOW_SECONDS
    return min(SLOW_SECONDS, max(0.0, (times.milliseconds(due) - times.milliseconds(times.now())) / 1_000) + 0.001)


add(Webhooks())
