"""`quart --app main backup`, `restore`, `export`, `import`: as an operator and their scripts use them."""

import asyncio
import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import PASSWORD, World
from tests.server import PATIENCE, ROOT, Server, calling, clean_environment, connected, wait_until

pytestmark = pytest.mark.sqlite("copies of its file; PostgreSQL has pg_dump")

QUART = [sys.executable, "-m", "quart", "--app", "main"]


def environment(instance: Path) -> dict[str, str]:
    return clean_environment(instance.parent, POTTLE_INSTANCE=str(instance), PYTHONDONTWRITEBYTECODE="1")


def quart(instance: Path, *arguments: object, through: tuple[str, ...] = (), **options: Any) -> tuple[int, str, str]:
    """Runs a command as a script does; its exit code, and what it wrote to stdout and stderr."""
    done = subprocess.run(
        [*through, *QUART, *map(str, arguments)],
        cwd=ROOT,
        env=environment(instance),
        capture_output=True,
        text=True,
        **{"stdin": subprocess.DEVNULL, **options},
    )
    return done.returncode, done.stdout, done.stderr


def refused(instance: Path, *arguments: object, **options: Any) -> str:
    """The one line with which a command fails."""
    code, out, err = quart(instance, *arguments, **options)
    assert (code, out) == (1, ""), err
    assert err.startswith("Error: ")
    assert err.count("\n") == 1, err
    return err


def on_a_terminal(instance: Path, *arguments: object) -> str:
    """Runs a command as a person does; what the terminal shows."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*QUART, *map(str, arguments)], cwd=ROOT, env=environment(instance), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while more := os.read(ours, 4_096):
                shown += more
        except OSError:  # Linux says so when nobody has the terminal open any more
            os.close(ours)
    assert process.returncode == 0, shown
    return shown.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An instance folder that is not there yet."""
    return tmp_path / "other"


@pytest.mark.slow
def test_it_works(instance: Path, folder: Path, tmp_path: Path) -> None:
    """All four; stdout has one line, and without a terminal stderr has none."""
    copy, lines, again = tmp_path / "copy.db", tmp_path / "all.jsonl", tmp_path / "again.jsonl"
    assert quart(instance, "backup", copy) == (0, f"{copy}\n", "")
    ended = "4 sessions, 0 tokens, 0 tickets, 0 invitations, 0 sso secrets, 0 feed addresses"
    assert quart(folder, "restore", copy) == (0, f"Restored 4 users and 0 posts. Ended: {ended}.\n", "")
    assert quart(instance, "export", lines) == (0, f"{lines}\n", "")
    assert {path.stat().st_mode & 0o777 for path in (copy, lines, folder / "app.db")} == {0o600}
    third = tmp_path / "third"
    code, out, err = quart(third, "import", lines)
    assert (code, err) == (0, "")
    assert out == f"Imported {len(lines.read_bytes().splitlines()) - 2} rows.\n"
    assert quart(third, "export", again)[0] == 0
    assert again.read_bytes() == lines.read_bytes()


@pytest.mark.slow
def test_a_backup_is_made_where_that_cannot_be_noted(instance: Path, tmp_path: Path) -> None:
    (instance / "app.db-backed-up").mkdir()
    code, out, err = quart(instance, "backup", tmp_path / "copy.db")
    assert (code, out) == (0, f"{tmp_path / 'copy.db'}\n")
    assert err.startswith("/metrics will not know of it: ")
    assert err.count("\n") == 1


@pytest.mark.slow
def test_a_person_sees_how_far_it_is(instance: Path, folder: Path, tmp_path: Path) -> None:
    shown = on_a_terminal(instance, "backup", tmp_path / "copy.db")
    assert "Copying" in shown
    assert "Checking" in shown
    assert "100%" in shown
    assert "4 users and 0 posts" in shown
    assert "Exporting" in on_a_terminal(instance, "export", tmp_path / "all.jsonl")
    assert "Restored 4 users" in on_a_terminal(folder, "restore", tmp_path / "copy.db")


@pytest.mark.slow
def test_an_export_goes_through_a_pipe(instance: Path, folder: Path) -> None:
    with subprocess.Popen(
        [*QUART, "export", "-"], cwd=ROOT, env=environment(instance), stdout=subprocess.PIPE
    ) as exporting:
        code, out, err = quart(folder, "import", "-", stdin=exporting.stdout)
    assert (code, exporting.returncode, err) == (0, 0, "")
    assert out.startswith("Imported ")
    assert quart(folder, "export", "-") == quart(instance, "export", "-")


@pytest.mark.slow
def test_what_cannot_be_done_is_one_line_and_exit_code_1(instance: Path, folder: Path, tmp_path: Path) -> None:
    assert "There is no database" in refused(folder, "backup", tmp_path / "copy.db")
    assert "There is no database" in refused(folder, "export", tmp_path / "all.jsonl")
    assert "There is no file" in refused(folder, "restore", tmp_path / "copy.db")
    assert "No such file" in refused(folder, "import", tmp_path / "all.jsonl")
    assert "There is no folder" in refused(instance, "backup", tmp_path / "nowhere" / "copy.db")
    assert "exists already" in refused(instance, "export", ROOT / "README.md")
    assert quart(instance, "export", tmp_path / "all.jsonl")[0] == 0
    assert "exists already" in refused(instance, "import", tmp_path / "all.jsonl")
    assert "exists already" in refused(instance, "restore", instance / "app.db")
    assert not folder.exists() or {left.name for left in folder.iterdir()} == {"app.db-open"}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["backup", "export", "restore", "import"])
def test_a_full_disk_leaves_nothing(instance: Path, folder: Path, tmp_path: Path, command: str) -> None:
    """No file may become larger than 50 KB, which is what a full disk looks like from here."""
    limited = ("bash", "-c", 'ulimit -f 50; exec "$@"', "bash")
    copy, lines = tmp_path / "copy.db", tmp_path / "all.jsonl"
    if command == "export":
        with closing(sqlite3.connect(instance / "app.db")) as raw, raw:
            raw.execute("UPDATE users SET name = ?", ("x" * 20_000,))
    if command == "restore":
        assert quart(instance, "backup", copy)[0] == 0
    if command == "import":
        assert quart(instance, "export", lines)[0] == 0
    before = {path.name for path in tmp_path.iterdir()}
    where = folder if command in ("restore", "import") else instance
    refused(where, command, lines if command in ("export", "import") else copy, through=limited)
    assert {path.name for path in tmp_path.iterdir()} - before <= {"other"}
    assert not folder.exists() or {left.name for left in folder.iterdir()} == {"app.db-open"}


def beginning(folder: Path) -> subprocess.Popen[bytes]:
    """An import that waits in the middle, for the rest of its input."""
    process = subprocess.Popen(
        [*QUART, "import", "-"],
        cwd=ROOT,
        env=environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    process.stdin.write(json.dumps({"type": "pottle", "format": 1, "revision": "0002"}).encode() + b"\n")
    process.stdin.flush()
    wait_until(lambda: list(folder.glob(".app.db.*.part")), "the import to begin")
    return process


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_one_that_is_stopped_leaves_nothing(folder: Path, ending: signal.Signals) -> None:
    process = beginning(folder)
    process.send_signal(ending)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == (143 if ending == signal.SIGTERM else 1), err
    assert b"Traceback" not in err
    assert out == b""
    assert {left.name for left in folder.iterdir()} == {"app.db-open"}


@pytest.mark.slow
def test_one_that_is_killed_does_not_stand_in_the_way(instance: Path, folder: Path, tmp_path: Path) -> None:
    """What it left is half a file under another name; there is no database that would be half."""
    process = beginning(folder)
    assert "Stop it first" in refused(folder, "restore", ROOT / "README.md"), "two at once"
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert not (folder / "app.db").exists()
    assert quart(instance, "backup", tmp_path / "copy.db")[0] == 0
    assert quart(folder, "restore", tmp_path / "copy.db")[0] == 0


@pytest.mark.slow
def test_an_export_into_a_pipe_that_nobody_reads_holds_no_log_back(instance: Path) -> None:
    """The server's log can be written back while the export waits for its reader; and it is whole when that comes.

    Fails (the log stays) where the export reads its snapshot as slowly as it is read.
    """
    with closing(sqlite3.connect(instance / "app.db", isolation_level=None)) as raw:
        raw.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
            "INSERT INTO audit (at, actor, action, subject) SELECT '2026', 'alice', 'user.role', 'bob ' || i FROM n"
        )
        exporting = subprocess.Popen(
            [*QUART, "export", "-"], cwd=ROOT, env=environment(instance), stdout=subprocess.PIPE
        )
        assert exporting.stdout
        begun = exporting.stdout.read(1)

        def written_back() -> bool:
            raw.execute("DELETE FROM limits")
            raw.execute("INSERT INTO limits VALUES ('a', 1)")
            return bool(raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)

        wait_until(written_back, "the log to be written back")
        assert exporting.poll() is None, "it waits for its reader"
        lines = (begun + exporting.stdout.read()).splitlines()
        assert exporting.wait(PATIENCE) == 0
        exporting.stdout.close()
    assert len(lines) > 20_000
    assert json.loads(lines[-1])["type"] == "end"


@pytest.mark.slow
def test_nothing_is_restored_beside_a_server(server: Server, instance: Path, tmp_path: Path) -> None:
    """Neither over its database, nor where somebody has deleted that under it, also when all else is gone too."""
    copy = tmp_path / "copy.db"
    assert quart(instance, "backup", copy)[0] == 0
    assert "Stop it first" in refused(instance, "restore", copy)
    for path in instance.glob("app.db*"):
        if path.name != "app.db-open":
            path.unlink()
    assert "Stop it first" in refused(instance, "restore", copy)
    (instance / "app.db-open").unlink()
    assert "Stop it first" in refused(instance, "restore", copy)
    server.kill()
    assert quart(instance, "restore", copy)[0] == 0
    server.start()


class Writers:
    """Three people who post, mark, edit and delete as fast as they can; what was acknowledged is remembered."""

    def __init__(self, stack: AsyncExitStack, server: Server, world: World, channel: int) -> None:
        self.stack, self.server, self.world, self.channel = stack, server, world, channel
        self.acknowledged: list[int] = []
        self.stopping = False
        self.tasks = [asyncio.create_task(self.write(uid)) for uid in ("alice", "bob", "root")]

    async def write(self, uid: str) -> None:
        client = await calling(self.stack, self.server, self.world.tokens[uid])
        while not self.stopping:
            made = await client.post(f"/api/channels/{self.channel}/posts", json={"body": f"by {uid}"})
            assert made.status_code == 201, made.text
            path = f"/api/posts/{made.json()['id']}"
            self.acknowledged.append(made.json()["id"])
            assert (await client.put(f"{path}/reactions/up")).status_code == 200
            if made.json()["id"] % 5 == 0:
                assert (await client.patch(path, json={"body": "edited"})).status_code == 200

    async def more(self, count: int) -> set[int]:
        """Waits for so many posts more; all that were acknowledged."""
        until = len(self.acknowledged) + count
        async with asyncio.timeout(PATIENCE):
            while len(self.acknowledged) < until:
                await asyncio.sleep(0.01)
        return set(self.acknowledged)

    async def stop(self) -> None:
        self.stopping = True
        await asyncio.gather(*self.tasks)


def nothing_is_half(database: Path, channel: int) -> set[int]:
    """Everything that is written together is there together (L1, L2); the ids of the posts."""
    with closing(sqlite3.connect(database)) as raw:

        def ask(question: str) -> list[tuple[Any, ...]]:
            return raw.execute(question, {"channel": channel}).fetchall()

        posts = {id_ for (id_,) in ask("SELECT id FROM posts WHERE channel_id = :channel")}
        created = ask("SELECT subject FROM changes WHERE stream = 'channel:' || :channel AND kind = 'post.created'")
        assert sorted(id_ for (id_,) in created) == sorted(posts), "each has its change, and each change its post"
        log = ask("SELECT prev, seq FROM changes WHERE stream = 'channel:' || :channel ORDER BY seq")
        assert [prev for prev, _ in log[1:]] == [seq for _, seq in log[:-1]], "an unbroken chain"
        assert ask("SELECT posts FROM channels WHERE id = :channel") == [(len(posts),)]
        assert ask("SELECT seq FROM streams WHERE name = 'channel:' || :channel") == [(log[-1][1],)]
        marks = "SELECT count(*) FROM reactions WHERE post_id = posts.id"
        assert ask(f"SELECT id FROM posts WHERE coalesce(reactions ->> '$.up', 0) != ({marks})") == []  # noqa: S608
        edits = ask("SELECT count(*) FROM changes WHERE kind = 'post.edited'")
        assert edits == ask("SELECT count(*) FROM posts WHERE edited IS NOT NULL")
    return posts


async def running(instance: Path, *arguments: object) -> str:
    """Runs a command while others go on; its stdout."""
    code, out, err = await asyncio.to_thread(quart, instance, *arguments)
    assert code == 0, err
    return out.strip()


@pytest.mark.slow
async def test_a_backup_under_load_has_all_that_was_acknowledged_and_nothing_half(
    server: Server, instance: Path, folder: Path, tmp_path: Path, world: World, stack: AsyncExitStack
) -> None:
    """The whole promise: back up while three people write, restore elsewhere, serve, and resume from the old place."""
    writers = Writers(stack, server, world, world.class_channel)
    (tmp_path / "kept").mkdir()
    for _ in range(3):
        acknowledged = await writers.more(20)
        made = Path(await running(instance, "backup", tmp_path / "kept"))
        assert acknowledged <= nothing_is_half(made, world.class_channel)
    alice = await calling(stack, server, world.tokens["alice"])
    old = (await alice.get(f"/api/channels/{world.class_channel}/posts")).json()
    await writers.stop()
    assert len(list((tmp_path / "kept").iterdir())) == 3

    kept = nothing_is_half(made, world.class_channel)
    await running(folder, "restore", made)
    assert nothing_is_half(folder / "app.db", world.class_channel) == kept
    with Server(folder, tmp_path) as other:
        await served(stack, other, world, old, kept)


async def served(stack: AsyncExitStack, other: Server, world: World, old: dict[str, Any], kept: set[int]) -> None:
    """The restored server has the posts, knows no old credential, and does not take an old position for its own."""
    posts, place = f"/api/channels/{world.class_channel}/posts", {"epoch": old["epoch"], "after": old["seq"]}
    assert (await (await calling(stack, other, world.tokens["alice"])).get("/api/me")).status_code == 401
    stranger = await calling(stack, other)
    signed = await stranger.post("/api/session", json={"uid": "alice", "password": PASSWORD})
    token = signed.json()["token"]
    alice = await calling(stack, other, token)
    found: set[int] = set()
    page: httpx.Response = await alice.get(posts, params={"limit": 100})
    while True:
        found |= {post["id"] for post in page.json()["posts"]}
        if not page.json()["next"]:
            break
        page = await alice.get(posts, params={"limit": 100, "before": page.json()["next"]})
    assert found == kept

    made = await alice.post(posts, json={"body": "after the restore"})
    assert made.json()["id"] > max(kept), "no id is given twice"
    socket, hello = await connected(stack, other)
    assert hello["epoch"] != old["epoch"]
    await socket.ask(type="auth", token=token)
    answer = await socket.ask(type="subscribe", channel=world.class_channel, **place)
    assert (answer["type"], answer["recovered"]) == ("subscribed", False)


@pytest.mark.slow
async def test_an_export_under_load_is_one_snapshot(
    server: Server, instance: Path, folder: Path, tmp_path: Path, world: World, stack: AsyncExitStack
) -> None:
    writers = Writers(stack, server, world, world.class_channel)
    acknowledged = await writers.more(20)
    await running(instance, "export", tmp_path / "all.jsonl")
    await writers.stop()
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    posts = {row["id"]: row for row in rows if row["type"] == "post"}
    assert acknowledged <= set(posts)
    channel = next(row for row in rows if row["type"] == "channel" and row["id"] == world.class_channel)
    assert channel["posts"] == len(posts)
    marked = [row["post_id"] for row in rows if row["type"] == "reaction"]
    assert sorted(marked) == sorted(id_ for id_, row in posts.items() if json.loads(row["reactions"]).get("up"))
    await running(folder, "import", tmp_path / "all.jsonl")
    with Server(folder, tmp_path) as other:
        stranger = await calling(stack, other)
        signed = await stranger.post("/api/session", json={"uid": "root", "password": PASSWORD})
        root = await calling(stack, other, signed.json()["token"])
        listed = (await root.get(f"/api/channels/{world.class_channel}/posts")).json()
        assert listed["posts"][0]["id"] == max(posts)
        assert listed["epoch"] != (await (await calling(stack, server)).get("/api/channels/1/posts")).json()["epoch"]
