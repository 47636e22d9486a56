"""The writer: one thread of each worker, which commits many units of work at once.

Group commit (Gray and Reuter, Transaction Processing, 9.4): one lock, one fsync and one hop back to the event loop for
all units that waited, where every request with a transaction of its own pays for each. The batch is closed once the
writer has the turn: what comes while another process has it comes along. No savepoints: SQLITE_FULL inside one rolls
the whole transaction back, and its RELEASE would then commit half a batch. A unit that fails after it wrote spoils its
batch instead; the batch is rolled back and each unit is run again alone.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Protocol

from pottle.errors import Overloaded, Refusal, StorageFull
from pottle.store.unit import Envelope, Spoiled, Tx, Unit, envelope
from pottle.translation import _

log = logging.getLogger("pottle")

MOST_IN_A_BATCH = 500
MOST_BATCHES = 10_000  # kept where nobody looks, as in commands
PATIENCE = 15.0  # seconds that a unit waits to be run, for a turn that a stuck process holds; a proxy gives up at 60


class Batch(NamedTuple):
    """Units that were run together, how long that took, and how much of it was the wait for their turn."""

    units: int
    seconds: float
    waited: float


@dataclass
class Tally:
    """Units by what became of them. Each number is changed in one thread only: `turned_away` in the event loop's."""

    committed: int = 0
    refused: int = 0
    failed: int = 0
    turned_away: int = 0
    batches: deque[Batch] = field(default_factory=lambda: deque(maxlen=MOST_BATCHES))

    def count(self, errors: Iterable[BaseException | None], batch: Batch) -> None:
        """Adds a batch, with the error of each unit, or None."""
        self.batches.append(batch)
        for error in errors:
            if error is None:
                self.committed += 1
            elif isinstance(error, Refusal) and not isinstance(error, Overloaded | StorageFull):
                self.refused += 1
            else:
                self.failed += 1


class Written(Protocol):
    """What a writer asks of the database: SQLite's or PostgreSQL's."""

    def transaction(self) -> AbstractContextManager[Tx]:
        """With the turn, one transaction, which is durable when this ends well."""

    def may_succeed_now(self, error: BaseException) -> bool:
        """Whether a batch that failed with this error can be run again."""

    def explained(self, error: BaseException) -> BaseException:
        """The error as a unit's caller should see it: passing troubles as refusals."""


class Writer:
    """Runs units one after the other in its own thread; `await writer.run(unit, …)` returns once they are on disk."""

    def __init__(
        self, store: Written, committed: Callable[[], object], most_waiting: int, tally: Tally | None = None
    ) -> None:
        self._store = store
        self._committed = committed  # called in the event loop, after each commit
        self._most_waiting = most_waiting
        self._tally = tally or Tally()
        self._busy_since = 0.0  # monotonic, s; 0 while nothing is under way
        self._waited = 0.0  # seconds, for the turn of the batch that is under way
        self.waiting = 0
        self._stopping = False
        self._gathered: list[Unit] = []  # in this round of the event loop
        self._queue: SimpleQueue[Unit | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    async def run(self, unit: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Runs `unit(tx, *args, **kwargs)` and returns what it returned, durably committed; raises what it raised.

        Raises Overloaded when too many units wait, and when it cannot be run for PATIENCE: then it never will be. A
        caller that is cancelled stops waiting; its unit still runs.
        """
        if self._stopping:
            raise Overloaded(_("The server is stopping."))
        if self.waiting >= self._most_waiting:
            self._tally.turned_away += 1
            raise Overloaded(_("Too many writes are waiting."))
        future: asyncio.Future[Any] = self._loop.create_future()
        work = Unit(unit, args, kwargs, future, envelope.get() or Envelope())
        envelope.set(None)  # it surrounds one write
        self.waiting += 1
        if not self._gathered:
            self._loop.call_soon(self._hand_over)
        self._gathered.append(work)
        why = _("Another process holds the right to write.")
        impatient = self._loop.call_later(PATIENCE, lambda: work.give_up(Overloaded(why)))
        try:
            return await future
        finally:
            impatient.cancel()

    @property
    def busy_seconds(self) -> float:
        """For how long the units that are under way have been."""
        return time.monotonic() - self._busy_since if self._busy_since else 0.0

    async def stop(self) -> None:
        """Runs what waits, then ends the thread."""
        self._stopping = True
        self._hand_over()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self) -> None:
        """Wakes the thread once for all units of a round.

        Each time it wakes, it and the event loop are in each other's way, for Python runs one of them at a time.
        """
        for unit in self._gathered:
            self._queue.put(unit)
        self._gathered.clear()

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            self._busy_since = begun = time.monotonic()
            self._waited = 0.0
            batch = [first]
            self._in_turn(batch, MOST_IN_A_BATCH - 1)
            self._busy_since = 0.0
            took = Batch(len(batch), time.monotonic() - begun, self._waited)
            self._tally.count((unit.error for unit in batch), took)
            self._loop.call_soon_threadsafe(self._answer, batch)

    def _in_turn(self, batch: list[Unit], room: int, again: bool = True) -> None:
        """Waits for the turn, and runs the batch with up to `room` units that came meanwhile and now join it.

        Where it may succeed now, it is run again; where it cannot be committed, each unit alone.
        """
        try:
            with self._turn() as tx:
                batch += self._queued(room)
                for unit in batch:
                    unit.run(tx)
        except Exception as error:
            cause = error.__cause__ if isinstance(error, Spoiled) and error.__cause__ else error
            explained = self._store.explained(cause)
            for_all = isinstance(error, StorageFull) or (explained is not cause and isinstance(explained, Overloaded))
            if again and self._store.may_succeed_now(cause):
                self._in_turn(batch, 0, again=False)
            elif len(batch) == 1 or for_all:
                if for_all:  # each would wait for the lock again, which would take hours, or be told the same
                    batch += self._queued(room)
                for unit in batch:
                    unit.error = explained
            else:
                for unit in batch:
                    self._in_turn([unit], 0, again=False)
        else:
            self._loop.call_soon_threadsafe(self._committed)

    @contextmanager
    def _turn(self) -> Iterator[Tx]:
        """A transaction. Notes how long was waited for it, also in vain."""
        with ExitStack() as stack:
            asked = time.monotonic()
            try:
                tx = stack.enter_context(self._store.transaction())
            finally:
                self._waited += time.monotonic() - asked
            yield tx

    def _queued(self, most: int) -> Iterator[Unit]:
        with suppress(Empty):
            for _ in range(most):
                if (more := self._queue.get_nowait()) is None:
                    self._queue.put(None)  # the wish to stop: for when the batch is done
                    return
                yield more

    def _answer(self, batch: list[Unit]) -> None:
        self.waiting -= len(batch)
        for unit in batch:
            if unit.future.done():  # cancelled, or given up
                if unit.error is not None and not isinstance(unit.error, Refusal):
                    unit.context.run(log.error, "A write failed, and its caller had gone", exc_info=unit.error)
            elif unit.error is None:
                unit.future.set_result(unit.value)
            else:
                unit.future.set_exception(unit.error)
