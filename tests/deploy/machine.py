"""A machine with Docker, as docs/deploy.md wants it: Debian 13 in namespaces of its own, without any way out.

Its network has nobody in it but itself. No registry of images can be reached from tests, so two images of Debian stand
in for the ones that the Dockerfile and docker-compose.yml name. All of it ends with the machine's first process.
"""

import ctypes
import fcntl
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from tests.conftest import cannot_run, needs
from tests.server import ROOT, clean_environment, wait_until

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pottle-tests" / "debian-13"
SUITE = "trixie"
PYTHON = ("python3", "python3-pip", "python-is-python3", "ca-certificates")  # in the stand-in for python:3.13-slim
DOCKER = ("docker.io", "docker-cli", "docker-compose", "iproute2")  # as docs/deploy.md says, and for `ip`
CHECKOUT = "/opt/pottle"
NAMESPACES = ("--mount", "--net", "--pid", "--uts", "--ipc")
# What Caddy's own image says besides having it.
CADDY = (
    "ENV XDG_CONFIG_HOME=/config XDG_DATA_HOME=/data",
    'CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]',
)
PLATFORMS = ["manylinux1", "manylinux2010", "manylinux2014", *(f"manylinux_2_{minor}" for minor in range(17, 42))]
CGROUPS = Path("/sys/fs/cgroup")

# All that is written is in memory and gone with the machine; the cached system below it stays as it is. Docker's own
# folder must be no overlay.
BEGIN = """
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
cd /mnt
mkdir upper work root docker
mount -t overlay overlay -o "lowerdir=$1,upperdir=upper,workdir=work" root
mkdir -p root/var/lib/docker
mount --bind docker root/var/lib/docker
cd root
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
pivot_root . mnt
exec chroot . sh -c '
    umount -l /mnt
    ip link set lo up
    dockerd --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent="$0" &
    wait
' "$2"
"""


class Machine:
    """`with Machine(folder) as machine:` has Docker, the two images, and a checkout in /opt/pottle."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "packages").mkdir()
        self.log = folder / "log"
        self.cgroup = f"pottle-{os.getpid()}"

    def __enter__(self) -> "Machine":
        _can_be_had()
        systems = _systems()
        begin = ["bash", "-euc", BEGIN, "bash", str(systems / "docker"), f"/{self.cgroup}"]
        # It ends with whoever runs the tests, however that ends.
        command = ["setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES, "--fork", "--kill-child", *begin]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            wait_until(self._ready, "dockerd", self.log.read_text)
            packages = ("-C", str(_packages(self.folder / "packages")), "./wheels", "./etc/pip.conf")
            self._add_image("python:3.13-slim", ("-C", str(systems / "python"), ".", *packages))
            self._add_image("caddy:2", ("-C", str(systems / "caddy"), "."), *CADDY)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def run(self, script: str, check: bool = True) -> str:
        """What a script prints that root runs in the checkout; without `check` it may fail."""
        ran = self._inside("sh", "-euc", f"cd {CHECKOUT}\n{script}")
        assert ran.returncode == 0 or not check, f"{script}\n{ran.stdout.decode()}\n{ran.stderr.decode()}"
        return ran.stdout.decode()

    def new_checkout(self) -> None:
        """What a clone would have, as it is here now."""
        names = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True,
        ).stdout  # fmt: skip
        there = b"\0".join(name for name in names.split(b"\0") if name and (ROOT / os.fsdecode(name)).exists())
        files = subprocess.run(
            ["tar", "-c", "--null", "-T", "-"], cwd=ROOT, input=there, capture_output=True, check=True
        )
        unpack = f"rm -rf {CHECKOUT}; mkdir -p {CHECKOUT}; tar -x --no-same-owner -C {CHECKOUT}"
        self._inside("sh", "-euc", unpack, given=files.stdout).check_returncode()

    @contextmanager
    def network(self) -> Iterator[None]:
        """Sockets that this thread makes meanwhile are the machine's own."""
        assert threading.current_thread() is threading.main_thread(), "others would stay where they are"
        with open("/proc/self/ns/net") as ours, open(f"/proc/{self._first()}/ns/net") as theirs:
            _enter(theirs.fileno())
            try:
                yield
            finally:
                _enter(ours.fileno())

    def _add_image(self, name: str, files: tuple[str, ...], *changes: str) -> None:
        options = shlex.join([word for change in changes for word in ("--change", change)])
        packed = subprocess.Popen(["tar", "-c", *files], stdout=subprocess.PIPE)
        added = self._inside("sh", "-euc", f"docker import {options} - {name}", given=packed.stdout)
        assert packed.stdout
        packed.stdout.close()
        assert (packed.wait(), added.returncode) == (0, 0), added.stderr.decode()

    def _inside(self, *command: str, given: object = subprocess.DEVNULL) -> subprocess.CompletedProcess[bytes]:
        enter = ["nsenter", "--target", str(self._first()), *NAMESPACES, "--root", "--wd"]
        whole = {"input": given} if isinstance(given, bytes) else {"stdin": given}
        return subprocess.run([*enter, *command], env=_environment(), capture_output=True, **whole)  # type: ignore[call-overload,no-any-return]

    def _first(self) -> int:
        """The machine's first process, as it is known here."""
        (found,) = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(found)

    def _ready(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(f"The machine ended with {self.process.returncode}:\n{self.log.read_text()}")
        with suppress(ValueError):  # its first process is not there yet
            return self._inside("docker", "version").returncode == 0
        return False

    def _end(self) -> None:
        with suppress(ValueError, OSError):  # it has ended by itself
            os.kill(self._first(), 9)  # and the kernel ends all others in there
        self.process.wait()
        for controller in [CGROUPS, *CGROUPS.glob("*/")]:
            for left in sorted((controller / self.cgroup).rglob("*/"), reverse=True):
                left.rmdir()
            with suppress(OSError):
                (controller / self.cgroup).rmdir()
        shutil.rmtree(self.folder)


def _environment() -> dict[str, str]:
    path = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
    return clean_environment(Path("/root"), PATH=path, LANG="C.UTF-8")


def _can_be_had() -> None:
    """Skips where there can be no such machine."""
    needs("debootstrap", "unshare", "nsenter", "setpriv", "git")
    if os.geteuid() != 0:
        cannot_run("needs root, for a machine with Docker")
    mounting = ["unshare", *NAMESPACES, "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    tried = subprocess.run(mounting, capture_output=True, text=True)
    if tried.returncode != 0:
        cannot_run(f"cannot make namespaces: {tried.stderr.strip()}")


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)  # os.setns is there from Python 3.12 on
    if libc.setns(namespace, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _systems() -> Path:
    """A folder with three systems: `docker`, `python` and `caddy`. They are made once, which takes a minute."""
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with (CACHE.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not CACHE.exists():
            with tempfile.TemporaryDirectory(dir=CACHE.parent) as folder:
                _make_systems(Path(folder) / "whole")
                (Path(folder) / "whole").rename(CACHE)
    return CACHE


def _make_systems(folder: Path) -> None:
    folder.mkdir()
    _done("debootstrap", "--variant=minbase", f"--include={','.join(PYTHON)}", SUITE, folder / "python")
    shutil.copy("/etc/resolv.conf", folder / "python" / "etc")
    for name, packages in {"docker": DOCKER, "caddy": ("caddy",)}.items():
        _done("cp", "-a", folder / "python", folder / name)
        installing = f"apt-get update -q && apt-get install -q -y --no-install-recommends {' '.join(packages)}"
        _done("chroot", folder / name, "sh", "-euc", f"export DEBIAN_FRONTEND=noninteractive; {installing}")
    for system in folder.iterdir():
        _done("chroot", system, "sh", "-c", "rm -rf /var/cache/apt/* /var/lib/apt/lists/*")
    for marker in (folder / "python" / "usr" / "lib").glob("python3*/EXTERNALLY-MANAGED"):
        marker.unlink()  # Python's own image has none


def _done(*command: object) -> None:
    ran = subprocess.run([str(word) for word in command], env=_environment(), capture_output=True, text=True)
    assert ran.returncode == 0, f"{command}\n{ran.stdout[-2_000:]}\n{ran.stderr[-2_000:]}"


def _packages(folder: Path) -> Path:
    """A folder with what requirements.txt names, and the setting by which pip looks there and nowhere else."""
    platforms = [f"--platform={name}_{platform.machine()}" for name in PLATFORMS]
    downloading = [
        "pip",
        "download",
        "--quiet",
        "--requirement",
        ROOT / "requirements.txt",
        "--dest",
        folder / "wheels",
    ]
    fitting = ["--only-binary=:all:", "--python-version=3.13", *platforms]
    subprocess.run([sys.executable, "-m", *downloading, *fitting], check=True, capture_output=True)
    (folder / "etc").mkdir()
    (folder / "etc" / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    return folder
