"""The process that does an import's work (job.py): reads, checks and renders in a thread, and says how far it is."""

import asyncio
import logging
from typing import Any, NamedTuple

from model import settings
from model.arriving import importing, placing
from model.arriving.job import BY_ID, CHANGE, MOST_LINES, State, file_of
from model.talk.search import upkeep
from pottle.errors import Refusal
from pottle.store import Snapshot, Tx, db, writes
from pottle.store.copies import Progress
from pottle.store.files import WrongDatabase

EVERY_S = 1.0
log = logging.getLogger(__name__)


class Cancelled(Exception):
    """Somebody cancelled the import, or deleted its group."""


class _By(NamedTuple):
    """Who began it, for the activity log."""

    uid: str


class _Working:
    """How far the work of a job is: told by the thread that does it, kept in the database once a second."""

    def __init__(self, id_: int) -> None:
        self.id_, self.cancelled = id_, False
        self._at = ("", 0, 0)

    def progress(self, step: str, done: int, total: int) -> None:
        """For the thread. Raises Cancelled."""
        if self.cancelled:
            raise Cancelled
        self._at = (step, done, total)

    async def tell(self) -> None:
        """Keeps it, until the task is cancelled."""
        told = self._at
        while True:
            await asyncio.sleep(EVERY_S)
            if self._at != told:
                told = self._at
                self.cancelled = not await _note(self.id_, *told)


@writes
def _note(tx: Tx, id_: int, step: str, done: int, total: int) -> bool:
    """Whether the job is still wanted."""
    row = tx.one(BY_ID, id=id_)
    if row is None or row.state == "cancelled":
        return False
    tx.run(CHANGE, id=id_, step=step[:40], done=done, total=total)
    return True


async def work(id_: int) -> None:
    """Does what a job is at: its dry run, or all of it. It ends in the job's row, however that may be."""
    job = await db.read(Snapshot.one, BY_ID, id=id_)
    if job is None or job.state not in ("checking", "importing"):
        return
    working = _Working(id_)
    telling = asyncio.create_task(working.tell())
    try:
        await _do(job, working)
    except Cancelled:
        pass
    except (WrongDatabase, Refusal) as error:
        await _end(id_, "failed", error=str(error))
    except Exception as error:
        log.exception("An import failed")
        await _end(
            id_, "failed", error=f"It failed, and nothing was imported; the server's log says more: {error!r:.200}"
        )
    finally:
        telling.cancel()
        after = await db.read(Snapshot.one, BY_ID, id=id_)
        if after is None or after.state != "checked":
            file_of(id_).unlink(missing_ok=True)


async def _do(job: Any, working: _Working) -> None:
    progress: Progress = working.progress
    longest = settings.chosen().post_length
    read = await asyncio.to_thread(importing.prepare, file_of(job.id), longest, job.source, progress, job.file)
    if job.state == "checking":
        outcome = await db.read(placing.preview, read.plan, job.group, read.source)
    else:
        await _begin_placing(job.id)
        outcome = await placing.place(read.plan, job.group, read.source, job.file, _By(job.by) if job.by else None)
        await upkeep.complete()
    state: State = "checked" if outcome.dry else "done"
    await _end(job.id, state, source=read.source, counts=outcome.counts, report=outcome.report)


@writes
def _begin_placing(tx: Tx, id_: int) -> None:
    """From here on it cannot be cancelled. Raises Cancelled."""
    row = tx.one(BY_ID, id=id_)
    if row is None or row.state != "importing":
        raise Cancelled
    tx.run(CHANGE, id=id_, state="placing")


@writes
def _end(tx: Tx, /, id_: int, state: State, **about: Any) -> None:
    row = tx.one(BY_ID, id=id_)
    if row is None or row.state == "cancelled":
        return
    if len(lines := about.get("report", [])) > MOST_LINES:
        about["report"] = [*lines[:MOST_LINES], f"And {len(lines) - MOST_LINES} reasons more."]
    ended = None if state == "checked" else tx.now
    tx.run(CHANGE, id=id_, state=state, ended=ended, **about)
