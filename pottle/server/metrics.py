"""`/metrics`: Pottle's numbers, for Prometheus. Each worker moves its own there once a second."""

import asyncio
import logging
import sqlite3
import time
from contextlib import suppress
from ipaddress import ip_address, ip_network
from itertools import count
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, Counter
from quart import Blueprint, Response, request

from pottle.access import access
from pottle.errors import Forbidden
from pottle.http import measures
from pottle.http.answers import gives
from pottle.http.asking import anyone
from pottle.http.caching import shelf
from pottle.live.hub import hub
from pottle.server import descriptors, gathering, logs
from pottle.store import changes, copies, db

log = logging.getLogger("pottle")

blueprint = Blueprint("metrics", __name__)

SECONDS = 1.0
READY_SECONDS = 10  # from one look whether it can serve to the next, and for how long it may take
LEVELS = ("warning", "error", "critical")
FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP")
STATUS = Path("/proc/self/status")


@blueprint.get("/metrics")
@anyone
@gives(str)
async def metrics() -> Response:
    """Numbers of all workers, for admins, and for whoever asks directly from one of POTTLE_METRICS."""
    who = access().asker()
    if not (who and who.admin) and not _direct():
        raise Forbidden("Metrics are for admins, and for whoever asks directly from an address in POTTLE_METRICS.")
    reporter.report()
    text = gathering.exposition(measures.registry)
    return Response(text, 200, {"Cache-Control": "no-store"}, content_type=CONTENT_TYPE_LATEST)


def _direct() -> bool:
    """Whether whoever asks does so without a proxy, and from an address of POTTLE_METRICS."""
    if any(name in request.headers for name in FORWARDED):
        return False
    try:
        asking = ip_address(request.remote_addr or "")
    except ValueError:  # a Unix socket has none
        return False
    return any(asking in ip_network(network) for network in db.settings.metrics)


class Reporter:
    """Moves what this worker has added up into the metrics."""

    def __init__(self) -> None:
        self._moved: dict[object, float] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Once the database is open: reports once a second."""
        measures.worker_starts.inc()
        self._task = asyncio.create_task(self._report_now_and_then())

    async def stop(self) -> None:
        """Before the database is closed: reports for the last time."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self.report()

    def report(self) -> None:
        """Moves all there is now."""
        self._of_answers()
        self._of_writes()
        self._of_sockets()
        self._of_this_process()
        self._of_the_log()
        with suppress(sqlite3.Error):  # /readyz tells of it
            self._of_the_database()

    async def _report_now_and_then(self) -> None:
        for second in count():
            try:
                self.report()
                if second % READY_SECONDS == 0:
                    measures.ready.set(await _ready())
            except Exception:
                log.exception("Reporting metrics")
            await asyncio.sleep(SECONDS)

    def _of_answers(self) -> None:
        self._move(measures.cache_hits, shelf.hits)
        self._move(measures.cache_misses, shelf.misses)
        self._move(measures.cache_renewals, shelf.renewals)
        measures.cache_bytes.set(shelf.bytes)

    def _of_writes(self) -> None:
        tally = db.tally
        for outcome in ("committed", "refused", "failed", "turned_away"):
            self._move(measures.writes.labels(outcome), getattr(tally, outcome))
        while tally.batches:
            batch = tally.batches.popleft()
            measures.batch_units.observe(batch.units)
            measures.commit_seconds.observe(batch.seconds)
        measures.waiting_writes.set(db.waiting)

    def _of_sockets(self) -> None:
        measures.subscribers.set(len(hub.connections))
        measures.subscriptions.set(hub.subscriptions)
        self._move(measures.live_changes_sent, hub.sent)

    def _of_this_process(self) -> None:
        measures.workers.set(1)
        measures.memory_bytes.set(_memory())
        self._move(measures.cpu_seconds, time.process_time())
        used, limit = descriptors.used()
        measures.open_descriptors.set(used)
        measures.descriptor_limit.set(limit)

    def _of_the_log(self) -> None:
        for level in LEVELS:  # those of which there are none too: a rise from nothing is none for Prometheus
            self._move(measures.log_lines.labels(level), logs.written[level])

    def _of_the_database(self) -> None:
        with db.snapshot() as read:
            newest = changes.head(read)
        measures.changes_head.set(newest)
        measures.log_lag.set(newest - db.head)
        database, wal, free = db.sizes()
        measures.database_bytes.set(database)
        measures.wal_bytes.set(wal)
        measures.read_only.set(not db.writable)
        measures.disk_free_bytes.set(free)
        measures.last_backup.set(copies.last(db.settings.instance / "app.db"))

    def _move(self, counter: Counter, total: float) -> None:
        counter.inc(total - self._moved.get(counter, 0))
        self._moved[counter] = total


reporter = Reporter()


async def _ready() -> bool:
    try:
        async with asyncio.timeout(READY_SECONDS):
            return await db.trouble() is None
    except TimeoutError:
        return False


def _memory() -> int:
    """Bytes of memory that this process has; 0 where the system has no /proc."""
    with suppress(OSError):
        return next(int(line.split()[1]) for line in STATUS.read_text().splitlines() if line.startswith("VmRSS")) * 1024
    return 0
