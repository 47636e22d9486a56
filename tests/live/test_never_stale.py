"""L6: a GET first received after a write's answer was sent shows that write, whichever worker answers.

The server here is deaf: every poke between its workers is lost, so that a worker that does not look for itself before
it serves a kept answer is behind for up to the 100 ms of the slow poll. The tests over several workers fail at once
when `db.caught_up` in ResponseCache is left out. (With pokes they pass: those come before the answer does.)
"""

import asyncio
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import httpx
import pytest
from quart import Quart

from model.talk import channel
from pottle.http import caching
from pottle.http.asgi import Headers, Message, Receive, Scope, Send, at_once
from pottle.http.caching import ResponseCache, shown
from pottle.store import db
from pottle.store.bus import SLOTS, Bus
from tests import databases
from tests.conftest import PASSWORD, Person, World
from tests.faults.reaching import on_each_worker
from tests.live.meeting import Meeting
from tests.server import Server, calling, wait_until

READERS = 12


@pytest.fixture(scope="module")
def deaf(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """gunicorn with three workers that cannot hear pokes: all places where they could listen are taken."""
    folder = tmp_path_factory.mktemp("deaf")
    instance = Path(shutil.copytree(world.folder, folder / "instance"))
    name = asyncio.run(_bus_name(instance / "app.db"))
    with ExitStack() as taken:
        for slot in range(SLOTS):
            place = taken.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            place.bind(f"{name}-{slot}")
        yield taken.enter_context(Server(instance, folder))


async def _bus_name(database: Path) -> str:
    bus = Bus(database, lambda: None)
    bus.close()
    return bus._name


@pytest.fixture
async def meeting(deaf: Server, stack: AsyncExitStack, world: World) -> Meeting:
    """People at the deaf server."""
    return Meeting(deaf, stack, world.tokens)


async def spread(meeting: Meeting) -> list[httpx.AsyncClient]:
    """Clients with one keep-alive connection each, of which each worker has at least one."""
    clients = [*(await on_each_worker(meeting, "")).values()]
    clients += [await calling(meeting.stack, meeting.server) for _ in range(READERS - len(clients))]
    for client in clients:
        await client.get("/healthz")
    return clients


async def test_every_read_after_a_write_shows_it(meeting: Meeting) -> None:
    """One person writes over one connection; at once twelve connections read, lists, posts, counts and pages.

    All of it is kept by the workers, and read once before each write.
    """
    group = await meeting.group()
    place = await meeting.channel(group)
    alice = await meeting.http("alice")
    readers = await spread(meeting)
    key = (await alice.get(f"/api/channels/{place}")).json()["key"]
    counts = f"/api/counts?group={group}&key={key}"
    paths = [f"/api/channels/{place}/posts", f"/channels/{place}", counts, f"/api/channels/{place}", "/"]
    elsewhere = [f"/groups/{group}/thread?key={key}", f"/groups/{group}/recent?limit=3"]
    texts_at = [*paths[:2], *elsewhere]

    async def read(n: int, path: str) -> str:
        got = await readers[n].get(path)
        assert got.status_code == 200
        return got.text

    for n in range(10):
        made = await meeting.post(place, f"unseen-{n}-a")
        texts = await asyncio.gather(*[read(r, texts_at[r % 4]) for r in range(READERS)])
        assert all(f"unseen-{n}-a" in text for text in texts)
        found = await asyncio.gather(*[read(r, counts) for r in range(READERS)])
        assert {int(re.findall(r":(\d+)", text)[-1]) for text in found} == {n + 1}

        post = f"/api/posts/{made['id']}"
        await asyncio.gather(*[read(r, post) for r in range(READERS)])
        await alice.patch(post, json={"body": f"unseen-{n}-b"})
        texts = await asyncio.gather(*[read(r, [post, *texts_at][r % 5]) for r in range(READERS)])
        assert all(f"unseen-{n}-b" in text and f"unseen-{n}-a" not in text for text in texts)

        await alice.put(f"{post}/reactions/heart")
        texts = await asyncio.gather(*[read(r, [post, paths[0]][r % 2]) for r in range(READERS)])
        assert all('"heart":1' in text for text in texts)
        await alice.patch(f"/api/channels/{place}", json={"title": f"title-{n}"})
        texts = await asyncio.gather(*[read(r, [paths[1], *paths[3:], *elsewhere][r % 5]) for r in range(READERS)])
        assert all(f"title-{n}" in text for text in texts)
        reply = await meeting.post(place, f"reply-{n}", parent=made["id"])
        texts = await asyncio.gather(*[read(r, post) for r in range(READERS)])
        assert all('"replies":1' in text for text in texts)
        await alice.delete(f"/api/posts/{reply['id']}")
        again = await meeting.post(place, "again")
        await alice.delete(post)
        texts = await asyncio.gather(*[read(r, texts_at[r % 4]) for r in range(READERS)])
        assert not any(f"unseen-{n}" in text or f"reply-{n}" in text for text in texts)
        await alice.patch(f"/api/posts/{again['id']}", json={"body": "kept"})


async def test_a_new_name_shows_wherever_its_bearer_wrote(meeting: Meeting) -> None:
    place = await meeting.channel()
    made = await meeting.post(place, by="bob")
    readers = await spread(meeting)
    paths = [f"/api/channels/{place}/posts", f"/channels/{place}", f"/api/posts/{made['id']}", "/api/users/bob"]
    bob = await meeting.http("bob")
    for n in range(10):
        await bob.patch("/api/me", json={"name": f"Bob-{n}"})
        got = await asyncio.gather(*[reader.get(paths[r % 4]) for r, reader in enumerate(readers)])
        assert all(f"Bob-{n}" in answer.text for answer in got)


async def test_a_group_that_is_closed_or_deleted_shows_nothing_more(meeting: Meeting) -> None:
    readers = await spread(meeting)
    alice, root = await meeting.http("alice"), await meeting.http("root")
    for n in range(6):
        group = await meeting.group()
        place = await meeting.channel(group)
        made = await meeting.post(place)
        paths = [f"/api/channels/{place}/posts", f"/channels/{place}", f"/api/posts/{made['id']}"]
        paths += [f"/api/groups/{group}", f"/api/groups/{group}/channels", f"/api/channels/{place}"]
        paths += [f"/groups/{group}/thread?key=none", f"/groups/{group}/recent"]
        before = await asyncio.gather(*[reader.get(paths[r % 8]) for r, reader in enumerate(readers)])
        assert {answer.status_code for answer in before} == {200}
        if n % 2:
            await alice.patch(f"/api/groups/{group}", json={"reading": "members"})
        else:
            await root.delete(f"/api/groups/{group}")
        after = await asyncio.gather(*[reader.get(paths[r % 8]) for r, reader in enumerate(readers)])
        assert {answer.status_code for answer in after} == {404}


async def test_a_deleted_channel_shows_nothing_more(meeting: Meeting) -> None:
    readers = await spread(meeting)
    alice = await meeting.http("alice")
    group = await meeting.group()
    for _ in range(6):
        place = await meeting.channel(group)
        made = await meeting.post(place)
        paths = [f"/api/channels/{place}/posts", f"/channels/{place}", f"/api/posts/{made['id']}"]
        await asyncio.gather(*[reader.get(paths[r % 3]) for r, reader in enumerate(readers)])
        await alice.delete(f"/api/channels/{place}")
        after = await asyncio.gather(*[reader.get(paths[r % 3]) for r, reader in enumerate(readers)])
        assert {answer.status_code for answer in after} == {404}


async def test_a_deleted_account_takes_its_marks_along(alice: Person, anyone: Person) -> None:
    """Also in the lists of channels where it only marked what others wrote."""
    made = (await alice.post("/api/channels/1/posts", {"body": "Mark me"})).json()
    fritz = {"Authorization": f"Bearer {await new_user(anyone, 'fritz')}"}
    assert (await anyone.put(f"/api/posts/{made['id']}/reactions/heart", headers=fritz)).status_code == 200
    paths = ["/api/channels/1/posts", f"/api/posts/{made['id']}"]
    assert all(['"heart":1' in (await anyone.get(path)).text for path in paths])
    gone = await anyone.delete("/api/me", headers=fritz, json={"password": PASSWORD})
    assert gone.status_code == 204
    for path in paths:
        assert '"heart":1' not in (await anyone.get(path)).text, path


async def test_a_deleted_account_leaves_no_name(alice: Person, anyone: Person) -> None:
    token = await new_user(anyone, "fritz")
    fritz = {"Authorization": f"Bearer {token}"}
    made = (await anyone.post("/api/channels/1/posts", {"body": "Mine"}, headers=fritz)).json()
    paths = ["/api/channels/1/posts", f"/api/posts/{made['id']}", "/", "/channels/1"]
    assert all(["Fritz" in (await anyone.get(path)).text for path in paths])
    assert (await anyone.delete("/api/me", headers=fritz, json={"password": PASSWORD})).status_code == 204
    assert not any(["Fritz" in (await anyone.get(path)).text for path in paths])
    assert (await anyone.get("/api/users/fritz")).status_code == 404


async def new_user(anyone: Person, uid: str) -> str:
    """The token of somebody who just signed up."""
    user = {"uid": uid, "name": uid.title(), "password": PASSWORD}
    assert (await anyone.post("/api/users", user)).status_code == 201
    token: str = (await anyone.post("/api/session", {"uid": uid, "password": PASSWORD})).json()["token"]
    return token


async def test_an_answer_that_was_overtaken_by_a_write_is_not_kept(root: Person) -> None:
    """A handler reads, a write commits and is followed, and only then the handler answers.

    Fails when Shelf.drop does not note what is dropped in the fills on their way.
    """
    reading, written = asyncio.Event(), asyncio.Event()
    titles: list[str] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        shown("channel:1")
        title = (await db.read(channel.visible_to.within, None, 1)).title
        reading.set()
        await written.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": title.encode()})

    async def get() -> None:
        async def send(message: Message) -> None:
            if message["type"] == "http.response.body":
                titles.append(message["body"].decode())

        scope = {"type": "http", "method": "GET", "path": "/slow", "query_string": b"", "headers": []}
        await cache(scope, None, send)  # type: ignore[arg-type]

    cache = ResponseCache(slow)
    first = asyncio.create_task(get())
    await reading.wait()
    await root.patch("/api/channels/1", {"title": "New"})
    await db.caught_up()
    written.set()
    await first
    await get()
    assert titles == ["Lobby", "New"]
    await root.patch("/api/channels/1", {"title": "Newer"})
    await get()
    assert titles[-1] == "Newer"


async def asked_twice(answer: Headers, asks: Headers, signed_out_only: bool = False) -> list[Message]:
    """What a handler that has its answer kept is asked, and sends: two messages if it was kept, four if not."""
    sent: list[Message] = []

    async def handler(scope: Scope, receive: Receive, send: Send) -> None:
        shown("channel:1", signed_out_only=signed_out_only)
        for message in ({"type": "http.response.start", "status": 200, "headers": answer}, {"body": b"mine"}):
            sent.append(message)
            await send({"type": "http.response.body", **message})

    async def send(message: Message) -> None:
        pass

    cache = ResponseCache(handler)
    for headers in (asks, []):
        scope = {"type": "http", "method": "GET", "path": "/one", "query_string": b"", "headers": headers}
        await cache(scope, None, send)  # type: ignore[arg-type]
    return sent


async def test_what_is_for_one_reader_is_never_kept(app: Quart) -> None:
    """Whatever the handler says. Fails with each of the three conditions of `_for_many` left out."""
    assert len(await asked_twice([(b"set-cookie", b"session=mine")], [])) == 4
    assert len(await asked_twice([(b"vary", b"Accept, Cookie")], [])) == 4
    assert len(await asked_twice([(b"vary", b"Cookie")], [(b"cookie", b"session=mine")], signed_out_only=True)) == 4
    caching.shelf.clear()
    assert len(await asked_twice([(b"vary", b"Cookie")], [], signed_out_only=True)) == 2


@pytest.mark.sqlite("an answer at once, without a question to the database")
async def test_a_stream_that_was_kept_says_how_long_it_is(app: Quart) -> None:
    """For it is sent whole from then on, and at once: a client would wait for its end. Fails without it in `Kept`."""
    await asked_twice([(b"transfer-encoding", b"chunked")], [])
    scope = {"method": "GET", "path": "/one", "query_string": b"", "headers": []}
    kept = await ResponseCache(app.asgi_app)._ready(scope)  # type: ignore[arg-type]
    assert kept is not None
    assert kept.head(200) == b"content-length: 4\r\n\r\n"
    assert kept.head(304) == b"\r\n"


async def test_middleware_around_the_application_sees_every_request(app: Quart) -> None:
    """Also those that would have been answered at once: it may be there to keep somebody out."""

    class Around:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await app.asgi_app(scope, receive, send)  # type: ignore[arg-type]

    assert at_once(app.asgi_app) is not None
    assert at_once(Around()) is None


@pytest.mark.slow
async def test_what_somebody_edits_behind_our_back_shows_within_seconds(meeting: Meeting) -> None:
    """In a SQLite editor, without a change in the log."""
    made = await meeting.post(await meeting.channel(), "before")
    url = f"{meeting.server.url}/api/posts/{made['id']}"

    def body() -> str:
        return str(httpx.get(url).json()["body"])

    assert body() == "before"
    with databases.opened(meeting.server.instance) as editor:
        editor.execute("UPDATE posts SET body = 'behind' WHERE id = ?", (made["id"],))
    await asyncio.to_thread(wait_until, lambda: body() == "behind", "the edit to show")
