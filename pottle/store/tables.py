"""Which tables an answer is made of, and which tables a unit writes: nobody declares it, each statement says so itself.

with collecting() as seen: ...      what is read meanwhile, by this task and those that it starts, is noted in `seen`
note("user:bob")                    for what is answered from memory: the tags whose changes make it untrue

What is noted are tags, like those of the change log: `table:posts`. A unit's change has those of the tables that it
wrote (pottle/store/unit.py). tests/store/test_tables.py compares all of it with what SQLite says it touches.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Delete, Engine, Insert, MetaData, TextClause, Update, event
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ColumnClause
from sqlalchemy.sql.expression import TableClause

from pottle.store.base import Base

LOG = frozenset({"table:changes", "table:streams"})  # which every change writes: see `tags_of`
OWN = LOG | {"table:instance", "table:limits", "table:replays"}  # the engine's: who writes them is no news to anybody
NOTHING: frozenset[str] = frozenset()


class Touched(NamedTuple):
    """The tags of the tables that a statement reads, and of those that it writes."""

    reads: frozenset[str]
    writes: frozenset[str]


# Where what is read now is noted; None where nobody wants to know, or it is no part of the answer.
collected: ContextVar[set[str] | None] = ContextVar("collected", default=None)


def note(*tags: str) -> None:
    """Notes what an answer is made of, where somebody collects that."""
    if (seen := collected.get()) is not None:
        seen.update(tags)


def tags_of(tags: Iterable[str]) -> set[str]:
    """What changes with these `tags` (as they are in the log, with spaces between) make untrue."""
    return {tag for more in tags for tag in more.split()} | LOG


@contextmanager
def collecting(into: set[str] | None = None) -> Iterator[set[str]]:
    """Collects the tags of all that is read meanwhile, also in tasks and threads that begin with this context."""
    seen = set() if into is None else into
    before = collected.set(seen)
    try:
        yield seen
    finally:
        collected.reset(before)


def touched(statement: Any) -> Touched:
    """What a statement reads and writes, in subqueries, CTEs and by cascades too. SQL as text touches every table."""
    parts = list(visitors.iterate(statement))
    named = (part.table if isinstance(part, ColumnClause) else part for part in parts)
    found = {table for table in named if isinstance(table, TableClause)}
    writes: set[TableClause] = set()
    for part in parts:
        if isinstance(part, Insert | Update | Delete):
            writes |= {part.table} | _reached(part.table, isinstance(part, Delete))  # type: ignore[arg-type]
    reads, written = _tags(found | writes), _tags(writes)
    if any(_is_text(part) for part in parts):
        reads |= everything()
        if isinstance(statement, TextClause) and statement.text.lstrip()[:6].upper() != "SELECT":
            written |= everything()
    return Touched(reads, written - OWN)


def everything() -> frozenset[str]:
    """The tags of all tables that there are."""
    return _tags(Base.metadata.tables.values())


def _tags(tables: Iterable[Any]) -> frozenset[str]:
    return frozenset(f"table:{table.name}" for table in tables)


def _is_text(part: Any) -> bool:
    """Whether it is SQL that nobody looks into. A literal column is, where it has a query in it."""
    if isinstance(part, ColumnClause):
        return part.is_literal and "select" in part.name.lower()
    return isinstance(part, TextClause)


def _reached(table: TableClause, deleted: bool) -> set[TableClause]:
    """The tables that foreign keys write along with `table`, as its metadata tells."""
    metadata: MetaData = getattr(table, "metadata", Base.metadata)
    found: set[TableClause] = set()
    wanted = [(table.name, deleted)]
    while wanted:
        name, deleted = wanted.pop()
        for other in metadata.tables.values():
            for key in other.foreign_keys:
                rule = key.ondelete if deleted else key.onupdate
                if key.target_fullname.rpartition(".")[0] != name or rule in (None, "NO ACTION", "RESTRICT"):
                    continue
                if other not in found:
                    found.add(other)
                    wanted.append((other.name, deleted and rule == "CASCADE"))
    return found


def watch(engine: Engine) -> None:
    """Has what SQLAlchemy itself executes over `engine` be noted; what it writes, by the writer's transaction."""
    event.listen(engine, "before_cursor_execute", _executed)


def _executed(connection: Connection, _cursor: Any, text: str, _values: Any, context: Any, _many: bool) -> None:
    if context.compiled is not None:
        found = _of_compiled(context.compiled)
    elif (doing := text.split(None, 1)[0].upper()) in ("BEGIN", "PRAGMA"):
        return
    else:
        found = Touched(everything(), NOTHING if doing == "SELECT" else everything() - OWN)
    note(*found.reads)
    if (tx := connection.info.get("tx")) is not None:
        tx.before(found.reads)
        if found.writes:
            tx.writes(found.writes)


_compiled: WeakKeyDictionary[Any, Touched] = WeakKeyDictionary()


def _of_compiled(compiled: Any) -> Touched:
    """What a compiled statement touches: as it was written, and as the ORM completed it (eager loads)."""
    found = _compiled.get(compiled)
    if found is None:
        found = touched(compiled.statement)
        completed = getattr(compiled.compile_state, "statement", compiled.statement)
        if completed is not compiled.statement:
            more = touched(completed)
            found = Touched(found.reads | more.reads, found.writes | more.writes)
        _compiled[compiled] = found
    return found
