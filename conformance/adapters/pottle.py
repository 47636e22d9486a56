"""Pottle, as a client sees it: HTTP and the websocket, on gunicorn with three workers.

The last channel is in a group that only members read; the others are public, so that their lists come from the
response cache. Rights end in three ways, in turn: signing out, deleting a token, ending a membership.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from itertools import count, cycle
from pathlib import Path

from conformance.adapters import protocol
from conformance.adapters.gunicorn import UnderGunicorn
from conformance.adapters.http import Http
from conformance.adapters.pottle_clients import (
    Account,
    PottleConnection,
    PottleReader,
    PottleWatch,
    PottleWriter,
    watched,
)
from conformance.adapters.protocol import Position
from conformance.adapters.websocket import Websocket

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse"  # noqa: S105 (of accounts in a folder that is deleted)
ADMIN = "root"
CLUB = "club"
KEYLESS = 3  # one author in so many sends no key, and so cannot try again


class Pottle(UnderGunicorn):
    """See adapters/protocol.py."""

    name = "pottle"
    offers = frozenset(
        {
            protocol.RESUME,
            protocol.POSITIONS,
            protocol.LISTS,
            protocol.REVOCATION,
            protocol.WATCHES,
            protocol.REFUSALS,
        }
    )

    async def start(self, channels: int) -> list[str]:
        """Starts it, makes an admin on the command line, and everything else over HTTP."""
        self._settings = self.settings()
        self._numbers, self._authors, self._ways = count(1), count(1), cycle(["sign-out", "token", "membership"])
        await self.serve("main:app", ROOT, **self._settings)
        self.http = Http(self.url)
        self._make_admin()
        self.admin = await self._signed_in(ADMIN)
        club = {"slug": CLUB, "name": "Club", "reading": "members", "posting": "members"}
        await self.http.call("POST", "/api/groups", self.admin.token, json=club)
        self.ids = [await self._channel(number, channels) for number in range(channels)]
        self.reading = await self._member()
        return [str(id_) for id_ in self.ids]

    async def stop(self) -> None:
        """Ends it and deletes its data."""
        if hasattr(self, "http"):
            await self.http.close()
        await super().stop()

    def settings(self) -> dict[str, str]:
        """The environment of whatever it starts."""
        return {"POTTLE_INSTANCE": str(self.home / "instance"), "POTTLE_RATE_LIMITS": "off"}

    def _make_admin(self) -> None:
        command = [sys.executable, "-m", "quart", "--app", "main", "user", "create", ADMIN, "--admin"]
        environment = {"PATH": "", "HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1", **self._settings}
        subprocess.run(  # noqa: S603
            command, cwd=ROOT, env=environment, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True
        )

    async def _channel(self, number: int, channels: int) -> int:
        group = CLUB if number == channels - 1 > 0 else "home"
        made = await self.http.call(
            "POST", f"/api/groups/{group}/channels", self.admin.token, json={"key": f"channel-{number}"}
        )
        return int(made["id"])

    async def _signed_in(self, uid: str) -> Account:
        got = await self.http.call("POST", "/api/session", json={"uid": uid, "password": PASSWORD})
        return Account(uid, got["token"])

    async def _member(self) -> Account:
        uid = f"user-{next(self._numbers)}"
        await self.http.call("POST", "/api/users", json={"uid": uid, "name": uid, "password": PASSWORD})
        await self.http.call("POST", f"/api/groups/{CLUB}/members", self.admin.token, json={"uid": uid})
        return await self._signed_in(uid)

    async def writer(self) -> PottleWriter:
        """A new author, a member of every group."""
        return PottleWriter(Http(self.url), await self._member(), keyed=next(self._authors) % KEYLESS != 0)

    async def reader(self, quick: bool = False) -> PottleReader:
        """A new reader."""
        return PottleReader(Http(self.url, keep_alive=quick), self.reading)

    async def connect(self, after: Mapping[str, Position], account: Account | None = None) -> PottleConnection:
        """Connects, authenticates and asks for every channel."""
        raw = await Websocket.open(f"ws://127.0.0.1:{self.port}/api/live")
        hello = json.loads(await raw.receive())
        await raw.send(json.dumps({"type": "auth", "token": (account or self.reading).token}))
        for channel in self.ids:
            position = after.get(str(channel))
            since = {"epoch": position.epoch, "after": position.seq} if position else {}
            await raw.send(json.dumps({"type": "subscribe", "channel": channel, **since}))
        return PottleConnection(raw, hello["worker"])

    async def watch(self) -> PottleWatch:
        """Connects, authenticates and watches every channel's list."""
        raw = await Websocket.open(f"ws://127.0.0.1:{self.port}/api/live")
        await raw.send(json.dumps({"type": "auth", "token": self.reading.token}))
        for channel in self.ids:
            await raw.send(json.dumps({"type": "watch", "get": watched(channel)}))
        return PottleWatch(raw)

    async def account(self) -> Account:
        """Somebody whose right to read will end in one of three ways, taken in turn."""
        way, member = next(self._ways), await self._member()
        if way != "token":
            return member._replace(way=way)
        made = await self.http.call("POST", "/api/me/tokens", member.token, json={"name": "checker"})
        return Account(member.uid, made["token"], way, made["id"])

    async def revoke(self, account: Account) -> str:
        """Ends it."""
        match account.way:
            case "sign-out":
                await self.http.call("DELETE", "/api/session", account.token)
            case "token":
                await self.http.call("DELETE", f"/api/me/tokens/{account.number}", account.token)
            case _:
                await self.http.call("DELETE", f"/api/groups/{CLUB}/members/{account.uid}", self.admin.token)
        return account.way
