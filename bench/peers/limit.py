"""The limit: an empty ASGI application under Pottle's own gunicorn and uvicorn, which answers Pottle's very bytes."""

import json
from pathlib import Path
from typing import Any

from bench.asking import ask
from bench.peers.base import Peer, gunicorn
from bench.peers.pottle import Pottle
from bench.running import ROOT, Server

BY_THE_SERVER = {"date"}  # uvicorn adds it to every answer


class Limit(Peer):
    """What nobody on this server can beat. Its creates write nothing."""

    name = "limit"
    title = "empty ASGI app"
    works = ("list", "limited", "post", "channels", "home")
    ready = "/"

    @property
    def told(self) -> Path:
        """The file with what it is to say."""
        return self.folder / "bytes.json"

    def seed(self) -> None:
        """Asks a Pottle with the same data once."""
        self._taken_from(Pottle(self.folder, self.data))

    def _taken_from(self, pottle: Pottle) -> None:
        pottle.seed()
        with pottle.server() as server:
            kinds = {"list": "list", "post": "post", "create": "create", "home": "home"}
            said = {kind: _said(pottle, work, server.port) for kind, work in kinds.items()}
        self.told.write_text(json.dumps(said))

    def server(self) -> Server:
        """With Pottle's gunicorn.conf.py, which lies in the checkout."""
        return bare(self.told, self.folder)


def bare(told: Path, home: Path) -> Server:
    """The empty application's server."""
    return Server(gunicorn("bench.peers.limit_app:app"), home, "/", ROOT, BYTES=str(told))


def _said(pottle: Pottle, work: str, port: int) -> dict[str, Any]:
    request = pottle.requests(work)[0]
    reply = ask(port, request.method, request.path, request.body or None, **pottle.headers(work, port))
    headers = [(name, value) for name, value in reply.headers if name.lower() not in BY_THE_SERVER]
    return {"status": reply.status, "headers": headers, "body": reply.body.decode()}
