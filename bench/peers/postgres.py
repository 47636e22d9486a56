"""On PostgreSQL: Pottle on one host or on several, and FastAPI. They share a cluster, on the same disk as SQLite."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, ClassVar

import psycopg
from sqlalchemy import create_engine

from bench.data import ASKER, DIGEST
from bench.peers import models
from bench.peers.base import gunicorn
from bench.peers.plain import ASYNC, FastAPI
from bench.peers.pottle import Pottle, serve
from bench.running import PATIENCE, TICKS, Server, environment, free_port

CONNECTIONS = 200  # for four hosts; 100 where nobody has changed it


class Cluster:
    """As Debian's package makes one, so that every commit waits for the disk; asked over TCP."""

    running: ClassVar[dict[Path, "Cluster"]] = {}

    def __init__(self, folder: Path) -> None:
        self.users, self._port = 0, free_port()
        data = folder / "cluster"
        data.mkdir()
        folder.chmod(0o711)
        before = ["setpriv", "--pdeathsig=QUIT"]
        if os.geteuid() == 0:  # as which PostgreSQL refuses to run
            shutil.chown(data, "postgres", "postgres")
            before += ["--reuid=postgres", "--regid=postgres", "--init-groups"]
        makes = [str(_programs() / "initdb"), "-D", str(data), "-A", "trust", "-U", "pottle", "-E", "UTF8"]
        subprocess.run([*before, *makes, "--locale=C"], check=True, capture_output=True)
        options = {"listen_addresses": "127.0.0.1", "port": self._port, "unix_socket_directories": ""}
        options |= {"max_connections": CONNECTIONS}
        serves = [str(_programs() / "postgres"), "-D", str(data), *(f"--{n}={value}" for n, value in options.items())]
        with (folder / "cluster.log").open("ab") as log:
            self._process = subprocess.Popen([*before, *serves], stdout=log, stderr=log, start_new_session=True)

    @classmethod
    def of(cls, folder: Path) -> "Cluster":
        """That of a run, for one more of those who use it."""
        if folder not in cls.running:
            cls.running[folder] = cls(folder)
        cls.running[folder].users += 1
        return cls.running[folder]

    def leave(self) -> None:
        """Whoever leaves last ends it."""
        self.users -= 1
        if not self.users:
            self._process.terminate()
            self._process.wait(PATIENCE)

    def database(self, name: str) -> str:
        """The URL of a new database."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                with psycopg.connect(self._url("postgres"), autocommit=True) as raw:
                    raw.execute(f"CREATE DATABASE {name}")
                return self._url(name)
            except psycopg.OperationalError:  # it is starting
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def _url(self, name: str) -> str:
        return f"postgresql://pottle@127.0.0.1:{self._port}/{name}"

    def cpu(self) -> float:
        """Seconds of CPU that its processes have spent so far."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        spent = sum(map(int, _times(pid)))
        return (spent + sum(int(time) for child in children for time in _times(child)[:2])) / TICKS


def _times(pid: object) -> list[str]:
    """Ticks of a process itself, and of its children that ended: user and system of each."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]


class Postgres(Pottle):
    """The same data, copied by `db copy`, and the same three workers."""

    name = "pottle-postgres"
    title = "Pottle on PostgreSQL"
    cluster: Cluster

    @classmethod
    def missing(cls) -> str | None:
        """It is there only where somebody has installed it."""
        return super().missing() or _missing()

    def seed(self) -> None:
        """The data in SQLite, and then in the cluster."""
        super().seed()
        self.cluster = Cluster.of(self.folder.parent)
        self._url = self.cluster.database("pottle")
        copying = [self.python, "-m", "quart", "--app", "main", "db", "copy", str(self.instance), self._url]
        subprocess.run(copying, cwd=self.root, env=environment(self.folder), check=True, capture_output=True)
        _analyze(self._url)

    def server(self) -> Server:
        """As Pottle's, with the URL."""
        return serve(self.folder / "seen", self.folder, POTTLE_DATABASE_URL=self._url)

    def host(self, number: int) -> Server:
        """One of several hosts, with an instance folder of its own and one worker."""
        home = self.folder / f"host-{number}"
        home.mkdir(exist_ok=True)
        command = gunicorn("main:app", "--workers", "1")
        return serve(home / "instance", home, command=command, POTTLE_DATABASE_URL=self._url)

    def end(self) -> None:
        """Needs the cluster no more."""
        self.cluster.leave()


class FastAPIOnPostgres(FastAPI):
    """The same application, with asyncpg."""

    name = "fastapi-postgres"
    title = "FastAPI on PostgreSQL"

    @classmethod
    def missing(cls) -> str | None:
        """As for Pottle."""
        return super().missing() or _missing()

    def seed(self) -> None:
        """The data, by COPY."""
        self._cluster = Cluster.of(self.folder.parent)
        self._url = self._cluster.database("plain")
        engine = create_engine(self._url.replace(":", "+psycopg:", 1))
        models.Base.metadata.create_all(engine)
        engine.dispose()
        with psycopg.connect(self._url) as raw:
            _copy(raw, "users", "id, uid, name", self.data.persons())
            _copy(raw, "sessions", "user_id, secret_hash", [(ASKER, DIGEST)])
            _copy(raw, "channels", "id, key, title, posts", self.data.places())
            _copy(raw, "posts", "id, channel_id, author_id, body, html, created", self.data.posts())
            raw.execute("SELECT setval('posts_id_seq', max(id)) FROM posts")
        _analyze(self._url)

    def server(self) -> Server:
        """As on SQLite, with the URL."""
        command = gunicorn("bench.peers.fastapi_app:app", "--keep-alive", "75", *ASYNC)
        url = self._url.replace(":", "+asyncpg:", 1)
        return Server(command, self.folder, "/readyz", DATABASE_URL=url)

    def end(self) -> None:
        """Needs the cluster no more."""
        self._cluster.leave()


def _copy(raw: Any, table: str, columns: str, rows: Any) -> None:
    with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as target:
        for row in rows:
            target.write_row(row)


def _analyze(url: str) -> None:
    """As PostgreSQL does by itself after a while."""
    with psycopg.connect(url, autocommit=True) as raw:
        raw.execute("VACUUM ANALYZE")


def _missing() -> str | None:
    return None if _programs() else "PostgreSQL is not installed"


def _programs() -> Any:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None
