"""How everything is kept: one SQLite file or PostgreSQL, one writer per worker, one change log.

@reads    a function that takes a snapshot first      hot reads, at once
@writes   a function that takes a transaction first   every write
async with db.session() as session: ...               all other reads, beside the event loop

What lies beneath `db` is sqlite.py or postgres.py. SQLite's own are engines (how it is opened), files (its files and
errors), locks, bus, room (its log, and the disk) and copies (its online backup). What commands do with PostgreSQL is in
clusters. statements, fulltext, numbers and migrations know both.
"""

from pottle.store.base import NEVER_REUSE_IDS, Base, Id, Time, partial_index
from pottle.store.database import db
from pottle.store.statements import Snapshot
from pottle.store.unit import Tx
from pottle.store.verbs import reads, writes

__all__ = ["NEVER_REUSE_IDS", "Base", "Id", "Snapshot", "Time", "Tx", "db", "partial_index", "reads", "writes"]
