"""What all tests share: a migrated database with four people, copied for each test, and real servers.

Alice moderates the group `class` (members read and post) and Bob belongs to it; Charlie is the outsider; Root is an
admin. The group `home` is public.
"""

import asyncio
import logging
import os
import random
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import pytest
from httpx._transports import asgi, default
from sqlalchemy import select, update

import main
from model.accounts import account, session, user
from model.groups import group
from model.settings import Settings
from pottle import times
from pottle.http import caching
from pottle.server import logs
from pottle.settings import Settings as EngineSettings
from pottle.store import Tx, db, engines, room
from tests import compiled, databases
from tests.lasting import SEED
from tests.make import ADDRESS, PASSWORD, Make
from tests.server import Server

# Of tests that run in the background Ctrl-C is ignored; the programs that they start are to hear it all the same.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Reads are answered in the event loop's thread: one that stalls it for about 20 ms fails its test.
engines.MOST_INSTRUCTIONS = 2_000_000
caching.STRICT = True

databases.fill_in(EngineSettings)

# Each test has an instance folder of its own, which is kept for a while.
room.RESERVE_BYTES = 64 * 1024

# A test's lines are not bounded: that some were left out would be said in the middle of another test.
for _handler in logging.getLogger().handlers:
    _handler.removeFilter(logs.bounded)

compiled.once()

# Each client of httpx would read the certificates of all the world again, for 20 ms; so would each look at a server
# that starts.
default.create_ssl_context = cache(default.create_ssl_context)

# Each request to an application in this process would look for trio's library, which is not there: a fifth of its time.
asgi.is_running_trio = lambda: False


def pytest_configure(config: pytest.Config) -> None:
    databases.begin(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    databases.leave_out(items)


def needs(*programs: str) -> None:
    """Skips a test on a machine that lacks a program; with TEST_ALL=1 it fails instead."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        cannot_run(f"needs {', '.join(missing)}")


def cannot_run(why: str) -> None:
    """Skips a test that cannot run on this machine; with TEST_ALL=1 it fails instead."""
    if os.environ.get("TEST_ALL") == "1":
        pytest.fail(why)
    pytest.skip(why)


@dataclass
class Person:
    """Somebody with a client of their own: `await alice.get("/api/me")`."""

    http: httpx.AsyncClient
    uid: str = ""
    token: str = ""

    async def get(self, path: str, **kwargs: object) -> httpx.Response:
        return await self.http.get(path, **kwargs)  # type: ignore[arg-type]

    async def post(self, path: str, json: object = None, **kwargs: object) -> httpx.Response:
        return await self.http.post(path, json=json, **kwargs)  # type: ignore[arg-type]

    async def put(self, path: str, **kwargs: object) -> httpx.Response:
        return await self.http.put(path, **kwargs)  # type: ignore[arg-type]

    async def patch(self, path: str, json: object = None, **kwargs: object) -> httpx.Response:
        return await self.http.patch(path, json=json, **kwargs)  # type: ignore[arg-type]

    async def delete(self, path: str, **kwargs: object) -> httpx.Response:
        return await self.http.request("DELETE", path, **kwargs)  # type: ignore[arg-type]


@dataclass(frozen=True)
class World:
    """The database that every test starts with."""

    folder: Path
    tokens: dict[str, str]
    class_channel: int


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Made once: signing four people up takes a while, on purpose."""
    return asyncio.run(make_world(Settings(instance=tmp_path_factory.mktemp("world"))))


async def make_world(settings: Settings) -> World:
    """The people and the class, in a new database."""
    await db.open(settings)
    tokens = {}
    for uid in ("alice", "bob", "charlie", "root"):
        await user.create(uid, uid.title(), PASSWORD, role="admin" if uid == "root" else "user")
        tokens[uid] = (await account.sign_in(uid, PASSWORD, ADDRESS)).token
    channel_id = await _make_class(tokens)
    await db.write(_stay_confirmed)
    await db.close()
    return World(settings.instance, tokens, channel_id)


def _stay_confirmed(tx: Tx) -> None:
    """Their passwords count as just typed for as long as the tests may run."""
    tx.session.execute(update(session.Session).values(confirmed=times.later(days=1)))


def _be_trusted(tx: Tx) -> None:
    """What they post again and again waits for nobody: they have been here for long."""
    from model.talk.judging import trust

    for user_id in tx.session.scalars(select(user.User.id)):
        for group_id in tx.session.scalars(select(group.Group.id)):
            trust.gain(tx, group_id, user_id, 100)


async def _make_class(tokens: dict[str, str]) -> int:
    from model.talk import beginning

    root, alice = await session.identify(tokens["root"]), await session.identify(tokens["alice"])
    assert root
    fields = {
        "slug": "class",
        "name": "Class",
        "origins": [],
        "reading": "members",
        "posting": "members",
        "review": "none",
    }
    await group.create(root, fields)
    await group.put_member(root, "class", "alice", "moderator")
    await group.put_member(root, "class", "bob", "member")
    await db.write(_be_trusted)
    room, _ = await beginning.get_or_create(alice, "class", "room", "Room", None, None)
    return room.id


@pytest.fixture
def instance(world: World, tmp_path: Path) -> Path:
    """An instance folder of this test's own."""
    return Path(shutil.copytree(world.folder, tmp_path / "instance"))


@pytest.fixture
def settings(instance: Path) -> Settings:
    """The settings of `app`; a test that wants others overrides this fixture."""
    return Settings(instance=instance, shortcuts=os.environ.get("TEST_SHORTCUTS") != "off")


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[object]:
    """The application, started in this process."""
    app = main.create_app(settings)
    await app.startup()
    yield app
    await app.shutdown()


@pytest.fixture
async def person(app: object, world: World) -> AsyncIterator[Callable[..., Person]]:
    """`person("alice")` is Alice with her token, `person()` somebody who is not signed in."""
    clients: list[httpx.AsyncClient] = []

    def make(uid: str = "", **headers: str) -> Person:
        token = world.tokens.get(uid, "")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(app=app, client=(ADDRESS, 1234))  # type: ignore[arg-type]
        clients.append(httpx.AsyncClient(transport=transport, base_url="http://pottle.test", headers=headers))
        return Person(clients[-1], uid, token)

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def alice(person: Callable[..., Person]) -> Person:
    return person("alice")


@pytest.fixture
def bob(person: Callable[..., Person]) -> Person:
    return person("bob")


@pytest.fixture
def charlie(person: Callable[..., Person]) -> Person:
    return person("charlie")


@pytest.fixture
def root(person: Callable[..., Person]) -> Person:
    return person("root")


@pytest.fixture
def anyone(person: Callable[..., Person]) -> Person:
    return person()


@pytest.fixture
def make(person: Callable[..., Person]) -> Make:
    """Makes rows: `await make.user()`, `make.group()`, `make.channel()`, `make.post()`."""
    return Make(person)


@pytest.fixture
def rng() -> random.Random:
    """Random numbers, the same at each run of a seed."""
    return random.Random(SEED)


@pytest.fixture
def server(instance: Path, tmp_path: Path) -> Iterator[Server]:
    """gunicorn with three workers, as deployed, on this test's own instance folder; rate limits are off."""
    with Server(instance, tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def shared(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same for all tests that ask for it: none may depend on what another left there, or change what all see.

    Until the session ends, for pytest-xdist gives a process files of several folders in turn.
    """
    folder = tmp_path_factory.mktemp("shared")
    with Server(Path(shutil.copytree(world.folder, folder / "instance")), folder) as running:
        yield running


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    """Closes what a test opened."""
    async with AsyncExitStack() as opened:
        yield opened
