"""Files that appear whole or not at all: backups, exports, and databases that are restored or imported."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pottle.errors import Conflict, NotFound


@contextmanager
def appearing(path: Path, replacing: bool = False) -> Iterator[Path]:
    """A file beside `path` to write to, which becomes `path`, on disk, when all went well, and is gone otherwise.

    Only its owner can read it, for it holds password hashes. Raises Conflict where there is a `path` already, also one
    that came meanwhile, unless that is to be replaced.
    """
    if not path.parent.is_dir():
        raise NotFound(f"There is no folder {path.parent}.")
    if not replacing:
        refuse_existing(path)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(descriptor)
    part = Path(name)
    try:
        yield part
        _sync(part)
        part.replace(path) if replacing else _name(part, path)
        _sync(path.parent)
    finally:
        for left in ("", "-journal", "-wal", "-shm"):  # which SQLite keeps beside a database
            part.with_name(part.name + left).unlink(missing_ok=True)


def private(path: Path, flags: int) -> int:
    """Opens a file of the instance folder, made if need be, that only its owner can read, whatever the umask.

    What root's command makes belongs to whoever the folder belongs to, for the server has to open it too.
    """
    file = os.open(path, flags | os.O_CREAT, 0o600)
    keep_private(path)
    return file


def keep_private(path: Path) -> None:
    """Takes from others what an older version, or a careless umask, let them do with a file of ours."""
    about = path.stat()
    if hasattr(os, "geteuid") and about.st_uid == os.geteuid():
        with suppress(OSError):  # a file system without modes
            if about.st_mode & 0o077:
                path.chmod(0o600)
        give_to_owner(path)


def give_to_owner(path: Path) -> None:
    """A file that root made belongs to whoever the folder belongs to, for the server has to write to it."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        folder = path.parent.stat()
        with suppress(OSError):  # a file system without owners
            os.chown(path, folder.st_uid, folder.st_gid)


def refuse_existing(path: Path) -> None:
    """Raises Conflict where there is something at `path`, even a link that leads nowhere."""
    if os.path.lexists(path):
        raise Conflict(f"{path} exists already. Nothing is overwritten: choose another place, or move it away.")


def _name(part: Path, path: Path) -> None:
    try:
        os.link(part, path)  # unlike a rename it fails where there is a file already
    except FileExistsError:
        refuse_existing(path)
    except OSError:  # a file system without hard links
        refuse_existing(path)
        part.rename(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
