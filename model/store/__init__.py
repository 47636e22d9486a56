"""How everything is kept: one SQLite file, one writer per worker, one change log.

async with db.read() as session: ...        ordinary reads
with db.snapshot() as read: ...             hot reads
await db.write(unit, *args)                 every write
"""

from model.store.base import NEVER_REUSE_IDS, Base, Id, Time
from model.store.database import db
from model.store.statements import Statements
from model.store.unit import Tx

__all__ = ["NEVER_REUSE_IDS", "Base", "Id", "Statements", "Time", "Tx", "db"]
