"""Keys of channels: however a page writes its path it is the same channel, and a title that differs is another one."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from model.settings import Settings
from model.talk import keys
from pottle.store import migrations
from pottle.store.sqlite import prepare
from tests import databases
from tests.api.conftest import Json, posted, refused, wrong_fields
from tests.cases import in_turn
from tests.conftest import Person


@pytest.fixture
def settings(instance: Path) -> Settings:
    return Settings(instance=instance, rate_limits=False)


CHANNELS = "/api/groups/home/channels"
JAPANESE = "/日本語/" + "記事について" * 12 + "/"


async def made(person: Person, **fields: Any) -> Json:
    answer = await person.post(CHANNELS, fields)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


async def found(person: Person, key: str) -> list[int]:
    answer = await person.http.get(CHANNELS, params={"key": key})
    return [channel["id"] for channel in answer.json()["channels"]]


@in_turn(
    "ways",
    [
        [
            JAPANESE,
            quote(JAPANESE),
            quote(JAPANESE.rstrip("/")),
            quote(JAPANESE) + "index.html",
            quote(JAPANESE).lower(),
        ],
        ["/2026/hello/", "/2026/hello", "/2026/hello/index.html", "/2026/hello/?utm_source=x#c1", "/2026/hell%6F/"],
        ["/café", "/cafe\u0301", "/caf%C3%A9", "/cafe%CC%81/", "/caf%c3%a9#top"],
        ["/", "/index.html", "/?page=1", "/#x"],
        ["/नमस्ते", quote("/नमस्ते"), "/नमस्ते/ "],
        ["100%", "100%25"],
    ],
)
async def test_it_works(alice: Person, anyone: Person, ways: list[str]) -> None:
    """All ways to write the path of a page lead to one channel, in every route that takes a key."""
    id_ = (await made(alice, key=ways[0]))["id"]
    await posted(alice, channel=id_)
    for way in ways:
        assert (await made(alice, key=way))["id"] == id_
        assert await found(anyone, way) == [id_]
    counts = await anyone.http.get("/api/counts", params=[("group", "home"), *(("key", way) for way in ways)])
    assert counts.json()["counts"] == dict.fromkeys(ways, 1)


@in_turn(
    "others",
    [
        ["C", "C++", "C#"],
        ["/tags/c/", "/tags/c%23/", "/tags/c++/"],
        ["/wiki/What", "/wiki/What%3F"],
        ["/a", "/A", "/a/b", "/a/b.html"],
        ["What?", "What", "What #1"],
        ["/%ff", "/%fe"],
        ["की", "को"],
    ],
)
async def test_what_differs_is_another(alice: Person, others: list[str]) -> None:
    ids = [(await made(alice, key=key))["id"] for key in others]
    assert len(set(ids)) == len(others)
    for id_ in ids:
        key = (await alice.get(f"/api/channels/{id_}")).json()["key"]
        assert await found(alice, key) == [id_], "a key that the API gave finds its channel"


async def test_the_limit_counts_what_is_left(alice: Person) -> None:
    assert (await made(alice, key="/" + quote("字" * 299) + "/index.html?" + "x" * 900))["key"] == "/" + "字" * 299
    assert wrong_fields(await alice.post(CHANNELS, {"key": "/" + quote("字" * 300)})) == {"key"}
    assert wrong_fields(await alice.post(CHANNELS, {"key": "%41" * 10_000})) == {"key"}


@in_turn("key", ["", " ", "%20", "\u3164", "a\nb", "%E3%85%A4", "\x1b[0m"])
async def test_it_rejects_what_nobody_can_see(alice: Person, key: str) -> None:
    assert wrong_fields(await alice.post(CHANNELS, {"key": key})) == {"key"}


@pytest.mark.parametrize(
    "key", ["/a%00b", "/a%0ab", "/a%E2%80%AEb", "/%2541", "/%25%32%35", "%", "%%41", "/a%", "//", "/%2F/"]
)
def test_a_normal_key_stays_so(key: str) -> None:
    assert keys.normal(keys.normal(key)) == keys.normal(key)


def test_escapes_in_escapes_take_no_time() -> None:
    with pytest.raises(ValueError, match="at most"):
        keys.normal("%25" * 20_000)
    assert keys.normal("%25" * 1_200) == "%" * 1_200


TITLES = [
    *("C", "C++", "C#", "की", "को", "+1", "-1", "🎉 Party", "🎊 Party", "?", "??", "100%", "50% off", "Week 3: loops"),
    *("Week 3 loops", "a/b", "a-b", "/etc", "Straße", "می‌خواهم", "👨‍👩‍👧", "О", "O"),
]


class TestTitles:
    async def test_each_is_a_discussion_of_its_own(self, alice: Person) -> None:
        ids = {(await made(alice, title=title))["id"] for title in TITLES}
        assert len(ids) == len(TITLES)

    @pytest.mark.parametrize("again", ["Week 3: Loops", " week 3:  loops ", "WEEK 3: LOOPS"])
    async def test_one_that_is_there_is_offered(self, alice: Person, bob: Person, again: str) -> None:
        first = await made(alice, title="Week 3: Loops")
        problem = refused(await bob.post(CHANNELS, {"title": again}), 409)
        assert problem["channel"] == {"id": first["id"], "title": "Week 3: Loops"}
        assert problem["errors"] == [{"field": "title", "message": problem["detail"]}]
        assert "already" in problem["detail"]

    async def test_so_is_one_that_an_older_page_began(self, alice: Person) -> None:
        """Their keys were made in the browser, of letters and digits only."""
        first = await made(alice, key="week-3-loops", title="Week 3: Loops")
        assert refused(await alice.post(CHANNELS, {"title": "Week 3: Loops"}), 409)["channel"]["id"] == first["id"]

    async def test_two_at_once_are_one(self, alice: Person, bob: Person) -> None:
        answers = await asyncio.gather(*(person.post(CHANNELS, {"title": "Both"}) for person in (alice, bob)))
        assert sorted(answer.status_code for answer in answers) == [201, 409]

    async def test_it_needs_the_right_to_post_first(self, alice: Person, charlie: Person, anyone: Person) -> None:
        await made(alice, title="Here")
        refused(await anyone.post(CHANNELS, {"title": "Here"}), 401)
        refused(await charlie.post("/api/groups/class/channels", {"title": "Room"}), 404)

    async def test_it_rejects_neither(self, alice: Person) -> None:
        assert wrong_fields(await alice.post(CHANNELS, {"url": "https://a.example"})) == {"key"}
        assert wrong_fields(await alice.post(CHANNELS, {"title": "\u2800"})) == {"title"}


def older(folder: Path) -> sqlite3.Connection:
    """The database of a version that took keys and names as they came."""
    migrations.upgrade(folder / "app.db", "0007")
    raw = sqlite3.connect(folder / "app.db", isolation_level=None)
    now = "2026-01-01T00:00:00.000Z"
    user = "INSERT INTO users (uid, uid_folded, name, role, created, version) VALUES (?, ?, ?, 'user', ?, 1)"
    for uid, name in (("ada", "A\u202eda\nL"), ("eve", "\u3164"), ("bo", "Bo")):
        raw.execute(user, (uid, uid, name, now))
    columns = "group_id, key, title, locked, posts, seq, created, version"
    channel = f"INSERT INTO channels ({columns}) VALUES (1, ?, ?, 0, ?, 0, ?, 1)"  # noqa: S608
    for key, posts in ((quote(JAPANESE), 2), (JAPANESE, 5), ("/a/", 0), ("/b/", 1), ("/b", 1), ("C#", 0), ("100%", 0)):
        raw.execute(channel, (key, key, posts, now))
    return raw


@pytest.mark.sqlite("older versions had no other")
def test_an_older_database_is_made_tidy_and_loses_nothing(tmp_path: Path) -> None:
    with closing(older(tmp_path)) as raw:
        before = dict(raw.execute("SELECT id, title FROM channels"))
    prepare(Settings(instance=tmp_path))
    with databases.opened(tmp_path) as raw:
        assert dict(raw.execute("SELECT id, title FROM channels")) == before
        by_key = {key: (title, posts) for key, title, posts in raw.execute("SELECT key, title, posts FROM channels")}
        assert by_key[JAPANESE.rstrip("/")] == (JAPANESE, 5), "the one with more posts keeps the page"
        assert by_key["/a"] == ("/a/", 0)
        assert by_key["/b"] == ("/b/", 1)
        assert {"C#", "100%", "lobby"} < by_key.keys()
        assert len(by_key) == len(before)
        assert dict(raw.execute("SELECT uid, name FROM users")) == {"ada": "Ada L", "eve": "eve", "bo": "Bo"}
