"""Who has a lock of a database: the turn to write, or a consumer's, of which one process at a time is the one."""

import fcntl
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pottle.store.postgres import TURN, key_of
from tests import databases
from tests.server import Server

BACKENDS = "SELECT pid FROM pg_locks WHERE (classid::bigint << 32 | objid::bigint) = ? AND granted"


@contextmanager
def turn_taken(instance: Path) -> Iterator[None]:
    """Another process has the turn meanwhile: nobody writes, or starts."""
    if databases.POSTGRES:
        with databases.opened(instance) as raw:
            raw.execute(f"SELECT pg_advisory_lock({TURN})")
            yield
        return
    with (instance / "app.db-turn").open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def holders(server: Server, name: str) -> list[int]:
    """The workers that have the lock of a name (`turn`, `mail`): one, or none for a moment."""
    found = _of_postgres(server, name) if databases.POSTGRES else _of_file(server.instance / f"app.db-{name}")
    return [process for process in server.processes()[1:] if process in found]


def _of_file(path: Path) -> set[int]:
    """As the kernel knows it."""
    if not path.exists():
        return set()
    inode = path.stat().st_ino
    held = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return {int(line[4]) for line in held if line[1] == "FLOCK" and line[5].endswith(f":{inode}")}


def _of_postgres(server: Server, name: str) -> set[int]:
    """By the other end of its connection to the PostgreSQL process that has it."""
    key = TURN if name == "turn" else key_of(name)
    with databases.opened(server.instance) as raw:
        backends = [pid for (pid,) in raw.execute(BACKENDS, (key,))]
    shown = subprocess.run(["ss", "-xpH"], capture_output=True, text=True, check=True).stdout
    ends = [(line.split(), {int(pid) for pid in re.findall(r"pid=(\d+)", line)}) for line in shown.splitlines()]
    theirs = {columns[7] for columns, processes in ends if processes & {*backends}}
    return {process for columns, processes in ends if columns[5] in theirs for process in processes}
