"""The metrics for Prometheus; docs/operating.md explains each. pottle/server/metrics.py updates them once a second.

What happens for each cached answer or each change that is sent is only added up in plain Python; what happens once a
request may be counted here at once.
"""

from functools import partial
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from pottle import VERSION

disable_created_metrics()  # type: ignore[no-untyped-call]
registry = CollectorRegistry()

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
UNITS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


def counter(name: str, says: str, *labels: str) -> Counter:
    """A counter, `pottle_<name>`."""
    return Counter(f"pottle_{name}", says, labels, registry=registry)


def gauge(mode: Literal["livesum", "livemax", "livemin"], name: str, says: str, *labels: str) -> Gauge:
    """Of which each worker has its part (sum), or of which the worst or the least counts."""
    return Gauge(f"pottle_{name}", says, labels, multiprocess_mode=mode, registry=registry)


_sum, _most, _least = partial(gauge, "livesum"), partial(gauge, "livemax"), partial(gauge, "livemin")

info = _most("info", "Which code runs.", "version")
info.labels(VERSION).set(1)
build_info = Gauge(
    "pottle_build_info", "The same, as others call it.", ["version"], multiprocess_mode="livemax", registry=registry
)
build_info.labels(VERSION).set(1)
requests = counter("requests_total", "Requests that the application answered.", "method", "route", "status")
request_seconds = Histogram(
    "pottle_request_seconds", "Until their answer began.", ["route"], buckets=SECONDS, registry=registry
)
cache_hits = counter("cache_hits_total", "Cache hits: requests answered from the response cache.")
cache_misses = counter("cache_misses_total", "Cache misses.")
cache_renewals = counter("cache_renewals_total", "Cached responses that a change renewed.")
cache_bytes = _sum("cache_bytes", "Memory that answers take.")
writes = counter("writes_total", "Units of work.", "outcome")
batch_units = Histogram("pottle_batch_units", "Units in a commit.", buckets=UNITS, registry=registry)
commit_seconds = Histogram(
    "pottle_commit_seconds", "For a commit, the wait for its turn included.", buckets=SECONDS, registry=registry
)
turn_wait_seconds = Histogram(
    "pottle_turn_wait_seconds", "Of a commit, the wait for its turn.", buckets=SECONDS, registry=registry
)
waiting_writes = _sum("waiting_writes", "Units that wait to be committed.")
changes_head = _most("changes_head", "Newest change in the log.")
log_lag = _most("log_lag", "Changes that the slowest worker has not seen.")
log_lag_seconds = _most("log_lag_seconds", "For how long it has known of one that it has not seen.")
connections_busy = _sum("connections_busy", "Connections to the database that somebody reads with.", "pool")
connection_wait_seconds = counter("connection_wait_seconds_total", "Waited for one, added up.", "pool")
subscribers = _sum("subscribers", "Open websockets.")
subscriptions = _sum("subscriptions", "Channels that they follow.")
live_changes_sent = counter("live_changes_sent_total", "Changes sent to websockets.")
live_closed = counter("live_closed_total", "Websockets that ended.", "code")
limits_hit = counter("limits_hit_total", "Requests refused by a rate limit.", "rate")
database_bytes = _most("database_bytes", "Size of the database.")
wal_bytes = _most("wal_bytes", "Size of its write-ahead log.")
read_only = _most("read_only", "1 while the disk is full and nothing can be written.")
disk_free_bytes = _most("disk_free_bytes", "Room on their disk.")
ready = _least("ready", "Whether every worker can serve.")
log_lines = counter("log_lines_total", "Lines that workers logged.", "level")
last_backup = _most("last_backup_timestamp_seconds", "When the last backup was made.")
workers = _sum("workers", "Worker processes.")
worker_starts = counter("worker_starts_total", "Workers that started.")
open_descriptors = _most("open_descriptors", "Descriptors that the worker with most has open.")
descriptor_limit = _least("descriptor_limit", "How many descriptors a worker may have open.")
memory_bytes = _sum("memory_bytes", "Memory that they take.")
cpu_seconds = counter("cpu_seconds_total", "Processor time that they took.")
