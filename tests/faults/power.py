"""What a loss of power leaves behind: a model of a disk, driven by the system calls that a server really made.

The idea is ALICE's (Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014), and that of SQLite's own crash
tests: record every call that changes files, then for many moments make the states that a file system may be in after
power was lost there, and look at each with the real program. The model takes no file system's kindness for granted:

- What was written is durable only once an fsync or fdatasync of its file that began after it has returned. Until then
  it is kept or lost: all in order up to some moment, any part of it, or torn into sectors of 512 bytes.
- A file's name is durable only once its folder was synced; so is the removal of a name. So is the folder's own name.
- A sector is old or new, never garbage, and bytes beside those written are not harmed: "powersafe overwrite", which
  SQLite assumes too, as disks and file systems of this century keep it. A disk that lies about fsync is not modelled.
- `app.db-shm` is shared memory that SQLite makes anew when nobody has it open; it is left full of noise.

A call is in the record twice, when it began and when it ended, in the order in which things really happened: strace
holds a process at both ends of a call. An answer counts as told when the call that sends it begins.
"""

import codecs
import os
import random
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

SECTOR = 512
NEVER = 1 << 60
CALLS = (
    "openat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,fsync,fdatasync,sync_file_range,"
    "unlink,unlinkat,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,sendto,sendmsg,sendmmsg"
)
LINE = re.compile(r"(\d+) +(?:<\.\.\. \w+ resumed>|(\w+)\()(.*)")
UNFINISHED = " <unfinished ...>"
RESULT = re.compile(r"(?: <unfinished \.\.\.>)?\) += (-?\d+|\?)[^\"]*$")
OPENED = re.compile(r"\d+<([^>]*)>")
OFFSET = re.compile(r'", \d+(?:, (\d+))?$')


def strace(record: Path) -> tuple[str, ...]:
    """A command that runs another and adds its calls to `record`; it ends with the last process."""
    quiet = ("-qq", "--seccomp-bpf", "-s", str(1 << 20))
    return ("strace", "-DD", "-f", "-y", *quiet, "-A", "-o", str(record), "-e", f"trace={CALLS}", "--")


def tracer_of(pid: int) -> int:
    """The process that records the calls of `pid`; 0 when nobody does."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("TracerPid")))


def has_ended(pid: int) -> bool:
    """Whether a process is gone, or only its parent has not yet noticed."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def can_trace() -> bool:
    """Whether this machine lets us look at system calls (a container may forbid it)."""
    tried = subprocess.run(["strace", "-f", "--seccomp-bpf", "-o", os.devnull, "true"], capture_output=True)
    return tried.returncode == 0


@dataclass
class Call:
    """One system call, from the line of the record where it began to the line where it ended."""

    name: str
    began: int
    args: str
    ended: int = NEVER
    result: int | None = None  # None when its process was killed meanwhile

    @property
    def path(self) -> str:
        """The file that it is about."""
        opened = OPENED.match(self.args)
        return opened[1] if opened else self.data.decode()

    @property
    def data(self) -> bytes:
        """What stands in quotes: what is written, or a path."""
        quoted = self.args[self.args.index('"') + 1 : self.args.rindex('"')]
        return codecs.escape_decode(quoted.encode("latin-1"))[0]  # type: ignore[return-value]

    @property
    def offset(self) -> int:
        """Where it wrote. The one file that is written without an offset is the turn, at its beginning."""
        found = OFFSET.search(self.args)
        assert found, self.args[-80:]
        assert found[1] or self.path.endswith("-turn"), self.path
        return int(found[1] or 0)


def recorded(record: Path, *about: str) -> list[Call]:
    """The calls that succeeded and whose arguments mention one of `about`, in the order in which they began."""
    calls: list[Call] = []
    unfinished: dict[str, Call] = {}
    with record.open(encoding="latin-1", newline="\n") as lines:
        for number, line in enumerate(lines):
            if (found := LINE.match(line)) is None:
                continue
            pid, name, rest = found.groups()
            if name is None:
                call = unfinished.pop(pid)
                call.args += rest
            else:
                call = Call(name, number, rest)
                if any(word in rest for word in about):
                    calls.append(call)
            if call.args.endswith(UNFINISHED):
                call.args = call.args.removesuffix(UNFINISHED)
                unfinished[pid] = call
            elif result := RESULT.search(call.args):
                call.args, call.ended = call.args[: result.start()], number
                call.result = None if result[1] == "?" else int(result[1])
    return [call for call in calls if call.result is None or call.result >= 0]


@dataclass(eq=False)
class Write:
    """Bytes that were written to a file, or its new length."""

    offset: int
    data: bytes | None
    order: int
    ended: bool = False

    def into(self, content: bytearray) -> None:
        """Does to `content` what it did to its file."""
        if self.data is None:
            del content[self.offset :]
        content.extend(bytes(max(0, self.offset + len(self.data or b"") - len(content))))
        content[self.offset : self.offset + len(self.data or b"")] = self.data or b""

    def torn(self, rng: random.Random) -> Iterator["Write"]:
        """Any of its sectors."""
        start, end = self.offset, self.offset + len(self.data or b"")
        cuts = [start, *range(start - start % SECTOR + SECTOR, end, SECTOR), end]
        for left, right in pairwise(cuts):
            if rng.random() < 0.5:
                data = None if self.data is None else self.data[left - start : right - start]
                yield Write(left, data, self.order, self.ended)


@dataclass(eq=False)
class File:
    """What of one file is durable, and what is not yet. Of a folder only that it is one."""

    is_folder: bool = False
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write] = field(default_factory=list)


@dataclass(eq=False)
class Naming:
    """A name that was given to a file, or taken away (None)."""

    path: str
    file: File | None
    order: int
    ended: bool = False


class Disk:
    """A disk that honours fsync. `play` moves it on to a line of the record."""

    def __init__(self, calls: list[Call]) -> None:
        self.names: dict[str, File] = {}  # as the programs see them
        self.kept: dict[str, File] = {}  # as they are on the disk
        self.renamed: list[Naming] = []
        self._begun: dict[int, list[Write | Naming]] = {}
        self._steps = sorted(
            [(call.began, False, n) for n, call in enumerate(calls)]
            + [(call.ended, True, n) for n, call in enumerate(calls)]
        )
        self._calls = calls
        self._next = 0

    def play(self, until: int) -> None:
        """Does what was done before line `until` of the record."""
        while self._next < len(self._steps) and self._steps[self._next][0] < until:
            _, ending, n = self._steps[self._next]
            self._next += 1
            (self._end if ending else self._begin)(n, self._calls[n])

    def after_power_loss(self, folder: Path, how: str, rng: random.Random) -> dict[str, bytes] | None:
        """What is then in `folder`, by name; None when the folder is not there.

        `how` what was not synced fared: "none" of it is there, all "in order" up to some moment, "some" of it, or it
        is "torn".
        """
        last = self._last(rng)
        names = dict(self.kept)
        for naming in self.renamed:
            if _survives(how, naming.order <= last, rng):
                _name(names, naming)
        if any(str(place) in self.names and str(place) not in names for place in (folder, *folder.parents)):
            return None
        left = {
            Path(path).name: self._content(file, how, last, rng)
            for path, file in names.items()
            if Path(path).parent == folder
        }
        return {name: rng.randbytes(len(data)) if name.endswith("-shm") else data for name, data in left.items()}

    def _last(self, rng: random.Random) -> int:
        """The last thing not synced that is there, where all are in order."""
        files = {file for file in self.names.values() if file.pending}
        orders = [item.order for item in (*self.renamed, *(write for file in files for write in file.pending))]
        return rng.choice([-1, *orders])

    def _content(self, file: File, how: str, last: int, rng: random.Random) -> bytes:
        content = bytearray(file.durable)
        for write in file.pending:
            for part in write.torn(rng) if how == "torn" else [write]:
                if how == "torn" or _survives(how, write.order <= last, rng):
                    part.into(content)
        return bytes(content)

    def _begin(self, n: int, call: Call) -> None:
        match call.name:
            case "openat" if "O_CREAT" in call.args and call.path not in self.names:
                self._begun[n] = [self._rename(call.path, File())]
            case "openat":
                pass
            case "mkdir":
                self._begun[n] = [self._rename(call.path, File(is_folder=True))]
            case "unlink":
                self._begun[n] = [self._rename(call.path, None)]
            case "pwrite64" | "write":
                self._begun[n] = [self._write(call.path, call.offset, call.data[: call.result])]
            case "ftruncate" | "fallocate":  # of more than there is
                self._begun[n] = [self._write(call.path, int(call.args.rsplit(", ", 1)[1]), None)]
            case "fsync" | "fdatasync":
                self._begun[n] = [item for item in self._unsynced(call.path) if item.ended]
            case _:
                raise AssertionError(f"The model does not know {call.name}({call.args[:200]}")

    def _end(self, n: int, call: Call) -> None:
        begun = self._begun.pop(n, [])
        if call.name in ("fsync", "fdatasync"):
            for item in begun if call.result == 0 else []:
                self._sync(call.path, item)
        for item in begun:
            item.ended = True

    def _rename(self, path: str, file: File | None) -> Naming:
        naming = Naming(path, file, self._next)
        _name(self.names, naming)
        self.renamed.append(naming)
        return naming

    def _write(self, path: str, offset: int, data: bytes | None) -> Write:
        write = Write(offset, data, self._next)
        self.names[path].pending.append(write)
        return write

    def _unsynced(self, path: str) -> list[Write] | list[Naming]:
        """What an fsync of `path` makes durable: names, if it is a folder."""
        file = self.names.get(path)
        if file and not file.is_folder:
            return file.pending
        return [naming for naming in self.renamed if os.path.dirname(naming.path) == path]

    def _sync(self, path: str, item: Write | Naming) -> None:
        if isinstance(item, Naming):
            if item in self.renamed:
                self.renamed.remove(item)
                _name(self.kept, item)
        elif (file := self.names.get(path)) and item in file.pending:
            file.pending.remove(item)
            item.into(file.durable)


def _name(names: dict[str, File], naming: Naming) -> None:
    if naming.file is None:
        names.pop(naming.path, None)
    else:
        names[naming.path] = naming.file


def _survives(how: str, early: bool, rng: random.Random) -> bool:
    if how == "in order":
        return early
    return how != "none" and rng.random() < 0.5
