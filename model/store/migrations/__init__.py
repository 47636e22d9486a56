"""Migrations, by Alembic: those there are are applied at start; `python main.py` writes the one that is missing."""

import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model.store.base import Base
from model.store.changes import Change
from model.store.engines import write_engine
from model.store.first_look import LEFT, WrongDatabase, untouched

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent
VERSIONS = HERE / "versions"
STARTED = time.time()
QUIET_SECONDS = 1.0


def upgrade(path: Path, to: str | None = None) -> None:
    """Brings the database at `path` (a new one too) to the revision `to`, or the newest. The caller holds the turn."""
    at = _revision(path)
    if at == (to or newest_revision()):
        return  # and Alembic, which takes 0.3 s to import, is not needed
    check_known(at, path)
    from alembic import command

    _with_connection(path, lambda config: command.upgrade(config, to or "head"))


def check_known(revision: str | None, of: object) -> None:
    """Raises WrongDatabase for a revision that this code does not have; `of` says what is at it."""
    if revision is not None and revision not in revisions():
        raise WrongDatabase(
            f"{of} is at revision {revision!r}, which this version of Pottle does not know: the database is newer than "
            "the code. Start the newer version again, or restore a backup made with this one."
        )


def write_missing(path: Path) -> str | None:
    """Writes the revision that brings the models' changes into the database; None where nothing is missing.

    The database must be at the newest revision. Returns the new file's name. Waits until nobody has saved a model for
    a second, for half an edit is no migration; what was saved since this process began is for the next one.
    """
    from alembic import command

    missing = differences(path)
    if not missing or not _settled():
        return None
    revision = f"{int(newest_revision() or 0) + 1:04d}"
    message = re.sub(r"\W+", " ", missing[0])[:40].strip()
    _with_connection(path, lambda config: command.revision(config, message=message, autogenerate=True, rev_id=revision))
    return next(VERSIONS.glob(f"{revision}_*.py")).name


def _settled() -> bool:
    saved = max(file.stat().st_mtime for file in HERE.parents[1].rglob("*.py"))
    time.sleep(max(0.0, saved + QUIET_SECONDS - time.time()))
    return saved < STARTED and saved == max(file.stat().st_mtime for file in HERE.parents[1].rglob("*.py"))


def differences(path: Path) -> list[str]:
    """What the models have that the database at `path` lacks, or the other way round, each in a few words."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    found: list[str] = []

    def compare(config: "Config") -> None:
        context = MigrationContext.configure(config.attributes["connection"], opts=COMPARING)
        found.extend(_words(step) for step in compare_metadata(context, Base.metadata))

    _with_connection(path, compare)
    return found


COMPARING: dict[str, Any] = {"compare_type": True, "compare_server_default": True, "render_as_batch": True}


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
    if {"alembic_version", Change.__tablename__} <= tables:
        row = raw.execute("SELECT version_num FROM alembic_version").fetchone()
        return row[0] if row else None
    if tables:
        raise WrongDatabase(
            f"{path} is a database of another program: it has tables, but no revision. {LEFT} Move it away, or name "
            "another folder in POTTLE_INSTANCE."
        )
    return None


def _with_connection(path: Path, do: "Callable[[Config], object]") -> None:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
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
    if isinstance(step, list):
        return _words(step[0])
    kind, parts = step[0], step[1:]
    names = [getattr(part, "name", part) for part in parts if isinstance(getattr(part, "name", part), str)]
    return " ".join([str(kind), *names])
