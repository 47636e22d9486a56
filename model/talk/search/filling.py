"""The consumer that has the index filled for posts of before, while a server runs: one worker of all does it."""

import asyncio
import logging

from model.talk.search import upkeep
from pottle.errors import Refusal
from pottle.store.consumers import Consumer, add

log = logging.getLogger("pottle")

LATER_SECONDS = 60.0  # after a refusal


class Filling(Consumer):
    """Goes on where another worker, or another server before this one, was."""

    name = "search"
    kinds = frozenset()

    async def work(self) -> None:
        """Fills it; then there is nothing left to do, for what is posted is indexed at once."""
        try:
            while not await _filled():  # noqa: ASYNC110  # no event tells that there is room again
                await asyncio.sleep(LATER_SECONDS)
        except Exception:  # which would come again each second
            log.exception("Filling the index of search")
        await super().work()


async def _filled() -> bool:
    try:
        await upkeep.go_on()
    except Refusal as passing:  # the disk is full, or too many write
        log.warning("Search was not filled: %s It tries again in a minute.", passing)
        return False
    return True


add(Filling())
