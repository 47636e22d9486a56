"""Several hosts on one machine: network namespaces at one switch, which is one, too.

They end with the process that made them, even by kill -9, for each is held by a process that the kernel ends with it.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conftest import cannot_run

PATIENCE = 10  # seconds
BOUND = ["setpriv", "--pdeathsig=KILL"]
HOLDER = [*BOUND, "unshare", "--net", "sh", "-c", "ip link set lo up; exec sleep infinity"]


class Namespace:
    """A host's own network. Of the switch, `address` is empty."""

    def __init__(self, address: str = "") -> None:
        self.address = address
        self._holder = subprocess.Popen(HOLDER, start_new_session=True)
        self.pid = self._holder.pid
        self.inside = ["nsenter", "-t", str(self.pid), "-n"]
        here, deadline = os.readlink("/proc/self/ns/net"), time.monotonic() + PATIENCE
        while os.readlink(f"/proc/{self.pid}/ns/net") == here:
            assert time.monotonic() < deadline
            assert self._holder.poll() is None
            time.sleep(0.005)

    def ip(self, *words: object) -> None:
        """Runs `ip` in it."""
        _run(*self.inside, "ip", *words)

    def end(self) -> None:
        """Ends it, and its links with it."""
        self._holder.kill()
        self._holder.wait()


class Network:
    """A switch, at which this machine has the first address."""

    def __init__(self) -> None:
        if os.geteuid() != 0 or not all(map(shutil.which, ("ip", "nsenter", "unshare"))):
            cannot_run("needs root and iproute2, for network namespaces")
        number = os.getpid()
        self._prefix = f"10.{200 + number % 50}.{number // 50 % 250}"
        self._switch = Namespace()
        self._hosts: list[Namespace] = []
        self._switch.ip("link", "add", "switch", "type", "bridge")
        self._switch.ip("link", "set", "switch", "up")
        own = f"pottle{number}"
        _run("ip", "link", "add", own, "type", "veth", "peer", "name", "port1", "netns", self._switch.pid)
        self._switch.ip("link", "set", "port1", "master", "switch", "up")
        _run("ip", "addr", "add", f"{self._prefix}.1/24", "dev", own)
        _run("ip", "link", "set", own, "up")

    def host(self) -> Namespace:
        """One more at the switch."""
        number = len(self._hosts) + 2
        host = Namespace(f"{self._prefix}.{number}")
        self._hosts.append(host)
        port = f"port{number}"
        self._switch.ip("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host.pid)
        self._switch.ip("link", "set", port, "master", "switch", "up")
        host.ip("addr", "add", f"{host.address}/24", "dev", "eth0")
        host.ip("link", "set", "eth0", "up")
        return host

    def end(self) -> None:
        """Ends all of it."""
        for namespace in (*self._hosts, self._switch):
            namespace.end()

    def unplug(self, host: Namespace) -> None:
        """From now on nothing reaches it or leaves it; nobody is told."""
        self._switch.ip("link", "set", self._port(host), "down")

    def plug(self, host: Namespace) -> None:
        """The end of that."""
        self._switch.ip("link", "set", self._port(host), "up")

    @contextmanager
    def silent(self, here: Namespace, there: Namespace) -> Iterator[None]:
        """Meanwhile nothing gets from here to there; what comes the other way does."""
        here.ip("route", "add", "blackhole", f"{there.address}/32")
        try:
            yield
        finally:
            here.ip("route", "del", "blackhole", f"{there.address}/32")

    def _port(self, host: Namespace) -> str:
        return f"port{self._hosts.index(host) + 2}"


def _run(*command: object) -> None:
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert ran.returncode == 0, f"{command}: {ran.stderr}"
