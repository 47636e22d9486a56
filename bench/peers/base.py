"""What a work needs to know of a contestant: how it is started, and which requests say what."""

import random
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from bench.asking import ask
from bench.data import BUSY, SECRET, WORDS, Data
from bench.load import Request
from bench.running import Server

MIXED_CHANNELS = 200
MIXED_REQUESTS = 2_000
CREATES_IN_A_HUNDRED = 5
TEXT = WORDS[:120]


class Peer:
    """A contestant. `name` is its word on the command line, `title` its name in tables."""

    name: ClassVar[str]
    title: ClassVar[str]
    module: ClassVar[str] = "gunicorn"  # without which it cannot run
    works: ClassVar[Sequence[str]] = ("list", "limited", "post", "channels", "create", "mixed", "home", "home-in")
    ready: ClassVar[str] = "/readyz"

    def __init__(self, folder: Path, data: Data) -> None:
        """`folder`, which is made, holds all that it writes."""
        self.folder = folder / self.name
        self.folder.mkdir()
        self.data = data

    @classmethod
    def missing(cls) -> str | None:
        """Why it cannot run here; None if it can."""
        return None if find_spec(cls.module) else f"{cls.module} is not installed"

    def seed(self) -> None:
        """Puts the data into its folder."""

    def server(self) -> Server:
        """Its server, not yet started."""
        raise NotImplementedError

    def end(self) -> None:
        """Ends what it started besides its server."""

    def requests(self, work: str) -> list[Request]:
        """What is asked in turn in that work."""
        if work == "mixed":
            return self._mixed()
        kinds: dict[str, Callable[[], list[Request]]] = {
            "list": lambda: [self.listing(BUSY)],
            "limited": lambda: [Request("GET", f"{self.listing(BUSY).path}?limit=20")],
            "post": lambda: [self.one(self.data.total // 2)],
            "channels": lambda: [self.listing(channel) for channel in range(1, self.data.channels + 1)],
            "create": lambda: [self.creating(channel) for channel in range(1, MIXED_CHANNELS + 1)],
            "home": lambda: [Request("GET", "/")],
            "home-in": lambda: [Request("GET", "/")],
        }
        return kinds[work]()

    def headers(self, work: str, _port: int) -> dict[str, str]:
        """The headers of all requests of that work."""
        if work in ("create", "mixed"):
            return {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
        return {"Cookie": f"session={SECRET}"} if work == "home-in" else {}

    def listing(self, channel: int) -> Request:
        """Asks for the 20 newest posts of a channel."""
        return Request("GET", f"/api/channels/{channel}/posts")

    def one(self, post: int) -> Request:
        """Asks for one post."""
        return Request("GET", f"/api/posts/{post}")

    def creating(self, channel: int) -> Request:
        """Writes a post."""
        return Request("POST", f"/api/channels/{channel}/posts", f'{{"body":"{TEXT}"}}')

    def _mixed(self) -> list[Request]:
        chance = random.Random(5)
        creates = MIXED_REQUESTS * CREATES_IN_A_HUNDRED // 100
        kinds = [self.creating] * creates + [self.listing] * (MIXED_REQUESTS - creates)
        chance.shuffle(kinds)
        return [kind(chance.randint(1, MIXED_CHANNELS)) for kind in kinds]

    def looks_right(self, work: str, port: int) -> None:
        """Raises RuntimeError unless one request of that work is answered as it should be."""
        request = self.requests(work)[0]
        reply = ask(port, request.method, request.path, request.body or None, **self.headers(work, port))
        wanted = b"</html>" if work.startswith("home") else TEXT[:50].encode()
        if not 200 <= reply.status < 300 or wanted not in reply.body:
            raise RuntimeError(f"{request.method} {request.path}: {reply.status} {reply.body[:200]!r}")


def gunicorn(app: str, *more: str) -> list[str]:
    """The command that serves `app` from three processes."""
    return [sys.executable, "-m", "gunicorn", app, "--bind", "127.0.0.1:{port}", "--workers", "3", *more]


def fill(raw: Any, table: str, columns: str, rows: Any) -> None:
    """Inserts rows into a table of SQLite; `columns` are separated by commas."""
    marks = ", ".join("?" * (columns.count(",") + 1))
    raw.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608  # our own names
