"""Writes the migration that the models lack, for `python main.py`, and applies it where it only adds.

What drops, renames or narrows anything is written as well, named for what it does, and waits for a person. Until it is
applied or committed it follows the models: it is written anew when they change again, unless somebody has edited it.
"""

import hashlib
import logging
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from alembic import command
from alembic.operations import ops
from sqlalchemy import Column, Connection, Dialect, String
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError

from pottle.store import migrations
from pottle.store.migrations import Place

log = logging.getLogger("pottle")

QUIET_SECONDS = 1.0
UPGRADE = "quart --app main db upgrade"
EXPLAINED = """

{does}. No start applies this; whoever wants it says so, and app.db is copied first:

    {upgrade}
\"""
"""
SEAL = re.compile(r"\n# Written from the models; (\w+)\. Whoever edits this file keeps it as it is\.\n$")

Wanted = Callable[[Any], bool]


class Impossible(Exception):
    """The models ask for a migration that could not run; the message says how to mend them."""


class Interrupted(Exception):
    """Nobody answers: the server is to stop, or to start again."""


def follow_models(place: Place) -> None:
    """Writes what is missing in a database, and applies what only adds. The caller holds the turn.

    Waits until nobody has saved a model for a second, for half an edit is no migration; what was saved since this
    process began is for the next one.
    """
    _forget_waiting(place)
    if migrations.pending(place) or not (missing := migrations.operations(place)) or not _settled():
        return
    try:
        renamed, open_questions = _renames(missing, _dialect(place))
        kept_apart = {rename.table_name for rename in renamed} | open_questions
        _add(place, lambda operation: _table(operation) not in kept_apart)
        _write_losing(place, lambda operation: _table(operation) not in kept_apart, renamed)
    except Impossible as mended_how:
        log.error("%s", mended_how)
    except Interrupted:
        return


def _add(place: Place, wanted: Wanted) -> None:
    missing = [operation for operation in migrations.operations(place) if wanted(operation)]
    adding = [operation for operation in missing if not _loses(operation, missing)]
    for operation in adding:
        _check_possible(operation, place)
    if not adding:
        return
    same = {_key(operation) for operation in adding}
    file = _write(place, adding[0], lambda operation: _key(operation) in same)
    try:
        with place.begin_nested() if isinstance(place, Connection) else nullcontext():
            migrations.upgrade(place)
    except SQLAlchemyError as error:
        file.unlink()
        why = getattr(error, "orig", error)
        raise Impossible(f"{file.name} cannot be applied, so it was not kept: {why}") from error
    log.warning("The models have changed: wrote %s. Read it, and commit it with them.", file.name)


def _write_losing(place: Place, wanted: Wanted, renamed: list[ops.AlterColumnOp]) -> None:
    losing = [*renamed, *(operation for operation in migrations.operations(place) if wanted(operation))]
    if not losing:
        return
    told = [operation for operation in losing if not isinstance(operation, ops.DropIndexOp)] or losing
    told = sorted(told, key=_dropped_table)  # in which order Alembic finds tables that are gone is chance
    file = _write(place, told[0], wanted, renamed)
    does = "; ".join(map(_does, told))
    explained = EXPLAINED.format(does=does[:1].upper() + does[1:], upgrade=UPGRADE)
    text = file.read_text().replace('"""\n', explained, 1)
    text = re.sub(r"(^down_revision = .*\n)", rf"\1{migrations.WAITING}\n", text, count=1, flags=re.MULTILINE)
    file.write_text(f"{text}\n# Written from the models; {_digest(text)}. Whoever edits this file keeps it as it is.\n")
    log.warning("The models have changed: wrote %s, which %s. Read it.", file.name, does)


def _dropped_table(operation: Any) -> str:
    return str(operation.table_name) if isinstance(operation, ops.DropTableOp) else ""


def _write(place: Place, first: Any, wanted: Wanted, renamed: Sequence[ops.AlterColumnOp] = ()) -> Path:
    def only_wanted(_context: Any, _revision: Any, scripts: list[Any]) -> None:
        for script in scripts:
            script.upgrade_ops.ops = _kept(script.upgrade_ops.ops, wanted)
            script.downgrade_ops = script.upgrade_ops.reverse()
            script.upgrade_ops.ops[:0] = renamed
            script.downgrade_ops.ops += map(_back, renamed)  # Alembic's own reverse leaves the names as they are

    number = f"{int(migrations.newest_revision() or 0) + 1:04d}"
    message = re.sub(r"\W+", " ", _words(first))[:40].strip()
    how: dict[str, Any] = {"message": message, "autogenerate": True, "rev_id": number}
    migrations.with_connection(
        place, lambda config: command.revision(config, process_revision_directives=only_wanted, **how)
    )
    return migrations.file_of(number)


def _back(rename: ops.AlterColumnOp) -> ops.AlterColumnOp:
    return ops.AlterColumnOp(rename.table_name, str(rename.modify_name), modify_name=rename.column_name)


def _kept(operations: list[Any], wanted: Wanted) -> list[Any]:
    found = []
    for operation in operations:
        if hasattr(operation, "ops"):  # those of one table
            operation.ops = _kept(operation.ops, wanted)
            found += [operation] if operation.ops else []
        elif wanted(operation):
            found.append(operation)
    return found


def _forget_waiting(place: Place) -> None:
    """Deletes the newest migration where it waits and is nobody's but ours: not applied, not in git's HEAD, not edited.

    One that was applied is never written anew, not even before it is committed: another instance folder, or another
    clone, may have it already.
    """
    names = migrations.pending(place)
    if names and migrations.waits(file := migrations.VERSIONS / names[-1]):
        text = file.read_text()
        seal = SEAL.search(text)
        if seal and seal[1] == _digest(text[: seal.start()]) and not migrations.git("ls-tree", "HEAD", file.name):
            file.unlink()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _dialect(place: Place) -> Dialect:
    return place.dialect if isinstance(place, Connection) else sqlite.dialect()


def _renames(missing: list[Any], dialect: Dialect) -> tuple[list[ops.AlterColumnOp], set[str]]:
    """Which columns were renamed, as operations, and the tables of which nobody has said whether one was."""
    renamed, open_questions, taken = [], set(), set()
    for gone in (operation for operation in missing if isinstance(operation, ops.DropColumnOp)):
        for new in (operation for operation in missing if isinstance(operation, ops.AddColumnOp)):
            other = new.table_name != gone.table_name or id(new) in taken
            if other or not _alike(gone.to_column(), new.column, dialect):
                continue
            answer = _was_renamed(gone.table_name, gone.column_name, new.column)
            if answer is None:
                open_questions.add(gone.table_name)
            elif answer:
                taken.add(id(new))
                renamed.append(ops.AlterColumnOp(gone.table_name, gone.column_name, modify_name=new.column.name))
                break
    return renamed, open_questions


def _alike(gone: Column[Any], new: Column[Any], dialect: Dialect) -> bool:
    return bool(gone.type.compile(dialect) == new.type.compile(dialect))


def _was_renamed(table: str, gone: str, new: Column[Any]) -> bool | None:
    """Whether a column is one that was renamed, as the model says it, or a person; None where nobody does."""
    if "was" in new.info:
        return bool(new.info["was"] == gone)
    if sys.stdin is not None and sys.stdin.isatty():
        return _ask(f"Was `{gone}` renamed to `{new.name}` in {table}? What is in it is kept then. [y/n] ")
    log.error(
        "%(table)s.%(gone)s is gone from the models, and %(table)s.%(new)s is new: was it renamed? Nothing was "
        "written, for there is no terminal to ask at. Say it in the model: "
        '%(new)s: … = mapped_column(…, info={"was": "%(gone)s"}), or info={"was": None} if it is another column.',
        {"table": table, "gone": gone, "new": new.name},
    )
    return None


def _ask(question: str) -> bool:
    """A person's answer. Raises Interrupted when the server is told to stop meanwhile, as when a file is saved."""

    def stop(number: int, _frame: object) -> None:
        told.append(number)
        raise Interrupted

    told: list[int] = []
    before = {int(number): signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        while (answer := input(question).strip().lower()) not in ("y", "yes", "n", "no"):
            pass
        return answer.startswith("y")
    except EOFError:
        raise Interrupted from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in told:
            os.kill(os.getpid(), number)


def _loses(operation: Any, missing: list[Any]) -> bool:
    """Whether a step drops rows or values, or may fail because of what there is; all of a table that goes is one."""
    if any(isinstance(other, ops.DropTableOp) and other.table_name == _table(operation) for other in missing):
        return True
    if isinstance(operation, ops.AlterColumnOp):
        return operation.modify_nullable is False or _narrows(operation)
    if isinstance(operation, ops.DropTableOp | ops.DropColumnOp):
        return True
    if isinstance(operation, ops.CreateIndexOp):
        return bool(operation.unique) and not _empty(operation.table_name, operation.columns, missing)
    if isinstance(operation, ops.CreateUniqueConstraintOp):
        return not _empty(operation.table_name, operation.columns, missing)
    if isinstance(operation, ops.CreateForeignKeyOp):
        return not _empty(operation.source_table, operation.local_cols, missing)
    return isinstance(operation, ops.CreateCheckConstraintOp)


def _empty(table: str, columns: Any, missing: list[Any]) -> bool:
    """Whether a table is new, or the columns, with nothing in them: then no row can break a rule about them."""
    if any(isinstance(operation, ops.CreateTableOp) and operation.table_name == table for operation in missing):
        return True
    new = {
        operation.column.name
        for operation in missing
        if isinstance(operation, ops.AddColumnOp)
        and operation.table_name == table
        and operation.column.nullable
        and operation.column.server_default is None
    }
    return {str(getattr(column, "name", column)) for column in columns} <= new


def _narrows(operation: Any) -> bool:
    before, after = operation.existing_type, operation.modify_type
    if after is None:
        return False
    if isinstance(before, String) and isinstance(after, String):
        return after.length is not None and (before.length is None or after.length < before.length)
    return True


def _check_possible(operation: Any, place: Place) -> None:
    if isinstance(operation, ops.AddColumnOp):
        column, who = operation.column, "PostgreSQL" if isinstance(place, Connection) else "SQLite"
        if not column.nullable and column.server_default is None:
            raise Impossible(
                f"The new column {operation.table_name}.{column.name} may not be empty, and {who} does not know what "
                f"to put into the rows that are there. Write {_line(column)} (or let it be empty: Mapped[… | None]). "
                "Then save, and the migration is written."
            )


def _line(column: Column[Any]) -> str:
    python = column.type.python_type
    default = {str: "", bool: "0", int: "0", float: "0"}.get(python, "…")
    return f'{column.name}: Mapped[{python.__name__}] = mapped_column({column.type!r}, server_default="{default}")'


def _does(operation: Any) -> str:
    if isinstance(operation, ops.AlterColumnOp) and operation.modify_name:
        return f"renames {operation.table_name}.{operation.column_name} to {operation.modify_name}"
    if isinstance(operation, ops.DropTableOp):
        return f"drops the table {operation.table_name} with its rows"
    if isinstance(operation, ops.DropColumnOp):
        return f"drops {operation.table_name}.{operation.column_name} with what is in it"
    if isinstance(operation, ops.AlterColumnOp):
        return f"narrows {operation.table_name}.{operation.column_name}, which fails where a row does not fit"
    return f"has the database enforce a rule that rows may break ({_words(operation)})"


def _words(operation: Any) -> str:
    if isinstance(operation, ops.AlterColumnOp) and operation.modify_name:
        return f"rename column {operation.table_name} {operation.column_name} to {operation.modify_name}"
    return migrations.words(operation.to_diff_tuple())


def _table(operation: Any) -> str:
    return str(getattr(operation, "table_name", None) or operation.source_table)


def _key(operation: Any) -> tuple[str, str]:
    return _table(operation), _words(operation)


def _settled() -> bool:
    saved = _saved()
    time.sleep(max(0.0, saved + QUIET_SECONDS - time.time()))
    return saved < migrations.STARTED and saved == _saved()


def _saved() -> float:
    """When a model was saved last; migrations are none, and some are written by this process."""
    return max((file.stat().st_mtime for file in _models()), default=0.0)


def _models() -> Iterator[Path]:
    return (file for file in migrations.VERSIONS.parent.rglob("*.py") if file.parent != migrations.VERSIONS)
