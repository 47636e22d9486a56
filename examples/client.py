"""A complete client: signs up or in, finds or makes a channel, posts, and prints every change as it comes.

    pip install httpx websockets
    python examples/client.py --uid ada --say "Hello from a program"

After a lost connection it goes on after the last change that it saw, and reads the list again where the server can no
longer tell what came after it (`"recovered": false`).
"""

import argparse
import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from getpass import getpass
from typing import Any
from uuid import uuid4

import httpx
import websockets

Json = dict[str, Any]


async def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Talks to a Pottle.")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="of the server (default: %(default)s)")
    parser.add_argument("--uid", required=True, help="your user name; the account is made if there is none")
    parser.add_argument("--password", default=os.environ.get("PASSWORD"), help="default: $PASSWORD, or asked for")
    parser.add_argument("--group", default="home", help="its slug (default: %(default)s)")
    parser.add_argument("--channel", default="lobby", help="its key; made if need be (default: %(default)s)")
    parser.add_argument("--say", metavar="TEXT", help="post this first")
    asked = parser.parse_args()
    async with httpx.AsyncClient(base_url=asked.url) as http:
        token = await signed_in(http, asked.uid, asked.password or getpass())
        http.headers["Authorization"] = f"Bearer {token}"
        channel = checked(await http.post(f"/api/groups/{asked.group}/channels", json={"key": asked.channel}))
        print(f"Listening to {channel['title']}, channel {channel['id']} (Ctrl-C to quit)", flush=True)
        if asked.say:
            await say(http, channel["id"], asked.say)
        async for change in changes(http, token, channel["id"]):
            print(told(change), flush=True)


async def signed_in(http: httpx.AsyncClient, uid: str, password: str) -> str:
    """The token of a new session."""
    made = await http.post("/api/users", json={"uid": uid, "name": uid, "password": password})
    if made.status_code != httpx.codes.CONFLICT:  # the uid is taken: by us, if the password fits
        checked(made)
    return str(checked(await http.post("/api/session", json={"uid": uid, "password": password}))["token"])


async def say(http: httpx.AsyncClient, channel: int, text: str) -> None:
    """Posts, once: a request that is sent again with the same key is answered again and not done again."""
    key = {"Idempotency-Key": str(uuid4())}
    while True:
        try:
            checked(await http.post(f"/api/channels/{channel}/posts", json={"body": text}, headers=key))
            return
        except httpx.TransportError:
            await asyncio.sleep(1)


async def changes(http: httpx.AsyncClient, token: str, channel: int) -> AsyncIterator[Json]:
    """The posts there are and every change after them, in order, none missing, none twice."""
    position: Json | None = None
    async for socket in websockets.connect(str(http.base_url).replace("http", "ws", 1).rstrip("/") + "/api/live"):
        try:
            await socket.send(json.dumps({"type": "auth", "token": token}))
            while True:
                if position is None:
                    page = checked(await http.get(f"/api/channels/{channel}/posts"))
                    position = {"epoch": page["epoch"], "after": page["seq"]}
                    for post in reversed(page["posts"]):
                        yield {"kind": "listed", "post": post}
                await socket.send(json.dumps({"type": "subscribe", "channel": channel, **position}))
                async for change in until_gap(socket, position):
                    yield change
                position = None
        except (websockets.ConnectionClosed, httpx.TransportError):
            continue  # the loop connects again, each time after a longer while


async def until_gap(socket: websockets.ClientConnection, position: Json) -> AsyncIterator[Json]:
    """Moves `position` on with every change; ends where the list has to be read again."""
    async for message in socket:
        frames = json.loads(message)
        for frame in frames if isinstance(frames, list) else [frames]:
            if frame["type"] == "error":
                raise SystemExit(f"The server says: {frame['code']}")
            if frame["type"] == "subscribed" and not frame["recovered"]:
                return
            if frame["type"] == "change":
                if frame["prev"] != position["after"]:
                    return
                position["after"] = frame["seq"]
                yield frame


def told(change: Json) -> str:
    """A change in words."""
    post = change.get("post") or {}
    author = post.get("author", {})
    said = f"by {author.get('name') or author.get('guest')}: {post['body']}" if author else post.get("reactions")
    return f"{change['kind']} {post.get('id')} {said}"


def checked(response: httpx.Response) -> Json:
    """The answer; ends the program with what the server says is wrong (RFC 9457)."""
    answer: Json = response.json()
    if response.is_error:
        raise SystemExit(f"{answer['title']}: {answer.get('detail', '')}")
    return answer


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(main())
