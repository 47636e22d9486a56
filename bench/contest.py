"""One run: the contestants, each seeded and started when it is first needed, and what was measured of them."""

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench.data import Data
from bench.load import Round
from bench.peers.base import Peer
from bench.peers.isso import Isso
from bench.peers.limit import Limit
from bench.peers.plain import FastAPI, Flask, Quart
from bench.peers.pocketbase import PocketBase
from bench.peers.postgres import FastAPIOnPostgres, Postgres
from bench.peers.pottle import Pottle
from bench.running import Server

USUAL: dict[str, type[Peer]] = {kind.name: kind for kind in (Pottle, Limit, Flask, FastAPI, Quart, PocketBase, Isso)}
ENGINES: dict[str, tuple[type[Peer], ...]] = {"postgres": (Pottle, Postgres, FastAPIOnPostgres)}
KINDS: dict[str, type[Peer]] = USUAL | {kind.name: kind for kinds in ENGINES.values() for kind in kinds}


@dataclass(frozen=True)
class Options:
    """How much is measured. `seconds` is the length of a round; `full` also runs what takes minutes to prepare."""

    seconds: float = 5.0
    rounds: int = 3
    quick: bool = False
    full: bool = False
    peers: Sequence[str] = tuple(USUAL)


@dataclass
class Measured:
    """What came of one work: its rounds by contestant or case, or why there are none."""

    rounds: dict[str, list[Round]] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)

    def add(self, who: str, one: Round) -> None:
        """One more round."""
        self.rounds.setdefault(who, []).append(one)


class Work(NamedTuple):
    """Something to measure; `full` says that it is left out unless asked for."""

    name: str
    title: str
    run: Callable[["Contest", "Work"], Measured]
    full: bool = False


class Contest:
    """`with Contest(options, folder) as contest:` stops every server at the end."""

    def __init__(
        self, options: Options, folder: Path, data: Data, kinds: Mapping[str, type[Peer]] | None = None
    ) -> None:
        self.options, self.folder, self.data, self._kinds = options, folder, data, kinds or KINDS
        self.peers: dict[str, Peer] = {}
        self.servers: dict[str, Server] = {}
        self.why: dict[str, str] = {}
        self._stack = ExitStack()

    def __enter__(self) -> "Contest":
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def server(self, name: str) -> Server | None:
        """The running server of a contestant; None where it cannot run, and `why` says why."""
        if name not in self.servers and name not in self.why:
            self._begin(name)
        return self.servers.get(name)

    def pottle(self, name: str = "pottle") -> tuple[Pottle, Server]:
        """Pottle, or another version of it, without which there is nothing to measure. Raises RuntimeError."""
        server, peer = self.server(name), self.peers.get(name)
        if server is None or not isinstance(peer, Pottle):
            raise RuntimeError(self.why[name])
        return peer, server

    def _begin(self, name: str) -> None:
        kind = self._kinds[name]
        if missing := kind.missing():
            self.why[name] = missing
            return
        say(f"  preparing {kind.title}")
        try:
            peer = kind(self.folder, self.data)
            peer.seed()
            self._stack.callback(peer.end)
            self.servers[name] = self._stack.enter_context(peer.server())
            self.peers[name] = peer
        except Exception as error:
            self.why[name] = f"does not run here: {error}"

    def fresh(self, name: str) -> Server | None:
        """Its server, started anew."""
        server = self.server(name)
        if server is not None:
            server.stop()
            server.start()
        return server


def say(text: str) -> None:
    """Tells whoever waits what is going on."""
    with contextlib.suppress(BrokenPipeError):
        print(text, file=sys.stderr, flush=True)
