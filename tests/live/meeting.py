"""People who meet at one server: their HTTP clients and their sockets, all closed together."""

import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import httpx

from tests.conftest import PASSWORD
from tests.server import Server, Socket, attempts, calling, connected

Frame = dict[str, Any]


class Meeting:
    """`meeting.http("alice")`, `meeting.socket("alice")`; "" is somebody who is not signed in."""

    def __init__(self, server: Server, stack: AsyncExitStack, tokens: Mapping[str, str]) -> None:
        self.server, self.stack = server, stack
        self._tokens = {"": "", **tokens}
        self._clients: dict[str, httpx.AsyncClient] = {}

    def token(self, uid: str) -> str:
        """A person's token; a token is its own."""
        return self._tokens.get(uid, uid)

    async def http(self, uid: str = "") -> httpx.AsyncClient:
        """The one client of a person, or of whoever holds the token `uid`."""
        if uid not in self._clients:
            self._clients[uid] = await calling(self.stack, self.server, self.token(uid))
        return self._clients[uid]

    async def socket(self, uid: str = "", **options: Any) -> Socket:
        """A new socket of a person, or of whoever holds the token `uid`."""
        socket, _ = await connected(self.stack, self.server, **options)
        if uid:
            answer = await socket.ask(type="auth", token=self.token(uid))
            assert answer["type"] == "authenticated", answer
        return socket

    async def sockets(self, each: int, uid: str = "", **options: Any) -> dict[int, list[Socket]]:
        """`each` sockets of a person on every one of three workers, by worker."""
        found: dict[int, list[Socket]] = {}
        async for _ in attempts():
            if len(found) == 3 and all(len(sockets) >= each for sockets in found.values()):
                return {worker: sockets[:each] for worker, sockets in found.items()}
            with self.server.standing_still([worker for worker, sockets in found.items() if len(sockets) >= each]):
                socket, hello = await connected(self.stack, self.server, **options)
            if uid:
                await socket.ask(type="auth", token=self.token(uid))
            found.setdefault(hello["worker"], []).append(socket)
        raise AssertionError(f"only {len(found)} of 3 workers answered")

    async def sign_in(self, uid: str) -> str:
        """The token of a new session."""
        signed = await (await self.http()).post("/api/session", json={"uid": uid, "password": PASSWORD})
        assert signed.status_code == 201, signed.text
        token: str = signed.json()["token"]
        return token

    async def group(self, **rules: object) -> str:
        """The slug of a new group, moderated by Alice."""
        slug = f"g-{secrets.token_hex(4)}"
        root = await self.http("root")
        made = await root.post("/api/groups", json={"slug": slug, "name": slug, **rules})
        assert made.status_code == 201, made.text
        await self.member(slug, "alice", "moderator")
        return slug

    async def member(self, slug: str, uid: str, role: str = "member") -> None:
        """Makes somebody a member of a group."""
        put = await (await self.http("root")).post(f"/api/groups/{slug}/members", json={"uid": uid, "role": role})
        assert put.status_code == 201, put.text

    async def channel(self, group: str = "home", by: str = "alice") -> int:
        """The id of a new channel."""
        asked = {"key": secrets.token_hex(8)}
        opened = await (await self.http(by)).post(f"/api/groups/{group}/channels", json=asked)
        assert opened.status_code == 201, opened.text
        id_: int = opened.json()["id"]
        return id_

    async def post(self, channel: int, body: str = "Hello", by: str = "alice", **fields: object) -> Frame:
        """A new post."""
        asked = {"body": body, **fields}
        made = await (await self.http(by)).post(f"/api/channels/{channel}/posts", json=asked)
        assert made.status_code == 201, made.text
        post: Frame = made.json()
        return post

    async def listed(self, channel: int, by: str = "alice") -> Frame:
        """The newest posts of a channel and its position."""
        got = await (await self.http(by)).get(f"/api/channels/{channel}/posts?limit=100")
        assert got.status_code == 200, got.text
        page: Frame = got.json()
        return page


async def changes(socket: Socket, count: int) -> list[Frame]:
    """The next `count` frames, which must be changes and follow on one another."""
    frames = [await socket.receive() for _ in range(count)]
    assert {frame["type"] for frame in frames} <= {"change"}, frames
    assert unbroken(frames)
    return frames


def unbroken(frames: list[Frame]) -> bool:
    """Whether each change of one channel names the one before it as its `prev`."""
    return [frame["prev"] for frame in frames[1:]] == [frame["seq"] for frame in frames[:-1]]


def names(frames: list[Frame]) -> list[tuple[int, str, int]]:
    """What L2 promises of changes: seq, kind and id."""
    return [(frame["seq"], frame["kind"], frame["post"]["id"]) for frame in frames]
