"""Two hosts with three workers each, whose clocks differ, behind nginx, on a PostgreSQL with a synchronous standby.

To the conformance checker they are one system: whatever is promised holds for whoever comes by nginx, and no client
knows which host it met. Every host, and each database, has a network of its own.
"""

import asyncio
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from conformance.adapters.gunicorn import WORKERS, all_serve
from conformance.adapters.pottle import ROOT, Pottle
from conformance.serving import PATIENCE, Server
from tests import databases
from tests.conftest import cannot_run
from tests.postgres.cluster import NAME, Cluster
from tests.postgres.network import BOUND, Namespace, Network
from tests.server import wait_until

PORT = 8080
CLOCKS = ("-20", "20")  # seconds of each host's against this machine's
STREAMING = "SELECT 1 FROM pg_stat_replication WHERE application_name = 'standby' AND state = 'streaming'"
REMOTE = "host all all 10.0.0.0/8 trust\nhost replication all 10.0.0.0/8 trust\n"
NGINX = """
daemon off; user root; pid {folder}/pid; error_log {folder}/errors; events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    upstream pottle {{ {servers} }}
    map $http_upgrade $upgrading {{ ~. upgrade; default ""; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://pottle;
            proxy_http_version 1.1;
            proxy_set_header Connection $upgrading;
            proxy_set_header Upgrade $http_upgrade;
            proxy_connect_timeout 1s;
            proxy_read_timeout 60s;
            proxy_next_upstream error timeout http_503;
        }}
    }}
}}
"""


class Host(Server):
    """One of them, with an instance folder of its own."""

    def __init__(self, place: Namespace, clock: str, home: Path, **settings: str) -> None:
        home.mkdir()
        self.place, self.address = place, place.address
        serving = ("gunicorn", "main:app", "--bind", f"0.0.0.0:{PORT}", "--workers", str(WORKERS))
        command = [*place.inside, *BOUND, sys.executable, "-m", *serving]
        settings |= {"POTTLE_INSTANCE": str(home / "instance"), "CLOCK_APART": clock}
        super().__init__(command, PORT, ROOT, home / "log", **settings)

    async def start(self) -> None:
        """Starts it, and waits until all its workers serve."""
        self.log.unlink(missing_ok=True)
        await super().start()
        await all_serve(self)

    def processes(self) -> list[int]:
        """All of it that run."""
        with suppress(FileNotFoundError, RuntimeError):
            return [self.master(), *self.children()]
        return []


class Database(Cluster):
    """A PostgreSQL server on a host of its own: the primary, or its standby."""

    def __init__(self, place: Namespace, folder: Path, programs: Path) -> None:
        folder.mkdir()
        if databases.as_postgres():
            shutil.chown(folder, "postgres", "postgres")
        super().__init__(folder, programs, place.inside)
        self.place = place

    def start(self, *options: str) -> None:
        """Starts it where the hosts find it, and does not wait."""
        super().start("--listen_addresses=*", *options)

    def make(self) -> None:
        """Makes it, and lets the hosts in."""
        super().make()
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write(REMOTE)
        self.ask("SELECT pg_reload_conf()")

    def follow(self, primary: "Database") -> None:
        """Makes it that one's standby, without which nothing is committed from then on."""
        shutil.rmtree(self.data, ignore_errors=True)
        source = f"host={primary.place.address} user=postgres application_name=standby"
        self.run("pg_basebackup", "-D", str(self.data), "-d", source, "-R", "-c", "fast", "--no-sync")
        # It waits for nobody once it is the primary itself.
        configured = self.data / "postgresql.auto.conf"
        lines = configured.read_text().splitlines(keepends=True)
        configured.write_text("".join(line for line in lines if not line.startswith("synchronous_standby_names")))
        self.start()
        self.wait()
        wait_until(lambda: bool(primary.ask(STREAMING)), "the standby to follow", self.output)
        primary.require("standby")

    def require(self, standby: str) -> None:
        """Has commits wait for that standby; for none if it is empty."""
        self.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'")
        self.ask("SELECT pg_reload_conf()")


class Hosts(Pottle):
    """See conformance/adapters/protocol.py."""

    def __init__(self) -> None:
        super().__init__()
        self._disks = Path(tempfile.mkdtemp(prefix="pottle-postgres-", dir="/tmp"))  # a socket's path must be short
        self._disks.chmod(0o711)  # what is in it is PostgreSQL's own
        self.network = Network()
        self.hosts: list[Host] = []
        found = databases.programs()
        if found is None or not shutil.which("cc"):
            cannot_run("needs PostgreSQL and a compiler of C (apt install postgresql gcc libc6-dev)")
        assert found
        self.primary, self.standby = (
            Database(self.network.host(), self._disks / f"database{n}", found) for n in range(2)
        )
        self._nginx: subprocess.Popen[bytes] | None = None

    def settings(self) -> dict[str, str]:
        """That of a host, or of a command on this machine."""
        both = f"{self.primary.place.address},{self.standby.place.address}"
        url = f"postgresql://postgres@{both}/{NAME}?target_session_attrs=read-write&connect_timeout=2"
        return {**super().settings(), "POTTLE_DATABASE_URL": url, "POTTLE_TRUSTED_PROXIES": "10.0.0.0/8"}

    async def serve(self, app: str, folder: Path, *flags: str, **settings: str) -> None:
        """Starts all of it."""
        await asyncio.to_thread(self.primary.make)
        await asyncio.to_thread(self.standby.follow, self.primary)
        clocks = self.home / "clock.so"
        source = Path(__file__).with_name("clock.c")
        subprocess.run(["cc", "-shared", "-fPIC", "-O", "-o", clocks, source, "-ldl"], check=True)  # noqa: ASYNC221
        for n, clock in enumerate(CLOCKS):
            host = Host(self.network.host(), clock, self.home / f"host{n}", LD_PRELOAD=str(clocks), **settings)
            self.hosts.append(host)
            await host.start()
        self._start_nginx()

    def _start_nginx(self) -> None:
        servers = " ".join(f"server {host.address}:{PORT} max_fails=1 fail_timeout=1s;" for host in self.hosts)
        folder = self.home / "nginx"
        folder.mkdir()
        said = folder / "nginx.conf"
        said.write_text(NGINX.format(folder=folder, servers=servers, port=self.port))
        self._nginx = subprocess.Popen([*BOUND, "nginx", "-p", str(folder), "-c", str(said)], start_new_session=True)
        wait_until((folder / "pid").exists, "nginx")

    async def stop(self) -> None:
        """Ends all of it."""
        with suppress(AttributeError):
            await self.http.close()
        if self._nginx is not None:
            self._nginx.terminate()
            self._nginx.wait(PATIENCE)
        for host in self.hosts:
            await host.kill()
        for database in (self.primary, self.standby):
            database.end(signal.SIGQUIT)
        self.network.end()
        for folder in (self.home, self._disks):
            shutil.rmtree(folder, ignore_errors=True)

    async def restart(self) -> None:
        """Kills all hosts at once and starts them again."""
        for host in self.hosts:
            await host.kill()
        for host in self.hosts:
            await host.start()

    async def ready(self) -> None:
        """Waits until all workers serve."""
        for host in self.hosts:
            await all_serve(host)

    def master(self) -> int:
        """The first host's arbiter."""
        return self.hosts[0].master()

    def workers(self) -> list[int]:
        """Those of all hosts that run."""
        return [worker for host in self.hosts for worker in host.processes()[1:]]

    def fail_over(self) -> None:
        """The primary is no more, and the standby takes its place; then it comes back as the standby."""
        gone, self.primary = self.primary, self.standby
        gone.end(signal.SIGQUIT)
        self.primary.run("pg_ctl", "promote", "-D", str(self.primary.data), "-w")
        self.standby = gone
        self.network.plug(gone.place)
        gone.follow(self.primary)
