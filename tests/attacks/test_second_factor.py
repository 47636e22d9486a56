"""Guessing the code of an authenticator app, over three workers at once."""

import asyncio
from pathlib import Path

import httpx
import pyotp
import pytest

from model.accounts.second import FAILED_CODES
from tests import databases
from tests.conftest import PASSWORD, World
from tests.server import Server

pytestmark = pytest.mark.slow

ALICE = {"uid": "alice", "password": PASSWORD}


async def test_all_workers_count_together(world: World, instance: Path, tmp_path: Path) -> None:
    """With the right password, and a ticket and a connection for each guess."""
    with Server(instance, tmp_path, POTTLE_RATE_LIMITS="on") as server:
        async with httpx.AsyncClient(base_url=server.url, headers={"Connection": "close"}, timeout=60) as anyone:
            by_alice = {"Authorization": f"Bearer {world.tokens['alice']}"}
            app = pyotp.TOTP((await anyone.post("/api/me/second", headers=by_alice)).json()["secret"])
            await anyone.put("/api/me/second", json={"code": app.now()}, headers=by_alice)
            with databases.opened(instance) as raw:
                raw.execute("UPDATE authenticators SET last_step = NULL")  # as if half a minute had gone by

            async def ticket() -> str:
                return str((await anyone.post("/api/session", json=ALICE)).json()["ticket"])

            async def guess(ticket: str, code: str) -> int:
                return (await anyone.post("/api/session/second", json={"ticket": ticket, "code": code})).status_code

            right, codes = app.now(), [f"{number:06}" for number in range(30)]
            guesses = [guess(await ticket(), code) for code in codes if code != right]
            statuses = await asyncio.gather(*guesses)
            assert (statuses.count(401), set(statuses)) == (FAILED_CODES.count, {401, 429})
            assert await guess(await ticket(), app.now()) == 429
