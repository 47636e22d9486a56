"""Pottle on PostgreSQL: a cluster of its own beside it, on the same disk, as Debian's package makes one."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from bench.peers.pottle import Pottle
from bench.running import Server, free_port
from pottle.store import copying

PLACES = "/usr/lib/postgresql/*/bin/initdb"


class Postgres(Pottle):
    """The same data, copied by `db copy`, and the same three workers; every commit waits for the disk."""

    name = "pottle-postgres"
    title = "Pottle on PostgreSQL"

    @classmethod
    def missing(cls) -> str | None:
        """It is there only where somebody has installed it."""
        return super().missing() or (None if _programs() else "PostgreSQL is not installed")

    def seed(self) -> None:
        """The data in SQLite, and then in the cluster."""
        super().seed()
        port, data = free_port(), self.folder / "cluster"
        data.mkdir()
        before = []
        if os.geteuid() == 0:  # as which PostgreSQL refuses to run
            shutil.chown(data, "postgres", "postgres")
            before = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        programs = _programs()
        subprocess.run(
            [*before, programs / "initdb", "-D", data, "-A", "trust", "-U", "pottle", "-E", "UTF8", "--locale=C"],
            check=True, capture_output=True,
        )  # fmt: skip
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories="
        self._control = [*before, str(programs / "pg_ctl"), "-D", str(data), "-w"]
        subprocess.run(
            [*self._control, "-l", data / "log", "-o", options, "start"],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self._url = f"postgresql://pottle@127.0.0.1:{port}/postgres"
        copying.copy(copying.end(str(self.instance)), copying.end(self._url))

    def server(self) -> Server:
        """As Pottle's, with the URL."""
        found = super().server()
        found.more["POTTLE_DATABASE_URL"] = self._url
        return found

    def end(self) -> None:
        """Ends the cluster."""
        subprocess.run([*self._control, "-m", "fast", "stop"], check=True, stdout=subprocess.DEVNULL)


def _programs() -> Any:
    found = sorted(Path("/").glob(PLACES[1:]))
    return found[-1].parent if found else None
