"""PostgreSQL servers of a test's own, which it may stop, kill, copy and promote."""

import hashlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pottle.store.postgres import TURN
from tests import databases

NAME = "pottle"  # the database
SENDING = TURN ^ int.from_bytes(hashlib.sha256(b"webhooks").digest()[:7])  # the lock of who sends webhooks
HOLDERS = """
    SELECT usename, host(client_addr) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE (classid::bigint << 32 | objid::bigint) = %s AND granted
"""


class Cluster:
    """A cluster in a folder, with its socket there. `inside` is the command that runs another on its host."""

    def __init__(self, folder: Path, programs: Path, inside: Sequence[str] = ()) -> None:
        self.folder, self.data, self.inside = folder, folder / "data", inside
        self.url = databases.url_at(NAME, folder)
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Makes it, with an empty database, and starts it."""
        databases.make(self.folder, self._programs)
        self.start()
        self.wait()
        self.run("createdb", "-h", str(self.folder), "-U", "postgres", NAME)

    def start(self, *options: str) -> None:
        """Starts it, and does not wait. It ends with the test, even by kill -9."""
        command = [*self.inside, "setpriv", "--pdeathsig=QUIT", *databases.as_postgres()[1:]]
        with (self.folder / "log").open("ab") as log:
            server = [*command, *databases.command(self.folder, self._programs), *options]
            self._process = subprocess.Popen(server, stdout=log, stderr=log, start_new_session=True)

    def wait(self) -> None:
        """Until it can be connected to."""
        databases.wait_for(databases.url_at("postgres", self.folder))

    @contextmanager
    def running(self) -> Iterator[None]:
        """It runs meanwhile."""
        self.start()
        try:
            self.wait()
            yield
        finally:
            self.end(signal.SIGQUIT)

    def end(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends it: by SIGINT in order, by SIGQUIT as `pg_ctl stop -m immediate` does, which is a crash."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(databases.PATIENCE)

    def crash(self) -> None:
        """Has it crash and start again, as `pg_ctl restart -m immediate` does; it is not waited for."""
        self.end(signal.SIGQUIT)
        self.start()

    def run(self, program: str, *arguments: str) -> str:
        """Runs one of PostgreSQL's programs, and returns what it says."""
        command = [*self.inside, *databases.as_postgres(), str(self._programs / program), *arguments]
        ran = subprocess.run(command, capture_output=True, text=True, cwd="/")
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def copy_to(self, place: Path) -> None:
        """Copies its data, while it is stopped."""
        subprocess.run(["cp", "-a", self.data, place], check=True)

    def ask(self, sql: str, *values: Any, database: str = NAME) -> list[Any]:
        """The rows of a statement, over a connection of its own."""
        with databases.connected(databases.url_at(database, self.folder)) as raw:
            cursor = raw.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def holders(self, key: int) -> list[tuple[str, str]]:
        """The role and address of those who hold an advisory lock: one at most, as a rule."""
        return self.ask(HOLDERS, key)

    def output(self) -> str:
        """What it has logged."""
        return (self.folder / "log").read_text(errors="replace")


@contextmanager
def folder_of_cluster() -> Iterator[Path]:
    """A folder that PostgreSQL may own, with a short path: a socket's must be."""
    folder = Path(tempfile.mkdtemp(prefix="pottle-postgres-", dir="/tmp"))
    if databases.as_postgres():
        shutil.chown(folder, "postgres", "postgres")
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def copied(origin: Cluster, programs: Path) -> Iterator[Cluster]:
    """A cluster that runs on a copy of another one's data."""
    with folder_of_cluster() as folder:
        cluster = Cluster(folder, programs)
        origin.copy_to(cluster.data)
        with cluster.running():
            yield cluster
