"""Which file system the instance folder is on, and whether several machines may write to it.

SQLite's write-ahead log lives in memory that the processes of one machine share. Two machines on one folder each have
their own: a write that one of them answered with 201 was lost, and nothing said so.
"""

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")

# What a virtual machine gets from the computer it runs on: Docker Desktop's folders. One machine writes to them.
OF_THE_HOST = ("virtiofs", "fakeowner", "fuse.grpcfuse", "fuse.osxfs")
# Local disks that FUSE mounts, and what a container without root writes to.
LOCAL = ("fuseblk", "fuse.fuse-overlayfs")
SHARED = (
    *("nfs", "cifs", "smb", "9p", "drvfs", "fuse", "vboxsf", "vmhgfs", "prl_fs", "afs", "ceph", "glusterfs", "lustre"),
    *("gfs2", "ocfs2", "gpfs", "beegfs", "orangefs", "pvfs2", "davfs", "ncpfs", "coda"),
)


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
    return kind.startswith(SHARED) and not kind.startswith((*OF_THE_HOST, *LOCAL))
