"""Migrations, by Alembic: a start applies those there are; `python main.py` writes the one that is missing.

One that only adds is applied at once. One that drops, renames or narrows anything says WAITING, and no start applies
it: that is for a person to say (`quart --app main db upgrade`). Nor does a start apply what comes behind it.
"""

import re
import sqlite3
import subprocess
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, DefaultClause, Integer, MetaData, String, column, inspect, select, table
from sqlalchemy.schema import AddConstraint, DropConstraint

from pottle.store.base import WHOLE, Base
from pottle.store.changes import LoggedChange
from pottle.store.engines import open_reader, write_engine
from pottle.store.files import LEFT, WrongDatabase, untouched
from pottle.store.statements import Snapshot

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent
VERSIONS = HERE.parents[2] / "model" / "migrations"  # of the application; Engine(migrations=…) names others
VERSION = select(column("version_num", String)).select_from(table("alembic_version"))
WAITING = "WAITS_FOR_A_PERSON = True"
STARTED = time.time()  # this process, before it imported the models


Place = Path | Connection  # of a database: SQLite's file, or a connection to PostgreSQL that is in a transaction


def upgrade(place: Place, to: str | None = None, willing: bool = False) -> None:
    """Brings a database to the revision `to`, or the newest before one that waits for a person.

    Where somebody is `willing` to lose what is dropped, that is the newest; a new database has nothing to lose. The
    caller holds the turn.
    """
    at = revision(place)
    to = to or (newest_revision() if willing or at is None else _before_waiting(at))
    if at == to:
        return  # and Alembic, which takes 0.3 s to import, is not needed
    from alembic import command

    with_connection(place, lambda config: command.upgrade(config, to or "head"))


def bring(connection: Connection, folder: Path | None = None) -> None:
    """Brings the PostgreSQL database of a connection, which is in a transaction with the turn, to where a start does.

    An empty one is made from the models, and gets the rows that a new SQLite database has by the migrations: that is
    made in `folder` for the moment. Raises WrongDatabase for one that is not ours, or newer than the code.
    """
    if revision(connection) is None:
        make(connection, folder)
    else:
        upgrade(connection)


def make(connection: Connection, folder: Path | None) -> None:
    """Makes what an empty PostgreSQL database lacks, in the connection's transaction."""
    from alembic import command

    from pottle.store.moving import Move, tables_in

    described().create_all(connection)
    with tempfile.TemporaryDirectory(dir=folder) as passing:
        new = Path(passing) / "app.db"
        upgrade(new)
        with closing(open_reader(new)) as raw, Snapshot(raw) as source, unreferenced(connection):
            Move(Snapshot(connection.connection.driver_connection), tables_in(source)).bring(source)
    _configured(connection, lambda config: command.stamp(config, newest_revision() or "head"))


@contextmanager
def unreferenced(connection: Connection) -> Iterator[None]:
    """No reference is looked at meanwhile; all are at the end."""
    keys = [key for of in Base.metadata.tables.values() for key in of.foreign_key_constraints]
    for key in keys:
        connection.execute(DropConstraint(key))
    yield
    for key in keys:
        connection.execute(AddConstraint(key, isolate_from_table=False))  # the next new database has it, too


def revision_in(connection: Connection) -> str | None:
    """The revision that a PostgreSQL database is at; None for an empty one. Raises WrongDatabase for another's."""
    tables = set(inspect(connection).get_table_names())
    if {"alembic_version", LoggedChange.__tablename__} <= tables:
        found: str | None = connection.execute(VERSION).scalar()
        return found
    if tables - {"alembic_version"}:
        raise WrongDatabase(
            "The database of POTTLE_DATABASE_URL is another program's: it has tables, but no revision. It was left as "
            "it is. Make one for Pottle (createdb), and name that."
        )
    return None


def downgrade(place: Place, to: str) -> None:
    """Takes a database back to the revision `to`. The caller holds the turn."""
    from alembic import command

    with_connection(place, lambda config: command.downgrade(config, to))


def pending(place: Place) -> list[str]:
    """The files of the migrations that were not applied to a database, in their order."""
    return [file_of(number).name for number in _behind(revision(place))]


def applied(place: Place, after: str) -> list[str]:
    """The files of the migrations after a revision that were applied to a database, the newest first."""
    at = revision(place) or ""
    return [file_of(number).name for number in reversed(revisions()) if after < number <= at]


def served(at: str | None) -> bool:
    """Whether a database at that revision is as new as a start makes it."""
    return at is not None and at in revisions() and _before_waiting(at) == at


def first_waiting(at: str | None) -> str | None:
    """The file of the migration that keeps a start from bringing a database at that revision to the newest."""
    return next((file_of(number).name for number in _behind(at) if waits(file_of(number))), None)


def _before_waiting(at: str) -> str:
    return [at, *takewhile(lambda number: not waits(file_of(number)), _behind(at))][-1]


def _behind(at: str | None) -> list[str]:
    return [] if at is None else [number for number in revisions() if number > at]


def waits(file: Path) -> bool:
    """Whether a migration is for a person to apply."""
    return WAITING in file.read_text()


def file_of(number: str) -> Path:
    """The file of a revision that is here."""
    return next(VERSIONS.glob(f"{number}_*.py"))


def revisions() -> list[str]:
    """The revisions in the order of their numbers; a file's name begins with its revision."""
    return sorted(file.name.split("_")[0] for file in VERSIONS.glob("[0-9]*_*.py"))


def newest_revision() -> str | None:
    """The revision that the code needs."""
    return revisions()[-1] if revisions() else None


def check_known(number: str | None, of: object) -> None:
    """Raises WrongDatabase for a revision that this code does not have; `of` says what is at it."""
    if number is not None and number not in revisions():
        newest = newest_revision()
        raise WrongDatabase(
            f"{of} is at revision {number!r}, and the code ends at {newest!r}: the database is newer than the code. "
            f"{_where(number)} Where that file is, start Pottle again, or take the database back to this version: "
            f"quart --app main db downgrade {newest}. Or restore a backup made with this version."
        )


def _where(number: str) -> str:
    """A sentence on the file that is missing, with its branch where git knows one."""
    folder = "/".join(VERSIONS.parts[-2:])
    commit, *names = git("log", "--all", "-1", "--format=%h", "--name-only", "--", f"{number}_*.py").split() or [""]
    if not names:
        return f"The file {folder}/{number}_….py is missing here."
    branches = git("branch", "--all", "--contains", commit, "--format=%(refname:short)").split()
    return f"The file {names[0]} is missing here; it is in {' and '.join(branches[:2]) or f'the commit {commit}'}."


def git(*arguments: str) -> str:
    """What git says about the migrations; nothing where there is no git, or no repository."""
    try:
        run = subprocess.run(["git", *arguments], cwd=VERSIONS, capture_output=True, text=True)  # noqa: S603, S607
    except (OSError, ValueError):  # ValueError: no argument has a NUL, and a made-up export may name anything
        return ""
    return run.stdout if run.returncode == 0 else ""


def revision(place: Place) -> str | None:
    """The revision of a database; None where there is none. Raises WrongDatabase for one not known here."""
    if isinstance(place, Connection):
        at = revision_in(place)
        check_known(at, "The database of POTTLE_DATABASE_URL")
        return at
    if not place.exists():
        return None
    with closing(untouched(place)) as raw:
        at = revision_of(raw, place)
    check_known(at, place)
    return at


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


def differences(place: Place) -> list[str]:
    """What the models have that a database lacks, or the other way round, each in a few words."""
    return [words(operation.to_diff_tuple()) for operation in operations(place)]


def operations(place: Place) -> list[Any]:
    """Alembic's operations that would make a database what the models are."""
    from alembic.autogenerate import produce_migrations
    from alembic.migration import MigrationContext

    found: list[Any] = []

    def compare(config: "Config") -> None:
        context = MigrationContext.configure(config.attributes["connection"], opts=COMPARING)
        for operation in produce_migrations(context, described()).upgrade_ops.ops:  # type: ignore[union-attr]
            found.extend(getattr(operation, "ops", [operation]))

    with_connection(place, compare)
    return found


def described() -> MetaData:
    """The models, where a column's `default=` is the database's too if it is a plain value: rows there are have it."""
    for of in Base.metadata.tables.values():
        for one in of.columns:
            plain = getattr(one.default, "arg", None)
            if one.server_default is None and isinstance(plain, str | int | float):
                one.server_default = DefaultClause(str(int(plain) if isinstance(plain, bool) else plain))
    return Base.metadata


def _other_default(
    _context: Any, _found: Any, _column: Any, found: str | None, _default: Any, wanted: str | None
) -> bool:
    """Alembic's own comparison (1.20) takes an empty text, or one with an apostrophe, for another one each time."""
    return _unquoted(found) != _unquoted(wanted)


def _unquoted(default: str | None) -> str | None:
    text = re.sub(r"^\((.*)\)$", r"\1", default, flags=re.DOTALL) if default else default
    text = re.sub(r"::[a-z ]+$", "", text) if text else text  # PostgreSQL's "'0'::bigint"
    return text[1:-1].replace("''", "'") if text and len(text) > 1 and text[0] == text[-1] == "'" else text


# A full-text index (pottle/store/fulltext.py) and its parts, whose name ends so; and what Litestream keeps there.
UNDESCRIBED = re.compile(r"\w+_index(?:_(?:data|idx|content|docsize|config))?|_litestream_(?:seq|lock)")


def is_undescribed(table: str) -> bool:
    """Whether a table is none of those that models describe: of a full-text index, or Litestream's."""
    return UNDESCRIBED.fullmatch(table) is not None


def _is_described(name: str | None, kind: str, _parents: Any) -> bool:
    return not (kind in ("table", "index") and is_undescribed(name or ""))


def _rendered(kind: str, of: Any, _context: Any) -> Any:
    """As in a migration: `sa.Integer()` has 64 bits on PostgreSQL there too, and `sa.String()` is compared by bytes."""
    if kind == "type" and isinstance(of, String) and of.collation == "C":
        return "sa.String()"
    return "sa.Integer()" if kind == "type" and of is WHOLE else False


def _other_type(context: Any, _found: Any, _column: Any, found: Any, wanted: Any) -> bool | None:
    """On PostgreSQL a column of whole numbers has 64 bits, whatever its model says; else as Alembic compares."""
    both = isinstance(found, Integer) and isinstance(wanted, Integer)
    return False if both and context.dialect.name == "postgresql" else None


COMPARING: dict[str, Any] = {
    "include_name": _is_described,
    "compare_type": _other_type,
    "compare_server_default": _other_default,
    "render_as_batch": True,
    "render_item": _rendered,
}


def with_connection(place: Place, do: "Callable[[Config], object]") -> None:
    """Calls `do` with Alembic's configuration for a database."""
    if isinstance(place, Connection):
        _configured(place, do)
        return
    engine = write_engine(place)
    try:
        with engine.connect() as connection:
            # A batch migration drops and recreates tables, which with foreign keys on would delete what refers to them.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
            _configured(connection, do)
    finally:
        engine.dispose()


def _configured(connection: Connection, do: "Callable[[Config], object]") -> None:
    from alembic.config import Config

    config = Config(cmd_opts=Namespace(quiet=True))
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("version_locations", str(VERSIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    do(config)


def words(step: Any) -> str:
    """Such as "add column links title"."""
    if isinstance(step, list):
        return words(step[0])
    kind, parts = step[0], step[1:]
    names = [getattr(part, "name", part) for part in parts if isinstance(getattr(part, "name", part), str)]
    verbs = {"remove": "drop", "modify": "change"}
    verb, _, what = str(kind).partition("_")
    return " ".join([verbs.get(verb, verb), what, *names])
