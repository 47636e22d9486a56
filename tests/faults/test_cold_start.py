"""Starting on an empty folder: three workers at once, two servers at once, and killed while they do so."""

import asyncio
import random
import shutil
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from pottle.store import migrations
from tests import databases
from tests.faults.reaching import all_serve
from tests.lasting import lasting
from tests.live.meeting import Meeting
from tests.server import ROOT, Server, clean_environment, wait_until

pytestmark = pytest.mark.slow

TEN = 10  # folders for one process, which forks: it takes longer to import everything than to start

# For each `folder|url|seconds` named, forks three processes that open the folder at the same moment and say its epoch.
# If seconds are given, all three are killed then.
RACE = """
import asyncio, os, signal, sys, time
from pathlib import Path
import alembic.command, alembic.autogenerate
from model.settings import Settings
from pottle.store import db

async def start(folder, url):
    await db.open(Settings(instance=Path(folder), database_url=url))
    print(folder, db.instance.epoch, flush=True)
    await db.close()

for folder, url, seconds in (arg.split("|") for arg in sys.argv[1:]):
    ready, go = os.pipe()
    children = []
    for _ in range(3):
        if not (child := os.fork()):
            os.close(go)
            os.read(ready, 1)  # the end of the pipe, when the parent lets go
            asyncio.run(start(folder, url))
            os._exit(0)
        children.append(child)
    os.close(go)
    os.close(ready)
    if seconds:
        time.sleep(float(seconds))
        for child in children:
            os.kill(child, signal.SIGKILL)
    ended = [os.waitpid(child, 0)[1] for child in children]
    assert seconds or ended == [0, 0, 0]
"""


def race(folders: dict[Path, str], home: Path) -> list[list[str]]:
    """The folder and epoch that each process said, of three for each folder."""
    named = [f"{folder}|{databases.url_of(folder)}|{seconds}" for folder, seconds in folders.items()]
    command = [sys.executable, "-c", RACE, *named]
    ran = subprocess.run(command, cwd=ROOT, env=clean_environment(home), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return [line.split() for line in ran.stdout.splitlines()]


def new_folders(under: Path, count: int = TEN) -> list[Path]:
    shutil.rmtree(under, ignore_errors=True)
    under.mkdir()
    return [under / f"{n}" for n in range(count)]


def assert_whole(instance: Path) -> None:
    """A new database as it should be."""
    with databases.opened(instance) as raw:
        raw.assert_sound()
        ask = {
            "SELECT version_num FROM alembic_version": [(migrations.newest_revision(),)],
            "SELECT slug FROM groups": [("home",)],
            "SELECT key FROM channels": [("lobby",)],
            "SELECT count(*) FROM instance WHERE name IN ('id', 'epoch')": [(2,)],
        }
        assert {query: raw.execute(query).fetchall() for query in ask} == ask


def test_three_workers_at_once_on_an_empty_folder_make_one_database(tmp_path: Path) -> None:
    """Ten times. Two things guard it, each alone: `prepare` holds the turn, and migrations BEGIN IMMEDIATE. Fails when
    neither does.
    """
    made = 0
    for _ in lasting(1):
        folders = new_folders(tmp_path / "new")
        said = race(dict.fromkeys(folders, ""), tmp_path)
        assert sorted(folder for folder, _ in said) == sorted(map(str, folders * 3))
        assert len({tuple(line) for line in said}) == TEN, "the three agree on the epoch"
        for folder in folders:
            assert_whole(folder)
            made += 1
    print(f"{made} folders")


def test_three_workers_killed_while_they_make_a_database_leave_nothing_half_made(
    tmp_path: Path, rng: random.Random
) -> None:
    """Ten times, at random moments; then three start there again.

    Fails when migrations do not begin a transaction: "table ... already exists" at the next start.
    """
    made = cut_short = 0
    for _ in lasting(1):
        folders = new_folders(tmp_path / "new")
        # It takes some 0.3 s on an idle machine. The first moments are the interesting ones.
        heard = race({folder: f"{rng.uniform(0, 0.7) ** 2:.3f}" for folder in folders}, tmp_path)
        cut_short += 3 * TEN - len(heard)
        before = {tuple(line) for line in heard}
        after = {tuple(line) for line in race(dict.fromkeys(folders, ""), tmp_path)}
        assert len(after) == TEN
        assert before <= after, "an epoch that was told is kept"
        for folder in folders:
            assert_whole(folder)
            made += 1
    assert cut_short
    print(f"{made} folders; {cut_short} processes were killed before they were ready")


async def epochs(server: Server, stack: AsyncExitStack) -> set[str]:
    """What each of its three workers says."""
    found = await Meeting(server, stack, {}).sockets(each=1)
    return {(await socket.ask(type="subscribe", channel=1))["epoch"] for (socket,) in found.values()}


async def test_two_gunicorns_at_once_on_one_empty_folder_of_which_one_is_killed(
    tmp_path: Path, rng: random.Random
) -> None:
    """At a random moment of its start. The other comes up, and so does the first when it is started again: six workers
    that serve one database in one epoch. Fails as above.
    """
    for n in lasting(1):
        instance = tmp_path / f"{n}" / "instance"
        databases.url_of(instance)  # is there from now on
        pair = [Server(instance, tmp_path) for _ in range(2)]
        starting = [asyncio.create_task(asyncio.to_thread(server.start)) for server in pair]
        try:
            await asyncio.to_thread(wait_until, instance.exists, "the folder")
            await asyncio.sleep(rng.uniform(0, 0.5))
            pair[0].kill()
            await asyncio.gather(*starting, return_exceptions=True)
            await asyncio.to_thread(pair[0].start)
            async with AsyncExitStack() as stack:
                for server in pair:
                    wait_until(all_serve(server), "all workers", server.output)
                assert len(set.union(*[await epochs(server, stack) for server in pair])) == 1
            assert_whole(instance)
            assert "Traceback" not in pair[1].output()
        finally:
            for server in pair:
                server.kill()
    print(f"{n + 1} folders")
