"""The first sessions of docs/api.md and docs/live.md go as they are written."""

import json
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import needs
from tests.pages import blocks, chapter, page, session
from tests.server import PATIENCE, Server, Socket, clean_environment, connected

CHANGING = (
    "active",
    "created",
    "edited",
    "expires",
    "epoch",
    "seq",
    "after",
    "prev",
    "worker",
    "token",
    "detail",
)  # values, not shapes


def alike(shown: Any, real: Any, name: str = "") -> bool:
    """Whether two JSON values are equal but for what differs from run to run."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return shown.keys() == real.keys() and all(alike(shown[key], real[key], key) for key in shown)
    if isinstance(shown, list) and isinstance(real, list):
        return len(shown) == len(real) and all(map(alike, shown, real))
    return type(shown) is type(real) if name in CHANGING else bool(shown == real)


@pytest.mark.slow
def test_the_first_session_goes_as_it_is_written(tmp_path: Path) -> None:
    needs("bash", "curl", "sed")
    shown_session = session(page("api"))
    with Server(tmp_path / "instance", tmp_path, POTTLE_RATE_LIMITS="on") as server:
        typed = [command.replace("http://127.0.0.1:8080", server.url) for command, _ in shown_session]
        ran = subprocess.run(
            ["bash", "-c", "\nprintf '\\0'\n".join(typed)],
            env=clean_environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert ran.stderr == ""
    for (command, shown), real in zip(shown_session, ran.stdout.split("\0"), strict=True):
        if shown.startswith("{"):
            assert alike(json.loads(shown), json.loads(real)), f"{command}\n{real}"
        else:
            assert shown.strip() == real.strip(), command


@pytest.mark.slow
async def test_the_first_live_session_goes_as_it_is_written(tmp_path: Path) -> None:
    """Before a change that is shown, somebody does what it tells of."""
    first, second = blocks(chapter("live", "A first session"))
    with Server(tmp_path / "instance", tmp_path) as server:
        async with httpx.AsyncClient(base_url=server.url) as http:
            await prepare(http)
            async with AsyncExitStack() as stack:
                await converse(stack, server, first, before_changes=lambda: post(http, "Are you there?"))
            await http.put("/api/posts/3/reactions/eyes")
            async with AsyncExitStack() as stack:
                await converse(stack, server, second)


async def prepare(http: httpx.AsyncClient) -> None:
    """Signs Ada up and in, with two posts and two more changes before."""
    ada = {"uid": "ada", "password": "correct horse"}
    await http.post("/api/users", json={**ada, "name": "Ada"})
    token = (await http.post("/api/session", json=ada)).json()["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    await post(http, "Hello")
    await post(http, "Once")
    await http.put("/api/posts/1/reactions/heart")
    await http.patch("/api/posts/1", json={"body": "Hello, *you*"})


async def post(http: httpx.AsyncClient, body: str) -> None:
    (await http.post("/api/channels/1/posts", json={"body": body})).raise_for_status()


async def converse(stack: AsyncExitStack, server: Server, script: str, before_changes: Any = None) -> None:
    """Plays a transcript against a server: sends what is behind `->` and expects what is behind `<-`."""
    socket_: Socket | None = None
    epoch = ""
    for line in script.splitlines():
        shown = json.loads(line[3:])
        if socket_ is None:
            socket_, real = await connected(stack, server)
            epoch = real["epoch"]
        elif line.startswith("->"):
            await socket_.send(**{**shown, **({"epoch": epoch} if "epoch" in shown else {})})
            continue
        else:
            if shown["type"] == "change" and before_changes:
                await before_changes()
            real = await socket_.receive()
        assert alike(shown, real), real
        if shown["type"] in ("subscribed", "change"):
            assert real["seq"] == shown["seq"]
