"""The plain applications: the same tables, endpoints and pages, on three frameworks."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import ClassVar

from sqlalchemy import create_engine

from bench.data import ASKER, DIGEST
from bench.peers import models
from bench.peers.base import Peer, fill, gunicorn
from bench.running import Server

ASYNC = ("--worker-class", "uvicorn_worker.UvicornWorker")


class Plain(Peer):
    """One of them."""

    options: ClassVar[tuple[str, ...]] = ASYNC

    @property
    def database(self) -> Path:
        """Its file."""
        return self.folder / "plain.db"

    def seed(self) -> None:
        """The data, by SQL."""
        engine = create_engine(f"sqlite:///{self.database}")
        models.Base.metadata.create_all(engine)
        engine.dispose()
        with closing(sqlite3.connect(self.database)) as raw, raw:
            raw.execute("PRAGMA journal_mode=WAL")
            fill(raw, "users", "id, uid, name", self.data.persons())
            fill(raw, "sessions", "user_id, secret_hash", [(ASKER, DIGEST)])
            fill(raw, "channels", "id, key, title, posts", self.data.places())
            fill(raw, "posts", "id, channel_id, author_id, body, html, created", self.data.posts())

    def server(self) -> Server:
        """Three workers. Its own folder is the current one, so that gunicorn does not find Pottle's settings."""
        command = gunicorn(f"bench.peers.{self.name}_app:app", "--keep-alive", "75", *self.options)
        return Server(command, self.folder, "/readyz", DATABASE=str(self.database))


class Flask(Plain):
    """Flask and SQLAlchemy, a request a process."""

    name = "flask"
    title = "Flask"
    module = "flask"
    options = ("--worker-class", "sync")


class FastAPI(Plain):
    """FastAPI and SQLAlchemy's AsyncSession."""

    name = "fastapi"
    title = "FastAPI"
    module = "fastapi"


class Quart(Plain):
    """Quart and SQLAlchemy's AsyncSession."""

    name = "quart"
    title = "plain Quart"
    module = "quart"
