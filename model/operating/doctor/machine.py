"""The doctor's looks at the machine: versions, the instance folder and where it lies, the disk, descriptors."""

import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from model.operating.doctor.findings import MIB, Finding, Patient
from pottle import VERSION
from pottle.store import file_systems, first_look
from pottle.store.database import LITTLE_SPACE

OLDEST_SQLITE = (3, 35)  # RETURNING
FEW_DESCRIPTORS = 1_024
# What is gone with the machine's next start, or with the container.
FLEETING = {"tmpfs": "memory", "ramfs": "memory", "overlay": "the container itself, and gone with it: mount a volume"}


def _version(_: Patient) -> Iterator[Finding]:
    yield Finding("ok", "version", f"Pottle {VERSION} on Python {platform.python_version()}")


def _sqlite(_: Patient) -> Iterator[Finding]:
    good = sqlite3.sqlite_version_info >= OLDEST_SQLITE
    says = f"version {sqlite3.sqlite_version}"
    yield Finding("ok", "sqlite", says) if good else Finding("FAIL", "sqlite", f"{says} is too old")


def _folder(patient: Patient) -> Iterator[Finding]:
    folder = patient.settings.instance.absolute()
    if closed := patient.closed:
        yield Finding("FAIL", "folder", f"{closed} cannot be read and written: {first_look.as_whom(closed)}")
    elif not folder.exists():
        yield Finding("warn", "folder", f"{folder} is not there: the first start makes it. Is POTTLE_INSTANCE right?")
    else:
        yield _writing(folder)


def _writing(folder: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Finding("ok", "folder", f"{folder} can be written")
    except OSError as error:
        return Finding("FAIL", "folder", f"{folder} cannot be written: {error.strerror}.")


def _file_system(patient: Patient) -> Iterator[Finding]:
    kind = file_systems.kind_of(patient.settings.instance)
    if file_systems.is_shared(kind) and not patient.settings.shared_disk:
        yield Finding("FAIL", "file system", f"{kind}: {first_look.SHARED}")
    elif file_systems.is_shared(kind):
        yield Finding("warn", "file system", f"{kind}: nobody else may write there, or answered writes are lost.")
    elif kind in file_systems.OF_THE_HOST:
        yield Finding("warn", "file system", f"{kind}, from the computer around this one: good to try things out.")
    elif kind in FLEETING:
        yield Finding("warn", "file system", f"{kind}: the folder is kept in {FLEETING[kind]}.")
    else:
        yield Finding("ok", "file system", kind or "not known on this system")


def _space(patient: Patient) -> Iterator[Finding]:
    folder = patient.settings.instance.resolve()
    while not _there(folder):
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    size = patient.database.stat().st_size if _there(patient.database) else 0
    if free < LITTLE_SPACE:
        yield Finding("FAIL", "disk", f"{free // MIB} MiB are free: posts will soon be refused. Make room.")
    elif free < 2 * size:
        yield Finding("warn", "disk", f"{free // MIB} MiB are free, less than twice the database. Make room.")
    else:
        yield Finding("ok", "disk", f"{free // MIB} MiB are free")


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # nobody lets us look
        return False


def _descriptors(_: Patient) -> Iterator[Finding]:
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < FEW_DESCRIPTORS:
        yield Finding("warn", "descriptors", f"{soft} here: about as many readers for a worker. Raise it (ulimit -n).")
    else:
        yield Finding("ok", "descriptors", f"{soft} here, about as many readers for a worker")


LOOKS = (_version, _sqlite, _folder, _file_system, _space, _descriptors)
