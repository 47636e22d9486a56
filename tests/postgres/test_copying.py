"""`quart --app main db copy`: one history on either engine, whose clients go on where they were."""

import sqlite3
import subprocess
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from pottle.store.locks import Presence
from tests.conftest import World
from tests.live.meeting import Meeting, changes
from tests.postgres.cluster import Cluster
from tests.server import Server, connected, wait_until
from tests.test_backup_commands import QUART, quart, refused

pytestmark = [pytest.mark.slow, pytest.mark.sqlite("one end of the copies is its file")]


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


async def test_clients_go_on_where_they_were(
    cluster: Cluster, instance: Path, tmp_path: Path, stack: AsyncExitStack, world: World
) -> None:
    """From PostgreSQL to SQLite, and from there to another PostgreSQL."""
    with Server(instance, tmp_path, POTTLE_DATABASE_URL=cluster.url) as server:
        meeting = Meeting(server, stack, world.tokens)
        channel = await meeting.channel()
        first = await meeting.post(channel, "Ölwechsel & <b>'more'</b>\t\\N")
        known = await meeting.listed(channel)
        missed = [await meeting.post(channel, "missed")]
        assert "Stop it first" in refused(instance, "db", "copy", cluster.url, tmp_path / "one")
    one, two = tmp_path / "one", another(cluster, "two")
    code, said, _ = quart(instance, "db", "copy", cluster.url, one)
    assert (code, said.split()[0]) == (0, "Copied")
    await goes_on(Server(one, tmp_path), world, channel, known, missed)
    assert quart(instance, "db", "copy", one, two)[0] == 0
    await goes_on(Server(tmp_path / "machine", tmp_path, POTTLE_DATABASE_URL=two), world, channel, known, missed)
    assert [post["body"] for post in [first, *missed]] == [first["body"], "missed", "more", "more"]


async def goes_on(server: Server, world: World, channel: int, known: Any, missed: list[Any]) -> None:
    """A client resumes there, hears exactly what it missed, and what is written from now on."""
    async with AsyncExitStack() as stack:
        with server:
            meeting = Meeting(server, stack, world.tokens)
            socket, hello = await connected(stack, server)
            assert hello["epoch"] == known["epoch"]
            position = {"epoch": known["epoch"], "after": known["seq"]}
            assert (await socket.ask(type="subscribe", channel=channel, **position))["recovered"]
            assert [change["post"] for change in await changes(socket, len(missed))] == missed
            found = (await (await meeting.http("alice")).get("/api/search?q=missed")).json()
            assert [hit["post"]["id"] for hit in found["results"]] == [missed[0]["id"]]
            missed.append(await meeting.post(channel, "more"))
            assert (await changes(socket, 1))[0]["post"] == missed[-1]


def test_it_comes_back_the_same(cluster: Cluster, instance: Path, tmp_path: Path) -> None:
    one, two, three = tmp_path / "one", another(cluster, "two"), tmp_path / "three"
    assert quart(instance, "db", "copy", cluster.url, one)[0] == 0
    assert quart(instance, "db", "copy", one, two)[0] == 0
    assert quart(instance, "db", "copy", two, three)[0] == 0
    assert everything(three) == everything(one)
    assert newest(three) == newest(one)
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
    with closing(Presence(one / "app.db")):
        assert "Stop it first" in why(one, empty)
    cluster.ask("UPDATE alembic_version SET version_num = '0037'")
    assert "is at revision 0037" in why(cluster.url, tmp_path / "two")
    assert not (tmp_path / "two" / "app.db").exists()


def test_one_that_is_broken_off_leaves_nothing(cluster: Cluster, instance: Path, tmp_path: Path) -> None:
    """By kill -9, while it waits for a lock within its transaction."""
    one, two = tmp_path / "one", another(cluster, "two")
    assert quart(instance, "db", "copy", cluster.url, one)[0] == 0
    with subprocess.Popen([*QUART, "db", "copy", str(one), two], stderr=subprocess.DEVNULL) as copying:
        wait_until(lambda: cluster.ask("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"), "the copy to begin")
        copying.kill()
    wait_until(lambda: not cluster.ask("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'"), "the copy to end")
    assert cluster.ask("SELECT * FROM pg_tables WHERE schemaname = 'public'", database="two") == []
    assert quart(instance, "db", "copy", one, two)[0] == 0
