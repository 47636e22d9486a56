"""A database that cannot be served, as the operator of a server meets it; and one that is damaged under a server."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import needs
from tests.faults.reaching import on_each_worker
from tests.faults.writing import PROBLEM, Writing
from tests.live.meeting import Meeting
from tests.server import ROOT, Server
from tests.store.test_first_look import contents, newer

pytestmark = [pytest.mark.slow, pytest.mark.sqlite("what may be wrong with its file")]

# Root may write wherever it likes; without its capabilities it may not.
LIKE_ANYBODY = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


def newer_in_the_log(instance: Path) -> None:
    newer(instance / "app.db")


def locked_file(instance: Path) -> None:
    (instance / "app.db").chmod(0o444)


@pytest.mark.parametrize(
    ("trouble", "says"),
    [(newer_in_the_log, "the database is newer than the code"), (locked_file, "app.db cannot be read and written")],
)
def test_gunicorn_gives_up_and_says_why(
    instance: Path, tmp_path: Path, trouble: Callable[[Path], None], says: str
) -> None:
    """It ends by itself, with an error and one paragraph on what to do, and the folder is as it was.

    The locked file fails when SQLite may open it for reading alone: it then serves, and no write ever succeeds. The
    paragraph fails when Quart logs how the exception went through the code.
    """
    trouble(instance)
    before = contents(instance)
    server = Server(instance, tmp_path)
    if os.getuid() == 0:
        needs("setpriv")
        server.through = LIKE_ANYBODY
    with pytest.raises(RuntimeError, match=r"gunicorn ended with [^0]"), server:
        raise AssertionError("it serves")
    assert contents(instance) == before
    assert says in server.output()
    for ours in ("main.py", "api/", "model/", "pottle/"):  # gunicorn's own end may be untidy
        assert f"{ROOT}/{ours}" not in server.output()


def spoil(database: Path, marker: bytes) -> int:
    """Overwrites the pages where that text stands; returns how many."""
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = raw.execute("PRAGMA page_size").fetchone()
        content = database.read_bytes()
        pages = [n for n in range(len(content) // size) if marker in content[n * size : (n + 1) * size]]
        with database.open("r+b") as file:
            for n in pages:
                file.seek(n * size)
                file.write(os.urandom(size))
    return len(pages)


async def test_a_database_that_is_damaged_under_a_server_gives_no_wrong_answer(meeting: Meeting) -> None:
    """What is gone is an error, told in the log; what is not is served and written as before. Each 200 is what it was.

    Fails when a handler takes an error of SQLite's for "there is nothing".
    """
    channel = await meeting.channel()
    for n in range(30):
        await meeting.post(channel, f"spoilt-{n} " + "x" * 2_000)
    right = (await meeting.listed(channel))["posts"]
    writing = Writing(meeting, await meeting.channel(), body_bytes=2_000)
    async with writing.going_on():
        await writing.more(201)
    assert spoil(meeting.server.instance / "app.db", b"spoilt-")
    wrong = 0
    for client in (await on_each_worker(meeting, "bob")).values():
        for post in right:
            answer = await client.get(f"/api/posts/{post['id']}")
            assert (answer.status_code, answer.json()) == (200, post) or answer.status_code == 500
            assert answer.status_code == 200 or answer.headers["Content-Type"] == PROBLEM
            wrong += answer.status_code == 500
        answer = await client.get(f"/api/channels/{channel}/posts?limit=100")
        assert answer.status_code == 500 or answer.json()["posts"] == right
    assert wrong
    assert "database disk image is malformed" in meeting.server.output()
    assert len(meeting.server.processes()) == 4
    before = set(writing.acknowledged)  # of which some stood in the same pages
    async with writing.going_on():
        await writing.more(201)
    assert writing.statuses.keys() == {201}
    for client in (await on_each_worker(meeting, "charlie")).values():
        for body in writing.acknowledged.keys() - before:
            assert (await client.get(f"/api/posts/{writing.acknowledged[body]}")).json()["body"] == body
