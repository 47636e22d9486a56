"""L7, and with it L1 and L3: what anybody was told before the power was lost is there when it is back, once and whole.

The server's own system calls are recorded from its first start on, and replayed on a model of a disk that keeps only
what was synced (tests/faults/power.py). Everything that the server sends counts as told: answers and websocket frames.
"""

import asyncio
import random
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from model.settings import Settings
from pottle.store.database import Database
from tests.conftest import PASSWORD, cannot_run, needs
from tests.faults.power import Call, Disk, can_trace, has_ended, recorded, strace, tracer_of
from tests.lasting import SECONDS
from tests.server import ROOT, Server, calling, connected, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.sqlite("its files after the loss of power")]

WRITERS = 8
LOBBY = 1
HOW = ("none", "in order", "some", "torn")
TOLD = re.compile(rb"told-(\d+-\d+)-(\d+)\.")
BODY = re.compile(r"told-(\d+-\d+)-(\d+)\.")


class Story(NamedTuple):
    """A server's life as its system calls tell it."""

    folder: Path
    calls: list[Call]  # on the folder
    told: list[tuple[int, str, int]]  # the line from which a post counted as told, its name, and its version


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Two lives of Pottle as it is; the first ends with a kill -9."""
    return story_of(ROOT, tmp_path_factory.mktemp("power"), lives=2)


def story_of(root: Path, home: Path, lives: int) -> Story:
    """What a server does, whose instance folder does not exist at first; all of its lives but the last are killed."""
    needs("strace")
    if not can_trace():
        cannot_run("strace may not look at processes here")
    (home / "disk").mkdir()
    server = Server(home / "disk" / "made" / "instance", home, root=root)
    server.through = strace(home / "calls")
    for life in range(lives):
        asyncio.run(lived(server, life, killed=life < lives - 1))
    calls = recorded(home / "calls", disk := str(home / "disk"), "told-")
    told = [(call.began, *post) for call in calls if disk not in call.args for post in posts_in(call.data)]
    return Story(server.instance, [call for call in calls if disk in call.args], told)


def posts_in(data: bytes) -> Iterator[tuple[str, int]]:
    return ((name.decode(), int(version)) for name, version in TOLD.findall(data))


async def lived(server: Server, life: int, killed: bool) -> None:
    """One life of the server under load, until its record is complete."""
    with server:
        tracer = tracer_of(server.process.pid)
        async with AsyncExitStack() as stack:
            await under_load(server, stack, life, killed)
    wait_until(lambda: has_ended(tracer), "the record to be complete")


async def under_load(server: Server, stack: AsyncExitStack, life: int, killed: bool) -> None:
    """Writers post and edit, and somebody listens, over some checkpoints; then it is killed, or they all stop."""
    anybody = await calling(stack, server)
    account = {"uid": "told", "password": PASSWORD}
    if life == 0:
        assert (await anybody.post("/api/users", json={**account, "name": "Told"})).status_code == 201
    token = (await anybody.post("/api/session", json=account)).json()["token"]
    listener, _ = await connected(stack, server, compression=None)
    await listener.ask(type="subscribe", channel=LOBBY)
    ends = asyncio.Event()
    clients = [await calling(stack, server, token) for _ in range(WRITERS)]
    async with asyncio.TaskGroup() as group:
        for n, client in enumerate(clients):
            group.create_task(writing(client, life * WRITERS + n, ends))
        listening = asyncio.create_task(listener.rest())
        await checkpoints(server.instance / "app.db")
        if killed:
            server.kill()
        ends.set()
    listening.cancel()


async def writing(client: httpx.AsyncClient, writer: int, ends: asyncio.Event) -> None:
    """Posts and edits, until it is told to end or the server dies."""
    n = 0
    while not ends.is_set():
        n += 1
        try:
            made = await client.post(
                f"/api/channels/{LOBBY}/posts",
                json={"body": f"told-{writer}-{n}-1."},
                headers={"Idempotency-Key": f"{writer}-{n}"},
            )
            assert made.status_code == 201, made.text
            if n % 3 == 0:
                path = f"/api/posts/{made.json()['id']}"
                assert (await client.patch(path, json={"body": f"told-{writer}-{n}-2."})).status_code == 200
        except httpx.TransportError:
            return


async def checkpoints(database: Path) -> None:
    """Waits until SQLite has moved pages from its log into the database twice, and a quarter of the time is over."""
    seen = {database.stat().st_mtime_ns}
    deadline = asyncio.get_running_loop().time() + min(SECONDS, 120) / 4
    while len(seen) <= 2 or asyncio.get_running_loop().time() < deadline:
        seen.add(database.stat().st_mtime_ns)
        await asyncio.sleep(0.02)


def moments(story: Story, count: int, rng: random.Random) -> list[int]:
    """Lines of the record before which the power is lost: half of them just after somebody was told something."""
    after_answers = [line + 1 for line, _, _ in story.told]
    anywhere = [line + 1 for call in story.calls for line in (call.began, call.ended)]
    return rng.choices(after_answers, k=count // 2) + rng.choices(anywhere, k=count - count // 2)


def early_moments(story: Story) -> Iterator[int]:
    """Lines of the first start after each of which there is a new name in the folder, or one less."""
    names: set[str] = set()
    for call in story.calls:
        if call.began > story.told[0][0]:
            return
        before = len(names)
        if call.name == "unlink":
            names.discard(call.path)
        elif call.name == "mkdir" or "O_CREAT" in call.args:
            names.add(call.path)
        if len(names) != before:
            yield call.began + 1


def losses(story: Story, lines: list[int], rng: random.Random, folder: Path) -> Iterator[tuple[int, str]]:
    """Makes `folder` what the instance folder is after a loss of power before each line, in each way it may be left."""
    disk = Disk(story.calls)
    for line in sorted(lines):
        disk.play(line)
        for how in HOW:
            shutil.rmtree(folder, ignore_errors=True)
            files = disk.after_power_loss(story.folder, how, rng)
            if files is not None:
                folder.mkdir()
                for name, data in files.items():
                    (folder / name).write_bytes(data)
            yield line, how


def contents(folder: Path) -> frozenset[tuple[str, bytes]]:
    """What is in a folder, but for the noise."""
    return frozenset((file.name, file.read_bytes()) for file in folder.glob("*") if file.name != "app.db-shm")


def violations(story: Story, line: int, folder: Path) -> list[str]:
    """What is wrong with the database of an instance folder, given all that was told before that line."""
    told: dict[str, int] = {}
    for since, name, version in story.told:
        if since < line:
            told[name] = max(version, told.get(name, 0))
    if not (folder / "app.db").exists():
        return [f"no database, and {len(told)} posts were told"] if told else []
    with closing(sqlite3.connect(folder / "app.db")) as raw:
        raw.execute("PRAGMA synchronous=OFF")
        return [*broken(raw), *lost(raw, told)]


def lost(raw: sqlite3.Connection, told: dict[str, int]) -> Iterator[str]:
    """What was told and is not there, or not once, or older."""
    if not raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'posts'").fetchone():
        if told:
            yield f"no table, and {len(told)} posts were told"
        return
    there = [match.groups() for (body,) in raw.execute("SELECT body FROM posts") if (match := BODY.fullmatch(body))]
    times = Counter(name for name, _ in there)
    versions = {name: int(version) for name, version in there}
    for name, version in told.items():
        if times[name] != 1 or versions[name] < version:
            yield f"told: {name} in version {version}; it is there {times[name]} times, in version {versions.get(name)}"


# Each finds nothing in a database where every write is there wholly or not at all.
HALF = {
    "a post that is not in the change log": """
        SELECT id FROM posts EXCEPT SELECT subject FROM changes WHERE kind = 'post.created'""",
    "a change without its post": """
        SELECT subject FROM changes WHERE kind LIKE 'post.%' EXCEPT SELECT id FROM posts""",
    "a post that was created twice": """
        SELECT subject FROM changes WHERE kind = 'post.created' GROUP BY subject HAVING count(*) > 1""",
    "an edit without its change, or the reverse": """
        SELECT id FROM posts WHERE version - 1 !=
        (SELECT count(*) FROM changes WHERE kind = 'post.edited' AND subject = posts.id)""",
    "a broken chain": """
        SELECT seq FROM (SELECT seq, prev, lag(seq, 1, 0) OVER (PARTITION BY stream ORDER BY seq) AS last
        FROM changes WHERE stream IS NOT NULL) WHERE prev != last""",
    "a channel with another seq than its newest change": """
        SELECT id FROM channels LEFT JOIN streams ON name = 'channel:' || id WHERE coalesce(streams.seq, 0) !=
        (SELECT coalesce(max(seq), 0) FROM changes WHERE stream = 'channel:' || channels.id)""",
    "a channel that counts wrongly": """
        SELECT id FROM channels WHERE posts != (SELECT count(*) FROM posts WHERE channel_id = channels.id)""",
    "a post without the answer for its key, or the reverse": """
        SELECT 'PostView ' || id FROM posts EXCEPT SELECT subject FROM replays""",
    "a reference to nothing": "PRAGMA foreign_key_check",
}


def broken(raw: sqlite3.Connection) -> Iterator[str]:
    """What no database may ever look like."""
    (found,) = raw.execute("PRAGMA integrity_check").fetchone()
    if found != "ok":
        yield f"integrity: {found}"
    elif raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'changes'").fetchone():
        for what, query in HALF.items():
            if rows := raw.execute(query).fetchall():
                yield f"{what}: {rows[:5]}"


def test_what_was_told_before_the_power_was_lost_is_there(story: Story, tmp_path: Path, rng: random.Random) -> None:
    """L7, L1 and L3, from the first start over checkpoints, a kill -9 and an orderly end.

    Fails when commits are not synced (see below), when the name of a new instance folder is not (`make_durably`), and
    when a unit commits between a post and its change.
    """
    left = tmp_path / "left"
    for line, how in losses(story, moments(story, int(10 * SECONDS), rng), rng, left):
        assert violations(story, line, left) == [], f"power lost before line {line}; not synced and there: {how}"


async def test_it_starts_again_whenever_the_power_was_lost(story: Story, tmp_path: Path, rng: random.Random) -> None:
    """Also in the middle of the first start; then it writes, and all is still there.

    Fails when a start looks, through a connection that only reads, at a database with a journal to be rolled back.
    """
    left = tmp_path / "left"
    lines = [*early_moments(story)] * 3 + moments(story, int(2 * SECONDS), rng)
    tried: set[frozenset[tuple[str, bytes]]] = set()
    for line, how in losses(story, lines, rng, left):
        if (files := contents(left)) in tried:
            continue
        tried.add(files)
        database = Database()
        await database.open(Settings(instance=left))
        await database.write(lambda tx: tx.changed("test"))
        await database.close()
        assert violations(story, line, left) == [], f"power lost before line {line}; not synced and there: {how}"


def test_commits_that_are_not_synced_are_noticed(tmp_path: Path, rng: random.Random) -> None:
    """The tests above can fail: with `synchronous=NORMAL`, usual advice for WAL mode, answers come before the fsync."""
    story, left = story_of(careless(tmp_path / "careless"), tmp_path, lives=1), tmp_path / "left"
    found = [violations(story, line, left) for line, _ in losses(story, moments(story, 20, rng), rng, left)]
    assert any(violation.startswith("told: ") for violations in found for violation in violations)


def test_what_is_not_synced_is_kept_or_lost_and_what_is_synced_is_kept(tmp_path: Path, rng: random.Random) -> None:
    """The disk itself."""
    record = tmp_path / "calls"
    record.write_text(RECORD)
    disk = Disk(recorded(record, "/f"))
    found = []
    for line in range(RECORD.count("\n") + 1):
        disk.play(line)
        found.append({str(disk.after_power_loss(Path("/f"), how, rng)) for how in HOW for _ in range(100)})
    nothing, empty, synced = "{}", "{'a': b''}", "{'a': b'" + "x" * 600 + "'}"
    assert found[1] == {nothing, empty}
    assert {nothing, empty, synced} < found[2]
    assert len(found[2]) == 5, "also one sector, or the other"
    assert found[3] == found[2]
    assert found[4] == {nothing, synced}
    assert found[5] == {nothing, synced}, "the folder's sync has begun"
    assert found[6] == {synced}
    assert found[7] == {synced, nothing}


RECORD = f"""\
1  openat(AT_FDCWD</>, "/f/a", O_RDWR|O_CREAT, 0644) = 3</f/a>
1  pwrite64(3</f/a>, "{"x" * 600}", 600, 0) = 600
1  fdatasync(3</f/a> <unfinished ...>
1  <... fdatasync resumed>) = 0
2  fsync(4</f> <unfinished ...>
2  <... fsync resumed>) = 0
1  unlink("/f/a") = 0
"""


def careless(root: Path) -> Path:
    """A copy of Pottle that does not sync its commits."""
    for part in ("main.py", "gunicorn.conf.py", "api", "model", "pottle", "templates", "static"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        root.mkdir(exist_ok=True)
        copy(ROOT / part, root / part)
    engines = root / "pottle" / "store" / "engines.py"
    code = engines.read_text()
    assert "synchronous=FULL" in code
    engines.write_text(code.replace("synchronous=FULL", "synchronous=NORMAL"))
    return root
