"""`Pottle`: one server, and who we are there."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any, Self, cast
from urllib.parse import quote

import httpx
import websockets
from pottle_client import live
from pottle_client.requests import Problem, answer, backoff, insisting, key_of
from pottle_client.shapes import Account, Change, Channel, Kind, NewPost, Outcome, Page, Position, Post

TIMEOUT = 30  # seconds


class Pottle:
    """`async with Pottle(url, token=…) as pottle:`. Every method may raise Problem."""

    def __init__(
        self, url: str, *, token: str | None = None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """`transport` is httpx's, for a proxy or for tests."""
        self.url = url.rstrip("/")
        self.token = token
        self._http = httpx.AsyncClient(base_url=self.url, timeout=TIMEOUT, transport=transport)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def api(self, method: str, path: str, json: object = None, **headers: str) -> Any:
        """Any request of the API: the parsed answer, None where it has none. `if_match='"3-0"'` is a header."""
        named = {name.replace("_", "-").lower(): value for name, value in headers.items()}  # the caller's come first
        response = await answer(self._http, method, path, json, self._who | key_of(method, path) | named)
        return response.json() if response.content else None

    @property
    def _who(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    async def sign_up(self, uid: str, name: str, password: str, *, invitation: str | None = None) -> Account:
        """Makes the account and signs in."""
        invited = {"invitation": invitation} if invitation else {}
        await self.api("POST", "/api/users", {"uid": uid, "name": name, "password": password, **invited})
        return await self.sign_in(uid, password)

    async def sign_in(self, uid: str, password: str, *, code: str | None = None) -> Account:
        """Signs in, where somebody has a second step with a `code` of the app or a recovery code."""
        try:
            session = await self.api("POST", "/api/session", {"uid": uid, "password": password})
        except Problem as problem:
            if code is None or problem.type != "urn:pottle:second-factor-needed":
                raise
            session = await self.api("POST", "/api/session/second", {"ticket": problem.fields["ticket"], "code": code})
        self.token = session["token"]
        return cast(Account, session["user"])

    async def sign_out(self) -> None:
        await self.api("DELETE", "/api/session")
        self.token = None

    async def me(self) -> Account:
        return cast(Account, await self.api("GET", "/api/me"))

    async def channel(self, group: str, key: str, *, title: str | None = None, url: str | None = None) -> Channel:
        """The channel of a room's name or a page's path, made where there is none yet and we may."""
        path = f"/api/groups/{quote(group, safe='')}/channels"
        found = await self.api("GET", f"{path}?key={quote(key, safe='')}")
        if found["channels"]:
            return cast(Channel, found["channels"][0])
        about = {"title": title, "url": url}
        return cast(Channel, await self.api("POST", path, {"key": key, **{k: v for k, v in about.items() if v}}))

    async def posts(
        self, channel: int, *, limit: int = 20, before: str | None = None, after: str | None = None
    ) -> Page:
        """Newest first; what is older lies `before` the page's `next`."""
        cursor = f"&before={before}" if before else f"&after={after}" if after else ""
        return cast(Page, await self.api("GET", f"/api/channels/{channel}/posts?limit={limit}{cursor}"))

    async def post(self, channel: int, body: str, *, parent: int | None = None, guest: str | None = None) -> Post:
        """Its `state` tells whether it waits for a moderator."""
        given = {"body": body, "parent": parent, "guest": guest}
        sent = {name: value for name, value in given.items() if value is not None}
        return cast(Post, await self.api("POST", f"/api/channels/{channel}/posts", sent))

    async def post_all(self, channel: int, posts: list[NewPost]) -> list[Outcome]:
        """Makes up to 500 posts at once, in their order; what became of each, a `post` or an `error`."""
        made = await self.api("POST", f"/api/channels/{channel}/posts", {"posts": posts})
        return cast(list[Outcome], made["outcomes"])

    async def edit(self, post: Post, body: str) -> Post:
        """Refused with 412 where somebody changed it since `post` was read."""
        return cast(Post, await self.api("PATCH", f"/api/posts/{post['id']}", {"body": body}, **matching(post)))

    async def remove(self, post: Post) -> None:
        """Refused with 412 where somebody changed it since `post` was read."""
        await self.api("DELETE", f"/api/posts/{post['id']}", **matching(post))

    async def react(self, post: int, kind: Kind, on: bool = True) -> dict[str, int]:
        """The post's counts by kind."""
        counted = await self.api("PUT" if on else "DELETE", f"/api/posts/{post}/reactions/{kind}")
        return cast(dict[str, int], counted["reactions"])

    async def subscribe(
        self,
        stream: int | str,
        position: Position | Page | None = None,
        *,
        missed: Callable[[], Awaitable[Position | Page]] | None = None,
    ) -> AsyncGenerator[Change, None]:
        """Every change of a channel (by its number) or another stream (by its name), in order, once.

        Begins after `position`, else now. `missed` is called where the server can no longer tell what came after our
        position: it reads the list again and returns that list's position. Without it `Missed` is raised.
        """
        named = {"channel": stream} if isinstance(stream, int) else {"stream": stream}
        at = position and Position(epoch=position["epoch"], seq=position["seq"])
        misses = 0
        async with live.connections(self.url) as sockets:
            async for socket in sockets:
                try:
                    await live.begin(socket, self.token)
                    while True:
                        await socket.send(json.dumps({"type": "subscribe", **named, **live.after(at)}))
                        async for frame in live.frames(socket, until="subscribed"):
                            if frame["type"] == "subscribed":
                                if at and not frame["recovered"]:
                                    break
                                at, misses = at or Position(epoch=frame["epoch"], seq=frame["seq"]), 0
                            elif frame["type"] == "change" and at and frame["seq"] > at["seq"]:
                                if frame["prev"] != at["seq"]:
                                    break
                                at["seq"] = frame["seq"]
                                yield cast(Change, frame)
                        if missed is None:
                            raise live.Missed(f"Changes of {stream} are missing.")
                        if misses:
                            await asyncio.sleep(backoff(misses))
                        page, misses = await insisting(missed), misses + 1
                        at = Position(epoch=page["epoch"], seq=page["seq"])
                except websockets.ConnectionClosed as closed:
                    await live.lost(closed)

    async def watch(self, path: str) -> AsyncGenerator[Any, None]:
        """The answer to a GET now, and each time that it has become another one."""
        etag, first = await self._read(path, None)
        yield first
        async with live.connections(self.url) as sockets:
            async for socket in sockets:
                try:
                    await live.begin(socket, self.token)
                    await socket.send(json.dumps({"type": "watch", "get": path, "etag": etag}))
                    async for frame in live.frames(socket):
                        if frame["type"] == "changed" and frame.get("etag") != etag:
                            seen, (etag, value) = etag, await insisting(partial(self._read, path, etag))
                            if etag != seen:
                                yield value
                except websockets.ConnectionClosed as closed:
                    await live.lost(closed)

    async def _read(self, path: str, etag: str | None) -> tuple[str, Any]:
        """The ETag and the value, or the ETag that was given and None."""
        condition = {"If-None-Match": etag} if etag else {}
        response = await answer(self._http, "GET", path, None, self._who | condition)
        if response.status_code == httpx.codes.NOT_MODIFIED:
            return etag or "", None
        return response.headers["ETag"], response.json()


def matching(post: Post) -> dict[str, str]:
    return {"if_match": f'"{post["version"]}-0"'}
