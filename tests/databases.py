"""Each test's database, on the engine that TEST_ENGINE names: `sqlite`, or `postgres`.

On PostgreSQL one cluster serves the whole run, all workers of pytest-xdist and all programs that tests start. Each
instance folder has a database of its own there, and a file in the folder names it: a copy of the folder gets a copy of
the database when somebody first asks for it.
"""

import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

POSTGRES = os.environ.get("TEST_ENGINE", "sqlite") == "postgres"
FOLDER = "TEST_POSTGRES"  # the variable with the folder of the cluster's socket, for all processes of a run
MARK = "app.postgres"  # the file that names an instance folder's database
KEPT = 40  # databases of one process; one takes 10 MB
PATIENCE = 30  # seconds

# Ends the cluster and removes its folder when whoever started it ends, even by kill -9: then its pipe closes.
KEEPER = """
trap "" INT
"$@" >"$FOLDER/log" 2>&1 &
read -r _
kill -QUIT $!
wait
rm -rf "$FOLDER"
"""
# No disk is waited for: what tests write need not outlive the machine.
OPTIONS = {"listen_addresses": "", "fsync": "off", "full_page_writes": "off", "max_connections": "500"}


def url_of(instance: Path) -> str:
    """POTTLE_DATABASE_URL for an instance folder: that of its own database, which is there; empty for SQLite."""
    if not POSTGRES:
        return ""
    name = "test_" + hashlib.sha256(str(instance.absolute()).encode()).hexdigest()[:16]
    mark = instance / MARK
    origin = mark.read_text() if mark.exists() else ""
    if origin != name and (origin or not _exists(name)):
        _copy(origin, name)
    if origin != name and instance.is_dir():
        mark.write_text(name)
    _use(name)
    return url_at(name)


class Opened:
    """A connection that commits at once, for looks at a database beside the application, and changes behind it."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def execute(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """Runs a statement with `?`, or with `:name`; returns a cursor with rows that are tuples."""
        if POSTGRES:
            sql = sql.replace("%", "%%")
            sql = re.sub(r":(\w+)", r"%(\1)s", sql) if isinstance(values, Mapping) else sql.replace("?", "%s")
        return self.raw.execute(sql, values)

    def tables(self) -> list[str]:
        """The names of all tables."""
        ours = "SELECT name FROM sqlite_master WHERE type = 'table'"
        if POSTGRES:
            ours = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        return sorted(name for (name,) in self.execute(ours))

    def assert_sound(self) -> None:
        """SQLite says that nothing is damaged and each reference leads somewhere. PostgreSQL sees to it at writes."""
        if not POSTGRES:
            assert self.raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert self.raw.execute("PRAGMA foreign_key_check").fetchall() == []


@contextmanager
def opened(instance: Path) -> Iterator[Opened]:
    """`with databases.opened(instance) as raw: raw.execute(…)`."""
    raw = (
        connected(url_of(instance))
        if POSTGRES
        else sqlite3.connect(instance / "app.db", timeout=PATIENCE, isolation_level=None)
    )
    with closing(raw):
        if not POSTGRES:
            raw.execute("PRAGMA foreign_keys = ON")
        yield Opened(raw)


def contents(instance: Path) -> bytes:
    """All that is kept: SQLite's files with whatever lies about in them, or all rows that PostgreSQL shows."""
    if not POSTGRES:
        return b"".join(file.read_bytes() for file in instance.glob("app.db*"))
    with opened(instance) as raw:
        return repr([raw.execute(f"SELECT * FROM {table}").fetchall() for table in raw.tables()]).encode()  # noqa: S608


def begin(config: pytest.Config) -> None:
    """Starts the cluster, unless there is one already, and ends it with the run."""
    if POSTGRES and FOLDER not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="pottle-postgres-", dir="/tmp"))  # a socket's path must be short
        keeper = _start(folder)
        os.environ[FOLDER] = str(folder)
        config.add_cleanup(lambda: _stop(keeper))


def fill_in(settings: Any) -> None:
    """Has settings that name an instance folder, and no database, name that folder's."""
    if POSTGRES:
        settings.database_url = _DatabaseUrl()


def leave_out(items: list[pytest.Item]) -> None:
    """Skips what is marked as SQLite's own, on PostgreSQL."""
    for item in items if POSTGRES else ():
        if (mark := item.get_closest_marker("sqlite")) is not None:
            item.add_marker(pytest.mark.skip(reason=f"SQLite's own: {mark.args[0]}"))


class _DatabaseUrl:
    """The field `database_url`, as its value is asked for: most settings of tests are never opened."""

    def __set__(self, settings: Any, url: str) -> None:
        settings.__dict__["database_url"] = url

    def __get__(self, settings: Any, kind: type) -> Any:
        if settings is None:
            return self
        return settings.__dict__["database_url"] or url_of(settings.instance)


def programs() -> Path | None:
    """The folder of PostgreSQL's programs; Debian's newest, which are not in the PATH."""
    found = [Path(there).resolve().parent] if (there := shutil.which("initdb")) else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    return found[0] if found else None


def as_postgres() -> list[str]:
    """The command that runs PostgreSQL's programs as somebody who is not root, whom they refuse."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []


def make(folder: Path, binaries: Path) -> list[str]:
    """A new cluster in `folder`; the command that runs it. Its texts are sorted as people sort, which bytes are not."""
    if as_postgres():
        shutil.chown(folder, "postgres", "postgres")
    folder.chmod(0o711)
    data = str(folder / "data")
    making = [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    sorting = ["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"]
    made = subprocess.run([*as_postgres(), *making, *sorting], capture_output=True, text=True)
    if made.returncode:
        pytest.exit(f"initdb failed:\n{made.stdout}{made.stderr}", returncode=2)
    return command(folder, binaries)


def command(folder: Path, binaries: Path) -> list[str]:
    """What runs the cluster in `folder`, which listens at a socket there."""
    options = [f"--{name}={value}" for name, value in (OPTIONS | {"unix_socket_directories": str(folder)}).items()]
    return [str(binaries / "postgres"), "-D", str(folder / "data"), *options]


def _start(folder: Path) -> subprocess.Popen[bytes]:
    """A cluster of this run."""
    if (binaries := programs()) is None:
        pytest.exit("TEST_ENGINE=postgres needs PostgreSQL (apt install postgresql).", returncode=2)
    server = make(folder, binaries)
    keeper = subprocess.Popen(
        [*as_postgres(), "sh", "-c", KEEPER, "sh", *server],
        env={"PATH": os.environ["PATH"], "FOLDER": str(folder)},
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    wait_for(url_at("postgres", folder))
    return keeper


def wait_for(url: str) -> None:
    """Waits until the cluster there can be connected to."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return connected(url).close()  # type: ignore[no-any-return]
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _stop(keeper: subprocess.Popen[bytes]) -> None:
    del os.environ[FOLDER]
    assert keeper.stdin
    keeper.stdin.close()
    keeper.wait(PATIENCE * 4)  # it removes hundreds of megabytes


def connected(url: str) -> Any:
    """A connection of psycopg's that commits at once."""
    import psycopg

    return psycopg.connect(url, autocommit=True)


def url_at(name: str, folder: object = "") -> str:
    """The URL of a database of the cluster that listens in `folder`, or of this run's."""
    return f"postgresql://postgres@/{name}?host={folder or os.environ[FOLDER]}"


def _exists(name: str) -> bool:
    with closing(connected(url_at("postgres"))) as raw:
        return raw.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


_origins: set[str] = set()
_used: dict[str, None] = {}  # the databases of this process, the one not used for longest first


def _copy(origin: str, name: str) -> None:
    """Makes a database: an empty one, or one like `origin`. A tenth of what copying through the log would take."""
    _origins.add(origin)
    like = f"TEMPLATE {origin} STRATEGY file_copy" if origin else ""
    with closing(connected(url_at("postgres"))) as raw:
        raw.execute(f"DROP DATABASE IF EXISTS {name}")
        raw.execute(f"CREATE DATABASE {name} {like}")


def _use(name: str) -> None:
    """Notes that a database is used, and drops one that was not for long."""
    _used.pop(name, None)
    _used[name] = None
    oldest = next(iter(_used))
    if len(_used) > KEPT:
        del _used[oldest]
        if oldest in _origins:
            return
        import psycopg

        with closing(connected(url_at("postgres"))) as raw, suppress(psycopg.errors.ObjectInUse):
            raw.execute(f"DROP DATABASE {oldest}")
