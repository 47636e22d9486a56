"""`@shared`: a GET that answers everybody alike is kept until a table that it read changes."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from quart import Quart, current_app
from sqlalchemy import func, select, update

import main
from api.access import asker
from model.accounts.user import User
from model.settings import Settings
from model.talk.channel import Channel
from model.talk.post import Post
from pottle.http import caching
from pottle.http.answers import gives
from pottle.http.asking import anyone
from pottle.http.caching import TAGS, shared, shown
from pottle.store import Snapshot, Tx, db, tables
from tests.conftest import Person


class Count(msgspec.Struct):
    """How many there are."""

    n: int


@shared
@gives(Count)
async def posts() -> Count:
    async with db.session() as session:
        return Count((await session.scalars(select(func.count()).select_from(Post))).one())


later: asyncio.Event


@shared
@gives(Count)
async def with_a_task() -> Count:
    current_app.add_background_task(look_at_users)
    return Count(len(await db.read(Snapshot.all, select(Post.id))))


async def look_at_users() -> None:
    await later.wait()
    await db.read(Snapshot.one, select(User.id))


@anyone
@gives(Count)
async def private_of_another() -> Count:
    asker()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(current_app), base_url="http://test") as client:  # type: ignore[arg-type]
        return msgspec.json.decode((await client.get("/test/posts")).content, type=Count)


@shared
@gives(Count)
async def channels_finely() -> Count:
    shown("posts")
    return Count(len(await db.read(Snapshot.all, select(Channel.id))))


@shared
@gives(Count)
async def curious() -> Count:
    await db.read(Snapshot.one, select(Post.id))
    return Count(asker() is not None)


@anyone
@gives(Count)
async def private() -> Count:
    asker()
    return Count(len(await db.read(Snapshot.all, select(Channel.id))))


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[Quart]:
    app = main.create_app(settings)
    for handler in (posts, with_a_task, private_of_another, channels_finely, curious, private):
        app.add_url_rule(f"/test/{handler.__name__}", None, handler)
    async with app.test_app():
        yield app


async def is_kept(who: Person, path: str) -> bool:
    before = caching.shelf.hits
    assert (await who.get(path)).status_code == 200
    return caching.shelf.hits > before


async def test_it_works(anyone: Person, alice: Person) -> None:
    """Made for somebody who is signed in, it serves everybody; a write to its table shows at once."""
    first = await alice.get("/test/posts")
    assert first.json() == {"n": 0}
    assert first.headers["cache-control"] == "no-cache"
    assert await is_kept(anyone, "/test/posts")
    await alice.post("/api/channels/1/posts", {"body": "one"})
    assert (await anyone.get("/test/posts")).json() == {"n": 1}
    assert await is_kept(anyone, "/test/posts")


async def test_what_a_task_reads_afterwards_is_no_part_of_it(
    anyone: Person, alice: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """A task has the context of the handler that began it."""
    global later
    later = asyncio.Event()
    await anyone.get("/test/with_a_task")
    later.set()
    await asyncio.sleep(0.05)
    await db.write(rename)
    assert await is_kept(anyone, "/test/with_a_task")
    await alice.post("/api/channels/1/posts", {"body": "one"})
    assert (await anyone.get("/test/with_a_task")).json() == {"n": 1}
    assert not caplog.text


async def test_a_request_inside_another_says_nothing_of_that(alice: Person) -> None:
    """The answer to the one inside is for everybody; this one is for who asks."""
    for _ in range(2):  # the second time, the one inside is on the shelf
        assert (await alice.get("/test/private_of_another")).headers["cache-control"] == "no-store"


async def test_another_table_drops_nothing(anyone: Person) -> None:
    await anyone.get("/test/posts")
    await db.write(rename)
    assert await is_kept(anyone, "/test/posts")


def rename(tx: Tx) -> None:
    tx.run(update(User).where(User.id == 1), name="Somebody")


async def test_a_finer_word_counts_instead_of_the_tables(anyone: Person, root: Person, alice: Person) -> None:
    await anyone.get("/test/channels_finely")
    await root.patch("/api/channels/1", {"title": "Another"})
    assert await is_kept(anyone, "/test/channels_finely")
    await alice.post("/api/channels/1/posts", {"body": "one"})
    assert not await is_kept(anyone, "/test/channels_finely")


async def test_who_is_asking_is_no_question_for_it(anyone: Person) -> None:
    answer = await anyone.get("/test/curious")
    assert answer.status_code == 500


async def test_in_production_it_is_answered_and_not_kept(
    anyone: Person, alice: Person, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(caching, "STRICT", False)
    assert (await alice.get("/test/curious")).json() == {"n": 1}
    assert (await anyone.get("/test/curious")).json() == {"n": 0}
    assert not await is_kept(anyone, "/test/curious")
    assert "curious is @shared, and asks who is asking" in caplog.text


async def made_of(app: Quart, path: str, headers: dict[str, str]) -> set[str]:
    """The tags that the cache tells of an answer, to whoever wants to know."""
    said: set[str] = set()

    class Wanting(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            served = self.app

            async def asking(scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg]
                scope[TAGS] = said
                await served(scope, receive, send)  # type: ignore[arg-type]

            return await httpx.ASGITransport(asking).handle_async_request(request)  # type: ignore[arg-type]

    with tables.collecting() as read:
        async with httpx.AsyncClient(transport=Wanting(app), base_url="http://test") as client:  # type: ignore[arg-type]
            assert (await client.get(path, headers=headers)).status_code == 200
    return said or read


async def test_what_an_answer_is_made_of_is_told_also_of_private_ones(app: Quart, alice: Person) -> None:
    headers = {"Authorization": f"Bearer {alice.token}"}
    for _ in range(2):
        assert await made_of(app, "/test/posts", headers) == {"table:posts"}
        assert await made_of(app, "/test/channels_finely", headers) == {"posts"}
        assert await made_of(app, "/test/private", headers) == {"table:channels", "user:alice"}
