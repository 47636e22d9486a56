"""The doctor's looks at the machine: versions, the instance folder and where it lies, the disk, descriptors."""

import os
import platform
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from model import VERSION
from model.doctor.findings import MIB, Finding, Patient
from model.store.database import LITTLE_SPACE

OLDEST_SQLITE = (3, 35)  # RETURNING
FEW_DESCRIPTORS = 1_024
# Where locks or shared memory do not work as SQLite's write-ahead log needs them.
REMOTE = ("nfs", "cifs", "smb", "9p", "drvfs", "virtiofs", "fuse", "vboxsf", "vmhgfs", "afs", "ceph", "glusterfs")
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
    if not folder.exists():
        yield Finding("warn", "folder", f"{folder} is not there: the first start makes it. Is POTTLE_INSTANCE right?")
        return
    try:
        with tempfile.TemporaryFile(dir=folder):
            yield Finding("ok", "folder", f"{folder} can be written")
    except OSError as error:
        owner, mine = folder.stat().st_uid, os.getuid() if hasattr(os, "getuid") else None
        yield Finding(
            "FAIL",
            "folder",
            f"{folder} cannot be written: {error.strerror}. It belongs to user {owner}, this is user {mine}.",
        )


def _file_system(patient: Patient) -> Iterator[Finding]:
    kind = file_system(patient.settings.instance, Path("/proc/self/mountinfo"))
    if kind.startswith(REMOTE):
        yield Finding("warn", "file system", f"{kind}: SQLite's write-ahead log needs a local one. Move the folder.")
    elif kind in FLEETING:
        yield Finding("warn", "file system", f"{kind}: the folder is kept in {FLEETING[kind]}.")
    else:
        yield Finding("ok", "file system", kind or "not known on this system")


def file_system(folder: Path, mounts: Path) -> str:
    """The type of the file system that `folder` is on; "" where the system does not say."""
    if not mounts.exists():
        return ""
    found = ("", "")
    for line in mounts.read_text().splitlines():
        before, _, after = line.partition(" - ")
        place = before.split()[4].encode().decode("unicode_escape")  # a space is \040 there
        if folder.resolve().is_relative_to(place) and len(place) >= len(found[0]):
            found = (place, after.split()[0])
    return found[1]


def _space(patient: Patient) -> Iterator[Finding]:
    folder = patient.settings.instance.resolve()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    size = patient.database.stat().st_size if patient.database.exists() else 0
    if free < LITTLE_SPACE:
        yield Finding("FAIL", "disk", f"{free // MIB} MiB are free: posts will soon be refused. Make room.")
    elif free < 2 * size:
        yield Finding("warn", "disk", f"{free // MIB} MiB are free, less than twice the database. Make room.")
    else:
        yield Finding("ok", "disk", f"{free // MIB} MiB are free")


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
