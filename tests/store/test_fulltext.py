"""The full-text index: PostgreSQL's finds what SQLite's finds."""

import random
import unicodedata
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, column, create_engine, delete, insert, select, table, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from model.talk.search.index import INDEX, Searched
from model.talk.search.query import understood
from model.talk.search.words import split, tokens
from pottle.store import fulltext
from pottle.store.fulltext import Wanted
from pottle.store.paging import Cursor, as_nothing
from tests import databases

SCRIPTS = [
    (0x20, 0x250),
    (0x386, 0x482),
    (0x48A, 0x528),
    (0x531, 0x588),
    (0x5D0, 0x5EB),
    (0x620, 0x64B),
    (0x904, 0x93A),
]
SCRIPTS += [(0xE01, 0xE31), (0x1E00, 0x2000), (0x3041, 0x3100), (0x4E00, 0x4F00), (0xAC00, 0xAD00)]
WORDS = [
    "Brown",
    "fox",
    "fo",
    "brownie",
    "Straße",
    "naïve",
    "naive",
    "学校",
    "学",
    "日本語です",
    "東京・大阪",
    "κόσμος",
    "ΚΌΣΜΟΣ",
    "3.14",
]
WORDS += ["don't", "g1", "/g1", "x'y\\z", "a:b*", "🙂", "مَرحَبًا", "مرحبا", "오늘", "C++", "%_", "hascode", "µ"]
FACTS = [([["g1", "g2"]], []), ([], ["g1"]), ([["g0", "g1"], ["y2021", "y2022"]], ["g1", "g2"])]
FOX = Wanted(phrases=[(["fox"], False)])
ROWS = select(INDEX.rows.c.rowid).where(INDEX.matches).order_by(INDEX.rows.c.rowid.desc())


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    """An index, and what it refers to."""
    engine = create_engine(f"sqlite:///{tmp_path}/index.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE posts (id INTEGER PRIMARY KEY)"))
        connection.execute(text("CREATE TABLE searched (post_id INTEGER PRIMARY KEY, text, facts)"))
        connection.execute(text("CREATE TABLE searching (erased)"))
        for statement in INDEX.schema:
            connection.execute(text(statement))
    yield engine
    engine.dispose()


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Engine]:
    """The same on PostgreSQL."""
    if not databases.POSTGRES:
        pytest.skip("both engines are compared with TEST_ENGINE=postgres")
    engine = create_engine(databases.url_of(tmp_path).replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE posts (id BIGINT PRIMARY KEY)"))
        Searched.metadata.create_all(connection, [INDEX.table])
    yield engine
    engine.dispose()


def fill(engine: Engine, rows: list[dict[str, Any]]) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO posts VALUES (:post_id)"), rows)
        connection.execute(insert(Searched), rows)


def test_our_words_are_those_of_fts5(sqlite: Engine) -> None:
    """Of all letters and signs of these scripts."""
    signs = [chr(at) for begin, end in SCRIPTS for at in range(begin, end) if unicodedata.category(chr(at)) != "Cn"]
    made = [{"post_id": at, "text": split(f"a{sign}b x"), "facts": ""} for at, sign in enumerate(signs)]
    fill(sqlite, made)
    theirs: dict[int, list[str]] = {}
    with sqlite.begin() as connection:
        connection.execute(text("CREATE VIRTUAL TABLE words USING fts5vocab(searched_index, instance)"))
        for at, word in connection.execute(text("SELECT doc, term FROM words ORDER BY doc, offset")):
            theirs.setdefault(at, []).append(word)
    assert {signs[at] for at in theirs if theirs[at] != tokens(made[at]["text"])} == set()


def test_both_engines_find_the_same(sqlite: Engine, postgres: Engine, rng: random.Random) -> None:
    rows = [
        {
            "post_id": at,
            "text": split(" ".join(rng.choices(WORDS, k=rng.randrange(6)))),
            "facts": f"g{at % 3} y202{at % 5}",
        }
        for at in range(200)
    ]
    rows.append(
        {"post_id": 200, "text": split("fox " * 300 + "x" * 9_000 + " brown fox " + "学校" * 9_000), "facts": "g1"}
    )
    signs = ["", "-", '"', '-"']
    asked = [
        " ".join(
            rng.choice(signs) + " ".join(rng.choices(WORDS, k=rng.randrange(1, 4))) + rng.choice(["", "*", '"'])
            for _ in range(3)
        )
        for _ in range(400)
    ]
    for engine in (sqlite, postgres):
        fill(engine, rows)
        with engine.begin() as connection:
            connection.execute(delete(Searched).where(Searched.post_id % 7 == 0))
    found = 0
    with sqlite.connect() as first, postgres.connect() as second:
        for query in ["fox", "brown fox", '"brown fox"', "fo*", "学", '"学校学校"', "-fox", "x" * 200 + "*", *asked]:
            wanted = understood(query)
            for facts, not_of in FACTS:
                if wanted.terms or facts:
                    match = {"match": Wanted(wanted.terms, wanted.without, facts, not_of)}
                    theirs, ours = (list(connection.scalars(ROWS, match)) for connection in (first, second))
                    assert ours == theirs, (query, facts, not_of)
                    found += len(ours)
    assert found > 1_000


async def test_pages_are_the_same(
    sqlite: Engine, postgres: Engine, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where few of those that match may be read, or all are far away."""
    monkeypatch.setattr(fulltext, "NEAR", 20)
    monkeypatch.setattr(fulltext, "CANDIDATES", 5)
    rows = [
        {"post_id": at, "text": "fox" if rng.random() < at % 90 / 90 else "hen", "facts": "g1"} for at in range(300)
    ]
    for engine in (sqlite, postgres):
        fill(engine, rows)
    both = [create_async_engine(sqlite.url.set(drivername="sqlite+aiosqlite")), create_async_engine(postgres.url)]
    for cursor in [
        Cursor(3),
        *(Cursor(4, at) for at in range(0, 310, 7)),
        *(Cursor(4, None, at) for at in range(0, 310, 7)),
    ]:
        for one_of in (1, 2, 30):
            pages = []
            for engine in both:
                async with AsyncSession(engine) as session:
                    pages.append(
                        await INDEX.page(session, partial(readable, one_of), cursor, tuple, as_nothing, match=FOX)
                    )
            assert pages[0] == pages[1], (cursor, one_of)
    for engine in both:
        await engine.dispose()


def readable(one_of: int, found: Any) -> Any:
    posts = table("posts", column("id"))
    return (
        select(found.c.rowid)
        .select_from(posts)
        .join(found, found.c.rowid == posts.c.id)
        .where(posts.c.id % one_of == 0)
    )
