"""The files of an instance folder: what is wrong with them and what to do about it; whose they are; what is on disk.

Nothing is changed by looking. What cannot be served is left for somebody to repair, byte for byte.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy.exc import DBAPIError

LOG_BEGINS_WITH = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")  # https://www.sqlite.org/fileformat2.html#walformat
LEFT = "It was left as it is."
RESTORE = f"{LEFT} Restore a backup, or move it away to begin with an empty database."

MOUNTS = Path("/proc/self/mountinfo")
# SQLite's write-ahead log lives in memory that the processes of one machine share. Of two machines on one folder, one
# lost a write that it had answered with 201, and nothing said so.
# What a virtual machine gets from the computer it runs on: Docker Desktop's folders. One machine writes to them.
OF_THE_HOST = ("virtiofs", "fakeowner", "fuse.grpcfuse", "fuse.osxfs")
# Local disks that FUSE mounts, and what a container without root writes to.
LOCAL = ("fuseblk", "fuse.fuse-overlayfs")
SHARED_KINDS = (
    *("nfs", "cifs", "smb", "9p", "drvfs", "fuse", "vboxsf", "vmhgfs", "prl_fs", "afs", "ceph", "glusterfs", "lustre"),
    *("gfs2", "ocfs2", "gpfs", "beegfs", "orangefs", "pvfs2", "davfs", "ncpfs", "coda"),
)
SHARED = (
    "several machines may write there, and then writes that were answered are lost. Move the folder to a local disk "
    "(POTTLE_INSTANCE), or say that this machine is the only one: POTTLE_SHARED_DISK=on."
)


class WrongDatabase(RuntimeError):
    """The database cannot be served; the message says why and what to do. Nothing was changed."""


class Away(WrongDatabase):
    """It cannot be served now, and may be in a moment: nothing answers there, or a standby that takes no writes."""


def check(path: Path, noted_epoch: str) -> None:
    """Raises WrongDatabase for files that SQLite would not mind, and that were a database once.

    SQLite takes an empty file for a new database, deletes a log that is none, and opens for reading alone what it may
    not write. `noted_epoch` is that of the last commit in this folder; "" where there never was one.
    """
    if path.is_dir():
        raise WrongDatabase(f"{path} is a folder, where the database should be. Move it away.")
    if not path.exists():
        return
    if not os.access(path, os.R_OK | os.W_OK):
        raise WrongDatabase(f"{path} cannot be read and written.{whose(path)}")
    if noted_epoch and not path.stat().st_size:
        raise WrongDatabase(f"{path} is empty, and there was a database in it. {RESTORE}")
    wal = beside(path, "-wal")
    if not _is_log(wal):
        raise WrongDatabase(
            f"{wal} is no log of SQLite's: it is damaged, and with it what was written last. {LEFT} Restore a backup, "
            "or move this one file away to go on without what was in it."
        )


def check_disk(folder: Path, insisted: bool) -> None:
    """Raises WrongDatabase for a folder that other machines may write to, unless somebody insists."""
    kind = kind_of(folder)
    if is_shared(kind) and not insisted:
        raise WrongDatabase(f"{folder.absolute()} is on a file system of type {kind}: {SHARED}")


def kind_of(folder: Path, mounts: Path | None = None) -> str:
    """The type of the file system that `folder` is on, or would be; "" where the system does not say."""
    mounts = mounts or MOUNTS
    if not mounts.exists():
        return ""
    found = ("", "")
    for line in mounts.read_text().splitlines():
        before, _, after = line.partition(" - ")
        place = before.split()[4].encode().decode("unicode_escape")  # a space is \\040 there
        if folder.resolve().is_relative_to(place) and len(place) >= len(found[0]):
            found = (place, after.split()[0])
    return found[1]


def is_shared(kind: str) -> bool:
    """Whether several machines may have the same folder of such a file system."""
    return kind.startswith(SHARED_KINDS) and not kind.startswith((*OF_THE_HOST, *LOCAL))


def untouched(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing in the database and its log, not even by being closed.

    An ordinary one rolls back the journal that it finds, or writes what is in the log into the database and deletes
    the log. Without a log the file is complete, and nobody changes it who does not hold the turn. Nor with a journal,
    which is older than any log: where power was lost in the very first start, there may be one beside an empty log.
    """
    journal = beside(path, "-journal")
    how = "mode=ro" if beside(path, "-wal").exists() and not journal.exists() else "immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into a WrongDatabase, which says what to do; mistakes in the code stay as they are."""
    try:
        yield
    except (sqlite3.Error, DBAPIError) as error:
        if wrong := explained(path, error):
            raise wrong from error
        raise


def cause_of(error: BaseException | None) -> tuple[str, BaseException | None]:
    """The name of SQLite's error, such as "BUSY", and the error itself, without what SQLAlchemy put around it."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlite_errorname", "").removeprefix("SQLITE_"), cause


def is_full(error: BaseException | None) -> bool:
    """Whether SQLite's error means that the disk is full; where shared memory cannot grow it has another name."""
    return cause_of(error)[0] in ("FULL", "IOERR_SHMSIZE")


def is_locked(error: BaseException | None) -> bool:
    """Whether SQLite's error means that a transaction could not begin. Once it has begun, nothing locks it."""
    return cause_of(error)[0].startswith(("BUSY", "LOCKED"))


def explained(path: Path, error: BaseException) -> WrongDatabase | None:
    """What SQLite's error means for whoever starts Pottle; None where it is a mistake in the code."""
    name, cause = cause_of(error)
    match name.split("_")[0]:
        case "BUSY" | "LOCKED":
            return WrongDatabase(f"{path} is locked by another program: end it, and start Pottle again.")
        case "CORRUPT" | "NOTADB":
            return WrongDatabase(f"{path} cannot be read as a database: {cause}. {RESTORE}")
        case "FULL":
            return WrongDatabase(f"{path} cannot be opened: the disk is full. Make room, and start Pottle again.")
        case "CANTOPEN" | "IOERR" | "PERM" | "READONLY":
            return WrongDatabase(
                f"{path} cannot be opened: {cause}. Is the disk full or in order, and may Pottle write to "
                f"{path.parent}?{whose(path)}"
            )
    return None


def unwritable(folder: Path, error: OSError) -> WrongDatabase:
    """What an OSError means that the folder, or the file in it whose lock is the turn, met with."""
    what = Path(error.filename) if error.filename else folder
    return WrongDatabase(
        f"The instance folder {folder.absolute()} cannot be written: {what}: {error.strerror}.{whose(what)} "
        "POTTLE_INSTANCE names the folder to use."
    )


def whose(path: Path) -> str:
    """A sentence on the owner, where it is not who runs this."""
    owner = path.stat().st_uid if path.exists() else None
    mine = os.getuid() if hasattr(os, "getuid") else None
    return "" if owner in (None, mine) else f" It belongs to user {owner}, and Pottle runs as user {mine}."


def as_whom(path: Path) -> str:
    """How to run it as who owns `path`, for whoever may not read or write it."""
    owner, mine = path.stat().st_uid, os.getuid() if hasattr(os, "getuid") else None
    if owner == mine:
        return f"its mode forbids it, even to its owner: chmod u+rwX {path}"
    return f"it belongs to {_named(owner)}, and this is {_named(mine)}. Run it as the other: sudo -u '#{owner}' …"


def _named(user: int | None) -> str:
    try:
        import pwd

        return f"user {pwd.getpwuid(user).pw_name} ({user})" if user is not None else "somebody"
    except (ImportError, KeyError):  # Windows; a user without a name
        return f"user {user}"


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


def make_durably(folder: Path) -> None:
    """Makes a folder that survives the loss of power: SQLite syncs what is in it, but not its own name (L7)."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for around in folder.resolve().parents:
        with suppress(OSError):  # Windows opens no folder, and one around ours may be closed to us
            sync(around)


def sync(path: Path) -> None:
    """Has what is in a file, or the names in a folder, be on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def beside(path: Path, end: str) -> Path:
    """A file that belongs to the database at `path`: "-wal", SQLite's log, has what is not in the database yet."""
    return path.with_name(path.name + end)


def _is_log(wal: Path) -> bool:
    """Whether it begins like one, or with nothing: after the loss of power, what was never synced may be zeros.

    Or is not there: whoever is the last to close the database deletes it, at any moment.
    """
    try:
        with wal.open("rb") as file:
            first = file.read(4)
    except FileNotFoundError:
        return True
    return first in LOG_BEGINS_WITH or not first.strip(b"\0")
