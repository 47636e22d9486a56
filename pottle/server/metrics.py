"""`/metrics`: Pottle's numbers, for Prometheus. Each worker moves its own there once a second.

The numbers of several workers are added up by prometheus_client's multiprocess mode, in a folder that the arbiter makes
(pottle/server/arbiter.py).
"""

import asyncio
import logging
import mmap
import os
import time
from contextlib import suppress
from ipaddress import ip_address, ip_network
from itertools import count
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from quart import Blueprint, Response, request

from pottle.access import access
from pottle.errors import Forbidden
from pottle.http import measures
from pottle.http.answers import gives
from pottle.http.asking import anyone
from pottle.http.caching import shelf
from pottle.live.hub import hub
from pottle.server import descriptors, logs
from pottle.store import changes, copies, db
from pottle.translation import _

log = logging.getLogger("pottle")

blueprint = Blueprint("metrics", __name__)

SECONDS = 1.0
READY_SECONDS = 10  # from one look whether it can serve to the next, and for how long it may take
FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP")


@blueprint.get("/metrics")
@anyone
@gives(str)
async def metrics() -> Response:
    """Numbers of all workers, for admins, and for whoever asks directly from one of POTTLE_METRICS."""
    who = access().asker()
    if not (who and who.admin) and not _direct():
        raise Forbidden(_("Metrics are for admins, and for whoever asks directly from an address in POTTLE_METRICS."))
    await reporter.report()
    registry = measures.registry
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    headers = {"Cache-Control": "no-store"}
    return Response(generate_latest(registry), 200, headers, content_type=CONTENT_TYPE_LATEST)


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
        self._moved: dict[Counter, float] = {}
        self._due, self._since = 0, 0.0  # a change to be followed, and when it was seen in the log
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
            await self.report()

    async def report(self) -> None:
        """Moves all there is now."""
        self._of_this_worker()
        tally = db.tally
        for outcome in ("committed", "refused", "failed", "turned_away"):
            self._move(measures.writes.labels(outcome), getattr(tally, outcome))
        while tally.batches:
            batch = tally.batches.popleft()
            measures.batch_units.observe(batch.units)
            measures.commit_seconds.observe(batch.seconds)
            measures.turn_wait_seconds.observe(batch.waited)
        for pool, usage in db.usage.items():
            measures.connections_busy.labels(pool).set(usage.busy)
            self._move(measures.connection_wait_seconds.labels(pool), usage.waited)
        with suppress(Exception):  # whatever the database says: /readyz tells of it
            await self._of_the_database()

    async def _report_now_and_then(self) -> None:
        for second in count():
            try:
                await self.report()
                if second % READY_SECONDS == 0:
                    measures.ready.set(await _ready())
            except Exception:
                log.exception("Reporting metrics")
            await asyncio.sleep(SECONDS)

    def _of_this_worker(self) -> None:
        self._move(measures.cache_hits, shelf.hits)
        self._move(measures.cache_misses, shelf.misses)
        self._move(measures.cache_renewals, shelf.renewals)
        self._move(measures.live_changes_sent, hub.sent)
        self._move(measures.cpu_seconds, time.process_time())
        for level in (
            "warning",
            "error",
            "critical",
        ):  # also where there are none: no rise from nothing is seen
            self._move(measures.log_lines.labels(level), logs.written[level])
        measures.cache_bytes.set(shelf.bytes)
        measures.subscribers.set(len(hub.connections))
        measures.subscriptions.set(hub.subscriptions)
        measures.waiting_writes.set(db.waiting)
        measures.workers.set(1)
        with suppress(OSError):  # a system without /proc
            measures.memory_bytes.set(int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE)
        used, limit = descriptors.used()
        measures.open_descriptors.set(used)
        measures.descriptor_limit.set(limit)

    async def _of_the_database(self) -> None:
        newest = await db.read(changes.head)
        measures.changes_head.set(newest)
        measures.log_lag.set(newest - db.head)
        measures.log_lag_seconds.set(self._seconds_behind(newest))
        database, wal, free = await db.sizes()
        measures.database_bytes.set(database)
        measures.wal_bytes.set(wal)
        measures.read_only.set(not db.writable)
        measures.disk_free_bytes.set(free)
        measures.last_backup.set(copies.last(db.settings.instance / "app.db"))

    def _seconds_behind(self, newest: int) -> float:
        """By this machine's clock alone: how long ago a change was there that this worker has not followed yet."""
        now = time.monotonic()
        if not db.head < self._due <= newest:  # it was followed, or the log is another one
            self._due, self._since = newest, now
        return now - self._since if newest > db.head else 0.0

    def _move(self, counter: Counter, total: float) -> None:
        """Brings a counter to a total, which may begin anew with a database that was opened again."""
        moved = self._moved.get(counter, 0)
        counter.inc(total - moved if total >= moved else total)
        self._moved[counter] = total


reporter = Reporter()


async def _ready() -> bool:
    try:
        async with asyncio.timeout(READY_SECONDS):
            return await db.trouble() is None
    except TimeoutError:
        return False
