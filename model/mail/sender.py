"""The consumer that sends what is in the outbox: one worker at a time, one letter after the other.

The oldest goes first, but for those that somebody waits for, and so many a minute, so that what a day without SMTP has
left is caught up without a flood. While the server takes nothing at all, no letter loses an attempt.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from model import settings
from model.mail import address, letters, message, outbox
from model.mail.letters import Content
from model.mail.outbox import Outcome, Waiting
from model.mail.refusals import BadAddress, mailable
from model.mail.setting import Smtp
from pottle import times
from pottle.errors import Refusal
from pottle.store import Snapshot, reads
from pottle.store.consumers import SLOW_SECONDS, Consumer, add

if TYPE_CHECKING:
    from model.mail.connection import Connection

log = logging.getLogger("pottle")

IDLE_SECONDS = 10.0  # until a connection without letters is ended
TIRED_SECONDS = 1.0  # after the database took no write
GRACE_SECONDS = 3.0  # for the letter that is being handed over when the worker ends
BURST = 10  # letters that may go at once
TROUBLE_STEPS = 9  # doublings of the pause while the server takes nothing: from 1/60 to about 5 of `pause`

Heard = Callable[[str, int], None]
_heard: list[Heard] = []


def on_outcome(do: Heard) -> None:
    """Has `do` be called with each outcome, and how many letters wait then."""
    _heard.append(do)


class Mails(Consumer):
    """Sends letters. It takes no changes: letters are put in the outbox by whoever makes what they are about."""

    name = "mail"
    kinds = frozenset()
    tags = frozenset({"table:mails"})

    async def work(self) -> None:
        """Sends what is due."""
        smtp = settings.chosen().mail
        if smtp is None:
            return await super().work()
        from model.mail.connection import Connection

        await outbox.begin()
        connection, self._full_at, self._troubles = Connection(smtp, message.host()), time.monotonic(), 0
        try:
            while True:
                self.woken.clear()
                due = await outbox.next_due()
                if due is None or due > times.now():
                    await self._rest(_seconds_until(due), connection)
                    continue
                await self._pace(smtp)
                try:
                    letter = await outbox.take()
                except Refusal:  # the disk is full, or somebody else holds the lock
                    await asyncio.sleep(TIRED_SECONDS)
                    continue
                if letter:
                    await self._shielded(letter, smtp, connection)
        finally:
            await connection.close()

    async def _rest(self, seconds: float, connection: "Connection") -> None:
        """Until something is due, or was put in. The connection is kept for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, IDLE_SECONDS) if connection.is_open else seconds):
                await self.woken.wait()
            return
        if seconds > IDLE_SECONDS:
            await connection.close()

    async def _pace(self, smtp: Smtp) -> None:
        """Waits until one more may be sent."""
        step, now = 60 / smtp.rate, time.monotonic()
        self._full_at = max(self._full_at, now) + step
        if (wait := self._full_at - now - BURST * step) > 0:
            await asyncio.sleep(wait)

    async def _shielded(self, letter: Waiting, smtp: Smtp, connection: "Connection") -> None:
        """Sends one, also where the worker ends meanwhile. While the server takes nothing, it waits."""
        one = asyncio.create_task(self._send(letter, smtp, connection))
        try:
            outcome = await asyncio.shield(one)
        except asyncio.CancelledError:
            await asyncio.wait([one], timeout=GRACE_SECONDS)
            one.cancel()
            raise
        if outcome.what != "trouble":
            if self._troubles:
                log.info("Mail is sent again")
            self._troubles = 0
            return
        if not self._troubles:
            log.warning("Mail cannot be sent, and is kept until it can: %s", outcome.said)
        await asyncio.sleep(smtp.pause / 60 * 2 ** min(self._troubles, TROUBLE_STEPS - 1))
        self._troubles += 1

    async def _send(self, letter: Waiting, smtp: Smtp, connection: "Connection") -> Outcome:
        """One attempt."""
        to = letter.address or await _address_of(letter.user_id or 0)
        outcome = Outcome("dropped")
        if to:  # what it says is made only once the server listens, for that may make a code
            outcome = await connection.begin() or await self._handed_over(letter, to, smtp, connection)
        while not await self._noted(letter, to, outcome, smtp):  # noqa: ASYNC110  # nothing tells when there is room
            await asyncio.sleep(TIRED_SECONDS)
        for heard in _heard:
            heard(outcome.what, await outbox.waiting())
        return outcome

    async def _handed_over(self, letter: Waiting, to: str, smtp: Smtp, connection: "Connection") -> Outcome:
        """Writes it, and hands it over."""
        try:
            if body := await written(letter, to, smtp):
                return await connection.send(mailable(to), body)
            outcome = Outcome("dropped")
        except BadAddress as error:
            outcome = Outcome("refused", str(error))
        except Exception as error:
            log.exception("Letter %d (%s) cannot be written", letter.id, letter.kind)
            outcome = Outcome("later", repr(error))
        await connection.drop()
        return outcome

    async def _noted(self, letter: Waiting, to: str | None, outcome: Outcome, smtp: Smtp) -> bool:
        """Notes what became of a letter, if it can: on a disk that is full it would else be sent again and again."""
        try:
            if outcome.what == "trouble":
                await outbox.release(outcome.said)
            else:
                await outbox.record(letter.id, to, outcome, smtp.pause)
        except Refusal:
            return False
        return True


async def written(letter: Waiting, to: str, smtp: Smtp) -> bytes | None:
    """What is sent to an address; None where there is nothing to say any more. Raises BadAddress."""
    wording = letters.kinds.get(letter.kind)
    content = await wording.make(letter) if wording else None
    return await _message(letter, mailable(to), content, smtp) if content else None


@reads
def _message(read: Snapshot, letter: Waiting, to: str, content: Content, smtp: Smtp) -> bytes:
    return message.written(read, letter, to, content, smtp)


@reads
def _address_of(read: Snapshot, user_id: int) -> str | None:
    return address.of(read, user_id)


def _seconds_until(due: str | None) -> float:
    if due is None:
        return SLOW_SECONDS
    return min(SLOW_SECONDS, max(0.0, (times.milliseconds(due) - times.milliseconds(times.now())) / 1_000) + 0.001)


add(Mails())
