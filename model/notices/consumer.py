"""The consumer of the log that makes notices, and hands those that are due over to be mailed."""

import asyncio
from contextlib import suppress
from typing import cast

from model.notices import addressees, bell, bundling, choices, mailing, notice, timing
from model.notices.notice import FOR_MODERATORS, Noticed, Told, Way
from pottle import times
from pottle.store import Snapshot, Tx, reads
from pottle.store.changes import Change
from pottle.store.consumers import SLOW_SECONDS, Consumer, add

WAIT = 120.0  # seconds: so that several are one mail, and what is read at once is none
WAIT_FOR_MODERATORS = 600.0
APART = 900.0  # between two mails about one discussion
APART_FOR_MODERATORS = 3_600.0  # about what waits in one group
LISTED = ("post.decided", "appeal.answered")  # what the bell has from here


class Notices(Consumer):
    """Takes changes into notices, and bundles these."""

    name = "notices"
    kinds = notice.finders.keys()
    tags = frozenset({"table:notices"})

    def wants(self, read: Snapshot, rows: list[Change]) -> bool:
        """Whether anybody can be told. Decisions are noted all the same, for the bell has them from here."""
        return any(row.kind in LISTED for row in rows) or notice.reaches(read)

    def take(self, tx: Tx, rows: list[Change]) -> None:
        """Adds notices."""
        reached = notice.reaches(tx)
        rows = rows if reached else [row for row in rows if row.kind in LISTED]
        made = [new for row in rows for told in addressees.of(tx, row) if (new := _noticed(tx, told))]
        if authors := {one.user_id for one in made if one.kind == "decided"}:
            tx.changed("noticed", tags=map(bell.notices_of, sorted(authors)))
        for do in notice.listeners if made else ():
            do(tx, made)

    async def work(self) -> None:
        """Bundles what is due, a few people in a unit."""
        while True:
            self.woken.clear()
            while await bundling.bundle():  # noqa: ASYNC110  # others have their turn between
                await asyncio.sleep(0)
            with suppress(TimeoutError):
                async with asyncio.timeout(_seconds_until(await _next_due())):
                    await self.woken.wait()


def _noticed(tx: Tx, told: Told) -> Noticed | None:
    """Adds a notice, as its user wants it; None where there is one already, or they want nothing."""
    choice = choices.of(tx, told.user_id, told.group_id, told.channel_id)
    how, pushed = choice.how(told.kind), choice.pushes(told.kind)
    if how == "off" and not pushed and told.kind != "decided":
        return None
    way: Way | None = None
    due: str | None = None
    if how != "off" and mailing.reaches(tx, told.user_id):
        way, due = timing.due(tx.now, how, choice.clock, *_pace(tx, told))
    made = notice.add(tx, told, way, due)
    return Noticed(made, *told, due=timing.loud(tx.now, choice.clock), push=pushed) if made else None


def _pace(tx: Tx, told: Told) -> tuple[float, str | None, float]:
    """How long a mail waits at least, when the last one of its kind was sent, and how far it is to be from that."""
    if told.kind in FOR_MODERATORS:
        last = tx.one(notice.LAST_IN_GROUP, user_id=told.user_id, group_id=told.group_id)
        return WAIT_FOR_MODERATORS, last.told, APART_FOR_MODERATORS
    last = tx.one(notice.LAST_IN_CHANNEL, user_id=told.user_id, channel_id=told.channel_id)
    return WAIT, last.told, APART


@reads
def _next_due(read: Snapshot) -> str | None:
    return cast(str | None, read.one(notice.NEXT_DUE).due)


def _seconds_until(due: str | None) -> float:
    if due is None:
        return SLOW_SECONDS
    return min(SLOW_SECONDS, max(0.0, (times.milliseconds(due) - times.milliseconds(times.now())) / 1_000) + 0.001)


add(Notices())
