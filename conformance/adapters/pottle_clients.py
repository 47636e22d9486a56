"""Pottle's clients: an author, a reader of lists, a websocket."""

import json
from collections import deque
from typing import Any, NamedTuple

import httpx

from conformance.adapters.http import Http
from conformance.adapters.protocol import Closed, Joined, Listed, Position, Refused, Told, Unknown, Watched
from conformance.adapters.websocket import Websocket

MOST_LISTED = 100


class Account(NamedTuple):
    """Somebody who is signed in. `way` is how the right to read will end."""

    uid: str
    token: str
    way: str = ""
    number: int = 0  # of a named token


class PottleWriter:
    """An author who, if `keyed`, sends the marker as the Idempotency-Key."""

    def __init__(self, http: Http, account: Account, keyed: bool) -> None:
        self.http, self.token, self.keyed = http, account.token, keyed
        self.close = http.close

    async def write(self, channel: str, marker: str) -> str:
        """Posts."""
        headers = {"Idempotency-Key": marker} if self.keyed else {}
        path = f"/api/channels/{channel}/posts"
        return str((await self.http.call("POST", path, self.token, json={"body": marker}, headers=headers))["id"])

    async def write_badly(self, channel: str, marker: str) -> str:
        """Posts without signing in."""
        return str((await self.http.call("POST", f"/api/channels/{channel}/posts", json={"body": marker}))["id"])


class PottleReader:
    """A reader of lists."""

    def __init__(self, http: Http, account: Account) -> None:
        self.http, self.token = http, account.token
        self.close = http.close

    async def read(self, channel: str, everything: bool = False) -> Listed:
        """The newest hundred posts, or page after page."""
        page = await self._page(channel)
        position = Position(page["seq"], page["epoch"])
        posts = _posts(page)
        while everything and page["next"]:
            page = await self._page(channel, before=page["next"])
            posts += _posts(page)
        return Listed(posts, page["next"] is not None, position)

    async def _page(self, channel: str, **query: str) -> Any:
        where = httpx.QueryParams(limit=MOST_LISTED, **query)
        try:
            return await self.http.call("GET", f"/api/channels/{channel}/posts?{where}", self.token)
        except Refused as refused:
            raise Unknown(str(refused)) from refused


class Frames:
    """A websocket, one frame after the other."""

    def __init__(self, raw: Websocket) -> None:
        self.raw = raw
        self.drop = raw.drop
        self._frames: deque[dict[str, Any]] = deque()

    async def next(self) -> dict[str, Any]:
        """What comes next that is about a channel. Raises Closed."""
        while True:
            if not self._frames:
                got = json.loads(await self.raw.receive())
                self._frames.extend(got if isinstance(got, list) else [got])
            if (frame := self._frames.popleft())["type"] not in ("hello", "authenticated"):
                return frame


def watched(channel: object) -> str:
    """The GET of a channel's list."""
    return f"/api/channels/{channel}/posts?limit={MOST_LISTED}"


class PottleWatch(Frames):
    """A websocket that watches lists."""

    async def receive(self) -> Watched:
        """What comes next."""
        frame = await self.next()
        if frame["type"] not in ("watching", "changed"):
            raise Closed(f"unexpected: {frame}")
        return Watched(frame["get"].split("/")[3], begun=frame["type"] == "watching")


class PottleConnection(Frames):
    """A websocket that is subscribed."""

    def __init__(self, raw: Websocket, worker: int) -> None:
        super().__init__(raw)
        self.worker = worker

    async def receive(self) -> Joined | Told:
        """What comes next that is either."""
        return self._read(await self.next())

    def _read(self, frame: dict[str, Any]) -> Joined | Told:
        match frame["type"]:
            case "subscribed":
                position = Position(frame["seq"], frame["epoch"])
                return Joined(str(frame["channel"]), position, frame["recovered"], self.worker)
            case "change":
                post, kind = frame.get("post") or {}, frame["kind"].removeprefix("post.")
                told = (post.get("body", ""), kind, str(post.get("id", "")), frame["seq"], frame["prev"])
                return Told(str(frame["channel"]), *told)
        raise Closed(f"unexpected: {frame}")


def _posts(page: dict[str, Any]) -> list[tuple[str, str]]:
    return [(str(post["id"]), post["body"]) for post in page["posts"]]
