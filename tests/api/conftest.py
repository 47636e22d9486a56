"""What the tests of the API share: what a refusal looks like, and what the database holds."""

import asyncio
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from pottle.errors import Overloaded
from pottle.store import Tx, db
from pottle.store.database import Database
from tests import databases
from tests.conftest import Person
from tests.server import PATIENCE

LOBBY = "/api/channels/1/posts"
BOOKKEEPING = ("limits", "replays", "sqlite_sequence")

Json = dict[str, Any]


def refused(response: httpx.Response, status: int) -> Json:
    """The problem (RFC 9457) that an answer must be, with this status."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem: Json = response.json()
    assert problem["status"] == status
    assert problem["type"] == "urn:pottle:" + problem["title"].lower().replace(" ", "-")
    return problem


@asynccontextmanager
async def a_write_under_way(of: Database = db) -> AsyncIterator[None]:
    """The writer is busy meanwhile."""
    begun, done = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(_tx: Tx) -> None:
        loop.call_soon_threadsafe(begun.set)
        done.wait(10)

    async def write() -> None:
        while not begun.is_set():
            with suppress(Overloaded):  # one of the server's own was waiting
                await of.write(slow)
            await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
    yield
    done.set()
    await writing


def wrong_fields(response: httpx.Response) -> set[str]:
    """The fields that a 422 names, each of them with a message."""
    errors = refused(response, 422)["errors"]
    assert all(error.keys() == {"field", "message"} and error["message"] for error in errors)
    return {error["field"] for error in errors}


async def posted(person: Person, body: str = "Hello", channel: int = 1, **more: Any) -> Json:
    """A post that somebody made."""
    made = await person.post(f"/api/channels/{channel}/posts", {"body": body, **more})
    assert made.status_code == 201, made.text
    return dict(made.json())


async def opened(root: Person, slug: str, **rules: Any) -> int:
    """The id of the only channel of a new group with these rules."""
    made = await root.post("/api/groups", {"slug": slug, "name": slug.title(), **rules})
    assert made.status_code == 201, made.text
    channel = await root.post(f"/api/groups/{slug}/channels", {"key": "room"})
    return int(channel.json()["id"])


async def joined(root: Person, slug: str, uid: str, role: str = "member") -> None:
    """Makes somebody a member of a group."""
    made = await root.post(f"/api/groups/{slug}/members", {"uid": uid, "role": role})
    assert made.status_code == 201, made.text


async def signed_in_again(anyone: Person, uid: str, password: str) -> str:
    """The token of one more session."""
    made = await anyone.post("/api/session", {"uid": uid, "password": password})
    assert made.status_code == 201, made.text
    anyone.http.cookies.clear()
    return str(made.json()["token"])


def bearer(token: str) -> dict[str, str]:
    """The header that a token goes in."""
    return {"Authorization": f"Bearer {token}"}


def signed(secret: str, headers: Json | None = None, **more: Any) -> str:
    """A site's token of single sign-on, for Anna; claims that are None are left out."""
    now = int(time.time())
    said = {"sub": "17", "name": "Anna Schmidt", "iat": now, "exp": now + 300, "jti": secrets.token_hex(8), **more}
    claims = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(claims, secret, algorithm="HS256", headers=headers)


def dump(instance: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for what only counts and repeats requests, and how far the log was taken."""
    with databases.opened(instance) as raw:
        rows = {
            name: sorted(raw.execute(f"SELECT * FROM {name}").fetchall(), key=repr)  # noqa: S608
            for name in raw.tables()
            if name not in BOOKKEEPING
        }
    rows["instance"] = [row for row in rows["instance"] if not row[0].startswith("log:")]
    return rows


@pytest.fixture
def nothing_changes(app: object, instance: Path) -> Callable[[], AbstractContextManager[None]]:
    """`with nothing_changes():` sees that what is done inside leaves no trace in the database."""

    @contextmanager
    def watched() -> Iterator[None]:
        before = dump(instance)
        yield
        assert dump(instance) == before

    return watched
