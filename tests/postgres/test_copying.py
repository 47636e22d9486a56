"""`quart --app main db copy`: one history on either engine, whose clients go on where they were."""

import asyncio
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from model.settings import Settings
from pottle.store.database import Database
from pottle.store.instance import BACK, Moved
from pottle.store.locks import LOCK_NB, LOCK_SH, flock
from tests.conftest import World
from tests.live.meeting import Meeting
from tests.postgres.cluster import Cluster
from tests.postgres.crowd import Crowd, crowded
from tests.postgres.following import Follower, following
from tests.server import Server, wait_until
from tests.test_backup_commands import QUART, on_a_terminal, quart, refused

pytestmark = [pytest.mark.slow, pytest.mark.sqlite("one end of the copies is its file")]


POSTS = "SELECT id, body FROM posts WHERE channel_id = %s"
EDITS = "SELECT count(*) FROM posts WHERE body = %s"


def another(cluster: Cluster, name: str) -> str:
    """The URL of a new and empty database."""
    cluster.run("createdb", "-h", str(cluster.folder), "-U", "postgres", name)
    return cluster.url.replace("/pottle?", f"/{name}?")


def everything(folder: Path) -> dict[str, list[Any]]:
    """The rows of all tables, but of search's index, in which PostgreSQL keeps words alone."""
    with closing(sqlite3.connect(folder / "app.db")) as raw:
        tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        kept = [name for name in tables if not name.startswith(("searched", "sqlite_sequence"))]
        return {name: sorted(raw.execute(f"SELECT * FROM {name}"), key=repr) for name in kept}  # noqa: S608


def newest(folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(folder / "app.db")) as raw:
        return {name: seq for name, seq in raw.execute("SELECT name, seq FROM sqlite_sequence") if seq}


async def test_it_is_moved_under_load(
    cluster: Cluster, instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World
) -> None:
    """From PostgreSQL to SQLite, and from there to another PostgreSQL, while people write, edit, read and follow."""
    one, two = tmp_path / "one", another(cluster, "two")
    server = Server(instance, tmp_path, POTTLE_DATABASE_URL=cluster.url)
    with server:
        meeting = Meeting(server, stack, world.tokens)
        channel = await meeting.channel()
        async with following(meeting, channel, 3) as followers:
            async with crowded(meeting, channel) as crowd:
                await moved(crowd, followers, server, (cluster.url, one), POTTLE_INSTANCE=str(one))
                await moved(crowd, followers, server, (one, two), POTTLE_DATABASE_URL=two)
            posts = {body: id_ for id_, body in cluster.ask(POSTS, channel, database="two")}
            for follower in followers:
                await follower.has([*posts.values()])
            for key, post in [*crowd.kept.items()][::20]:
                assert posts[key] == post["id"]
                await crowd.post(key)
        assert {key: post["id"] for key, post in crowd.kept.items()}.items() <= posts.items()
        assert not posts.keys() & {*crowd.refused}
        assert len(cluster.ask(POSTS, channel, database="two")) == len(posts), (
            "none is doubled, also not by its retries"
        )
        assert cluster.ask(EDITS, f"{crowd.edits}", database="two") == [(1,)]
        found = (await (await meeting.http("alice")).get(f"/api/search?q={min(posts)}")).json()
        assert [hit["post"]["id"] for hit in found["results"]] == [posts[min(posts)]]


async def moved(
    crowd: Crowd, followers: list[Follower], server: Server, ends: tuple[object, object], **settings: str
) -> None:
    """Copies, and then serves the copy at the same port."""
    resumed = [follower.resumed for follower in followers]
    await crowd.more()
    crowd.reads.clear()
    code, said, wrong = await asyncio.to_thread(quart, server.instance, "db", "copy", *ends)
    assert (code, said.split()[0]) == (0, "Copied"), wrong
    await crowd.more_refused()  # an answer may have been on its way
    kept = len(crowd.kept)
    await crowd.more_refused()
    assert len(crowd.kept) == kept, "a write to what was left was acknowledged"
    assert (crowd.reads, [follower.resumed for follower in followers]) == ({200}, resumed), "reads and sockets go on"
    await asyncio.to_thread(server.stop)
    server.settings.pop("POTTLE_DATABASE_URL", None)
    server.settings.update(settings)
    await asyncio.to_thread(server.start)
    await crowd.more()


def test_it_comes_back_the_same(cluster: Cluster, instance: Path, tmp_path: Path) -> None:
    one, two, three = tmp_path / "one", another(cluster, "two"), tmp_path / "three"
    assert quart(instance, "db", "copy", cluster.url, one)[0] == 0
    before = everything(one), newest(one)
    shown = on_a_terminal(instance, "db", "copy", one, two)
    for told in ("Copying", "Checking", "Catching up", "Writes are paused", "takes no more writes"):
        assert told in shown
    assert quart(instance, "db", "copy", two, three)[0] == 0
    assert (everything(three), newest(three)) == before
    assert (three / "app.db-turn").read_text() != (one / "app.db-turn").read_text(), "what was left is another history"


def test_it_refuses(cluster: Cluster, instance: Path, tmp_path: Path) -> None:
    one, empty = tmp_path / "one", another(cluster, "nothing")

    def why(source: object, target: object) -> str:
        return refused(instance, "db", "copy", source, target)

    assert "is no database of Pottle" in why(empty, one)
    assert "There is no database" in why(one, empty)
    assert "the same database" in why(cluster.url, cluster.url.replace("postgresql:", "postgres:"))
    assert not one.exists()
    assert quart(instance, "db", "copy", cluster.url, one)[0] == 0
    assert "exists already" in why(cluster.url, one / "app.db")
    assert "is not empty" in why(one, cluster.url)
    assert "was moved already" in why(cluster.url, tmp_path / "two")
    cluster.ask(BACK)
    cluster.ask("UPDATE alembic_version SET version_num = '0037'")
    assert "is at revision 0037" in why(cluster.url, tmp_path / "two")
    assert not (tmp_path / "two" / "app.db").exists()


async def test_one_that_is_broken_off_leaves_nothing(
    cluster: Cluster, instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World
) -> None:
    """By kill -9, at its beginning and while it keeps everybody from writing: these go on, and it is begun again."""
    one, two = tmp_path / "one", another(cluster, "two")
    assert quart(instance, "db", "copy", cluster.url, one)[0] == 0
    with Server(one, tmp_path) as server:
        meeting = Meeting(server, stack, world.tokens)
        channel = await meeting.channel()
        for begun in (lambda: cluster.ask("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"), lambda: is_taken(one)):
            break_off(begun, "db", "copy", str(one), two)
            wait_until(lambda: not cluster.ask("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"), "its end")
            assert cluster.ask("SELECT * FROM pg_tables WHERE schemaname = 'public'", database="two") == []
            last = await meeting.post(channel)
        assert quart(instance, "db", "copy", one, two)[0] == 0
        refusal = await (await meeting.http("alice")).post(f"/api/channels/{channel}/posts", json={"body": "Hello?"})
        assert (refusal.status_code, refusal.headers["Retry-After"]) == (503, "1")
    assert cluster.ask("SELECT max(id) FROM posts", database="two") == [(last["id"],)]


def break_off(begun: Callable[[], object], *command: str) -> None:
    """Kills a command as soon as it has got so far."""
    with subprocess.Popen([*QUART, *command], stderr=subprocess.DEVNULL) as copying:
        wait_until(begun, "the copy to have got so far")
        copying.kill()


def is_taken(folder: Path) -> bool:
    """Whether somebody has the right to write."""
    with (folder / "app.db-turn").open() as file:
        return not flock(file.fileno(), LOCK_SH | LOCK_NB)


async def test_what_was_moved_is_not_served(cluster: Cluster, instance: Path, tmp_path: Path) -> None:
    """Unless somebody says that it is to be, after all: then it is another history."""
    one, two = tmp_path / "one", another(cluster, "two")
    for source, target in ((cluster.url, one), (one, two)):
        assert quart(instance, "db", "copy", source, target)[0] == 0
    of_one, of_two = Settings(instance=one), Settings(instance=instance, database_url=two)
    for left in (Settings(instance=instance, database_url=cluster.url), of_one):
        with pytest.raises(Moved, match="Serve the one there: "):
            await epoch(left)
    cluster.ask(BACK)
    with closing(sqlite3.connect(one / "app.db")) as raw, raw:
        raw.execute(BACK)
    found = [await epoch(served) for served in (Settings(instance=instance, database_url=cluster.url), of_one, of_two)]
    assert len({*found}) == 3


async def epoch(settings: Settings) -> str:
    """That of a database which is opened as a server does."""
    database = Database()
    await database.open(settings, serving=True)
    try:
        return database.instance.epoch
    finally:
        await database.close()
