"""What is noted of each statement against what SQLite says that it touches, while the application runs."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from pottle.store import engines, sqlite, tables
from pottle.store.migrations import is_undescribed
from pottle.store.statements import Prepared
from pottle.store.tables import Touched

WRITING = (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE)


def is_by_triggers(table: str) -> bool:
    """Whether only SQLite, and triggers of search, write it: no answer is made of it alone, but of the posts, too."""
    return table.startswith("sqlite_") or is_undescribed(table) or table == "searching"


class Watching:
    """Compares what SQLite says of each statement, as the application prepares it, with what was noted of it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.wrong: list[str] = []
        self.compared: set[Touched] = set()
        self._now = threading.local()
        bound, executed = Prepared.bound, tables._executed

        def noticing(ready: Prepared, given: dict[str, Any]) -> Any:
            self._begin(Touched(ready.reads, ready.writes))
            return bound(ready, given)

        def noticing_orm(connection: Any, cursor: Any, sql: str, values: Any, context: Any, many: bool) -> None:
            executed(connection, cursor, sql, values, context, many)
            self._begin(tables._of_compiled(context.compiled) if context.compiled else None)

        patch.setattr(Prepared, "bound", noticing)
        patch.setattr(tables, "_executed", noticing_orm)
        for name in ("open_writer", "open_reader"):
            patch.setattr(engines, name, self._opening(getattr(engines, name)))
            patch.setattr(sqlite, name, getattr(engines, name))

    def _begin(self, noted: Touched | None) -> None:
        self._now.noted = noted

    def _opening(self, opens: Any) -> Any:
        def opened(path: Path) -> sqlite3.Connection:
            raw: sqlite3.Connection = opens(path)
            raw.set_authorizer(self._look)
            return raw

        return opened

    def _look(self, action: int, table: str | None, column: str | None, *_: object) -> int:
        noted: Touched | None = getattr(self._now, "noted", None)
        if noted is None or table is None or is_by_triggers(table):
            return sqlite3.SQLITE_OK
        self.compared.add(noted)
        tag = f"table:{table}"
        if action == sqlite3.SQLITE_READ and not noted.writes and tag not in noted.reads:
            self.wrong.append(f"reads {table}.{column}, noted: {sorted(noted.reads)}")
        if action in WRITING and tag not in noted.writes | tables.OWN:
            self.wrong.append(f"writes {table}, noted: {sorted(noted.writes)}")
        return sqlite3.SQLITE_OK
