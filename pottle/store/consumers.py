"""Consumers of the change log: what acts on each change once, whichever worker it runs in, such as webhooks.

A consumer has a name. One worker of all machines at a time runs it: whoever has its lock (`db.only`), which is given
back however its holder ends, so that another takes over within a second. Its place in the log is kept in the database
and moves in the same unit that takes the changes: each is taken once, in order, through kill -9 and restarts.

The log's follower wakes it. It looks by itself every half minute, in case a change was missed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Set
from contextlib import suppress
from functools import partial

from pottle.store import changes
from pottle.store.changes import Change
from pottle.store.database import db
from pottle.store.follower import Listener
from pottle.store.instance import fact, put
from pottle.store.statements import Snapshot
from pottle.store.unit import Tx

log = logging.getLogger("pottle")

RETRY_SECONDS = 1.0  # until it is tried again to be the one, or what failed
SLOW_SECONDS = 30.0  # until it looks without being woken
AT_ONCE = 500  # changes


class Consumer:
    """What to do with changes. An application makes a subclass, and `add`s one of it.

    `kinds` are those of the changes that it takes; without any it only has `work`. Changes with one of `tags`, such as
    `table:mails`, wake that.
    """

    name: str  # of at most 15 letters
    kinds: Set[str]
    tags: frozenset[str] = frozenset()
    woken: asyncio.Event  # for `work`

    def wants(self, _read: Snapshot, _rows: list[Change]) -> bool:
        """Whether anybody is interested in these changes. What came while nobody was is never taken."""
        return True

    def take(self, tx: Tx, rows: list[Change]) -> None:
        """Within the unit that moves the place: writes what is to be done about these changes."""
        raise NotImplementedError

    async def work(self) -> None:
        """Runs beside it, in the same worker alone, until it is cancelled: does what is to be done."""
        await asyncio.Event().wait()


consumers: list[Consumer] = []


def add(consumer: Consumer) -> None:
    """Has the server's workers run it."""
    consumers.append(consumer)


class Runner:
    """Runs a consumer while this worker is the one, and waits for that to become so."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer
        self.woken, consumer.woken = asyncio.Event(), asyncio.Event()
        self._fact = f"log:{consumer.name}"
        self._place = self._kept = 0  # the seq of the newest change that it has seen; the one in the database

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            async with db.only(self.consumer.name) as only:
                log.debug("This worker runs %s", self.consumer.name)
                try:
                    async with asyncio.TaskGroup() as parts:
                        if self.consumer.kinds:
                            parts.create_task(self._again(self._follow))
                        parts.create_task(self._again(self.consumer.work))
                        parts.create_task(only.lost())
                except* ConnectionError:
                    log.warning("%s goes on elsewhere: its lock was lost with the database", self.consumer.name)

    def told(self, read: Snapshot, rows: list[Change]) -> Callable[[], None]:
        """What to do about changes that the follower has read: to pass over them, or to wake it, which reads them."""
        before = db.head
        if self._place == before and not self._wanted(read, rows):
            return partial(self._pass, before, rows[-1].seq)
        return self.woken.set

    def _pass(self, before: int, newest: int) -> None:
        if self._place == before:  # it has not read meanwhile
            self._place = newest

    def _wanted(self, read: Snapshot, rows: list[Change]) -> list[Change]:
        wanted = [row for row in rows if row.kind in self.consumer.kinds]
        return wanted if wanted and self.consumer.wants(read, wanted) else []

    async def _again(self, part: Callable[[], Awaitable[None]]) -> None:
        """Runs a part of it, and again where it fails."""
        while True:
            try:
                await part()
            except Exception:
                log.exception("%s failed, and is tried again", self.consumer.name)
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self) -> None:
        self._place = self._kept = int(await db.read(fact, self._fact) or 0)
        while True:
            self.woken.clear()
            while await self._step():  # noqa: ASYNC110  # others have their turn between
                await asyncio.sleep(0)
            # Not wait_for, which on Python 3.11 may lose a cancellation that comes as it is woken.
            with suppress(TimeoutError):
                async with asyncio.timeout(SLOW_SECONDS):
                    await self.woken.wait()
                continue
            if self._place > self._kept:
                await self._move([], self._place)

    async def _step(self) -> bool:
        """Takes the next changes; whether there may be more."""
        rows, wanted = await db.read(self._next)
        if rows and wanted:
            await self._move(wanted, rows[-1].seq)
            self.consumer.woken.set()
        if rows:
            self._place = rows[-1].seq
        return len(rows) == AT_ONCE

    def _next(self, read: Snapshot) -> tuple[list[Change], list[Change]]:
        """The next changes, and those of them that are to be taken."""
        rows = changes.some(read, self._place, AT_ONCE)
        if self._place and not changes.all_there(read, self._place, rows):
            log.warning("The change log was pruned before %s had read it", self.consumer.name)
        return rows, self._wanted(read, rows)

    async def _move(self, wanted: list[Change], place: int) -> None:
        await db.write(self._take, wanted, place)
        self._kept = place

    def _take(self, tx: Tx, wanted: list[Change], place: int) -> None:
        if int(fact(tx, self._fact) or 0) != self._kept:
            raise RuntimeError("Somebody else has moved its place")
        put(tx, self._fact, str(place))
        if wanted:
            self.consumer.take(tx, wanted)


class Consuming:
    """All consumers, as this worker runs them."""

    def __init__(self) -> None:
        self._runners: list[Runner] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.listener = Listener(self._prepare, self._wake, self._wake_all)

    def start(self) -> None:
        """Once the database is open."""
        self._runners = [Runner(consumer) for consumer in consumers]
        self._tasks = [asyncio.create_task(runner.run()) for runner in self._runners]

    async def stop(self) -> None:
        """Before it is closed. What is under way is ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._runners, self._tasks = [], []

    def _prepare(self, read: Snapshot, rows: list[Change]) -> list[Callable[[], None]]:
        tags = {tag for row in rows for tag in row.tags.split()}
        follow = [runner.told(read, rows) for runner in self._runners if runner.consumer.kinds]
        return [*follow, *(runner.consumer.woken.set for runner in self._runners if tags & runner.consumer.tags)]

    def _wake(self, woken: Iterable[Callable[[], None]]) -> None:
        for wake in woken:
            wake()

    def _wake_all(self) -> None:
        for runner in self._runners:
            runner.woken.set()
            runner.consumer.woken.set()


consuming = Consuming()
