"""Migrations, by Alembic: those there are are applied at start; `python main.py` writes the one that is missing.

One that only adds is applied at once. One that drops or narrows anything says WAITING, and no start applies it: that is
for a person to say (`quart --app main migrate`). Nor does a start apply what comes behind it.
"""

import re
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import DefaultClause, MetaData, String

from pottle.store.base import Base
from pottle.store.changes import LoggedChange
from pottle.store.engines import write_engine
from pottle.store.first_look import LEFT, WrongDatabase, untouched

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent
VERSIONS = HERE.parents[2] / "model" / "migrations"  # of the application; Engine(migrations=…) names others
STARTED = time.time()
QUIET_SECONDS = 1.0
WAITING = "WAITS_FOR_A_PERSON = True"
EXPLAINED = f"""

What this drops is lost, and what it narrows may fail. No start applies it; whoever wants it says so:

    quart --app main migrate

If you have renamed a column, keep what is in it: write op.alter_column("table", "old", new_column_name="new") instead.
\"""

{WAITING}

"""


class Impossible(Exception):
    """The models ask for a migration that could not run; the message says how to mend them."""


def upgrade(path: Path, to: str | None = None, willing: bool = False) -> None:
    """Brings the database at `path` to the revision `to`, or the newest before one that waits for a person.

    Where somebody is `willing` to lose what is dropped, that is the newest; a new database has nothing to lose. The
    caller holds the turn.
    """
    at = _revision(path)
    check_known(at, path)
    to = to or (newest_revision() if willing or at is None else _before_waiting(at))
    if at == to:
        return  # and Alembic, which takes 0.3 s to import, is not needed
    from alembic import command

    _with_connection(path, lambda config: command.upgrade(config, to or "head"))


def pending(path: Path) -> list[str]:
    """The files of the migrations that were not applied to the database at `path`, in their order."""
    return [_file(revision).name for revision in _behind(_revision(path))]


def served(at: str | None) -> bool:
    """Whether a database at that revision is as new as a start makes it."""
    return at is not None and at in revisions() and _before_waiting(at) == at


def first_waiting(at: str | None) -> str | None:
    """The file of the migration that keeps a start from bringing a database at that revision to the newest."""
    return next((_file(revision).name for revision in _behind(at) if _waits(_file(revision))), None)


def _before_waiting(at: str) -> str:
    return [at, *takewhile(lambda revision: not _waits(_file(revision)), _behind(at))][-1]


def _behind(at: str | None) -> list[str]:
    return [] if at is None else [revision for revision in revisions() if revision > at]


def _waits(file: Path) -> bool:
    return WAITING in file.read_text()


def _file(revision: str) -> Path:
    return next(VERSIONS.glob(f"{revision}_*.py"))


def check_known(revision: str | None, of: object) -> None:
    """Raises WrongDatabase for a revision that this code does not have; `of` says what is at it."""
    if revision is not None and revision not in revisions():
        raise WrongDatabase(
            f"{of} is at revision {revision!r}, which this version of Pottle does not know: the database is newer than "
            "the code. Start the newer version again, or restore a backup made with this one."
        )


def write_missing(path: Path) -> str | None:
    """Writes the revision that adds to the database what the models have more; None where nothing is missing.

    The database must be at the newest revision. Returns the new file's name. Waits until nobody has saved a model for
    a second, for half an edit is no migration; what was saved since this process began is for the next one. Raises
    Impossible.
    """
    return _write(path, lambda operation: not _loses(operation))


def write_losing(path: Path) -> str | None:
    """Writes the revision that drops from the database, or narrows, what the models have no more, as `write_missing`.

    No start applies it. One that was written before, and is neither applied nor committed, is gone by then
    (`forget_waiting`): the models have changed again.
    """
    written = _write(path, _loses)
    if written:
        file = VERSIONS / written
        file.write_text(file.read_text().replace('"""\n', EXPLAINED, 1))
    return written


def forget_waiting(path: Path) -> None:
    """Deletes the newest revision where it waits, and is nobody's but ours: neither applied here nor committed."""
    names = pending(path)
    if names and _waits(file := VERSIONS / names[-1]) and not _committed(file):
        file.unlink()


def _committed(file: Path) -> bool:
    try:
        known = subprocess.run(["git", "ls-files", "--error-unmatch", file], cwd=VERSIONS, capture_output=True)  # noqa: S603, S607
        return known.returncode == 0
    except FileNotFoundError:  # no git
        return False


def _write(path: Path, wanted: "Callable[[Any], bool]") -> str | None:
    from alembic import command

    missing = [operation for operation in _operations(path) if wanted(operation)]
    if not missing or not _settled():
        return None
    for operation in missing:
        _check_possible(operation)

    def only_wanted(_context: Any, _revision: Any, scripts: list[Any]) -> None:
        for script in scripts:
            script.upgrade_ops.ops = _kept(script.upgrade_ops.ops, wanted)
            script.downgrade_ops = script.upgrade_ops.reverse()

    revision = f"{int(newest_revision() or 0) + 1:04d}"
    message = re.sub(r"\W+", " ", _words(missing[0].to_diff_tuple()))[:40].strip()
    how: dict[str, Any] = {"message": message, "autogenerate": True, "rev_id": revision}
    _with_connection(path, lambda config: command.revision(config, process_revision_directives=only_wanted, **how))
    return _file(revision).name


def _kept(operations: list[Any], wanted: "Callable[[Any], bool]") -> list[Any]:
    found = []
    for operation in operations:
        if hasattr(operation, "ops"):  # those of one table
            operation.ops = _kept(operation.ops, wanted)
            found += [operation] if operation.ops else []
        elif wanted(operation):
            found.append(operation)
    return found


def _loses(operation: Any) -> bool:
    """Whether a step drops rows or values, or may fail because of what there is."""
    from alembic.operations import ops

    if isinstance(operation, ops.AlterColumnOp):
        return operation.modify_nullable is False or _narrows(operation)
    unique = isinstance(operation, ops.CreateIndexOp) and operation.unique
    checked = isinstance(operation, ops.CreateUniqueConstraintOp | ops.CreateForeignKeyOp | ops.CreateCheckConstraintOp)
    return bool(unique or checked or isinstance(operation, ops.DropTableOp | ops.DropColumnOp))


def _narrows(operation: Any) -> bool:
    before, after = operation.existing_type, operation.modify_type
    if after is None:
        return False
    if isinstance(before, String) and isinstance(after, String):
        return after.length is not None and (before.length is None or after.length < before.length)
    return True


def _check_possible(operation: Any) -> None:
    from alembic.operations import ops

    if isinstance(operation, ops.AddColumnOp):
        column = operation.column
        if not column.nullable and column.server_default is None:
            raise Impossible(
                f"The new column {operation.table_name}.{column.name} may not be empty, and SQLite does not know what "
                f'to put into the rows that are there. Give it server_default="…" (or a default that is a plain '
                "value), or let it be empty: Mapped[… | None]. Then save, and the migration is written."
            )


def _settled() -> bool:
    saved = _saved()
    time.sleep(max(0.0, saved + QUIET_SECONDS - time.time()))
    return saved < STARTED and saved == _saved()


def _saved() -> float:
    """When a model was saved last; migrations are none, and some are written by this process."""
    files = (file for file in VERSIONS.parent.rglob("*.py") if file.parent != VERSIONS)
    return max((file.stat().st_mtime for file in files), default=0.0)


def differences(path: Path) -> list[str]:
    """What the models have that the database at `path` lacks, or the other way round, each in a few words."""
    return [_words(operation.to_diff_tuple()) for operation in _operations(path)]


def _operations(path: Path) -> list[Any]:
    from alembic.autogenerate import produce_migrations
    from alembic.migration import MigrationContext

    found: list[Any] = []

    def compare(config: "Config") -> None:
        context = MigrationContext.configure(config.attributes["connection"], opts=COMPARING)
        for operation in produce_migrations(context, described()).upgrade_ops.ops:  # type: ignore[union-attr]
            found.extend(getattr(operation, "ops", [operation]))

    _with_connection(path, compare)
    return found


def described() -> MetaData:
    """The models, where a column's `default=` is the database's too if it is a plain value: rows there are have it."""
    for table in Base.metadata.tables.values():
        for column in table.columns:
            plain = getattr(column.default, "arg", None)
            if column.server_default is None and isinstance(plain, str | int | float):
                column.server_default = DefaultClause(str(int(plain) if isinstance(plain, bool) else plain))
    return Base.metadata


def _other_default(
    _context: Any, _found: Any, _column: Any, found: str | None, _default: Any, wanted: str | None
) -> bool:
    """Alembic's own comparison (1.20) takes an empty text, or one with an apostrophe, for another one each time."""
    return _unquoted(found) != _unquoted(wanted)


def _unquoted(default: str | None) -> str | None:
    text = re.sub(r"^\((.*)\)$", r"\1", default, flags=re.DOTALL) if default else default
    return text[1:-1].replace("''", "'") if text and len(text) > 1 and text[0] == text[-1] == "'" else text


COMPARING: dict[str, Any] = {
    "compare_type": True,
    "compare_server_default": _other_default,
    "render_as_batch": True,
}


def revisions() -> list[str]:
    """The revisions in the order of their numbers; a file's name begins with its revision."""
    return sorted(file.name.split("_")[0] for file in VERSIONS.glob("[0-9]*_*.py"))


def newest_revision() -> str | None:
    """The revision that the code needs."""
    return revisions()[-1] if revisions() else None


def _revision(path: Path) -> str | None:
    if not path.exists():
        return None
    with closing(untouched(path)) as raw:
        return revision_of(raw, path)


def revision_of(raw: sqlite3.Connection, path: Path) -> str | None:
    """The revision that an open database is at; None for an empty one. Raises WrongDatabase where it is not ours."""
    tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if {"alembic_version", LoggedChange.__tablename__} <= tables:
        row = raw.execute("SELECT version_num FROM alembic_version").fetchone()
        return row[0] if row else None
    if tables - {"alembic_version"}:
        raise WrongDatabase(
            f"{path} is a database of another program: it has tables, but no revision. {LEFT} Move it away, or name "
            "another folder in POTTLE_INSTANCE."
        )
    return None


def _with_connection(path: Path, do: "Callable[[Config], object]") -> None:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("version_locations", str(VERSIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    engine = write_engine(path)
    try:
        with engine.connect() as connection:
            # A batch migration drops and recreates tables, which with foreign keys on would delete what refers to them.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
            config.attributes["connection"] = connection
            do(config)
    finally:
        engine.dispose()


def _words(step: Any) -> str:
    """Such as "add column links title"."""
    if isinstance(step, list):
        return _words(step[0])
    kind, parts = step[0], step[1:]
    names = [getattr(part, "name", part) for part in parts if isinstance(getattr(part, "name", part), str)]
    verbs = {"remove": "drop", "modify": "change"}
    verb, _, what = str(kind).partition("_")
    return " ".join([verbs.get(verb, verb), what, *names])
