"""What commands do with a PostgreSQL database: look at it, migrate it, copy it, and run PostgreSQL's own programs."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection, NullPool, create_engine, event
from sqlalchemy.exc import DBAPIError

from pottle import times
from pottle.errors import Conflict, NotFound
from pottle.store import changes, copies, migrations, moving
from pottle.store.copies import Content, Progress, appearing, unused
from pottle.store.files import WrongDatabase
from pottle.store.instance import MOVED, put
from pottle.store.postgres import (
    LONGEST_OPEN,
    OLDEST,
    PATIENCE,
    READERS,
    SERVED,
    SESSIONS,
    STANDBY,
    TURN,
    WORKERS,
    cause_of,
    giving_way,
    history,
    is_standby,
    prepared,
)
from pottle.store.statements import POSTGRESQL, Snapshot

# A connection that nothing hurries, and that waits for nobody for long.
CALM = f"SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '{PATIENCE}s'"
SAME = """
    SELECT system_identifier || ' ' || (SELECT oid FROM pg_database WHERE datname = current_database())
    FROM pg_control_system()
"""
CONNECTIONS = READERS + SESSIONS + 3  # of a worker: also one to write, one to ask for the head, one to listen
CLOCKS_APART = 5  # seconds
OPEN_SECONDS = 600
CLOCK = "SELECT extract(epoch FROM clock_timestamp())::float8"
LIMITS = """
    SELECT datconnlimit FROM pg_database WHERE datname = current_database() AND datconnlimit >= 0
    UNION SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user AND rolconnlimit >= 0
"""
# Of others' sessions a role that is no superuser sees little: PostgreSQL's pg_monitor lets it.
OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname IS NOT NULL AND coalesce(backend_type, 'client backend') = 'client backend'
    AND NOT (datname = current_database() AND application_name LIKE 'pottle %')
"""


Level = Literal["warn", "FAIL"]


class Examined(NamedTuple):
    """What one check of the doctor's found: what it says if all is well, and otherwise how bad it is, and why."""

    about: str
    ok: str
    wrong: bool
    level: Level
    why: str


class Cluster:
    """A PostgreSQL database by its URL, as an end of `db copy`."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.named = named(url)

    @property
    def same(self) -> str:
        """Equal for two names of the same database."""
        with explained(self._url), closing(opened(self._url)) as raw:
            found: str = raw.execute(SAME).fetchone()[0]
        return found

    @contextmanager
    def reading(self) -> Iterator[Snapshot]:
        """One state of it, while others write."""
        with explained(self._url), closing(opened(self._url)) as raw, Snapshot(raw) as read:
            yield read

    @contextmanager
    def paused(self) -> Iterator[Snapshot]:
        """Its newest state, while nobody can write: who wants to waits for the turn. Ends with this connection, too."""
        with explained(self._url), closing(opened(self._url)) as raw:
            raw.execute(f"SELECT pg_advisory_lock({TURN})")
            raw.execute(POSTGRESQL.begin)
            yield Snapshot(raw)

    def leave(self, paused: Snapshot, to: str) -> None:
        """Ends the pause with everybody refused, and has it be another history from its next opening on."""
        with explained(self._url):
            paused.raw.execute("ROLLBACK; BEGIN")
            put(paused, MOVED, to)
            put(paused, "history", "")
            paused.raw.execute("COMMIT")

    @contextmanager
    def making(self, last: Callable[[], object]) -> Iterator[Snapshot]:
        """A transaction in which it has all tables, and no references. What is written is kept if all goes well.

        `last` is called when nothing is left to do but to commit. Raises Conflict where it is not empty, or served.
        """
        with visiting(self._url) as connection:
            raw: Any = connection.connection.driver_connection
            self._be_alone(raw)
            if moving.tables_in(tx := Snapshot(raw)):
                raise Conflict(f"{self.named} is not empty. Nothing is overwritten: make another one (createdb).")
            migrations.bring(connection)
            with migrations.unreferenced(connection):
                yield tx
            put(tx, "history", history(raw))
            last()
        with suppress(psycopg.Error), closing(opened(self._url)) as raw:
            raw.execute("ANALYZE")  # else PostgreSQL does so by itself, later

    def _be_alone(self, raw: Any) -> None:
        if not raw.execute(f"SELECT pg_try_advisory_xact_lock({SERVED})").fetchone()[0]:
            raise Conflict(f"{self.named}: a server is using it. Stop it first.")
        raw.execute(f"SELECT pg_advisory_xact_lock({TURN})")


def named(url: str) -> str:
    """What people are told of a database: nothing secret. Raises WrongDatabase for what is no URL."""
    try:
        said = conninfo_to_dict(url)
    except psycopg.Error as error:
        raise WrongDatabase(f"This is no URL of a PostgreSQL database: {str(error).strip()}") from error
    name = said.get("dbname") or said.get("user") or ""
    return f"The PostgreSQL database {name}" + (f" at {said['host']}" if said.get("host") else "")


@contextmanager
def explained(url: str) -> Iterator[None]:
    """Has PostgreSQL's errors be one line. Raises Conflict or WrongDatabase instead of them."""
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        cause = cause_of(error)
        if isinstance(cause, psycopg.errors.LockNotAvailable):
            raise Conflict(f"{named(url)}: another process holds the right to write. End it first.") from error
        if not isinstance(cause, psycopg.Error):
            raise
        raise WrongDatabase(f"{named(url)}: {' '.join(str(cause).split())}") from error


def opened(url: str) -> Any:
    """A connection that commits each statement, unless it is told to begin."""
    raw = prepared(psycopg.connect(url, autocommit=True, application_name="pottle command"))
    raw.execute(CALM)
    return raw


@contextmanager
def visiting(url: str) -> Iterator[Connection]:
    """A connection in a transaction, which is committed if all goes well. Raises as `explained`."""
    with connecting(url) as connection, connection.begin():
        yield connection


@contextmanager
def connecting(url: str) -> Iterator[Connection]:
    """A connection. Raises as `explained`."""
    with explained(url):
        engine = create_engine(
            "postgresql+psycopg://",
            creator=lambda: opened(url),
            poolclass=NullPool,
            use_native_hstore=False,
            hide_parameters=True,
        )
        event.listen(engine, "begin", lambda connection: connection.connection.driver_connection.execute("BEGIN"))
        with engine.connect() as connection:
            yield connection


@contextmanager
def there(url: str) -> Iterator[Connection]:
    """As `visiting`. Raises NotFound for a database that is empty, WrongDatabase for one that is not ours."""
    with visiting(url) as connection:
        _be_ours(connection, url)
        yield connection


def _be_ours(connection: Connection, url: str) -> None:
    if migrations.revision_in(connection) is None:
        raise NotFound(f"{named(url)} is empty: the first start of a server makes what it needs.")


def migrate(url: str, back_to: str | None = None) -> list[str]:
    """Applies all migrations, also those that drop something, or takes back those after `back_to`; returns which.

    All of them, or none. Nothing is copied before. Raises Conflict, NotFound, WrongDatabase.
    """

    def change(connection: Connection) -> list[str]:
        _be_ours(connection, url)
        names = migrations.applied(connection, back_to) if back_to else migrations.pending(connection)
        if names and back_to:
            migrations.downgrade(connection, back_to)
        elif names:
            migrations.upgrade(connection, willing=True)
        return names

    with connecting(url) as connection:
        return giving_way(connection, change)


def console(url: str, write: bool) -> int:
    """psql's exit code, once whoever sits at the terminal has left it. Raises NotFound where there is no psql."""
    command, environment = _program("psql", url)
    if not write:
        environment["PGOPTIONS"] = f"{environment.get('PGOPTIONS', '')} -c default_transaction_read_only=on"
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603


def dump(url: str, to: Path, progress: Progress = lambda *_: None) -> tuple[Path, Content]:
    """Has pg_dump write the database, which may be in use, into one new file; its path and content.

    `to` is the file, or a folder in which it gets a name, as of `copies.backup`. pg_restore has read it when this
    returns. Raises Conflict, NotFound or WrongDatabase, and leaves nothing then.
    """
    command, environment = _program("pg_dump", url)
    with explained(url), closing(opened(url)) as raw, Snapshot(raw) as read:
        tables = moving.tables_of(moving.tables_in(read))
        rows = {of.name: copies.rows(read, of.name) for of in tables}
        found = Content(moving.revision_of(read, named(url)), changes.head(read), rows)
        stem = f"pottle-{times.now()[:19].replace(':', '')}Z-{found.seq}"
        path = unused(to, stem, ".dump") if to.is_dir() else to
        (snapshot,) = raw.execute("SELECT pg_export_snapshot()").fetchone()
        with appearing(path) as part:
            _run([*command, "--format=custom", f"--snapshot={snapshot}", f"--file={part}"], environment)
            listed = _run([_installed("pg_restore"), "--list", str(part)], environment)
            if missing := [name for name in rows if not re.search(rf" TABLE DATA \S+ {name} ", listed)]:
                raise WrongDatabase(f"The dump lacks the rows of {', '.join(missing)}. It was not kept.")
    return path, found


def _program(name: str, url: str) -> tuple[list[str], dict[str, str]]:
    """How a program of PostgreSQL's is started for a database; a password is not shown to all of the machine."""
    said: dict[str, Any] = conninfo_to_dict(url)
    environment = dict(os.environ)
    if password := said.pop("password", None):
        environment["PGPASSWORD"] = str(password)
    if options := said.pop("options", None):
        environment["PGOPTIONS"] = str(options)
    return [_installed(name), f"--dbname={make_conninfo(**said)}"], environment


def _installed(name: str) -> str:
    if (found := shutil.which(name)) is None:
        raise NotFound(f"There is no {name} here, which is PostgreSQL's program for it: apt install postgresql-client.")
    return found


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        raise WrongDatabase(f"{' '.join(' '.join(said).split())} Nothing was kept.")
    return done.stdout


def examined(raw: Any) -> Iterator[Examined]:
    """What the doctor checks of PostgreSQL."""
    version, encoding = raw.info.server_version // 10_000, _shown(raw, "server_encoding")
    old = f"version {version} is too old: {OLDEST} or newer"
    yield Examined("postgresql", f"version {version}", version < OLDEST, "FAIL", old)
    yield Examined("primary", "it takes writes", is_standby(raw), "FAIL", f"it is {STANDBY}")
    other = f"{encoding}: names and texts of all languages need createdb -E UTF8 -T template0"
    yield Examined("encoding", encoding, encoding != "UTF8", "FAIL", other)
    lossy = " and ".join(name for name in ("fsync", "full_page_writes") if _shown(raw, name) == "off")
    kept = f"an answered write is on disk; synchronous_commit is {_shown(raw, 'synchronous_commit')}, for us never off"
    yield Examined("synchronous", kept, bool(lossy), "FAIL", f"{lossy} off: a loss of power may lose the database")
    (workers,) = raw.execute(WORKERS, (SERVED,)).fetchone()
    yield _connections(raw, workers)
    before, (there,) = time.time(), raw.execute(CLOCK).fetchone()
    apart = abs(there - (before + time.time()) / 2)
    between = f"{apart:.1f} seconds between this machine's and the database's"
    slow = f"{between}. Times are those of the machine that serves: set all clocks."
    yield Examined("clocks", between, apart > CLOCKS_APART, "warn", slow)
    seconds, who = raw.execute(LONGEST_OPEN).fetchone() or (0, "")
    oldest = f"the oldest has been open for {seconds:.0f} seconds" if who else "none is open"
    stuck = f"{who} has had one open for {seconds // 60:.0f} minutes, and nothing is cleaned up meanwhile. End it."
    yield Examined("transactions", oldest, seconds > OPEN_SECONDS, "warn", stuck)
    yield Examined("workers", f"{workers} have the database open", not workers, "warn", "no server is running")


def _connections(raw: Any, workers: int) -> Examined:
    limits = raw.execute(LIMITS).fetchall()
    most = int(_shown(raw, "max_connections")) - int(_shown(raw, "superuser_reserved_connections"))
    (others,) = raw.execute(OTHERS).fetchone()
    room = min([most - others, *(limit for (limit,) in limits)])
    opened = (workers or 3) * CONNECTIONS
    who = f"the {workers} workers of all hosts" if workers else "three workers"
    says = f"there is room for {room}; {who} open up to {opened}, and twice as many while all are reloaded"
    level: Level = "FAIL" if room < opened else "warn"
    return Examined("connections", says, room < 2 * opened, level, f"{says}. Raise max_connections.")


def _shown(raw: Any, setting: str) -> str:
    (found,) = raw.execute("SELECT current_setting(%s)", (setting,)).fetchone()
    return str(found)
