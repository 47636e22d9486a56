"""A class can use it on Monday: from an empty folder to thirty-five at work, with everything as deployed.

nginx with the file of deploy/, three workers, the default limits, and one address for the whole school.
"""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.conftest import PASSWORD, needs
from tests.deploy.proxies import Nginx, Proxy
from tests.live.meeting import changes, names
from tests.server import PATIENCE, ROOT, Server, Socket, attempts, clean_environment, wait_until

pytestmark = pytest.mark.slow

PUPILS = [f"pupil{number:02}" for number in range(1, 36)]
MINUTES = 2  # in which all of them are to have joined and posted
NAUGHTY, WITNESS = PUPILS[6], PUPILS[7]


class School:
    """Everybody is at one address, and comes through the proxy with a browser of their own."""

    def __init__(self, stack: AsyncExitStack, proxy: Proxy) -> None:
        self.stack, self.proxy = stack, proxy
        self.tokens: dict[str, str] = {}
        self.browsers: dict[str, httpx.AsyncClient] = {}
        self.room = 0

    async def browser(self, uid: str = "") -> httpx.AsyncClient:
        """One that sends the Origin of our own pages, and keeps cookies."""
        client = httpx.AsyncClient(
            base_url=self.proxy.url, verify=self.proxy.trust, headers={"Origin": self.proxy.origin}, timeout=PATIENCE
        )
        self.browsers[uid] = await self.stack.enter_async_context(client)
        return client

    async def joins(self, uid: str, code: str) -> None:
        """Signs up by a code, and in."""
        http = await self.browser(uid)
        new = {"uid": uid, "name": uid.title(), "password": PASSWORD, "invitation": code}
        ok(await http.post("/api/users", json=new))
        signed = ok(await http.post("/api/session", json={"uid": uid, "password": PASSWORD}))
        self.tokens[uid] = signed["token"]

    async def posts(self, uid: str, body: str, **more: object) -> dict[str, Any]:
        """Writes in the room, as whom the cookie says."""
        return ok(await self.browsers[uid].post(f"/api/channels/{self.room}/posts", json={"body": body, **more}))

    async def socket(self, uid: str) -> tuple[Socket, int]:
        """A socket of somebody who follows the room, and its worker."""
        url = f"{self.proxy.url.replace('https', 'wss')}/api/live"
        raw = await self.stack.enter_async_context(websockets.connect(url, ssl=self.proxy.trust, max_queue=None))
        socket = Socket(raw)
        worker = (await socket.receive())["worker"]
        assert (await socket.ask(type="auth", token=self.tokens[uid]))["type"] == "authenticated"
        assert (await socket.ask(type="subscribe", channel=self.room))["type"] == "subscribed"
        return socket, worker

    async def one_on_each_worker(self, uid: str) -> list[Socket]:
        found: dict[int, Socket] = {}
        async for _ in attempts():
            socket, worker = await self.socket(uid)
            if found.setdefault(worker, socket) is not socket:
                await socket.raw.close()
            if len(found) == 3:
                return list(found.values())
        raise AssertionError(f"only {len(found)} of 3 workers answered")


def ok(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return dict(answer.json()) if answer.content else {}


async def begins(school: School, server: Server) -> str:
    """The teacher becomes the admin by the link in the log, and makes a class and a code; the code."""
    shown = re.compile(rf"{re.escape(school.proxy.url)}/join#([0-9A-Z-]+)")
    wait_until(lambda: shown.search(server.output()), "the link in the log", server.output)
    (link,) = shown.findall(server.output())
    await school.joins("ada", link)
    http = school.browsers["ada"]
    assert ok(await http.get("/api/me"))["role"] == "admin"
    ok(await http.post("/api/groups", json={"slug": "7b", "name": "7b", "reading": "members", "posting": "members"}))
    school.room = ok(await http.post("/api/groups/7b/channels", json={"key": "room"}))["id"]
    return str(ok(await http.post("/api/groups/7b/invitations", json={}))["code"])


async def guesses(school: School, enough: asyncio.Event) -> list[int]:
    """Somebody at the same address tries the teacher's password, ten guesses at once, until it is enough."""
    http = await school.browser("guesser")
    statuses: list[int] = []
    while not enough.is_set() or 429 not in statuses:
        tries = [{"uid": "ADA", "password": f"guess {len(statuses)} {number}"} for number in range(10)]
        answers = await asyncio.gather(*[http.post("/api/session", json=guess) for guess in tries])
        statuses += [answer.status_code for answer in answers]
        assert all("Retry-After" in answer.headers for answer in answers if answer.status_code == 429)
    return statuses


async def comes_and_posts(school: School, uid: str, code: str) -> dict[str, Any]:
    await school.joins(uid, code)
    return await school.posts(uid, f"{uid} is here")


async def everybody_joins(school: School, code: str) -> list[dict[str, Any]]:
    """All pupils at once, and a guesser; nobody but that one is refused."""
    enough = asyncio.Event()
    guessing = asyncio.create_task(guesses(school, enough))
    begun = time.monotonic()
    try:
        posts = await asyncio.gather(*[comes_and_posts(school, uid, code) for uid in PUPILS])
    finally:
        enough.set()
        guessed = await guessing
    seconds = time.monotonic() - begun
    assert seconds < MINUTES * 60
    assert set(guessed) == {401, 429}
    assert guessed.count(401) <= 5 + seconds // 12 + 1
    return posts


async def test_it_works(stack: AsyncExitStack, tmp_path: Path) -> None:
    needs("nginx", "openssl")
    server = Server(tmp_path / "monday", tmp_path, POTTLE_RATE_LIMITS="on", POTTLE_TRUSTED_PROXIES="127.0.0.1")
    proxy = Nginx(tmp_path / "nginx", server.port)
    server.settings["POTTLE_URL"] = proxy.url
    stack.enter_context(server)
    stack.enter_context(proxy)
    school = School(stack, proxy)

    code = await begins(school, server)
    sockets = await school.one_on_each_worker("ada")
    posts = await everybody_joins(school, code)
    heard = [await changes(socket, len(PUPILS)) for socket in sockets]
    assert names(heard[0]) == names(heard[1]) == names(heard[2])
    assert {frame["post"]["id"] for frame in heard[0]} == {post["id"] for post in posts}

    bad = next(post["id"] for post in posts if post["author"]["uid"] == NAUGHTY)
    await school.posts(WITNESS, "I saw that", parent=bad)
    await is_removed(school, sockets, bad)
    await is_disabled(school, NAUGHTY)
    copy = await is_backed_up_under_load(school, server, tmp_path / "copy.db")
    epoch = ok(await school.browsers["ada"].get(f"/api/channels/{school.room}/posts"))["epoch"]
    await is_restored_elsewhere(school, tmp_path / "elsewhere", copy, epoch, bad)
    await goes_on_after_a_restart(school, server, epoch)


async def is_removed(school: School, sockets: Sequence[Socket], post: int) -> None:
    """By a moderator: all three workers say so at once, and keep a tombstone, for there is a reply."""
    ok(await school.browsers["ada"].patch(f"/api/posts/{post}", json={"state": "removed"}))
    for socket in sockets:
        while (frame := await socket.receive())["kind"] != "post.removed":
            assert frame["kind"] == "post.created"
        assert (frame["post"]["id"], frame["post"]["body"]) == (post, "")
    for uid in PUPILS[:3]:
        await is_a_tombstone(school.browsers[uid], post)


async def is_a_tombstone(http: httpx.AsyncClient, post: int) -> None:
    shown = ok(await http.get(f"/api/posts/{post}"))
    assert (shown["state"], shown["body"], shown["html"]) == ("removed", "", "")


async def is_disabled(school: School, uid: str) -> None:
    """By the admin: sockets close on every worker, and no worker knows the session any more."""
    theirs = await school.one_on_each_worker(uid)
    ok(await school.browsers["ada"].patch(f"/api/users/{uid}", json={"disabled": True}))
    answers = [await school.browsers[uid].get("/api/me") for _ in range(12)]
    assert {answer.status_code for answer in answers} == {401}
    for socket in theirs:
        assert (await socket.rest())[1] == 4401
    for socket in await school.one_on_each_worker("ada"):
        assert (await socket.ask(type="auth", token=school.tokens[uid]))["code"] == "unauthenticated"
    again = await school.browsers[uid].post("/api/session", json={"uid": uid, "password": PASSWORD})
    assert again.status_code == 403


async def is_backed_up_under_load(school: School, server: Server, copy: Path) -> Path:
    """By the command, while everybody writes; all of it is acknowledged."""
    writers = [uid for uid in PUPILS if uid != NAUGHTY]
    enough = asyncio.Event()

    async def writes(uid: str) -> int:
        count = 0
        while not enough.is_set() and count < 15:  # of 20 a minute
            await school.posts(uid, f"more of {uid}")
            count += 1
        return count

    async def ends() -> str:
        try:
            return await quart(server.instance, "backup", copy)
        finally:
            enough.set()

    *written, out = await asyncio.gather(*map(writes, writers), ends())
    assert out == f"{copy}\n"
    assert sum(map(int, written)) > len(writers)
    return copy


async def quart(instance: Path, *arguments: object) -> str:
    """What a command prints, which must succeed in silence."""
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "quart", "--app", "main", *map(str, arguments)],
        cwd=ROOT,
        env=clean_environment(instance.parent, POTTLE_INSTANCE=str(instance)),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
    )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
    return ran.stdout


async def is_restored_elsewhere(school: School, instance: Path, copy: Path, epoch: str, removed: int) -> None:
    """On another machine, as it were: all is there, nobody is signed in, and it is a new epoch."""
    assert (await quart(instance, "restore", copy)).startswith("Restored 36 users and ")
    with Server(instance, instance.parent, POTTLE_RATE_LIMITS="on") as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE) as http:
            nobody = await http.get("/api/me", headers={"Authorization": f"Bearer {school.tokens['ada']}"})
            assert nobody.status_code == 401
            out = await http.post("/api/session", json={"uid": NAUGHTY, "password": PASSWORD})
            assert out.status_code == 403
            ok(await http.post("/api/session", json={"uid": WITNESS, "password": PASSWORD}))
            assert await everything(http, school.room) == {f"{uid} is here" for uid in PUPILS if uid != NAUGHTY} | {""}
            await is_a_tombstone(http, removed)
            assert ok(await http.get(f"/api/channels/{school.room}/posts"))["epoch"] != epoch
    assert "/join#" not in server.output(), "there is an admin"


async def everything(http: httpx.AsyncClient, room: int) -> set[str]:
    """The texts of all posts, but for those of the load and the reply."""
    texts: set[str] = set()
    before: str | None = ""
    while before is not None:
        page = ok(await http.get(f"/api/channels/{room}/posts?limit=100" + (f"&before={before}" if before else "")))
        texts |= {post["body"] for post in page["posts"]}
        before = page["next"]
    return {text for text in texts if not text.startswith(("more of", "I saw"))}


async def goes_on_after_a_restart(school: School, server: Server, epoch: str) -> None:
    """The server at school: everybody is still signed in, and it is the same epoch."""
    server.stop()
    server.start()
    everybody = {uid: http for uid, http in school.browsers.items() if uid in school.tokens}
    answers = await asyncio.gather(*[http.get("/api/me") for http in everybody.values()])
    signed_in = {uid for uid, answer in zip(everybody, answers, strict=True) if answer.status_code == 200}
    assert signed_in == {"ada", *PUPILS} - {NAUGHTY}
    assert ok(await school.browsers["ada"].get(f"/api/channels/{school.room}/posts"))["epoch"] == epoch
