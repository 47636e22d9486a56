"""Isso: comments for static sites. Its limits are off; everything else is as it comes, under gunicorn."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from bench.load import Request
from bench.peers.base import TEXT, Peer, fill, gunicorn
from bench.running import Server

SETTINGS = """
[general]
dbpath = {database}
host = http://127.0.0.1
[guard]
enabled = false
"""


class Isso(Peer):
    """Three gunicorn workers, as its documentation has it."""

    name = "isso"
    title = "Isso"
    module = "isso"
    works = ("list", "channels", "create", "mixed")

    @property
    def settings(self) -> Path:
        """Its file of settings."""
        return self.folder / "isso.cfg"

    @property
    def database(self) -> Path:
        """Its file of data."""
        return self.folder / "comments.db"

    def server(self) -> Server:
        """Its own way of starting."""
        command = gunicorn("isso.run", "--preload")
        return Server(command, self.folder, "/info", ISSO_SETTINGS=str(self.settings))

    def seed(self) -> None:
        """It makes its tables when it is started first; the comments come by SQL."""
        self.settings.write_text(SETTINGS.format(database=self.database))
        with self.server():
            pass
        begin = time.time() - self.data.total
        with closing(sqlite3.connect(self.database)) as raw, raw:
            fill(raw, "threads", "id, uri, title", ((p.id, _uri(p.id), p.title) for p in self.data.places()))
            posts = (
                (p.channel, p.id, begin + p.id, 1, "127.0.0.0", p.body, f"Pupil {p.author}", b"")
                for p in self.data.posts()
            )
            fill(raw, "comments", "tid, id, created, mode, remote_addr, text, author, voters", posts)

    def listing(self, channel: int) -> Request:
        """The newest comments of a page."""
        return Request("GET", f"/?uri={quote(_uri(channel), safe='')}&sort=newest&limit=20&nested_limit=0")

    def creating(self, channel: int) -> Request:
        """A comment; nobody has to sign in."""
        return Request("POST", f"/new?uri={quote(_uri(channel), safe='')}", f'{{"text":"{TEXT}","author":"Pupil 1"}}')

    def headers(self, work: str, _port: int) -> dict[str, str]:
        """It wants to know what the body is."""
        return {"Content-Type": "application/json"} if work in ("create", "mixed") else {}


def _uri(channel: int) -> str:
    return f"/lessons/{channel}/"
