"""PocketBase's clients: an author and reader of lists, and a stream of server-sent events."""

import asyncio
import json
from collections import deque
from typing import Any, NamedTuple

import httpx

from conformance.adapters.http import Http
from conformance.adapters.protocol import Closed, Joined, Listed, Told

RECORDS = "/api/collections/posts/records"
MOST_LISTED = 100
KINDS = {"create": "created", "update": "edited", "delete": "removed"}


class Account(NamedTuple):
    """A user who is signed in."""

    id: str
    token: str


class Client:
    """An author, or a reader of lists."""

    keyed = False

    def __init__(self, http: Http, account: Account) -> None:
        self.http, self.token = http, account.token
        self.close = http.close

    async def write(self, channel: str, marker: str) -> str:
        """Creates a record."""
        return str((await self.http.call("POST", RECORDS, self.token, json={"channel": channel, "body": marker}))["id"])

    async def write_badly(self, channel: str, marker: str) -> str:
        """Creates a record without signing in."""
        return str((await self.http.call("POST", RECORDS, json={"channel": channel, "body": marker}))["id"])

    async def read(self, channel: str, everything: bool = False) -> Listed:
        """The newest hundred; or all, oldest first and turned round, so that no page moves while it is read."""
        if not everything:
            page = await self._page(channel, "-@rowid", 1)
            return Listed(_posts(page), page["totalPages"] > 1)
        posts: list[tuple[str, str]] = []
        number = pages = 1
        while number <= pages:
            page = await self._page(channel, "@rowid", number)
            posts, number, pages = posts + _posts(page), number + 1, page["totalPages"]
        return Listed(posts[::-1])

    async def _page(self, channel: str, sort: str, page: int) -> Any:
        where = httpx.QueryParams(sort=sort, page=page, perPage=MOST_LISTED, filter=f"channel='{channel}'")
        return await self.http.call("GET", f"{RECORDS}?{where}", self.token)


class Events:
    """A stream of server-sent events. HTTP/1.0, so that it arrives as it is and not in chunks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, channels: list[str]) -> None:
        self.client = ""
        self._reader, self._writer = reader, writer
        self._joined = deque(Joined(channel) for channel in channels)

    @classmethod
    async def open(cls, port: int, channels: list[str]) -> "Events":
        """Raises Closed."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /api/realtime HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n")
        except OSError as error:
            raise Closed(repr(error)) from error
        events = cls(reader, writer, channels)
        events.client = (await events._next("PB_CONNECT"))["clientId"]
        return events

    async def receive(self) -> Joined | Told:
        """First that all channels are subscribed to, then each event."""
        if self._joined:
            return self._joined.popleft()
        event = await self._next("posts/*")
        record = event["record"]
        return Told(record["channel"], record["body"], KINDS[event["action"]], record["id"])

    async def _next(self, wanted: str) -> Any:
        """The data of the next event of that name."""
        name = ""
        while line := await self._line():
            key, _, value = line.rstrip("\n").partition(":")
            name = value if key == "event" else name
            if key == "data" and name == wanted:
                return json.loads(value)
        raise Closed("the stream ended")

    async def _line(self) -> str:
        try:
            return (await self._reader.readline()).decode()
        except OSError as error:
            raise Closed(repr(error)) from error

    async def drop(self, politely: bool) -> None:
        """Closes the connection, or resets it."""
        if politely:
            self._writer.close()
        else:
            self._writer.transport.abort()


def _posts(page: dict[str, Any]) -> list[tuple[str, str]]:
    return [(record["id"], record["body"]) for record in page["items"]]
