"""Search: what is found, by whom, and what is not found any more."""

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import sqlalchemy
from hypothesis import example, given
from hypothesis import strategies as st

from model.settings import Settings
from model.talk.search import index, results, upkeep
from model.talk.search.query import understood
from model.talk.search.words import excerpt
from pottle.store import db
from pottle.store.fulltext import Wanted, fts5
from tests import databases
from tests.api.conftest import bearer, opened, posted
from tests.conftest import PASSWORD, Person, World


@pytest.fixture
def settings(instance: Path) -> Settings:
    """Some write sixty posts."""
    return Settings(instance=instance, rate_limits=False)


async def asked(person: Person, q: str, **more: Any) -> httpx.Response:
    return await person.get(f"/api/search?{urlencode({'q': q, **more})}")


async def found(person: Person, q: str, **more: Any) -> list[int]:
    """The ids of the posts that a query finds."""
    answer = await asked(person, q, **more)
    assert answer.status_code == 200, answer.text
    return [hit["post"]["id"] for hit in answer.json()["results"]]


async def say(person: Person, *bodies: str, channel: int = 1, **more: Any) -> list[int]:
    return [(await posted(person, body=body, channel=channel, **more))["id"] for body in bodies]


async def test_words_of_every_language_are_found(alice: Person, anyone: Person) -> None:
    texts = {
        "The quick brown fox, jumping": ["quick", "QUICK fox", '"brown fox"', "jump*", "quick -slow"],
        "Äpfel und Straßen, naïve façade": ["apfel", "Äpfel", "NAIVE", "facade", "straßen"],
        "我们在学校学习日本語です": ["学校", "日本語", "学", '"学校学习"', "です"],
        "오늘 학교에서 배웠다": ["학교", "학교에서", "배웠"],
        "Привет, мир! Καλημέρα κόσμε": ["привет", "МИР", "καλημερα"],
        "مَرحَبًا بالعالم": ["مرحبا", "مَرحَبًا"],
        "foo-bar don't a.b@c.org C++ 3.14 snake_case": [
            "foo-bar",
            "don't",
            "a.b@c.org",
            "3.14",
            "snake_case",
            "case",
        ],
        "`def quickest(): pass` <b>no tag</b> &amp;": ["def", "quickest", '"no tag"'],
    }
    made = dict(zip(texts, await say(alice, *texts), strict=True))
    for text, queries in texts.items():
        for query in queries:
            assert await found(anyone, query) == [made[text]], query
    for query in ["quik", '"fox brown"', "quick -brown", "学习学", "unter", "jum", "nothing"]:
        assert await found(anyone, query) == [], query


async def test_whatever_people_type_is_understood_somehow(alice: Person) -> None:
    await say(alice, "a b x 日 学")
    for query in [
        *(
            '""',
            "foo-bar",
            "don't",
            "a.b",
            "(",
            "*",
            '"',
            "AND",
            "NOT x",
            "x OR",
            "NEAR(a b)",
            "text:x",
            "-",
            "--x",
            "^a",
        ),
        *(
            "a*b*",
            "{facts}: g1",
            "facts : g1",
            "x" * 200,
            "in:",
            "from:",
            "before:x",
            "after:9999-99-99",
            "has:x",
            "日*",
        ),
        *("before:0000-00-00", "\u0301", "🙂", "a AND (b", ":x", "in:-1", "' OR 1=1 --", "has:code -", "from:@ -x"),
        *("学 -学", "-x", "in:" + "9" * 30),
    ]:
        answer = await asked(alice, query)
        assert answer.status_code in (200, 422), (query, answer.text)
        if answer.status_code == 422:
            assert answer.json()["errors"][0]["field"] == "q"


async def test_operators(alice: Person, bob: Person, charlie: Person, world: World) -> None:
    (lobby,) = await say(charlie, "about bread")
    (ours,) = await say(bob, "about bread in class", channel=world.class_channel)
    code, link = await say(alice, "bread\n\n```python\nbake()\n```", "bread https://example.org/ pie")
    assert await found(alice, "bread") == [link, code, ours, lobby]
    assert await found(alice, "bread from:bob") == [ours]
    assert await found(alice, "from:@Charlie") == [lobby]
    assert await found(alice, "bread in:class") == [ours] == await found(alice, "bread", group="class")
    assert await found(alice, "bread in:home") == [link, code, lobby]
    assert await found(alice, "bread in:lobby from:alice") == [link, code]
    assert await found(alice, f"bread in:{world.class_channel}") == [ours]
    assert await found(alice, "bread has:code") == [code] == await found(alice, "has:code")
    assert await found(alice, "bread has:link") == [link]
    assert await found(alice, "bread before:2020-01-01") == []
    assert len(await found(alice, "bread after:2020-01-01")) == 4
    assert await found(alice, "from:nobody bread") == [] == await found(alice, "bread in:nowhere")


async def test_rights_are_those_of_now(
    alice: Person, bob: Person, charlie: Person, anyone: Person, root: Person, world: World
) -> None:
    (secret,) = await say(bob, "the surprise", channel=world.class_channel)
    for person in (bob, alice, root):
        assert await found(person, "surprise") == [secret]
    for person in (charlie, anyone):
        assert await found(person, "surprise") == [] == await found(person, "surprise", group="class")
        assert await found(person, "surprise in:class") == [] == await found(person, "from:bob surprise")
    await alice.delete("/api/groups/class/members/bob")
    assert (await asked(bob, "surprise")).json()["results"] == []


async def test_what_is_not_public_is_not_found(alice: Person, bob: Person, charlie: Person, world: World) -> None:
    await alice.patch("/api/groups/class", {"review": "all", "anonymous": True})
    (waits,) = await say(bob, "pending words", channel=world.class_channel)
    assert await found(alice, "pending") == []
    await alice.patch(f"/api/posts/{waits}", {"state": "published"})
    assert await found(alice, "pending") == [waits]
    await alice.patch(f"/api/posts/{waits}", {"state": "removed"})
    assert await found(alice, "pending") == []
    (hidden,) = await say(alice, "a question of mine", channel=world.class_channel, anonymous=True)
    assert await found(bob, "question") == [hidden]
    assert await found(bob, "question from:alice") == []


async def test_an_edit_and_an_erasure_count_at_once(alice: Person, anyone: Person) -> None:
    (id_,) = await say(alice, "the first version")
    await alice.patch(f"/api/posts/{id_}", {"body": "the second one"})
    assert await found(anyone, "first") == []
    assert await found(anyone, "second") == [id_]
    await alice.delete(f"/api/posts/{id_}")
    assert await found(anyone, "second") == []


async def test_pages_and_excerpts(alice: Person, anyone: Person) -> None:
    ids = await say(alice, *(f"word {n} <script>alert({n})</script> & word" for n in range(5)))
    seen: list[int] = []
    before: str | None = None
    while True:
        answer = (await anyone.get(f"/api/search?q=word&limit=2{f'&before={before}' if before else ''}")).json()
        seen += [hit["post"]["id"] for hit in answer["results"]]
        if (before := answer["next"]) is None:
            break
    assert seen == ids[::-1]
    hit = (await anyone.get("/api/search?q=word&limit=1")).json()["results"][0]
    assert hit["excerpt"] == "<mark>word</mark> 4 &lt;script&gt;alert(4)&lt;/script&gt; &amp; <mark>word</mark>"
    assert hit["place"] | {"title": ""} == {
        "group": "home",
        "group_name": "Home",
        "channel": 1,
        "title": "",
        "key": "lobby",
        "url": None,
    }


@pytest.mark.sqlite("its file, and its log")
async def test_an_erased_text_is_gone_from_the_file(alice: Person, instance: Path) -> None:
    """Once the index was swept, a minute later at most; among others that stay. Fails without `forget`."""
    await say(alice, *(f"filler {n} of words" for n in range(30)))
    (id_,) = await say(alice, "xylophonezebra")
    await say(alice, *(f"filler {n} of words" for n in range(30)))
    assert b"xylophonezebra" in databases.contents(instance)
    await alice.delete(f"/api/posts/{id_}")
    for _ in range(20):
        await db.write(upkeep.forget)
    with databases.opened(instance) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (erased, cleaned) = raw.execute("SELECT erased, cleaned FROM searching").fetchone()
    assert erased == cleaned > 0
    assert b"xylophonezebra" not in databases.contents(instance)


async def test_a_query_that_takes_too_long_is_ended(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also within SQLite, whose thread is free for others then."""
    await say(alice, "a word", "a word")
    monkeypatch.setattr(results, "LONGEST_SECONDS", 0.2)
    endless = sqlalchemy.text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
    monkeypatch.setattr(results, "AUTHOR", endless)
    begun = time.monotonic()
    answers = await asyncio.gather(*(asked(alice, "word from:alice") for _ in range(12)))
    assert {answer.status_code for answer in answers} == {503}
    assert "rarer word" in answers[0].text
    assert time.monotonic() - begun < 10
    monkeypatch.undo()
    assert len(await found(alice, "word")) == 2


async def test_marks_and_whose_posts_they_were(alice: Person, bob: Person, instance: Path, world: World) -> None:
    """An answer is found as soon as it is one; and what somebody wrote who is gone is nobody's in the index, either."""
    (question,) = await say(alice, "which bread?", channel=world.class_channel)
    (reply,) = await say(bob, "rye bread", channel=world.class_channel, parent=question)
    assert await found(alice, "bread has:answer") == []
    await alice.patch(f"/api/posts/{reply}", {"endorsed": True})
    assert await found(alice, "bread has:answer") == [reply] == await found(alice, "bread from:bob")
    await bob.delete("/api/me", json={"password": PASSWORD})
    for _ in range(2):
        await db.write(upkeep.forget_names)
    assert await found(alice, "rye") == [reply]
    with databases.opened(instance) as raw:
        assert [
            facts for (facts,) in raw.execute("SELECT facts FROM searched") if " u" in facts.replace(" u1", "")
        ] == []
        assert raw.execute("SELECT count(*) FROM unnamed").fetchone() == (0,)
    await alice.delete(f"/api/channels/{world.class_channel}")
    assert await found(alice, "bread") == []
    assert await upkeep.differences(thorough=True) == (0, [])


async def test_where_one_may_not_look_nothing_is_looked_for(
    alice: Person, charlie: Person, root: Person, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    """Whichever is shorter is told to the index: what somebody may read, or what not; neither where both are long."""
    for slug in ("one", "two", "three"):
        await opened(root, slug)
    (here,) = await say(charlie, "bread")
    await say(alice, "bread", channel=world.class_channel)
    asked_of_index: list[Wanted] = []
    monkeypatch.setattr(results, "Wanted", lambda *given: asked_of_index.append(Wanted(*given)) or asked_of_index[-1])
    assert await found(charlie, "bread") == [here]
    assert asked_of_index[-1].not_of
    monkeypatch.setattr(index, "MOST_GROUPS", 0)
    assert await found(charlie, "bread") == [here]
    assert (asked_of_index[-1].facts, asked_of_index[-1].not_of) == ([], [])


async def test_a_site_searches_its_group(bob: Person, anyone: Person, root: Person, world: World) -> None:
    """With a session that is good there alone: what others of the user's groups say is not found."""
    blog = await opened(root, "blog", origins=["https://blog.example"])
    (public,) = await say(bob, "bread", channel=blog)
    await say(bob, "bread", channel=world.class_channel)
    made = await bob.post("/api/groups/blog/sessions", {"origin": "https://blog.example"})
    there = {"Origin": "https://blog.example", **bearer(made.json()["token"])}
    answer = await anyone.get("/api/search?q=bread", headers=there)
    assert [hit["post"]["id"] for hit in answer.json()["results"]] == [public]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "no-store" in answer.headers["Cache-Control"] or "private" in answer.headers["Cache-Control"]


_schema = sqlite3.connect(":memory:")
_schema.execute(index.INDEX.schema[0].replace("content = 'searched', content_rowid = 'post_id', ", ""))
_nasty = (
    st.text(alphabet=st.sampled_from("ab學習 \"-*:()^{}+.'\\\0\u0301\ud83d from:in:has:before:after:2026-0NEAR"))
    | st.text()
)


@pytest.mark.sqlite("what its index takes for a query")
@given(text=_nasty)
@example(text='-"')
def test_no_query_is_an_error_of_the_index(text: str) -> None:
    query = understood(text)
    if not query.is_empty:
        facts = [["g1"], *index.between(query.since, query.before)]
        match = fts5(Wanted(query.terms, query.without, facts, ["g2"]))
        _schema.execute("SELECT rowid FROM searched_index WHERE searched_index MATCH ?", (match,)).fetchall()
        assert excerpt(text, query.terms).count("<mark>") <= len(text)


async def test_posts_of_before_are_indexed_later(
    alice: Person, anyone: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await say(alice, *(f"older {n}" for n in range(3)))
    await upkeep.begin_anew()
    assert await found(anyone, "older") == []
    (newer,) = await say(alice, "older, but not so much")
    assert (await upkeep.differences())[1] == ids
    assert await db.write(upkeep.progress.within) == (4, 3)
    monkeypatch.setattr(upkeep, "NEXT", upkeep.NEXT.limit(1))
    assert await upkeep._index_next() == 1  # a server ends after one unit; the next one goes on there
    assert await found(anyone, "older") == [newer, ids[2]]
    assert await upkeep.go_on() == 2
    assert await db.write(upkeep.progress.within) == (4, 0)
    assert await found(anyone, "older") == [newer, *ids[::-1]]
    assert (await upkeep.differences())[1] == []
