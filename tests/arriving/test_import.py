"""`quart --app main import-comments`: comments of other systems come once, as they were, with a report; or nothing."""

import asyncio
import gzip
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import main
from model.arriving import importing, placing, plan, planning, texts
from model.settings import Settings
from tests import databases
from tests.arriving import exports
from tests.arriving.test_readers import EXPORTS, cusdis
from tests.cases import in_turn
from tests.conftest import World
from tests.server import ROOT, clean_environment
from tests.test_commands import refused, said

Import = Callable[..., Result]
GROUP = "club"


@pytest.fixture
def import_(instance: Path) -> Import:
    """`import_(path)` is `quart --app main import-comments path --group club`."""
    runner = main.create_app(Settings(instance=instance)).test_cli_runner()
    runner.invoke(args=["group", "create", GROUP])
    return lambda *args: runner.invoke(args=["import-comments", *map(str, args), "--group", GROUP])


def asked(instance: Path, sql: str) -> list[tuple[Any, ...]]:
    with databases.opened(instance) as raw:
        return raw.execute(sql).fetchall()


def everything(instance: Path) -> list[Any]:
    tables = ("channels", "posts", "guests", "guest_posts", "old_reactions", "imports", "audit", "changes", "streams")
    return [asked(instance, f"SELECT * FROM {table}") for table in tables]  # noqa: S608


POSTS = """SELECT key, body, guest, p.state, p.created, replies, root_id = p.parent_id FROM posts p
    JOIN channels ON channels.id = channel_id ORDER BY p.id"""


def test_disqus(import_: Import, instance: Path, tmp_path: Path) -> None:
    export = tmp_path / "all.xml.gz"
    export.write_bytes(gzip.compress(exports.DISQUS.encode()))
    *report, counts = said(import_(export)).splitlines()
    assert counts == "Imported 4 posts, 2 discussions, 4 people, 0 pending."
    assert set(report) == {
        "Left out: comment 104: is spam",
        "Changed: comment 105: answers one that is not there, and begins a conversation here",
    }
    first, gone, code, last = asked(instance, POSTS)
    text = "Is **this** right?\n\nSee [it](https://e.example/a_b) now [A cat](https://e.example/cat.png)"
    assert first == ("/first", text, "Ada", "published", "2020-01-02T10:00:00.000Z", 0, None)
    assert gone[1:4] == ("", "Bob", "removed")
    assert gone[5:] == (1, 1)
    assert code[1] == "```python\nif a:\n    b()\n```"
    assert code[5:] == (0, 0), "an answer to an answer is of the same conversation"
    assert last[0] == "/second"
    assert asked(instance, "SELECT html FROM posts WHERE guest = 'Cleo'") == [("<p>1 * 2 &lt; snake_case_</p>",)]
    assert asked(instance, "SELECT title, url, locked, posts, created FROM channels WHERE key = '/first'") == [
        ("The first", "https://blog.example/first/index.html?utm_source=x", 1, 2, "2020-01-02T10:00:00.000Z")
    ]
    addresses = [("Ada", "ada@mail.example"), ("Bob", None), ("Ada", "other@mail.example"), ("Cleo", None)]
    assert asked(instance, "SELECT name, email FROM guests ORDER BY id") == addresses


def test_wordpress(import_: Import, instance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In several transactions, as many comments would."""
    monkeypatch.setattr(placing, "AT_ONCE", 1)
    export = tmp_path / "blog.xml"
    export.write_text(exports.WORDPRESS)
    *report, last = said(import_(export)).splitlines()
    assert last == "Imported 3 posts, 1 discussions, 3 people, 1 pending."
    assert set(report) == {
        "Left out: comment 4: is a pingback, and no comment",
        "Left out: comment 5: is spam",
        "Left out: comment 6: its page is not public, or only with a password",
        "Changed: comment 2: answers one that answers it, and begins a conversation here",
    }
    assert asked(instance, POSTS) == [
        ("/%3Fp=7", "In a circle", "Ada", "published", "2019-05-01T07:00:00.000Z", 1, None),
        ("/%3Fp=7", "One  \ntwo\n\nthree", "Ada", "published", "2019-05-01T08:00:00.000Z", 0, 1),
        ("/%3Fp=7", "Waits", "Bob", "pending", "2019-05-02T07:00:00.000Z", 0, None),
    ]


def test_isso(import_: Import, instance: Path, tmp_path: Path) -> None:
    assert said(import_(exports.isso(tmp_path / "comments.db"))).splitlines() == [
        "Left out: comment 3: was removed there",
        "Imported 2 posts, 1 discussions, 1 people, 1 pending.",
    ]
    (pages := tmp_path / "pages.json").write_text(exports.ISSO_JSON)
    assert said(import_(pages)) == "Imported 1 posts, 1 discussions, 1 people, 0 pending.\n"
    assert asked(instance, "SELECT body, reactions, edited FROM posts ORDER BY id") == [
        ("Some *Markdown*", '{"up":3,"down":1}', "2017-07-14T02:41:40.000Z"),
        ("Waits", "{}", None),
        ("From *JSON*", "{}", None),
    ]


def test_a_second_time_brings_only_what_is_new(import_: Import, instance: Path, tmp_path: Path) -> None:
    export = tmp_path / "all.xml"
    older, newest = exports.DISQUS.split('<post dsq:id="102">')
    export.write_text(older + newest[newest.index("</post>") + len("</post>") :])
    assert said(import_(export)).endswith("Imported 2 posts, 2 discussions, 2 people, 0 pending.\n")
    with databases.opened(instance) as raw:
        raw.execute("DELETE FROM posts WHERE guest = 'Cleo'")
    export.write_text(exports.DISQUS)
    assert said(import_(export, "--dry-run")).endswith("Would import 2 posts, 0 discussions, 2 people, 0 pending.\n")
    assert said(import_(export)).endswith("Imported 2 posts, 0 discussions, 2 people, 0 pending.\n")
    before = "SELECT seq FROM changes WHERE kind = 'comments.imported' ORDER BY seq DESC LIMIT 1"
    last = f"SELECT kind, prev = ({before}) FROM changes WHERE stream IS NOT NULL"  # noqa: S608
    assert asked(instance, last) == [("posts.imported", 1)], "who follows the stream reads it again"
    kept = everything(instance)
    assert said(import_(export)).endswith("Imported 0 posts, 0 discussions, 0 people, 0 pending.\n")
    assert everything(instance)[:6] == kept[:6]


def test_beside_readers(import_: Import, world: World, instance: Path, tmp_path: Path) -> None:
    """Old reactions count with new ones, lists are not stale, and who follows learns to read them again."""
    said(import_(path := exports.isso(tmp_path / "comments.db")))
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("INSERT INTO comments SELECT 1, 9, 1, 1500000009, NULL, 1, '', 'New', 'Bob', '', '', 0, 0, x'', 0")
        raw.commit()
    command = [sys.executable, "-m", "quart", "--app", "main", "import-comments", str(path), "--group", GROUP]
    settings = clean_environment(tmp_path, POTTLE_INSTANCE=str(instance))

    async def read() -> None:
        async with main.create_app(Settings(instance=instance)).test_app() as app:
            client = app.test_client()
            headers = {"Authorization": f"Bearer {world.tokens['bob']}"}
            liked = await client.put("/api/posts/1/reactions/up", headers=headers)
            assert (await liked.get_json())["reactions"] == {"up": 4, "down": 1}
            ((channel,),) = asked(instance, "SELECT channel_id FROM posts WHERE id = 1")
            before = await (await client.get(f"/api/channels/{channel}/posts")).get_json()
            await asyncio.to_thread(lambda: subprocess.run(command, cwd=ROOT, env=settings, check=True))
            after = await (await client.get(f"/api/channels/{channel}/posts")).get_json()
            assert [post["body"] for post in after["posts"]] == ["New", "Some *Markdown*"]
            assert after["posts"][1]["replies"] == 1
            place = f"/api/streams/channel:{channel}?epoch={before['epoch']}&after="
            assert not (await (await client.get(f"{place}{before['seq']}")).get_json())["recovered"]
            assert (await (await client.get(f"{place}{after['seq']}")).get_json())["recovered"]

    asyncio.run(read())


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
NOISE = os.urandom(2_000)


@in_turn(
    ("data", "why"),
    [
        (exports.DISQUS.replace("<disqus ", BOMB + "<disqus ").encode(), "declares an entity"),
        (exports.DISQUS[:1_500].encode(), "does the file end in the middle"),
        (gzip.compress(exports.DISQUS.encode())[:-20], "ends in the middle"),
        (exports.WORDPRESS.replace("</item>", "</itm>", 1).encode(), "line 25: mismatched tag"),
        (b'<disqus xmlns="http://disqus.com">' + b"<a>" * 1_000, "100 elements deep"),
        (NOISE, "no system that is known"),
        (b"", "no system that is known"),
        (b'[{"id": "/", "comments": [{"author": 1, "text": "x"}]}]', "$[0].comments[0].author"),
        (b"[" * 100_000 + b'{"comments": [{"author": "text"', "no system that is known"),
        (b"SQLite format 3\0 tid REFERENCES threads" + NOISE, "cannot be read"),
    ],
)
def test_what_is_no_export_changes_nothing(
    data: bytes, why: str, import_: Import, instance: Path, tmp_path: Path
) -> None:
    (path := tmp_path / "export").write_bytes(data)
    before = everything(instance)
    assert why in (message := refused(import_(path)))
    assert message.endswith("Nothing was imported.")
    assert everything(instance) == before


def test_no_more_is_unpacked_or_kept_than_may_be(
    import_: Import, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb, many = tmp_path / "bomb.xml.gz", tmp_path / "many.xml"
    bomb.write_bytes(gzip.compress(exports.DISQUS.replace("<post", " " * 20_000_000 + "<post", 1).encode()))
    many.write_text(exports.DISQUS)
    monkeypatch.setattr(importing, "MOST_BYTES", 1024 * 1024)
    assert "Unpacked, the file is larger than 1 MB" in refused(import_(bomb))
    monkeypatch.setattr(planning, "MOST_COMMENTS", 3)
    assert "more than 3 entries" in refused(import_(many))
    monkeypatch.undo()
    monkeypatch.setattr(plan, "MOST_NOTED", 1)
    assert said(import_(many)).splitlines()[1] == "Left out or changed, too: 1 more"


def test_no_text_takes_long() -> None:
    for slow in ("<blockquote>" * 100_000, "<pre>" * 100_000, "<b><i>" * 900 + "deep", "*_`[" * 20_000):
        begun = time.process_time()
        texts.as_markdown(texts.with_breaks(slow), "html")
        assert time.process_time() - begun < 1, slow[:20]
    assert texts.as_markdown("<b><i>" * 900 + "deep", "html") == "deep"


def test_each_system_comes(import_: Import, instance: Path, tmp_path: Path) -> None:
    """One after the other into the same group: what each has is there, and a second time nothing is new."""
    for name, (data, _, _) in EXPORTS.items():
        (path := tmp_path / name).write_bytes(data or cusdis(tmp_path / "cusdis.db"))
        ((before,),) = asked(instance, "SELECT coalesce(max(id), 0) FROM posts")
        counts = said(import_(path)).splitlines()[-1]
        came = [body for (body,) in asked(instance, f"SELECT body FROM posts WHERE id > {before}")]  # noqa: S608
        assert counts.startswith(f"Imported {len(came)} posts"), name
        # Others are another shape of what came before.
        assert "(" in name or came[0] in ("One", "One\nmore"), name
        assert said(import_(path)).endswith("Imported 0 posts, 0 discussions, 0 people, 0 pending.\n"), name
