"""Pottle, as deployed."""

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

from bench.asking import ask
from bench.data import ASKER, BUSY, DIGEST, FOREVER, NOW, SECRET, Data
from bench.peers.base import Peer, fill, gunicorn
from bench.running import ROOT, Server
from model.settings import Settings
from pottle.store.sqlite import prepare

HOME = 1  # the group that the migrations make


class Pottle(Peer):
    """Three workers, synchronous=FULL, rate limits off: of the checkout `root`, run by `python`."""

    name = "pottle"
    title = "Pottle"
    root: ClassVar[Path] = ROOT
    python: ClassVar[str] = sys.executable
    settings: ClassVar[dict[str, str]] = {}

    @property
    def instance(self) -> Path:
        """Its instance folder."""
        return self.folder / "instance"

    def seed(self) -> None:
        """The data, in the group `home`, by SQL."""
        seed(self.instance, self.data)

    def server(self) -> Server:
        """As `gunicorn main:app` starts it."""
        command = [self.python, *gunicorn("main:app")[1:]]
        settings = {**self.settings, "PYTHONPATH": str(self.root)}
        return serve(self.instance, self.folder, command=command, root=self.root, **settings)

    def headers(self, work: str, port: int) -> dict[str, str]:
        """The cookie carries the instance's id, which the metrics of a fresh answer tell."""
        if work == "home-in":
            return {"Cookie": f"pottle_{instance_id(self.instance)}={SECRET}"}
        return super().headers(work, port)


def serve(
    instance: Path, home: Path, *before: str, command: Sequence[str] = (), root: Path = ROOT, **settings: str
) -> Server:
    """Pottle on an instance folder; `before` is put before the command."""
    settings = {"POTTLE_INSTANCE": str(instance), "POTTLE_RATE_LIMITS": "off", **settings}
    return Server([*before, *(command or gunicorn("main:app"))], home, "/readyz", root, **settings)


def instance_id(instance: Path) -> str:
    """The short id that the cookie's name carries."""
    with closing(sqlite3.connect(instance / "app.db")) as raw:
        return str(raw.execute("SELECT value FROM instance WHERE name = 'id'").fetchone()[0])


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A database to be filled as fast as it goes, in one transaction."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA synchronous=OFF")
        raw.execute("PRAGMA cache_size=-200000")
        with raw:
            yield raw
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def seed(instance: Path, data: Data, password_hash: str | None = None, reading: str = "public") -> None:
    """Fills a new instance. `reading` is the rule of the group `home`; everybody's password fits `password_hash`."""
    path = prepare(Settings(instance=instance))
    with opened(path) as raw:
        raw.execute("UPDATE groups SET reading = ? WHERE id = ?", (reading, HOME))
        people(raw, data, password_hash)
        raw.execute("DELETE FROM channels")
        places = ((HOME, p.id, p.key, p.title, False, p.posts, 0, NOW, 1) for p in data.places())
        fill(raw, "channels", "group_id, id, key, title, locked, posts, seq, created, version", places)
        posts = ((p.id, p.channel, p.author, p.body, p.html, "published", "{}", 0, p.created, 1) for p in data.posts())
        fill(raw, "posts", "id, channel_id, author_id, body, html, state, reactions, replies, created, version", posts)


def people(raw: Any, data: Data, password_hash: str | None) -> None:
    """The users, all of them members of the group `home`; ASKER is signed in."""
    users = ((p.id, p.uid, p.uid, p.name, password_hash, "user", NOW, 1) for p in data.persons())
    fill(raw, "users", "id, uid, uid_folded, name, password_hash, role, created, version", users)
    members = ((HOME, p.id, "member", NOW) for p in data.persons())
    fill(raw, "memberships", "group_id, user_id, role, created", members)
    trusted = ((HOME, p.id, "trusted", NOW, 0) for p in data.persons())  # as those are who have posted for a while
    fill(raw, "trust", "group_id, user_id, level, created, approved", trusted)
    fill(raw, "sessions", "user_id, secret_hash, created, expires", [(ASKER, DIGEST, NOW, FOREVER)])


def newest(port: int, channel: int = BUSY) -> Any:
    """The list of a channel, as Pottle answers it."""
    return ask(port, "GET", f"/api/channels/{channel}/posts", Authorization=f"Bearer {SECRET}").json()
